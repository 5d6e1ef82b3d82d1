-- 0002_hold_deletion_frames: rollback
-- Take back: hold deletion frames on PostgreSQL.
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
DROP FUNCTION IF EXISTS deletion_hold_frames;
DROP FUNCTION IF EXISTS deletion_hold_frame;
-- <<<

-- >>> procedures/postgres/worker/deletion_push.sql
-- deletion_push
-- Fetch a frame's worth of keys by one reference and make them the walk's present frame.
--
-- Parameters  p_walk   the walk                    p_step   the plan's fetch step
-- Returns     the walk
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_push(
    p_walk deletion_cursor,
    p_step deletion_plan_steps
) RETURNS deletion_cursor
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_push$
DECLARE
    v_walk deletion_cursor := p_walk;
    v_frame deletion_frames := p_walk.frame;
    v_child deletion_frames;
    v_run deletion_runs := p_walk.run;
    -- Rows changed for each key of such a frame, as seen so far in this run.
    v_fan_out float8 := (v_run.state -> 'fan' ->> p_step.node_no::text)::float8;
    v_limit integer := least(v_run.batch_rows, CASE
        WHEN v_fan_out IS NULL THEN 100
        ELSE greatest(1, floor(0.85 * v_run.batch_rows / (1 + v_fan_out)))
    END);
BEGIN
    PERFORM deletion_allow_hash(TRUE) WHERE p_step.index_name IS NULL;
    EXECUTE p_step.sql_text INTO v_child.keys, v_child.key_count
    USING v_frame.keys, v_limit, v_frame.fetch_cursor;
    PERFORM deletion_allow_hash(FALSE) WHERE p_step.index_name IS NULL;

    IF v_child.key_count < v_limit THEN
        v_frame.edge_pos := p_step.edge_no;
        v_frame.fetch_cursor := NULL;
    ELSE
        -- Only plans in which rows have to wait for others read on; all else begins in front.
        v_frame.fetch_cursor := CASE WHEN p_walk.has_waits THEN v_child.keys -> -1 END;
    END IF;

    v_walk.frame := v_frame;

    IF v_child.key_count > 0 THEN
        v_child.run_id := v_run.run_id;
        v_child.depth := v_frame.depth + 1;
        v_child.node_no := p_step.node_no;
        v_child.edge_no := p_step.edge_no;
        v_child.edge_pos := 0;
        v_child.rows_at_pass := v_run.rows_changed;
        v_child.idle_passes := 0;
        v_child.rows_here := 0;
        v_child.updated_at := clock_timestamp();

        IF v_child.depth > 100000 THEN
            RAISE EXCEPTION USING
                ERRCODE = 'JD007',
                MESSAGE = format('rows of %s refer to each other in a circle', p_step.table_name);
        END IF;

        v_walk.below := v_walk.below || v_frame;
        v_walk.frame := v_child;
        v_walk.is_locked := FALSE;

        -- Children that fit this transaction are emptied under their parents' lock: then no
        -- second look is needed.
        IF v_child.key_count * (1 + v_fan_out) < p_walk.rows_left THEN
            v_child := deletion_lock_frame(v_run.plan_id, v_child);
            v_walk.is_locked := v_child.run_id IS NOT NULL;
            v_walk.frame := CASE WHEN v_walk.is_locked THEN v_child ELSE v_walk.frame END;
        END IF;
    END IF;

    RETURN v_walk;
END;
$deletion_push$;

COMMENT ON FUNCTION deletion_push(deletion_cursor, deletion_plan_steps) IS
'Fetch a frame''s worth of keys by one reference and make them the walk''s present frame.';
REVOKE ALL ON FUNCTION deletion_push(deletion_cursor, deletion_plan_steps) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_load_frame.sql
-- deletion_load_frame
-- Make the run's topmost stored frame the walk's present one; a frame over the batch is split.
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
BEGIN
    -- Stored frames below are never touched in between: taking one out makes it the walk's own.
    DELETE FROM deletion_frames AS f
    WHERE
        f.run_id = (p_walk.run).run_id
        AND f.depth = (SELECT max(g.depth) FROM deletion_frames AS g WHERE g.run_id = f.run_id)
    RETURNING f.* INTO v_frame;

    IF v_frame.key_count > v_batch THEN
        -- Contention has halved the batch: the rest waits one below, found by the same reference.
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
        v_frame.fetch_cursor := NULL;
    END IF;

    -- Between two transactions rows may have moved to another parent, and their children along.
    IF v_frame.run_id IS NOT NULL THEN
        v_frame := deletion_refresh_frame((p_walk.run).plan_id, v_frame);
    END IF;

    v_walk.frame := v_frame;
    RETURN v_walk;
