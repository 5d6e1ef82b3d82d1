-- 0006_walk_under_old_snapshots: apply
-- Walk under old snapshots on PostgreSQL.
--
-- Plain SQL for psql; deletion-jobs sends the same text. Generated from the files
-- named by the markers: edit those, then run deletion-jobs migrations write.

-- >>> tooling/deletion_jobs/sql/postgres/migration_begin.sql
-- One transaction: all of it or nothing, whoever sends it.
BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = 0;
-- A routine may call one that is made after it.
SET LOCAL check_function_bodies = off;

-- Everything goes into the current schema; routines freeze this very path.
DO $migration_begin$
BEGIN
    IF coalesce(current_schema(), 'pg_') LIKE 'pg\_%' THEN
        RAISE EXCEPTION 'the search_path names no schema that exists';
    END IF;

    PERFORM set_config('search_path', quote_ident(current_schema()) || ', pg_temp', TRUE);
    PERFORM set_config('deletion_jobs.installer', current_setting('role'), TRUE);
END;
$migration_begin$;
-- <<<

-- >>> tooling/deletion_jobs/sql/postgres/migration_owner.sql
-- From here on the objects belong to the owner, who may create them only now.
DO $migration_owner$
BEGIN
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO deletion_jobs_owner', current_schema());
END;
$migration_owner$;

SET LOCAL ROLE deletion_jobs_owner;
-- <<<

-- >>> drop
DROP FUNCTION IF EXISTS deletion_due;
DROP FUNCTION IF EXISTS deletion_claim;
-- <<<

-- >>> procedures/postgres/admin/run_deletion_jobs.sql
-- run_deletion_jobs
-- Work due deletion jobs until none is due or the time is over; the schedulers call this.
--
-- Parameters  p_slot          the worker's slot, one call at a time in each; NULL: no slot
--             p_run_seconds   how long to work; NULL: the setting run_seconds
--             p_home          leave it out: the installation this procedure belongs to
-- Errors      JD002 not a positive number; 57014 the call was cancelled (its jobs have returned)
-- Writes      the application's tables, and all tables of runs and jobs     Commits  yes
-- Execute     deletion_jobs_worker, deletion_jobs_operator
-- Example     CALL run_deletion_jobs(NULL, NULL);

CREATE OR REPLACE PROCEDURE run_deletion_jobs(
    p_slot integer,
    p_run_seconds integer,
    p_home regclass DEFAULT 'deletion_jobs'::regclass
)
LANGUAGE plpgsql
SECURITY INVOKER
AS $run_deletion_jobs$
DECLARE
    -- A procedure that commits cannot pin its search_path: it finds its own schema by OID, and
    -- sets the path anew in each transaction. Until then every name is spelled with its schema.
    v_path text := (
        SELECT pg_catalog.format('%I, pg_temp', n.nspname)
        FROM pg_catalog.pg_class AS c
        INNER JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
        WHERE c.oid OPERATOR(pg_catalog.=) p_home::pg_catalog.oid
    );
    v_until timestamptz;
    v_run_id bigint;
    v_token uuid;
    v_job_count integer;
    v_jobs bigint := 0;
    v_state text := 'idle';
    v_due_at timestamptz;
    v_due_id bigint;
    v_looked_at timestamptz;
BEGIN
    PERFORM pg_catalog.set_config('search_path', v_path, TRUE);

    IF p_slot <= 0 OR p_run_seconds <= 0 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'JD002',
            MESSAGE = format(
                'run_deletion_jobs: not a positive number (%s, %s)', p_slot, p_run_seconds
            );
    END IF;

    v_until := deletion_enter(p_slot, p_run_seconds);

    IF v_until IS NULL THEN
        RETURN;
    END IF;

    COMMIT;
    -- Every statement has to see what was committed while the one before it waited for locks: a
    -- hold, or a child that came late. The session's own level may be another.
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;

    LOOP
        PERFORM pg_catalog.set_config('search_path', v_path, TRUE);
        PERFORM deletion_recover();
        COMMIT;
        SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
        PERFORM pg_catalog.set_config('search_path', v_path, TRUE);

        -- Jobs that were claimed stay in the index of what is due as long as an old snapshot is open
        -- somewhere. They are passed once in a while, so that a job with an earlier time than the
        -- last one's, which came since, waits no longer.
        IF (clock_timestamp() BETWEEN v_looked_at AND v_looked_at + '5 s') IS NOT TRUE THEN
            v_due_at := NULL;
            v_due_id := NULL;
            v_looked_at := clock_timestamp();
        END IF;

        v_run_id := NULL;
        SELECT c.run_id, c.token, c.job_count, c.due_at, c.due_id
        INTO v_run_id, v_token, v_job_count, v_due_at, v_due_id
        FROM deletion_claim(p_slot, NULL, v_due_at, v_due_id) AS c;
        COMMIT;
        SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
        PERFORM pg_catalog.set_config('search_path', v_path, TRUE);
        EXIT WHEN v_run_id IS NULL;
        v_jobs := v_jobs + v_job_count;

        IF v_token IS NOT NULL THEN
            CALL deletion_work(v_run_id, v_token, v_until, v_path, v_state);
        END IF;

        EXIT WHEN v_state = 'interrupted' OR clock_timestamp() >= v_until;
    END LOOP;

    PERFORM pg_catalog.set_config('search_path', v_path, TRUE);
    PERFORM deletion_leave(
        p_slot,
        CASE WHEN v_state = 'interrupted' THEN v_state WHEN v_jobs > 0 THEN 'worked' ELSE 'idle' END,
        v_jobs
    );
    COMMIT;

    IF v_state = 'interrupted' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'query_canceled',
            MESSAGE = 'run_deletion_jobs: cancelled; its jobs have returned to the queue';
    END IF;
