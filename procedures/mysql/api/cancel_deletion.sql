-- cancel_deletion
-- Ask a deletion job to stop; rows already deleted stay deleted.
--
-- Parameters  p_job_id   the job: a pending one is cancelled at once, a running one is asked to
--                        stop between two batches, and may be asked again
-- Errors      JD001 no such job; JD002 NULL; JD003 already finished
-- Writes      deletion_jobs (one row), deletion_attempts     Commits  no
-- Execute     deletion_jobs_app, deletion_jobs_operator
-- Example     CALL cancel_deletion(42);

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
DROP PROCEDURE IF EXISTS cancel_deletion;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE cancel_deletion(
    IN p_job_id BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Ask a deletion job to stop; rows already deleted stay deleted'
BEGIN
    DECLARE v_now DATETIME(6) DEFAULT utc_timestamp(6);
    DECLARE v_status, v_outcome VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_attempt_no INT;
    DECLARE v_own JSON;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

    IF p_job_id IS NULL THEN
        CALL deletion_raise('JD002', 'cancel_deletion', 'p_job_id is NULL', NULL);
    END IF;

    -- Job row first, then its attempts: the order of every writer.
    SELECT j.status INTO v_status FROM deletion_jobs AS j WHERE j.id = p_job_id FOR UPDATE;

    IF v_status IS NULL THEN
        CALL deletion_raise('JD001', 'cancel_deletion', 'no such job', p_job_id);
    ELSEIF v_status = 'running' THEN
        SELECT
            a.attempt_no,
            a.outcome
        INTO v_attempt_no, v_outcome
        FROM deletion_attempts AS a
        WHERE a.job_id = p_job_id AND NOT a.is_past
        ORDER BY a.attempt_no DESC
        LIMIT 1
        FOR UPDATE;
    END IF;

    IF v_status IN ('done', 'failed', 'cancelled') OR v_outcome IN ('done', 'failed', 'cancelled')
    THEN
        CALL deletion_raise(
            'JD003',
            'cancel_deletion',
            concat('job is already ', coalesce(v_outcome, v_status)),
            p_job_id
        );
    END IF;

    IF v_attempt_no IS NOT NULL AND v_outcome IS NULL THEN
        UPDATE deletion_attempts AS a
        SET a.cancel_requested_at = coalesce(a.cancel_requested_at, v_now)
        WHERE a.job_id = p_job_id AND a.attempt_no = v_attempt_no AND a.outcome IS NULL;
    ELSE
        -- Where the caller is in no transaction the lock is gone: the condition counts.
        UPDATE deletion_jobs AS j
        SET j.status = 'cancelled', j.finished_at = v_now, j.error = NULL
        WHERE j.id = p_job_id AND j.status = v_status;

        IF row_count() = 0 THEN
            CALL deletion_raise(
                'JD003', 'cancel_deletion', 'job has just been taken up; ask again', p_job_id
            );
        END IF;

        CALL deletion_keep_asked(json_array(json_object('id', p_job_id)), FALSE);
    END IF;
    CALL deletion_widen_session(v_own);
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE cancel_deletion
TO 'deletion_jobs_app', 'deletion_jobs_operator';
