-- deletion_claim
-- Take the jobs that are due first, as one run.
--
-- Parameters  p_slot     the worker's slot; NULL: none
--             p_job_id   this job alone, due or not; NULL: whatever is due
--             p_from_at, p_from_id   when the first job of the caller's last run was due, and its
--                                    number: if that run is done, what comes behind this place in
--                                    the queue goes before what lies ahead; NULL: look at all
-- Returns     one row: run_id, token (NULL where the run has ended already, its jobs failed), the
--             number of jobs, when the first of them was due and its number; no row where nothing
--             is due
-- Errors      JD001 no such job; JD003 the job is not pending
-- Writes      deletion_runs, deletion_jobs, deletion_attempts, deletion_plans     Commits  no
-- Execute     deletion_jobs_worker, deletion_jobs_operator

CREATE OR REPLACE FUNCTION deletion_claim(
    p_slot integer,
    p_job_id bigint,
    p_from_at timestamptz DEFAULT NULL,
    p_from_id bigint DEFAULT NULL
) RETURNS TABLE (
    run_id bigint, token uuid, job_count integer, due_at timestamptz, due_id bigint
)
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
-- Plans are kept, and made when these tables may still be empty. What is due is read in its order,
-- no further: statistics of a time when nothing was pending make sorting all of it look cheap.
SET jit = off
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $deletion_claim$
DECLARE
    v_jobs bigint[];
    v_entity_table text;
    v_hard boolean;
    v_alone boolean;
    v_from_at timestamptz := CASE WHEN p_from_id IS NOT NULL THEN p_from_at END;
    v_due_at timestamptz;
    v_due_id bigint;
    v_error text;
    v_plan_id bigint;
    v_run_id bigint;
    v_token uuid := gen_random_uuid();
BEGIN
    IF p_job_id IS NULL THEN
        IF deletion_setting('paused_reason') IS NOT NULL THEN
            RETURN;
        END IF;

        -- A run that was cut short may have made room for a job that lies ahead of it.
        IF v_from_at IS NOT NULL AND (
            SELECT r.outcome
            FROM deletion_attempts AS a
            INNER JOIN deletion_runs AS r ON r.run_id = a.run_id
            WHERE a.job_id = p_from_id
            ORDER BY a.attempt_no DESC
            LIMIT 1
        ) IS DISTINCT FROM 'done' THEN
            v_from_at := NULL;
        END IF;

        IF v_from_at IS NOT NULL THEN
            SELECT d.jobs, d.entity_table, d.hard_delete, d.alone, d.due_at, d.due_id
            INTO v_jobs, v_entity_table, v_hard, v_alone, v_due_at, v_due_id
            FROM deletion_due(v_from_at, p_from_id) AS d;
        END IF;

        IF v_jobs IS NULL THEN
            SELECT d.jobs, d.entity_table, d.hard_delete, d.alone, d.due_at, d.due_id
            INTO v_jobs, v_entity_table, v_hard, v_alone, v_due_at, v_due_id
            FROM deletion_due(NULL, NULL) AS d;
        END IF;
    ELSE
        SELECT ARRAY[j.id], j.entity_table, j.hard_delete, TRUE
        INTO v_jobs, v_entity_table, v_hard, v_alone
        FROM deletion_jobs AS j
        WHERE j.id = p_job_id AND j.status = 'pending'
        FOR UPDATE;

        IF v_jobs IS NULL AND EXISTS (SELECT 1 FROM deletion_jobs AS j WHERE j.id = p_job_id) THEN
            RAISE EXCEPTION USING
                ERRCODE = 'JD003',
                MESSAGE = format('run_deletion_job: job is not pending (%s)', p_job_id),
                HINT = 'A failed or cancelled job becomes pending by retry_deletion.';
        ELSIF v_jobs IS NULL THEN
            RAISE EXCEPTION USING
                ERRCODE = 'JD001', MESSAGE = format('run_deletion_job: no such job (%s)', p_job_id);
        END IF;
    END IF;

    IF v_jobs IS NULL THEN
        RETURN;
    END IF;

    -- A row inserted by hand may spell its table as SQL would.
    v_entity_table := coalesce(deletion_target_name(v_entity_table), v_entity_table);

    SELECT p.plan_id, p.error INTO v_plan_id, v_error
    FROM deletion_plan_for(v_entity_table, v_hard) AS p;

    INSERT INTO deletion_runs (
        plan_id, entity_table, hard_delete, slot, token, session_id, session_mark, server_id,
        phase, alone, job_count, jobs_open, batch_rows, rows_changed, step_count, retries, state,
        started_at, last_step_at
    )
    VALUES (
        v_plan_id, v_entity_table, v_hard, p_slot, v_token, pg_backend_pid(),
        deletion_session_mark(pg_backend_pid()), pg_postmaster_start_time()::text,
        'check', cardinality(v_jobs) = 1, cardinality(v_jobs), cardinality(v_jobs),
        deletion_setting_int('batch_rows'), 0, 0, 0, '{}', clock_timestamp(), clock_timestamp()
    )
    RETURNING deletion_runs.run_id INTO v_run_id;

    -- Before the claim commits: from then on a missing lock means a dead worker.
    -- Never waited for: any session may take any lock, and this one holds the jobs' rows by now.
    IF NOT pg_try_advisory_lock(deletion_lock_key('run', v_run_id)) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'lock_not_available',
            MESSAGE = format(
                'run_deletion_jobs: another session holds the run''s lock (%s)', v_run_id
            );
    END IF;

    INSERT INTO deletion_attempts (
        job_id, attempt_no, run_id, started_at, asked_reason, asked_hard_delete,
        asked_scheduled_at, asked_by, asked_at
    )
    SELECT
        j.id, coalesce(a.attempt_no, 0) + 1, v_run_id, clock_timestamp(), j.reason, j.hard_delete,
        -- Back-off has overwritten the wished time; the first attempt still knows it.
        CASE WHEN a.is_past IS FALSE THEN a.asked_scheduled_at ELSE j.scheduled_at END,
        j.created_by, j.created_at
    FROM deletion_jobs AS j
    LEFT JOIN LATERAL (
        SELECT b.attempt_no, b.is_past, b.asked_scheduled_at
        FROM deletion_attempts AS b
        WHERE b.job_id = j.id
        ORDER BY b.attempt_no DESC
        LIMIT 1
    ) AS a ON TRUE
    WHERE j.id = ANY (v_jobs);

    UPDATE deletion_jobs AS j
    SET status = 'running', started_at = clock_timestamp(), finished_at = NULL, error = NULL
    WHERE j.id = ANY (v_jobs);

    IF v_error IS NOT NULL THEN
        PERFORM deletion_settle(v_run_id, NULL, 'failed', v_error, TRUE, NULL);
        PERFORM deletion_end_run(v_run_id, 'failed', v_error);
        PERFORM pg_advisory_unlock(deletion_lock_key('run', v_run_id));
        v_token := NULL;
    END IF;

    RETURN QUERY SELECT v_run_id, v_token, cardinality(v_jobs), v_due_at, v_due_id;
END;
$deletion_claim$;

COMMENT ON FUNCTION deletion_claim(integer, bigint, timestamptz, bigint) IS
'Take the jobs that are due first, as one run.';
REVOKE ALL ON FUNCTION deletion_claim(integer, bigint, timestamptz, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_claim(integer, bigint, timestamptz, bigint)
TO deletion_jobs_worker, deletion_jobs_operator;
