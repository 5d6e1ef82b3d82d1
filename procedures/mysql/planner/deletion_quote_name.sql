-- deletion_quote_name
-- Quote a name for use in a statement.
--
-- Parameters  p_name   the name, without quotes
-- Returns     text: the name in backticks, those inside it doubled
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_quote_name('odd`name');

DROP FUNCTION IF EXISTS deletion_quote_name;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_quote_name(
    p_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Quote a name for use in a statement'
BEGIN
    RETURN concat('`', replace(p_name, '`', '``'), '`');
END$$
DELIMITER ;