END;
$run_deletion_jobs$;

COMMENT ON PROCEDURE run_deletion_jobs(integer, integer, regclass) IS
'Work due deletion jobs until none is due or the time is over; the schedulers call this.';
REVOKE ALL ON PROCEDURE run_deletion_jobs(integer, integer, regclass) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE run_deletion_jobs(integer, integer, regclass)
TO deletion_jobs_worker, deletion_jobs_operator;
-- <<<

-- >>> procedures/postgres/worker/deletion_advance_run.sql
-- deletion_advance_run
-- Do one step of a run that is past its check: walk on, or end it when all is done or time is up.
--
-- Parameters  p_run     the run, fenced
--             p_until   when the worker's call should end
-- Returns     text: more or ended
-- Writes      the application's tables, all tables of a run, deletion_plans     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_advance_run(
    p_run deletion_runs,
    p_until timestamptz
) RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_advance_run$
DECLARE
    v_cancelled bigint[];
    v_is_empty boolean;
    v_held jsonb;
    v_run deletion_runs;
    v_now timestamptz;
    v_lead interval;
BEGIN
    v_cancelled := ARRAY(
        SELECT a.job_id
        FROM deletion_attempts AS a
        WHERE a.run_id = p_run.run_id AND a.outcome IS NULL AND a.cancel_requested_at IS NOT NULL
    );

    IF v_cancelled <> '{}' THEN
        PERFORM deletion_settle(p_run.run_id, v_cancelled, 'cancelled', NULL, FALSE, NULL);
        PERFORM deletion_drop_jobs(p_run.run_id, v_cancelled);
    END IF;

    -- Everything was compared at the claim; a long run looks again at all of it now and then.
    IF NOT deletion_guard(p_run.plan_id, p_run.step_count % 20 = 0) THEN
        PERFORM deletion_settle(p_run.run_id, NULL, 'returned', NULL, FALSE, NULL);
        PERFORM deletion_end_run(
            p_run.run_id, 'returned', 'the catalog changed; the plan is compiled anew'
        );
        RETURN 'ended';
    END IF;

    v_held := deletion_mind_holds(p_run);

    IF jsonb_typeof(v_held) = 'string' THEN
        RETURN v_held #>> '{}';
    END IF;

    IF p_run.hard_delete THEN
        IF p_run.rows_changed = 0 THEN
            PERFORM deletion_spare_live(p_run);
        END IF;

        v_is_empty := deletion_advance(p_run);
    ELSE
        v_is_empty := deletion_soft_advance(p_run);
    END IF;

    PERFORM deletion_see_holds(p_run, v_held) WHERE v_held <> '[]';
    PERFORM deletion_see_partitions(p_run.plan_id);

    IF v_is_empty THEN
        PERFORM deletion_settle(p_run.run_id, NULL, 'done', NULL, FALSE, NULL);
        PERFORM deletion_end_run(p_run.run_id, 'done', NULL);
        PERFORM deletion_keep_fan_out(p_run.run_id, p_run.plan_id);
        RETURN 'ended';
    END IF;

    SELECT r.* INTO STRICT v_run
    FROM deletion_runs AS r
    WHERE r.ctid = deletion_run_place(p_run.run_id) AND r.run_id = p_run.run_id;
    v_now := clock_timestamp();

    IF p_run.rows_changed = 0 AND v_run.rows_changed > 0 AND v_now > p_run.started_at + '1 s' THEN
        v_run.state := v_run.state
        || jsonb_build_object('lead_ms', 1000 * extract(epoch FROM v_now - p_run.started_at));
        UPDATE deletion_runs AS r SET state = v_run.state WHERE r.run_id = p_run.run_id;
    END IF;

    v_lead := make_interval(secs => coalesce((v_run.state ->> 'lead_ms')::float8, 0) / 1000);

    -- A run that has changed nothing yet is still on its way down: dissolved now, it would begin
    -- at its roots again and never arrive where a chain is deep or its check was long. As long as
    -- it took to come there it works, or a large job would be checked again for every batch.
    IF
        deletion_setting('paused_reason') IS NOT NULL
        OR (
            (
                v_now >= p_until
                OR (
                    v_now > p_run.started_at
                    + make_interval(secs => deletion_setting_int('slice_ms') / 1000.0)
                    AND deletion_others_due()
                )
            )
            AND v_run.rows_changed > 0
            AND v_now >= p_run.started_at + 2 * v_lead
        )
    THEN
        PERFORM deletion_slice(p_run.run_id);
        RETURN 'ended';
    END IF;

    RETURN 'more';
