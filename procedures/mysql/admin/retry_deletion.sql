-- retry_deletion
-- Make a failed or cancelled job pending again, with all its attempts before it.
--
-- Parameters  p_job_id   the job
-- Errors      JD001 no such job; JD002 NULL; JD003 the job did not fail and was not cancelled, or
--             was asked when other columns named the target's rows
-- Writes      deletion_jobs (one row), deletion_attempts     Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL retry_deletion(42);

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
DROP PROCEDURE IF EXISTS retry_deletion;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE retry_deletion(
    IN p_job_id BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Make a failed or cancelled job pending again, with all its attempts before it'
BEGIN
    DECLARE v_status VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_own JSON;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

    IF p_job_id IS NULL THEN
        CALL deletion_raise('JD002', 'retry_deletion', 'p_job_id is NULL', NULL);
    END IF;

    SELECT j.status INTO v_status FROM deletion_jobs AS j WHERE j.id = p_job_id FOR UPDATE;

    IF v_status IS NULL THEN
        CALL deletion_raise('JD001', 'retry_deletion', 'no such job', p_job_id);
    ELSEIF v_status NOT IN ('failed', 'cancelled') THEN
        CALL deletion_raise('JD003', 'retry_deletion', concat('job is ', v_status), p_job_id);
    END IF;

    -- Its key would come to mean another row.
    IF EXISTS (
        SELECT 1
        FROM deletion_jobs AS j
        INNER JOIN deletion_targets AS t ON t.entity_table = deletion_target_name(j.entity_table)
        WHERE j.id = p_job_id AND j.created_at < t.keyed_at
    ) THEN
        CALL deletion_raise(
            'JD003', 'retry_deletion', 'asked when the target had another key: ask anew', p_job_id
        );
    END IF;

    CALL deletion_keep_asked(json_array(json_object('id', p_job_id)), TRUE);

    UPDATE deletion_jobs AS j
    SET
        j.status = 'pending',
        j.scheduled_at = NULL,
        j.started_at = NULL,
        j.finished_at = NULL,
        j.error = NULL
    WHERE j.id = p_job_id AND j.status = v_status;
    CALL deletion_widen_session(v_own);
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE retry_deletion
TO 'deletion_jobs_operator';
