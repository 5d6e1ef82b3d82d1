-- deletion_fence
-- Take a run's row for a step, if the run is still the caller's.
--
-- Parameters  p_run_id, p_token   the run, as it was claimed
--             p_phase             OUT check or advance
-- Errors      JD010 another worker has taken the run's jobs
-- Writes      deletion_runs                        Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_fence;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_fence(
    IN p_run_id BIGINT UNSIGNED,
    IN p_token CHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_phase VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Take a run''s row for a step, if the run is still the caller''s'
BEGIN
    UPDATE deletion_runs AS r
    SET r.step_count = r.step_count + 1, r.last_step_at = utc_timestamp(6)
    WHERE r.run_id = p_run_id AND r.token = p_token AND r.ended_at IS NULL;

    IF row_count() <> 1 THEN
        CALL deletion_raise('JD010', 'run_deletion_jobs', 'the run is no longer ours', p_run_id);
    END IF;

    SELECT r.phase INTO p_phase FROM deletion_runs AS r WHERE r.run_id = p_run_id;
END$$
DELIMITER ;