END;
$deletion_advance_run$;

COMMENT ON FUNCTION deletion_advance_run(deletion_runs, timestamptz) IS
'Do one step of a run that is past its check: walk on, or end it when all is done or time is up.';
REVOKE ALL ON FUNCTION deletion_advance_run(deletion_runs, timestamptz) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_take_found.sql
-- deletion_take_found
-- Give the next rows that hang from a wide frame by one reference; find many at once.
--
-- Parameters  p_frame   the frame                  p_step   the plan's drain or fetch step
--             p_limit   most rows
-- Returns     p_frame, whose edge_pos says whether the reference is done with, and whose
--             fetch_cursor how many of those found have been taken; p_row_ids, where the rows lie;
--             NULL: none are left
-- Writes      deletion_found_rows                  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_take_found(
    INOUT p_frame deletion_frames,
    p_step deletion_plan_steps,
    p_limit bigint,
    OUT p_row_ids tid[]
)
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_take_found$
DECLARE
    -- A part is 6 kilobytes: how many of them a batch needs is only known when it takes them.
    c_part CONSTANT integer := 1000;
    -- 24 megabytes; as many as went before, so that a frame that is nearly empty costs little.
    v_limit bigint := least(p_frame.rows_here, 4000000);
    v_taken bigint;
    v_sql text;
    v_part tid[];
    -- A field of a row stays as it was read; a variable that is an array would be taken apart, and
    -- put together again, all of it, for each part that is cut out of it.
    v_all deletion_found_rows;
BEGIN
    IF p_frame.fetch_cursor IS NULL THEN
        DELETE FROM deletion_found_rows AS r
        WHERE r.run_id = p_frame.run_id AND r.depth = p_frame.depth;
        SELECT s.sql_text INTO STRICT v_sql
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_step.plan_id AND s.edge_no = p_step.edge_no AND s.kind = 'find';
        EXECUTE v_sql INTO v_all.row_ids USING p_frame.keys, v_limit;
        INSERT INTO deletion_found_rows (run_id, depth, part_no, row_ids)
        SELECT
            p_frame.run_id, p_frame.depth, p.no,
            v_all.row_ids[p.no * c_part + 1:(p.no + 1) * c_part]
        FROM generate_series(0, (cardinality(v_all.row_ids) - 1) / c_part) AS p (no);
        p_frame.fetch_cursor := jsonb_build_object(
            'is_end', cardinality(v_all.row_ids) < v_limit, 'rows_here', p_frame.rows_here,
            'taken', 0, 'found', cardinality(v_all.row_ids)
        );
    END IF;

    v_taken := (p_frame.fetch_cursor ->> 'taken')::bigint;

    IF v_taken < (p_frame.fetch_cursor ->> 'found')::bigint THEN
        p_row_ids := '{}';

        FOR v_part IN
            SELECT r.row_ids[
                greatest(v_taken - r.part_no::bigint * c_part, 0) + 1
                :least(v_taken + p_limit - r.part_no::bigint * c_part, c_part)
            ]
            FROM deletion_found_rows AS r
            WHERE
                r.run_id = p_frame.run_id AND r.depth = p_frame.depth
                AND r.part_no BETWEEN v_taken / c_part AND (v_taken + p_limit - 1) / c_part
            ORDER BY r.part_no
        LOOP
            p_row_ids := p_row_ids || v_part;
        END LOOP;

        p_frame.fetch_cursor := p_frame.fetch_cursor || jsonb_build_object(
            'taken', v_taken + cardinality(p_row_ids)
        );
        RETURN;
    END IF;

    -- All that were found have had their turn. Where none of them went, none will.
    IF
        (p_frame.fetch_cursor ->> 'is_end')::boolean
        OR (p_frame.fetch_cursor ->> 'rows_here')::bigint = p_frame.rows_here
    THEN
        p_frame.edge_pos := p_step.edge_no;
    END IF;

    p_frame.fetch_cursor := NULL;
END;
$deletion_take_found$;

COMMENT ON FUNCTION deletion_take_found(deletion_frames, deletion_plan_steps, bigint) IS
'The next rows that hang from a wide frame by one reference; many are found at once.';
REVOKE ALL ON FUNCTION deletion_take_found(deletion_frames, deletion_plan_steps, bigint)
FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_claim.sql
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
-- <<<

