-- deletion_run_ddl
-- Run a statement about an event, which a routine may not hold as plain text.
--
-- Parameters  p_sql   the statement, made from constants and numbers alone
-- Writes      what the statement says              Commits  yes
-- Execute     the owner only
-- Example     CALL deletion_run_ddl('DROP EVENT IF EXISTS deletion_jobs_worker_9');

DROP PROCEDURE IF EXISTS deletion_run_ddl;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_run_ddl(
    IN p_sql TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Run a statement about an event, which a routine may not hold as plain text'
BEGIN
    SET @dj_sql = p_sql;
    PREPARE dj_stmt FROM @dj_sql;
    EXECUTE dj_stmt;
    DEALLOCATE PREPARE dj_stmt;
    SET @dj_sql = NULL;
END$$
DELIMITER ;
