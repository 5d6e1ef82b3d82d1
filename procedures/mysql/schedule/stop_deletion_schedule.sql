-- stop_deletion_schedule
-- Disarm the server's own scheduler; a worker that runs ends its call in order.
--
-- Errors      none of ours
-- Writes      events deletion_jobs_worker_<slot>, deletion_slots     Commits  yes
-- Execute     deletion_jobs_operator
-- Example     CALL stop_deletion_schedule();

DROP PROCEDURE IF EXISTS stop_deletion_schedule;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE stop_deletion_schedule()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Disarm the scheduler of the server; a worker that runs ends its call in order'
BEGIN
    CALL deletion_drop_events(0);
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE stop_deletion_schedule
TO 'deletion_jobs_operator';
