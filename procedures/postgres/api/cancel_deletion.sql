-- cancel_deletion
-- Ask a deletion job to stop; rows already deleted stay deleted.
--
-- Parameters  p_job_id   the job: a pending one is cancelled at once, a running one is asked to
--                        stop between two batches, and may be asked again
-- Errors      JD001 no such job; JD002 NULL; JD003 already finished
-- Writes      deletion_jobs (one row), deletion_attempts     Commits  no
-- Execute     deletion_jobs_app, deletion_jobs_operator
-- Example     CALL cancel_deletion(42);

CREATE OR REPLACE PROCEDURE cancel_deletion(p_job_id bigint)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $cancel_deletion$
DECLARE
    v_status text;
    v_outcome text;
BEGIN
    IF p_job_id IS NULL THEN
        PERFORM deletion_raise('JD002', 'cancel_deletion', 'p_job_id is NULL', NULL);
    END IF;

    -- Job row first, then its attempts: the order of every writer.
    SELECT j.status INTO v_status FROM deletion_jobs AS j WHERE j.id = p_job_id FOR UPDATE;

    IF v_status IS NULL THEN
        PERFORM deletion_raise('JD001', 'cancel_deletion', 'no such job', p_job_id::text);
    ELSIF v_status = 'running' THEN
        UPDATE deletion_attempts AS a
        SET cancel_requested_at = coalesce(a.cancel_requested_at, now())
        WHERE a.job_id = p_job_id AND a.run_id IS NOT NULL AND a.outcome IS NULL AND NOT a.is_past;

        IF FOUND THEN
            RETURN;
        END IF;

        -- The run has ended, and its end has not reached the job's row yet.
        SELECT a.outcome INTO v_outcome
        FROM deletion_attempts AS a
        WHERE a.job_id = p_job_id AND NOT a.is_past
        ORDER BY a.attempt_no DESC
        LIMIT 1;
    END IF;

    IF v_status IN ('done', 'failed', 'cancelled') OR v_outcome IN ('done', 'failed', 'cancelled')
    THEN
        PERFORM deletion_raise(
            'JD003', 'cancel_deletion',
            format('job is already %s', coalesce(v_outcome, v_status)), p_job_id::text
        );
    END IF;

    UPDATE deletion_jobs AS j
    SET status = 'cancelled', finished_at = clock_timestamp(), error = NULL
    WHERE j.id = p_job_id;

    PERFORM deletion_keep_asked(p_job_id);
END;
$cancel_deletion$;

COMMENT ON PROCEDURE cancel_deletion(bigint) IS
'Ask a deletion job to stop; rows already deleted stay deleted.';
REVOKE ALL ON PROCEDURE cancel_deletion(bigint) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE cancel_deletion(bigint) TO deletion_jobs_app, deletion_jobs_operator;
