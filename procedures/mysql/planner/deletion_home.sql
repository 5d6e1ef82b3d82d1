-- deletion_home
-- Give the database that this installation lives in; a view cannot ask for its own.
--
-- Returns     text
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_home();

DROP FUNCTION IF EXISTS deletion_home;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_home()
RETURNS VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Give the database that this installation lives in'
BEGIN
    -- Inside a routine it is the routine's own, whatever the caller has chosen.
    RETURN database();
END$$
DELIMITER ;
