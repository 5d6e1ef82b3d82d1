-- deletion_sql_index
-- Write the hint that makes a statement find rows by an index.
--
-- Parameters  p_index   the index; NULL: there is none
-- Returns     text, a blank before it; empty where there is no index
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_sql_index('PRIMARY');
--
-- Without it the engine reads, and locks, the whole of a table that it takes for small.

DROP FUNCTION IF EXISTS deletion_sql_index;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_index(
    p_index VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS VARCHAR(160) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Write the hint that makes a statement find rows by an index'
BEGIN
    RETURN coalesce(concat(' FORCE INDEX (', deletion_quote_name(p_index), ')'), '');
END$$
DELIMITER ;
