-- deletion_claim_one
-- Lock one job that somebody wants worked now.
--
-- Parameters  p_job_id   the job
--             p_jobs     OUT JSON array of it
--             p_entity_table, p_hard   OUT its target and mode
-- Errors      JD001 no such job; JD003 the job is not pending
-- Writes      nothing; locks the job               Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_claim_one;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_claim_one(
    IN p_job_id BIGINT UNSIGNED,
    OUT p_jobs JSON,
    OUT p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_hard BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Lock one job that somebody wants worked now'
BEGIN
    DECLARE v_status VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT j.status, j.entity_table, j.hard_delete
    INTO v_status, p_entity_table, p_hard
    FROM deletion_jobs AS j
    WHERE j.id = p_job_id
    FOR UPDATE;

    IF v_status IS NULL THEN
        CALL deletion_raise('JD001', 'run_deletion_job', 'no such job', p_job_id);
    ELSEIF v_status <> 'pending' THEN
        CALL deletion_raise('JD003', 'run_deletion_job', 'job is not pending', p_job_id);
    END IF;

    SET p_jobs = json_array(p_job_id);
END$$
DELIMITER ;