-- >>> procedures/postgres/worker/deletion_due.sql
-- deletion_due
-- Lock the jobs that are due first and choose those that can be walked together.
--
-- Parameters  p_from_at, p_from_id   pass the jobs that were due before then, or at the same time
--                                    with a lower number; NULL: none
-- Returns     one row: the jobs, their target and mode, whether the first must go alone, when it
--             was due and its number; no row where nothing is due
-- Writes      nothing; locks at most jobs_per_run rows of deletion_jobs     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_due(
    p_from_at timestamptz,
    p_from_id bigint
) RETURNS TABLE (
    jobs bigint[],
    entity_table text,
    hard_delete boolean,
    alone boolean,
    due_at timestamptz,
    due_id bigint
)
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_due$
DECLARE
    -- A volatile clock in the condition would keep it from bounding the index scan.
    v_now timestamptz := clock_timestamp();
    v_from_at timestamptz := coalesce(p_from_at, '-infinity');
    v_from_id bigint := coalesce(p_from_id, -9223372036854775808);
    v_batch_rows bigint := deletion_setting_int('batch_rows');
BEGIN
    RETURN QUERY
    -- The expression and its index are one: rows come in due order, and only these are locked.
    WITH due AS MATERIALIZED (
        SELECT j.id, j.entity_table, j.hard_delete, coalesce(j.scheduled_at, j.created_at) AS due_at
        FROM deletion_jobs AS j
        WHERE
            j.status = 'pending'
            AND coalesce(j.scheduled_at, j.created_at) <= v_now
            AND (coalesce(j.scheduled_at, j.created_at), j.id) >= (v_from_at, v_from_id)
        ORDER BY coalesce(j.scheduled_at, j.created_at), j.id
        LIMIT least(deletion_setting_int('jobs_per_run'), v_batch_rows)
        FOR UPDATE SKIP LOCKED
    ),

    candidate AS (
        SELECT
            d.*,
            coalesce((
                SELECT a.alone_next
                FROM deletion_attempts AS a
                WHERE a.job_id = d.id AND NOT a.is_past
                ORDER BY a.attempt_no DESC
                LIMIT 1
            ), FALSE) AS alone
        FROM due AS d
    ),

    leader AS (
        SELECT c.* FROM candidate AS c ORDER BY c.due_at, c.id LIMIT 1
    ),

    chosen AS (
        SELECT c.id, l.entity_table, l.hard_delete, l.alone, l.due_at, l.id AS due_id
        FROM leader AS l
        INNER JOIN candidate AS c
            ON
                c.id = l.id
                OR (
                    NOT l.alone AND NOT c.alone
                    AND c.entity_table = l.entity_table AND c.hard_delete = l.hard_delete
                )
        ORDER BY c.due_at, c.id
        -- As many as went in one transaction last time: a second one, for the rest of a set, costs
        -- as much as a whole one. But no average makes a set a small one.
        LIMIT (
            SELECT greatest(100, floor(0.97 * v_batch_rows / (1 + (p.fan_out ->> '0')::float8)))
            FROM leader AS l
            INNER JOIN deletion_plans AS p
                ON
                    p.entity_table = l.entity_table AND p.hard_delete = l.hard_delete
                    AND p.superseded_at IS NULL
            WHERE p.fan_out ? '0'
        )
    )

    SELECT
        array_agg(c.id ORDER BY c.id), min(c.entity_table), bool_or(c.hard_delete),
        bool_or(c.alone), min(c.due_at), min(c.due_id)
    FROM chosen AS c
    HAVING count(*) > 0;
END;
$deletion_due$;

