-- deletion_restore_job
-- Take back all that a job has marked, and leave the job cancelled.
--
-- Parameters  p_job_id   the job
-- Errors      as restore_deletion
-- Writes      as restore_deletion                  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_restore_job(p_job_id bigint)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_restore_job$
DECLARE
    v_job deletion_jobs;
    v_has_marks boolean;
    v_run_id bigint;
    v_total bigint := 0;
    v_part record;
BEGIN
    SELECT j.* INTO v_job FROM deletion_jobs AS j WHERE j.id = p_job_id FOR UPDATE;
    v_has_marks := EXISTS (
        SELECT 1 FROM deletion_marks AS m WHERE m.job_id = p_job_id AND m.state = 'held'
    );

    IF v_job.id IS NULL THEN
        PERFORM deletion_raise('JD001', 'restore_deletion', 'no such job', p_job_id::text);
    ELSIF v_job.status = 'running' THEN
        PERFORM deletion_raise(
            'JD003', 'restore_deletion', 'job is running', p_job_id::text,
            'Ask for cancel_deletion first, and wait until it has stopped.'
        );
    ELSIF v_job.status = 'done' AND v_job.hard_delete THEN
        PERFORM deletion_raise(
            'JD003', 'restore_deletion', 'the rows are removed for good', p_job_id::text
        );
    ELSIF NOT v_has_marks AND v_job.status IN ('failed', 'cancelled') THEN
        PERFORM deletion_raise(
            'JD003', 'restore_deletion', 'the job has no marks to take back', p_job_id::text
        );
    END IF;

    -- Never again for good without being asked: what waited was a purge, or is wanted no more.
    UPDATE deletion_jobs AS j
    SET
        status = 'cancelled', finished_at = clock_timestamp(), error = NULL,
        hard_delete = j.hard_delete AND NOT v_has_marks
    WHERE j.id = p_job_id;
    PERFORM deletion_keep_asked(p_job_id);

    INSERT INTO deletion_runs (
        entity_table, hard_delete, token, session_id, server_id, phase, alone, job_count,
        batch_rows, started_at, last_step_at
    )
    VALUES (
        v_job.entity_table, FALSE, gen_random_uuid(), pg_backend_pid(),
        pg_postmaster_start_time()::text, 'ended', TRUE, 1, 0, clock_timestamp(), clock_timestamp()
    )
    RETURNING run_id INTO v_run_id;

    -- Of two marks on one row the later one holds.
    UPDATE deletion_marks AS m
    SET state = 'left'
    WHERE
        m.job_id = p_job_id AND m.state = 'held'
        AND EXISTS (
            SELECT 1
            FROM deletion_marks AS later
            WHERE
                later.key_hash = m.key_hash AND later.table_name = m.table_name
                AND later.mark_id > m.mark_id
        );

    -- Parents first, as they were marked: an application may forbid the other order.
    FOR v_part IN
        SELECT m.plan_id, m.table_name
        FROM deletion_marks AS m
        WHERE m.job_id = p_job_id AND m.state = 'held'
        GROUP BY m.plan_id, m.table_name
        ORDER BY min(m.mark_id)
    LOOP
        v_total := v_total
        + deletion_restore(v_run_id, p_job_id, v_part.plan_id, v_part.table_name);
    END LOOP;

    UPDATE deletion_marks AS m SET state = 'left' WHERE m.job_id = p_job_id AND m.state = 'held';

    UPDATE deletion_runs AS r
    SET rows_changed = v_total, outcome = 'done', ended_at = clock_timestamp()
    WHERE r.run_id = v_run_id;

    INSERT INTO deletion_attempts (
        job_id, attempt_no, run_id, started_at, ended_at, outcome, error, asked_reason,
        asked_hard_delete, asked_scheduled_at, asked_by, asked_at
    )
    SELECT
        p_job_id, max(a.attempt_no) + 1, v_run_id, clock_timestamp(), clock_timestamp(),
        'cancelled', format('restored: %s rows', v_total), v_job.reason, FALSE, NULL,
        v_job.created_by, v_job.created_at
    FROM deletion_attempts AS a
    WHERE a.job_id = p_job_id;
END;
$deletion_restore_job$;

COMMENT ON FUNCTION deletion_restore_job(bigint) IS
'Take back all that a job has marked, and leave the job cancelled.';
REVOKE ALL ON FUNCTION deletion_restore_job(bigint) FROM PUBLIC;