END;
$deletion_load_frame$;

COMMENT ON FUNCTION deletion_load_frame(deletion_cursor) IS
'Make the run''s topmost stored frame the walk''s present one; a frame over the batch is split.';
REVOKE ALL ON FUNCTION deletion_load_frame(deletion_cursor) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_claim.sql
-- deletion_claim
-- Take the jobs that are due first, as one run.
--
-- Parameters  p_slot     the worker's slot; NULL: none
--             p_job_id   this job alone, due or not; NULL: whatever is due
-- Returns     one row: run_id, token (NULL where the run has ended already, its jobs failed) and
--             the number of jobs; no row where nothing is due
-- Errors      JD001 no such job; JD003 the job is not pending
-- Writes      deletion_runs, deletion_jobs, deletion_attempts, deletion_plans     Commits  no
-- Execute     deletion_jobs_worker, deletion_jobs_operator

CREATE OR REPLACE FUNCTION deletion_claim(
    p_slot integer,
    p_job_id bigint
) RETURNS TABLE (run_id bigint, token uuid, job_count integer)
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $deletion_claim$
DECLARE
    v_jobs bigint[];
    v_entity_table text;
    v_hard boolean;
    v_alone boolean;
    v_error text;
    v_plan_id bigint;
    v_run_id bigint;
    v_token uuid := gen_random_uuid();
