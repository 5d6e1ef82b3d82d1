-- deletion_soft_kind
-- Tell how a column of a type can mark a row as deleted.
--
-- Parameters  p_type   the type, as the catalog prints it
-- Returns     text: timestamp, boolean or integer; NULL: it cannot
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_soft_kind('datetime(6)');

DROP FUNCTION IF EXISTS deletion_soft_kind;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_soft_kind(
    p_type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Tell how a column of a type can mark a row as deleted'
BEGIN
    RETURN CASE
        WHEN p_type REGEXP '^(datetime|timestamp)([(]|$)' THEN 'timestamp'
        WHEN p_type = 'tinyint(1)' THEN 'boolean'
        WHEN p_type REGEXP '^(tiny|small|medium|big)?int([( ]|$)' THEN 'integer'
    END;
END$$
DELIMITER ;