COMMENT ON FUNCTION deletion_due(timestamptz, bigint) IS
'Lock the jobs that are due first and choose those that can be walked together.';
REVOKE ALL ON FUNCTION deletion_due(timestamptz, bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_fence.sql
-- deletion_fence
-- Take a run's row for a step, if the run is still the caller's.
--
-- Parameters  p_run_id, p_token   the run, as it was claimed
-- Returns     the run's row, locked until the step commits
-- Errors      JD010 another worker has taken the run's jobs
-- Writes      deletion_runs                        Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_fence(
    p_run_id bigint,
    p_token uuid
) RETURNS deletion_runs
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_fence$
DECLARE
    v_run deletion_runs;
BEGIN
    UPDATE deletion_runs AS r
    SET step_count = r.step_count + 1, last_step_at = clock_timestamp()
    WHERE
        r.ctid = deletion_run_place(p_run_id)
        AND r.run_id = p_run_id AND r.token = p_token AND r.ended_at IS NULL
    RETURNING r.* INTO v_run;

    -- Whoever was waited for has written the row anew, and it lies elsewhere.
    IF NOT FOUND THEN
        UPDATE deletion_runs AS r
        SET step_count = r.step_count + 1, last_step_at = clock_timestamp()
        WHERE r.run_id = p_run_id AND r.token = p_token AND r.ended_at IS NULL
        RETURNING r.* INTO v_run;
    END IF;

    IF NOT FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'JD010',
            MESSAGE = format('run_deletion_jobs: the run is no longer ours (%s)', p_run_id);
    END IF;

    RETURN v_run;
END;
$deletion_fence$;

COMMENT ON FUNCTION deletion_fence(bigint, uuid) IS
'Take a run''s row for a step, if the run is still the caller''s.';
REVOKE ALL ON FUNCTION deletion_fence(bigint, uuid) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_load_frame.sql
-- deletion_load_frame
-- Make the stored frame below the walk's present one, or the topmost, the walk's; split it where
-- it is over the batch.
--
-- Parameters  p_walk   the walk
-- Returns     the walk, its frame NULL where the stack is empty
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_load_frame(p_walk deletion_cursor)
RETURNS deletion_cursor
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_load_frame$
DECLARE
    v_walk deletion_cursor := p_walk;
    v_frame deletion_frames;
    v_batch integer := (p_walk.run).batch_rows;
    v_depth integer := (p_walk.frame).depth - 1;
BEGIN
    -- Stored frames below are never touched in between: taking one out makes it the walk's own.
    -- From the end of the index: those of earlier steps stay in it as long as an old snapshot does.
    DELETE FROM deletion_frames AS f
    WHERE f.ctid = (
        SELECT t.ctid
        FROM deletion_frames AS t
        WHERE
            t.run_id = (p_walk.run).run_id
            AND t.depth BETWEEN coalesce(v_depth, 0) AND coalesce(v_depth, 2147483647)
        ORDER BY t.depth DESC
        LIMIT 1
    )
    RETURNING f.* INTO v_frame;

    IF v_frame.key_count > v_batch AND v_frame.keys -> 0 ? 'l' THEN
        -- Rows of several levels cannot be parted: they are found again, fewer at a time.
        UPDATE deletion_frames AS f
        SET edge_pos = 0, fetch_cursor = NULL
        WHERE f.run_id = v_frame.run_id AND f.depth = v_frame.depth - 1;
        v_walk.frame := v_frame;
        RETURN deletion_load_frame(v_walk);
    END IF;

    IF v_frame.key_count > v_batch THEN
        -- Contention has halved the batch: the rest waits one below, found by the same reference.
        v_frame.fetch_cursor := NULL;
        INSERT INTO deletion_frames
        SELECT (jsonb_populate_record(v_frame, jsonb_build_object(
            'keys', (
                SELECT jsonb_agg(k.value ORDER BY k.ordinality)
                FROM jsonb_array_elements(v_frame.keys) WITH ORDINALITY AS k
                WHERE k.ordinality > v_batch
            ),
            'key_count', v_frame.key_count - v_batch,
            'edge_pos', 0
        ))).*;
        v_frame.keys := (
            SELECT jsonb_agg(k.value ORDER BY k.ordinality)
            FROM jsonb_array_elements(v_frame.keys) WITH ORDINALITY AS k
            WHERE k.ordinality <= v_batch
        );
        v_frame.key_count := v_batch;
        v_frame.depth := v_frame.depth + 1;
    END IF;

    v_walk.frame := v_frame;
    RETURN v_walk;
END;
$deletion_load_frame$;

COMMENT ON FUNCTION deletion_load_frame(deletion_cursor) IS
'Make the run''s topmost stored frame the walk''s present one; a frame over the batch is split.';
REVOKE ALL ON FUNCTION deletion_load_frame(deletion_cursor) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_lock_frame.sql
-- deletion_lock_frame
-- Lock a frame's rows before their children are emptied, where the plan can make use of it.
--
-- Parameters  p_plan_id   the plan                 p_frame   the frame
-- Returns     the frame, locked; NULL: the plan cannot make use of the lock, or rows have moved or
--             gone meanwhile
-- Writes      nothing; locks the frame's rows      Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_lock_frame(
    p_plan_id bigint,
    p_frame deletion_frames
) RETURNS deletion_frames
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_lock_frame$
DECLARE
    v_sql text;
    v_found bigint;