BEGIN
    IF p_job_id IS NULL THEN
        IF deletion_setting('paused_reason') IS NOT NULL THEN
            RETURN;
        END IF;

        SELECT d.jobs, d.entity_table, d.hard_delete, d.alone
        INTO v_jobs, v_entity_table, v_hard, v_alone
        FROM deletion_due() AS d;
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

    SELECT p.plan_id, p.error INTO v_plan_id, v_error
    FROM deletion_plan_for(v_entity_table, v_hard) AS p;

    INSERT INTO deletion_runs (
        plan_id, entity_table, hard_delete, slot, token, session_id, session_mark, server_id,
        phase, alone, job_count, batch_rows, rows_changed, step_count, retries, state,
        started_at, last_step_at
    )
    VALUES (
        v_plan_id, v_entity_table, v_hard, p_slot, v_token, pg_backend_pid(),
        deletion_session_mark(pg_backend_pid()), pg_postmaster_start_time()::text,
        'check', cardinality(v_jobs) = 1, cardinality(v_jobs),
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

    RETURN QUERY SELECT v_run_id, v_token, cardinality(v_jobs);
END;
$deletion_claim$;

COMMENT ON FUNCTION deletion_claim(integer, bigint) IS
'Take the jobs that are due first, as one run.';
REVOKE ALL ON FUNCTION deletion_claim(integer, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_claim(integer, bigint)
TO deletion_jobs_worker, deletion_jobs_operator;
-- <<<

-- >>> procedures/postgres/worker/deletion_advance.sql
-- deletion_advance
-- Walk on: as many moves of the stack as fit the run's batch, in the caller's transaction.
--
-- Parameters  p_run   the run, fenced
-- Returns     boolean, TRUE where the stack is empty: the jobs' rows are gone
-- Writes      the application's tables, deletion_frames, deletion_receipts, deletion_runs
-- Commits     no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_advance(p_run deletion_runs)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_advance$
DECLARE
    v_walk deletion_cursor;
    v_step deletion_plan_steps;
    v_until timestamptz := clock_timestamp()
    + make_interval(secs => deletion_setting_int('batch_ms') / 1000.0);
BEGIN
    v_walk.run := p_run;
    v_walk.rows_left := p_run.batch_rows;
    v_walk.has_waits := (SELECT p.has_waits FROM deletion_plans AS p WHERE p.plan_id = p_run.plan_id);
    v_walk.is_locked := FALSE;
    v_walk.below := '{}';
    v_walk := deletion_load_frame(v_walk);

    WHILE (v_walk.frame).run_id IS NOT NULL LOOP
        -- The next reference of the frame's table that has something to do in this phase.
        SELECT s.* INTO v_step
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_run.plan_id AND s.parent_node_no = (v_walk.frame).node_no
            AND s.edge_no > (v_walk.frame).edge_pos
            AND (
                s.kind = 'drain'
                OR (s.kind = 'set' AND (NOT s.waits OR (v_walk.run).state ? 'set'))
                OR (
                    s.kind = CASE WHEN v_walk.has_waits THEN 'fetch_more' ELSE 'fetch' END
                    AND s.action = 'cascade' AND NOT s.is_leaf
                )
            )
        ORDER BY s.edge_no
        LIMIT 1;

        IF FOUND AND v_step.kind IN ('drain', 'set') THEN
            EXIT WHEN v_walk.rows_left = 0;
            v_walk := deletion_change(v_walk, v_step);
        ELSIF FOUND THEN
            -- A frame whose rows would not fit what is left of the batch begins the next one.
            EXIT WHEN v_walk.rows_left < p_run.batch_rows / 2
                AND (v_walk.run).state -> 'fan' ? v_step.node_no::text;
            v_walk := deletion_sweep(v_walk, v_step);
        ELSE
            -- The frame goes in one transaction: what is left of this one may be too little.
            EXIT WHEN v_walk.rows_left < (v_walk.frame).key_count;
            v_walk := deletion_remove(v_walk);
        END IF;

        EXIT WHEN clock_timestamp() >= v_until;
    END LOOP;

    PERFORM deletion_save_walk(v_walk);
    RETURN (v_walk.frame).run_id IS NULL;
END;
$deletion_advance$;

COMMENT ON FUNCTION deletion_advance(deletion_runs) IS
'Walk on: as many moves of the stack as fit the run''s batch.';
REVOKE ALL ON FUNCTION deletion_advance(deletion_runs) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_write_plan.sql
-- deletion_write_plan
-- Store a compiled plan: its graph as rows, each step with its finished SQL.
--
-- Parameters  p_plan_id   the plan's row           p_graph   deletion_plan_graph's answer
-- Writes      deletion_plan_steps                  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_write_plan(
    p_plan_id bigint,
    p_graph jsonb
) RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_write_plan$
WITH node AS (
    SELECT (n.value ->> 'no')::integer AS node_no, n.value AS node
    FROM jsonb_array_elements(p_graph -> 'nodes') AS n
),

edge AS (
    SELECT
        (e.value ->> 'no')::integer AS edge_no,
        e.value || jsonb_build_object('sql', c.node -> 'sql') AS edge,
        e.value ->> 'action' AS action,
        p.node AS parent,
        c.node AS child
    FROM jsonb_array_elements(p_graph -> 'edges') AS e
    INNER JOIN node AS p ON p.node_no = (e.value ->> 'parent')::integer
    INNER JOIN node AS c ON c.node_no = (e.value ->> 'child')::integer
),

below AS (
    SELECT
        n.node_no,
        coalesce(jsonb_agg(e.edge) FILTER (WHERE e.edge_no IS NOT NULL), '[]') AS edges,
        coalesce(bool_and(e.edge ->> 'index' IS NOT NULL), TRUE) AS is_indexed,
        coalesce(
            bool_and((e.edge ->> 'leaf')::boolean AND (e.edge ->> 'steady')::boolean), FALSE
        ) AS is_exact,
        -- One whole number is all that is to be known of a row, and all below it goes at once.
        NOT (p_graph ->> 'has_waits')::boolean AND coalesce(bool_and(
            (e.edge ->> 'leaf')::boolean AND (e.edge ->> 'steady')::boolean
            AND (e.edge ->> 'plain')::boolean
        ), FALSE)
        -- A row below by two references would be counted by both.
        AND count(DISTINCT e.edge ->> 'child') = count(e.edge)
        AND jsonb_array_length(n.node -> 'columns') = 1
        AND n.node -> 'columns' -> 0 ->> 'type' IN ('smallint', 'integer', 'bigint')
        AND n.node -> 'columns' -> 0 ->> 'eq' = 'OPERATOR(pg_catalog.=)' AS is_swept
    FROM node AS n
    LEFT JOIN edge AS e ON (e.edge ->> 'parent')::integer = n.node_no
    GROUP BY n.node_no, n.node
),

statement AS (
    -- The target's own: the tables held against DDL, the roots found, then locked and removed.
    SELECT 0 AS edge_no, 1 AS part, 'guard' AS kind, (
        SELECT 'LOCK TABLE ' || string_agg('ONLY ' || (n.node ->> 'sql'), ', ' ORDER BY n.node_no)
            || ' IN ROW EXCLUSIVE MODE'
        FROM node AS n
        WHERE (n.node ->> 'closure')::boolean
    ) AS sql_text, TRUE AS is_indexed
    UNION ALL
    SELECT 0, 2, 'roots', deletion_sql_roots(n.node), TRUE FROM node AS n WHERE n.node_no = 0
    UNION ALL
    SELECT 0, 8, r.kind, r.sql_text, b.is_indexed
    FROM node AS n
    INNER JOIN below AS b ON b.node_no = n.node_no
    CROSS JOIN LATERAL deletion_sql_removal(n.node, NULL, b.edges, b.is_exact) AS r
    WHERE n.node_no = 0
    UNION ALL
    SELECT e.edge_no, 3, 'fetch',
        deletion_sql_fetch(e.edge, e.parent, e.child, FALSE), e.edge ->> 'index' IS NOT NULL
    FROM edge AS e
    UNION ALL
    SELECT e.edge_no, 4, 'fetch_more',
        deletion_sql_fetch(e.edge, e.parent, e.child, TRUE), e.edge ->> 'index' IS NOT NULL
    FROM edge AS e
    UNION ALL
    SELECT e.edge_no, 5, 'drain',
        deletion_sql_drain(e.edge, e.parent, e.child, FALSE), e.edge ->> 'index' IS NOT NULL
    FROM edge AS e
    WHERE (e.edge ->> 'leaf')::boolean
    UNION ALL
    SELECT e.edge_no, 5, 'drain_one',
        deletion_sql_drain(e.edge, e.parent, e.child, TRUE), e.edge ->> 'index' IS NOT NULL
    FROM edge AS e
    WHERE (e.edge ->> 'leaf')::boolean
    UNION ALL
    SELECT e.edge_no, 5, 'set',
        deletion_sql_set(e.edge, e.parent, e.child), e.edge ->> 'index' IS NOT NULL
    FROM edge AS e
    WHERE e.action IN ('set_null', 'set_default')
    UNION ALL
    SELECT e.edge_no, 6, 'size',
        format('SELECT count(*) FROM (SELECT 1 FROM ONLY %s LIMIT $1) AS x', e.child ->> 'sql'),
        FALSE
    FROM edge AS e
    WHERE e.edge ->> 'index' IS NULL
    UNION ALL
    SELECT e.edge_no, 7, 'cycle', deletion_sql_cycle(e.edge, e.child), FALSE
    FROM edge AS e
    WHERE e.action IN ('cascade', 'restrict') AND (e.edge ->> 'self')::boolean
    UNION ALL
    SELECT e.edge_no, 8, r.kind, r.sql_text, b.is_indexed
    FROM edge AS e
    INNER JOIN below AS b ON b.node_no = (e.edge ->> 'child')::integer
    CROSS JOIN LATERAL deletion_sql_removal(e.child, e.edge, b.edges, b.is_exact) AS r
    WHERE e.action = 'cascade' AND NOT (e.edge ->> 'leaf')::boolean
    UNION ALL
    -- Once for a table, whichever of its references leads to it.
    SELECT DISTINCT r.edge_no, 9, r.kind, r.sql_text, TRUE
    FROM edge AS e
    INNER JOIN below AS b ON b.node_no = (e.edge ->> 'child')::integer AND b.is_swept
    CROSS JOIN LATERAL deletion_sql_sweep(e.edge, e.parent, e.child, b.edges) AS r
    WHERE
        e.action = 'cascade' AND (e.edge ->> 'plain')::boolean AND (e.edge ->> 'steady')::boolean
)

INSERT INTO deletion_plan_steps (
    plan_id, step_no, kind, node_no, parent_node_no, edge_no, table_name, reference_name, action,
    is_leaf, waits, in_check, index_name, sql_text
)
SELECT
    p_plan_id,
    row_number() OVER (
        ORDER BY s.edge_no, s.part,
            CASE s.kind WHEN 'lock' THEN 1 WHEN 'remove' THEN 2 ELSE 3 END, s.kind
    ),
    s.kind,
    coalesce((e.edge ->> 'child')::integer, 0),
    (e.edge ->> 'parent')::integer,
    s.edge_no,
    coalesce(e.child ->> 'name', (SELECT n.node ->> 'name' FROM node AS n WHERE n.node_no = 0)),
    e.edge ->> 'reference',
    e.action,
    coalesce((e.edge ->> 'leaf')::boolean, FALSE),
    coalesce((e.edge ->> 'waits')::boolean, FALSE),
    coalesce((e.edge ->> 'check')::boolean, FALSE),
    -- NULL tells the run that this statement has to read a whole table.
    CASE WHEN s.is_indexed THEN coalesce(e.edge ->> 'index', 'key') END,
    s.sql_text
FROM statement AS s
LEFT JOIN edge AS e ON e.edge_no = s.edge_no;
$deletion_write_plan$;

COMMENT ON FUNCTION deletion_write_plan(bigint, jsonb) IS
'Store a compiled plan: its graph as rows, each step with its finished SQL.';
REVOKE ALL ON FUNCTION deletion_write_plan(bigint, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_removal.sql
-- deletion_sql_removal
-- Write the statements that remove a frame's own rows: lock, delete the childless, see the rest.
--
-- Parameters  p_node        the table
--             p_edge        the reference by which the frame was found; NULL: the job's roots
--             p_below       the references that point at the table
--             p_is_exact    TRUE: under the lock an emptied reference is known to be empty
-- Returns     one row a statement: kind lock (binds $1 frame; answers the number of rows found
--             and locked), remove and remove_now ($1 frame; rows, rows by job, 0) or left
--             ($1 frame; the frame of the rows that are still there)
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_removal(
    p_node jsonb,
    p_edge jsonb,
    p_below jsonb,
    p_is_exact boolean
) RETURNS TABLE (kind text, sql_text text)
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_removal$
WITH part AS (
    SELECT
        deletion_sql_frame((p_node -> 'columns') || coalesce(p_edge -> 'columns', '[]')) AS frame,
        p_node ->> 'sql' AS table_sql,
        deletion_sql_list(k.columns, 't.%2$s %4$s f.%1$s', ' AND ')
        || coalesce(' AND ' || (p_edge ->> 'found'), '') AS found,
        deletion_sql_list(k.columns, 't.%2$s') AS key_order,
        -- What references point at may have changed meanwhile; key and parent are as found.
        deletion_sql_list(
            k.columns || coalesce(p_edge -> 'columns', '[]'), '''%1$s'', f.%1$s'
        ) || coalesce(', ' || deletion_sql_list(k.others, '''%1$s'', t.%2$s'), '') AS frame_list,
        (
            SELECT string_agg(
                format(
                    E'\n        AND NOT EXISTS (SELECT 1 FROM ONLY %s AS c WHERE %s)',
                    b ->> 'sql', b ->> 'on_parent'
                ), '' ORDER BY (b ->> 'no')::integer
            )
            FROM jsonb_array_elements(p_below) AS b
        ) AS childless
    FROM (
        SELECT
            jsonb_agg(c ORDER BY n) FILTER (WHERE (c ->> 'key')::boolean) AS columns,
            jsonb_agg(c ORDER BY n) FILTER (WHERE NOT (c ->> 'key')::boolean) AS others
        FROM jsonb_array_elements(p_node -> 'columns') WITH ORDINALITY AS x (c, n)
    ) AS k
)

SELECT 'lock', format(
    $sql$WITH %1$s
SELECT count(*)
FROM (
    SELECT 1 FROM f INNER JOIN ONLY %2$s AS t ON %3$s ORDER BY %4$s FOR UPDATE OF t
) AS locked$sql$, p.frame, p.table_sql, p.found, p.key_order)
FROM part AS p
UNION ALL
-- Under the lock no reference that the engine knows can gain a row: look and delete in one.
SELECT 'remove', format(
    $sql$WITH %1$s,
d AS (
    DELETE FROM ONLY %2$s AS t
    USING f
    WHERE %3$s%4$s
    RETURNING f.j
)
SELECT coalesce(sum(g.n), 0)::bigint, jsonb_object_agg(g.j, g.n), 0::bigint
FROM (SELECT d.j, count(*) AS n FROM d GROUP BY d.j) AS g$sql$,
    p.frame, p.table_sql, p.found, coalesce(p.childless, ''))
FROM part AS p
UNION ALL
-- Where the references were emptied under the lock: a second look would read dead index entries.
SELECT 'remove_now', format(
    $sql$WITH %1$s,
d AS (
    DELETE FROM ONLY %2$s AS t
    USING f
    WHERE %3$s
    RETURNING f.j
)
SELECT coalesce(sum(g.n), 0)::bigint, jsonb_object_agg(g.j, g.n), 0::bigint
FROM (SELECT d.j, count(*) AS n FROM d GROUP BY d.j) AS g$sql$,
    p.frame, p.table_sql, p.found)
FROM part AS p
WHERE p_is_exact
UNION ALL
SELECT 'left', format(
    $sql$WITH %1$s
SELECT coalesce(jsonb_agg(jsonb_build_object('j', f.j, %4$s)), '[]'), count(*)
FROM f INNER JOIN ONLY %2$s AS t ON %3$s$sql$, p.frame, p.table_sql, p.found, p.frame_list)
FROM part AS p;
$deletion_sql_removal$;

COMMENT ON FUNCTION deletion_sql_removal(jsonb, jsonb, jsonb, boolean) IS
'The statements that remove a frame''s own rows: lock them, delete the childless, see the rest.';
REVOKE ALL ON FUNCTION deletion_sql_removal(jsonb, jsonb, jsonb, boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_fingerprint_references.sql
-- deletion_fingerprint_references
-- Digest a plan's foreign keys and triggers: cheap enough for every step of a run.
--
-- Parameters  p_tables   the plan's tables, target and dependants, as their OIDs
-- Returns     text, a hexadecimal MD5
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_fingerprint_references(p_tables oid[])
RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_fingerprint_references$
BEGIN
    -- Kept as a prepared plan: a function in SQL is planned anew in every transaction.
    RETURN (
        SELECT md5(concat_ws(
            '|',
            (
                SELECT string_agg(concat_ws(',', k.oid, k.conrelid, k.confrelid, k.conname, k.conkey,
                    k.confkey, k.confdeltype, k.confupdtype, k.confdelsetcols, k.conpfeqop), ';' ORDER BY k.oid)
                FROM pg_constraint AS k
                WHERE k.contype = 'f' AND k.confrelid = ANY (p_tables)
            ),
            -- A trigger may keep rows that a plan without one takes for gone.
            (
                SELECT string_agg(concat_ws(',', g.oid, g.tgtype, g.tgenabled), ';' ORDER BY g.oid)
                FROM pg_trigger AS g
                WHERE g.tgrelid = ANY (p_tables) AND NOT g.tgisinternal
            )
        ))
    );
END;
$deletion_fingerprint_references$;

COMMENT ON FUNCTION deletion_fingerprint_references(oid[]) IS
'Digest of the foreign keys that point at a plan''s tables, and of their triggers.';
REVOKE ALL ON FUNCTION deletion_fingerprint_references(oid[]) FROM PUBLIC;
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
