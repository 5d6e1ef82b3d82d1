-- deletion_begin
-- Begin the transaction of a step.
--
-- Writes      nothing                              Commits  yes, what was open
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_begin;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_begin()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Begin the transaction of a step'
BEGIN
    -- Every statement has to see what was committed while the one before it waited for locks.
    SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;  -- noqa: PRS
    -- What is open is committed by this.
    START TRANSACTION READ WRITE;
END$$
DELIMITER ;