BEGIN
    SELECT s.sql_text INTO v_sql
    FROM deletion_plan_steps AS s
    WHERE
        s.plan_id = p_plan_id AND s.edge_no = p_frame.edge_no AND s.kind = 'lock'
        AND EXISTS (
            SELECT 1
            FROM deletion_plan_steps AS r
            WHERE r.plan_id = s.plan_id AND r.edge_no = s.edge_no AND r.kind = 'remove_now'
        );

    IF v_sql IS NULL THEN
        RETURN NULL;
    END IF;

    -- Where rows came under the lock (a trigger adds them) they may do so again.
    IF EXISTS (
        SELECT 1
        FROM deletion_runs AS r
        WHERE r.ctid = deletion_run_place(p_frame.run_id) AND r.error IS NOT NULL
    ) THEN
        RETURN NULL;
    END IF;

    EXECUTE v_sql INTO v_found USING p_frame.keys;

    -- Of rows that left meanwhile one may be back, and is not locked.
    IF v_found < p_frame.key_count THEN
        RETURN NULL;
    END IF;

    -- The values that children point at may have changed while the lock was waited for.
    IF jsonb_path_exists(p_frame.keys, '$[*].u1') THEN
        RETURN deletion_refresh_frame(p_plan_id, p_frame);
    END IF;

    RETURN p_frame;
END;
$deletion_lock_frame$;

COMMENT ON FUNCTION deletion_lock_frame(bigint, deletion_frames) IS
'Lock a frame''s rows before their children are emptied, where the plan can make use of it.';
REVOKE ALL ON FUNCTION deletion_lock_frame(bigint, deletion_frames) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_hold_frames.sql
-- deletion_hold_frames
-- Hold the rows of a run's stored frames where they were found, until the step commits.
--
-- Parameters  p_run   the run, fenced
-- Writes      deletion_frames, deletion_walk_keys; locks the frames' rows     Commits  no
-- Execute     the owner only
--
-- Between two transactions rows may move to another parent, and all below them along: that stays.
-- While the step works they cannot. Others may still add children to them; they go as well.

CREATE OR REPLACE FUNCTION deletion_hold_frames(p_run deletion_runs)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_hold_frames$
DECLARE
    v_part record;
    v_sql text;
    v_found bigint;
    v_moved integer[];
    v_frame deletion_frames;
    v_held deletion_frames;
BEGIN
    -- Mostly nothing has moved. Of a deep stack many small frames are looked at in one statement, and
    -- those of a reference one by one only where rows of it are missing. To put large ones together
    -- would take half as long as to hold them.
    IF
        (SELECT max(f.depth) FROM deletion_frames AS f WHERE f.run_id = p_run.run_id) >= 20
        AND (
            SELECT avg(f.key_count) FROM deletion_frames AS f WHERE f.run_id = p_run.run_id
        ) < 500
    THEN
        v_moved := '{}';

        FOR v_part IN
            SELECT
                f.edge_no, count(*) AS key_count, jsonb_agg(k.value) AS keys,
                bool_or(k.value ? 'u1') AS has_others
            FROM deletion_frames AS f
            CROSS JOIN LATERAL jsonb_array_elements(f.keys) AS k
            WHERE f.run_id = p_run.run_id
            GROUP BY f.edge_no, f.depth / 1000
        LOOP
            v_found := NULL;

            IF v_part.edge_no <> 0 AND NOT v_part.has_others THEN
                SELECT s.sql_text INTO STRICT v_sql
                FROM deletion_plan_steps AS s
                WHERE
                    s.plan_id = p_run.plan_id AND s.edge_no = v_part.edge_no AND s.kind = 'hold';
                EXECUTE v_sql INTO v_found USING v_part.keys;
            END IF;

            IF v_found IS DISTINCT FROM v_part.key_count THEN
                v_moved := v_moved || v_part.edge_no;
            END IF;
        END LOOP;

        IF v_moved = '{}' THEN
            RETURN;
        END IF;
    END IF;

    FOR v_frame IN
        -- One after the other from the top: a scan of all of them would pass those of earlier steps,
        -- which stay as long as an old snapshot does.
        WITH RECURSIVE place AS (
            (
                SELECT f.depth, f.ctid AS row_id
                FROM deletion_frames AS f
                WHERE f.run_id = p_run.run_id
                ORDER BY f.depth DESC
                LIMIT 1
            )
            UNION ALL
            SELECT b.depth, b.row_id
            FROM place AS p
            CROSS JOIN LATERAL (
                SELECT f.depth, f.ctid AS row_id
                FROM deletion_frames AS f
                WHERE f.run_id = p_run.run_id AND f.depth < p.depth
                ORDER BY f.depth DESC
                LIMIT 1
            ) AS b
        )

        SELECT f.*
        FROM place AS p
        INNER JOIN deletion_frames AS f ON f.ctid = p.row_id
        WHERE v_moved IS NULL OR f.edge_no = ANY (v_moved)
        ORDER BY p.depth
    LOOP
        v_held := deletion_hold_frame(p_run.plan_id, v_frame);
        CONTINUE WHEN v_held.run_id IS NULL;

        IF v_frame.keys -> 0 ? 'l' THEN
            -- What hangs from the rows that moved is in the same frame: all of it is found again.
            UPDATE deletion_frames AS f
            SET edge_pos = 0, fetch_cursor = NULL
            WHERE f.run_id = v_frame.run_id AND f.depth = v_frame.depth - 1;
            DELETE FROM deletion_frames AS f
            WHERE f.run_id = v_frame.run_id AND f.depth >= v_frame.depth;
            PERFORM deletion_note_stack(p_run);
            RETURN;
        END IF;

        -- What lies above hung from these rows; it is found again where it still does.
        UPDATE deletion_frames AS f
        SET keys = v_held.keys, key_count = v_held.key_count, edge_pos = 0, fetch_cursor = NULL
        WHERE f.run_id = v_frame.run_id AND f.depth = v_frame.depth;
        DELETE FROM deletion_frames AS f
        WHERE f.run_id = v_frame.run_id AND f.depth > v_frame.depth;
        PERFORM deletion_note_stack(p_run);
        RETURN;
    END LOOP;
