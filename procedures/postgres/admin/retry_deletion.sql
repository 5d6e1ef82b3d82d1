-- retry_deletion
-- Make a failed or cancelled job pending again, with all its attempts before it.
--
-- Parameters  p_job_id   the job
-- Errors      JD001 no such job; JD002 NULL; JD003 the job did not fail and was not cancelled, or
--             was asked when other columns named the target's rows
-- Writes      deletion_jobs (one row), deletion_attempts     Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL retry_deletion(42);

CREATE OR REPLACE PROCEDURE retry_deletion(p_job_id bigint)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $retry_deletion$
DECLARE
    v_status text;
BEGIN
    IF p_job_id IS NULL THEN
        PERFORM deletion_raise('JD002', 'retry_deletion', 'p_job_id is NULL', NULL);
    END IF;

    SELECT j.status INTO v_status FROM deletion_jobs AS j WHERE j.id = p_job_id FOR UPDATE;

    IF v_status IS NULL THEN
        PERFORM deletion_raise('JD001', 'retry_deletion', 'no such job', p_job_id::text);
    ELSIF v_status NOT IN ('failed', 'cancelled') THEN
        PERFORM deletion_raise(
            'JD003', 'retry_deletion', format('job is %s', v_status), p_job_id::text
        );
    END IF;

    -- Its key would come to mean another row.
    IF EXISTS (
        SELECT 1
        FROM deletion_jobs AS j
        INNER JOIN deletion_targets AS t ON t.entity_table = deletion_target_name(j.entity_table)
        WHERE j.id = p_job_id AND j.created_at < t.keyed_at
    ) THEN
        PERFORM deletion_raise(
            'JD003', 'retry_deletion', 'asked when the target had another key: ask anew',
            p_job_id::text
        );
    END IF;

    PERFORM deletion_keep_asked(p_job_id);

    UPDATE deletion_attempts AS a
    SET is_past = TRUE
    WHERE a.job_id = p_job_id AND NOT a.is_past;

    UPDATE deletion_jobs AS j
    SET
        status = 'pending',
        scheduled_at = NULL,
        started_at = NULL,
        finished_at = NULL,
        error = NULL
    WHERE j.id = p_job_id;
END;
$retry_deletion$;

COMMENT ON PROCEDURE retry_deletion(bigint) IS
'Make a failed or cancelled job pending again, with all its attempts before it.';
REVOKE ALL ON PROCEDURE retry_deletion(bigint) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE retry_deletion(bigint) TO deletion_jobs_operator;
