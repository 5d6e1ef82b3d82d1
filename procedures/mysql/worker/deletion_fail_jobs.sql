-- deletion_fail_jobs
-- Fail some of a run's jobs, before anything of theirs was touched; the others go on.
--
-- Parameters  p_run_id   the run       p_jobs   JSON array of the jobs       p_error   why
-- Writes      deletion_attempts, deletion_jobs, deletion_frames, deletion_walk_keys   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_fail_jobs;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_fail_jobs(
    IN p_run_id BIGINT UNSIGNED,
    IN p_jobs JSON,
    IN p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Fail some of a run''s jobs, before anything of theirs was touched; the others go on'
BEGIN
    CALL deletion_settle(p_run_id, p_jobs, 'failed', p_error, TRUE, NULL);
    CALL deletion_drop_jobs(p_run_id, p_jobs);
END$$
DELIMITER ;