END;
$deletion_hold_frames$;

COMMENT ON FUNCTION deletion_hold_frames(deletion_runs) IS
'Hold the rows of a run''s stored frames where they were found, until the step commits.';
REVOKE ALL ON FUNCTION deletion_hold_frames(deletion_runs) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_run_place.sql
-- deletion_run_place
-- Find where the row of a run lies.
--
-- Parameters  p_run_id   the run
-- Returns     tid; NULL: there is no such run
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- Every step writes the row twice or more, and while an old snapshot is open somewhere, all its
-- versions stay. Read from its end, the index gives the newest of them first; from its start, last.

CREATE OR REPLACE FUNCTION deletion_run_place(p_run_id bigint)
RETURNS tid
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_run_place$
BEGIN
    RETURN (
        SELECT r.ctid
        FROM deletion_runs AS r
        -- Of one value the planner would see no order.
        WHERE r.run_id BETWEEN p_run_id AND p_run_id
        ORDER BY r.run_id DESC
        LIMIT 1
    );
END;
$deletion_run_place$;

COMMENT ON FUNCTION deletion_run_place(bigint) IS
'Where the row of a run lies: the newest of its versions.';
REVOKE ALL ON FUNCTION deletion_run_place(bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_save_walk.sql
-- deletion_save_walk
-- Store where the walk stands, with what its step changed.
--
-- Parameters  p_walk   the walk
-- Writes      deletion_frames, deletion_runs       Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_save_walk(p_walk deletion_cursor)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_save_walk$
BEGIN
    INSERT INTO deletion_frames
    SELECT (f).*
    FROM unnest(p_walk.below || p_walk.frame) AS f
    WHERE (f).run_id IS NOT NULL;

    UPDATE deletion_runs AS r
    SET
        rows_changed = (p_walk.run).rows_changed,
        state = (p_walk.run).state,
        -- Contention halves the batch at once; it comes back slowly.
        batch_rows = least(
            deletion_setting_int('batch_rows'), r.batch_rows + greatest(1, r.batch_rows / 8)
        ),
        retries = 0
    WHERE
        r.ctid = deletion_run_place((p_walk.run).run_id)
        AND r.run_id = (p_walk.run).run_id;
END;
$deletion_save_walk$;

COMMENT ON FUNCTION deletion_save_walk(deletion_cursor) IS
'Store where the walk stands, with what its step changed.';
REVOKE ALL ON FUNCTION deletion_save_walk(deletion_cursor) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_walk_on.sql
-- deletion_walk_on
-- Go on with a check's walk for a moment, and stop jobs that hold more rows than they may.
--
-- Parameters  p_run_id   the run                   p_plan_id   its plan
-- Returns     boolean, TRUE where the walk has ended
-- Writes      deletion_walk_keys, deletion_attempts, deletion_jobs, deletion_frames,
--             deletion_runs                        Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_walk_on(
    p_run_id bigint,
    p_plan_id bigint
) RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_walk_on$
DECLARE
    v_until timestamptz := clock_timestamp()
    + make_interval(secs => deletion_setting_int('batch_ms') / 1000.0);
    v_max_rows bigint := (
        SELECT coalesce(t.max_rows, deletion_setting_int('max_rows'))
        FROM deletion_plans AS p
        INNER JOIN deletion_targets AS t ON t.entity_table = p.entity_table
        WHERE p.plan_id = p_plan_id
    );
    v_read bigint;
    v_total bigint;
    v_count_at bigint;
    v_jobs bigint[];
BEGIN
    SELECT
        coalesce((r.state ->> 'read')::bigint, 0),
        coalesce((r.state ->> 'count_at')::bigint, v_max_rows)
    INTO v_total, v_count_at
    FROM deletion_runs AS r
    WHERE r.ctid = deletion_run_place(p_run_id) AND r.run_id = p_run_id;

    LOOP
        v_read := deletion_walk(p_run_id, p_plan_id, FALSE);
        v_total := v_total + coalesce(v_read, 0);

        -- No job can hold more rows than were read for all; each count reads all of them again.
        IF v_total >= v_count_at OR (v_read IS NULL AND v_total >= v_max_rows) THEN
            v_count_at := v_total + greatest(10000, v_total / 4);
            v_jobs := ARRAY(
                SELECT w.job_id
                FROM deletion_walk_keys AS w
                WHERE
                    w.walk_id = p_run_id AND w.fate <> 'restrict'
                    AND coalesce(NOT w.keys ? 'm', TRUE)
                GROUP BY w.job_id
                HAVING count(DISTINCT (w.node_no, w.key_hash)) > v_max_rows
            );
            PERFORM deletion_fail_jobs(p_run_id, v_jobs, format(
                'JD013: more rows than max_rows allows (%s)', v_max_rows
            )) WHERE v_jobs <> '{}';
        END IF;

        EXIT WHEN v_read IS NULL OR clock_timestamp() >= v_until;
    END LOOP;

    UPDATE deletion_runs AS r
    SET state = r.state || jsonb_build_object('read', v_total, 'count_at', v_count_at)
    WHERE r.ctid = deletion_run_place(p_run_id) AND r.run_id = p_run_id;

    RETURN v_read IS NULL;
END;
$deletion_walk_on$;

COMMENT ON FUNCTION deletion_walk_on(bigint, bigint) IS
'Go on with a check''s walk for a moment, and stop jobs that hold more rows than they may.';
REVOKE ALL ON FUNCTION deletion_walk_on(bigint, bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_soft_advance.sql
-- deletion_soft_advance
-- Mark on: as many rows as fit the run's batch, in the caller's transaction.
--
-- Parameters  p_run   the run, fenced
-- Returns     boolean, TRUE where the jobs have marked all that they reach
-- Writes      the application's tables, deletion_marks, deletion_receipts, deletion_soft_keys,
--             deletion_runs                        Commits  no
-- Execute     the owner only
--
-- From the roots down: a row is looked at, and marked where it can be, while it is held where it
-- was found; only then is noted what hangs from it. So nothing is marked below a row that has moved
-- away.

CREATE OR REPLACE FUNCTION deletion_soft_advance(p_run deletion_runs)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_soft_advance$
DECLARE
    v_run deletion_runs := p_run;
    v_next deletion_runs;
    v_until timestamptz := clock_timestamp()
    + make_interval(secs => deletion_setting_int('batch_ms') / 1000.0);
    v_jobs bigint[] := ARRAY(
        SELECT a.job_id
        FROM deletion_attempts AS a
        WHERE a.run_id = p_run.run_id AND a.outcome IS NULL
    );
    v_left bigint := p_run.batch_rows;
    v_is_over boolean := FALSE;
    v_swept bigint;
BEGIN
    LOOP
        IF v_run.state ? 'soft' THEN
            v_run := deletion_soft_spread(v_run, v_jobs);
        ELSE
            EXIT WHEN v_left = 0;
            v_next := deletion_soft_mark(v_run, v_jobs, v_left);
            v_is_over := v_next.run_id IS NULL;
            EXIT WHEN v_is_over;
            v_left := v_left - (v_next.rows_changed - v_run.rows_changed);
            v_run := v_next;
        END IF;

        EXIT WHEN clock_timestamp() >= v_until;
    END LOOP;

    -- All is marked: what was noted goes, as bounded as the rest.
    IF v_is_over THEN
        DELETE FROM deletion_soft_keys AS k
        WHERE k.ctid = ANY (ARRAY(
            SELECT d.ctid FROM deletion_soft_keys AS d WHERE d.job_id = ANY (v_jobs) LIMIT 20000
        ));
        GET DIAGNOSTICS v_swept = ROW_COUNT;
        v_is_over := v_swept < 20000;
    END IF;

    UPDATE deletion_runs AS r
    SET
        rows_changed = v_run.rows_changed,
        state = v_run.state,
        -- Contention halves the batch at once; it comes back slowly.
        batch_rows = least(
            deletion_setting_int('batch_rows'), r.batch_rows + greatest(1, r.batch_rows / 8)
        ),
        retries = 0
    WHERE r.ctid = deletion_run_place(p_run.run_id) AND r.run_id = p_run.run_id;

    RETURN v_is_over;
END;
$deletion_soft_advance$;

COMMENT ON FUNCTION deletion_soft_advance(deletion_runs) IS
'Mark on: as many rows as fit the run''s batch.';
REVOKE ALL ON FUNCTION deletion_soft_advance(deletion_runs) FROM PUBLIC;
-- <<<

-- >>> tooling/deletion_jobs/sql/postgres/migration_release.sql
-- Back to the installing user; the owner keeps no right to create.
DO $migration_release$
BEGIN
    PERFORM set_config('role', current_setting('deletion_jobs.installer'), TRUE);
    EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM deletion_jobs_owner', current_schema());
END;
$migration_release$;
-- <<<

-- >>> tooling/deletion_jobs/sql/postgres/migration_commit.sql
COMMIT;
-- <<<
