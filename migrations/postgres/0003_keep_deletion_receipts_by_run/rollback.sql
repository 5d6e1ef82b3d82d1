-- 0003_keep_deletion_receipts_by_run: rollback
-- Take back: keep deletion receipts by run on PostgreSQL.
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

-- Receipts by job again.
DROP VIEW vw_deletion_receipts;
ALTER TABLE deletion_receipts RENAME TO deletion_receipts_by_run;
ALTER TABLE deletion_receipts_by_run RENAME CONSTRAINT deletion_receipts_pkey
TO deletion_receipts_by_run_pkey;
CREATE TABLE deletion_receipts (
    job_id bigint NOT NULL,
    table_name text NOT NULL,
    action text NOT NULL,
    row_count bigint NOT NULL,
    updated_at timestamptz(6) NOT NULL DEFAULT current_timestamp,
    PRIMARY KEY (job_id, table_name, action),
    CONSTRAINT chk_dre_action
    CHECK (action IN ('delete', 'set_null', 'set_default', 'root_not_found')),
    CONSTRAINT chk_dre_row_count CHECK (row_count >= 0)
);

COMMENT ON TABLE deletion_receipts IS 'Rows changed, for each job, table and action.';
COMMENT ON COLUMN deletion_receipts.job_id IS 'The job.';
COMMENT ON COLUMN deletion_receipts.table_name IS 'The table, named as targets are.';
COMMENT ON COLUMN deletion_receipts.action IS
'delete, set_null, set_default; root_not_found: the row was gone already.';
COMMENT ON COLUMN deletion_receipts.row_count IS 'How many rows; 0 for root_not_found.';
COMMENT ON COLUMN deletion_receipts.updated_at IS 'When it last grew.';

INSERT INTO deletion_receipts (job_id, table_name, action, row_count, updated_at)
SELECT
    a.job_id, r.table_name, r.action, sum((r.row_counts ->> a.job_id::text)::bigint),
    max(r.updated_at)
FROM deletion_attempts AS a
INNER JOIN deletion_receipts_by_run AS r
    ON r.run_id = a.run_id AND r.row_counts ? a.job_id::text
GROUP BY a.job_id, r.table_name, r.action
HAVING r.action = 'root_not_found' OR sum((r.row_counts ->> a.job_id::text)::bigint) <> 0;

-- Other views read this one: it has to let go of the table that is dropped.
CREATE OR REPLACE VIEW vw_deletion_progress AS
SELECT
    j.id AS job_id,
    j.entity_table,
    j.entity_pk,
    a.run_id,
    r.slot,
    r.phase,
    r.job_count AS jobs_in_run,
    coalesce(
        (SELECT sum(c.row_count) FROM deletion_receipts AS c WHERE c.job_id = j.id), 0
    )::bigint AS rows_changed,
    r.rows_changed AS run_rows_changed,
    round(
        r.rows_changed
        / greatest(extract(EPOCH FROM r.last_step_at - r.started_at)::numeric, 0.001)
    )::bigint AS run_rows_per_second,
    r.step_count AS run_steps,
    r.batch_rows,
    r.retries,
    f.depth,
    (
        SELECT s.table_name
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = r.plan_id AND s.node_no = f.node_no
        LIMIT 1
    ) AS at_table,
    a.started_at,
    r.last_step_at,
    a.cancel_requested_at,
    -- The next worker that starts takes such a job up again.
    coalesce(
        r.ended_at IS NOT NULL OR r.server_id <> pg_postmaster_start_time()::text
        OR NOT EXISTS (SELECT 1 FROM pg_stat_activity AS p WHERE p.pid = r.session_id), TRUE
    ) AS is_orphaned,
    r.error
FROM deletion_jobs AS j
LEFT JOIN LATERAL (
    SELECT b.run_id, b.started_at, b.cancel_requested_at
    FROM deletion_attempts AS b
    WHERE b.job_id = j.id
    ORDER BY b.attempt_no DESC
    LIMIT 1
) AS a ON TRUE
LEFT JOIN deletion_runs AS r ON r.run_id = a.run_id
LEFT JOIN LATERAL (
    SELECT t.depth, t.node_no
    FROM deletion_frames AS t
    WHERE t.run_id = r.run_id
    ORDER BY t.depth DESC
    LIMIT 1
) AS f ON TRUE
WHERE j.status = 'running';
DROP TABLE deletion_receipts_by_run;

ALTER TABLE deletion_attempts RESET (fillfactor);

DROP INDEX idx_dj_created_by;
CREATE INDEX idx_dj_created_by ON deletion_jobs (created_by);
CREATE INDEX idx_dj_running ON deletion_jobs (id) WHERE status = 'running';

DROP INDEX idx_drn_open;
CREATE INDEX idx_drn_open ON deletion_runs (run_id) WHERE ended_at IS NULL;
ALTER TABLE deletion_runs DROP COLUMN jobs_open;
ALTER TABLE deletion_plans DROP COLUMN fan_out;
ALTER TABLE deletion_targets DROP COLUMN plain_key;

-- >>> drop
DROP VIEW IF EXISTS vw_deletion_health;
DROP VIEW IF EXISTS vw_deletion_problems;
DROP VIEW IF EXISTS vw_deletion_receipts;
DROP VIEW IF EXISTS vw_deletion_progress;
DROP FUNCTION IF EXISTS deletion_sweep_away;
DROP FUNCTION IF EXISTS deletion_uncount;
DROP FUNCTION IF EXISTS deletion_remove_levels;
DROP FUNCTION IF EXISTS deletion_expand;
DROP FUNCTION IF EXISTS deletion_keep_fan_out;
DROP FUNCTION IF EXISTS deletion_carry_over;
DROP FUNCTION IF EXISTS deletion_add_receipts;
DROP FUNCTION IF EXISTS deletion_sql_levels;
DROP FUNCTION IF EXISTS deletion_sql_frame;
DROP FUNCTION IF EXISTS deletion_plain_key;
-- <<<

-- >>> procedures/postgres/worker/deletion_walk_on.sql
-- deletion_walk_on
-- Go on with a check's walk for a moment, and stop jobs that hold more rows than they may.
--
-- Parameters  p_run_id   the run                   p_plan_id   its plan
-- Returns     boolean, TRUE where the walk has ended
-- Writes      deletion_walk_keys, deletion_attempts, deletion_jobs, deletion_frames   Commits  no
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
    v_jobs bigint[];
BEGIN
    LOOP
        v_read := deletion_walk(p_run_id, p_plan_id, FALSE);

        IF v_max_rows IS NOT NULL THEN
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

    RETURN v_read IS NULL;
END;
$deletion_walk_on$;

COMMENT ON FUNCTION deletion_walk_on(bigint, bigint) IS
'Go on with a check''s walk for a moment, and stop jobs that hold more rows than they may.';
REVOKE ALL ON FUNCTION deletion_walk_on(bigint, bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_walk.sql
-- deletion_walk
-- Read one layer of a walk: the rows that hang from some rows whose children are not yet known.
--
-- Parameters  p_walk_id   the walk                 p_plan_id   its plan
--             p_all       TRUE: every reference (preview); FALSE: those the check needs
-- Returns     bigint, the number of rows read; NULL: the walk has ended
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_walk(
    p_walk_id bigint,
    p_plan_id bigint,
    p_all boolean
) RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_walk$
DECLARE
    -- Read in pages: one answer of the engine is never larger than this.
    v_page CONSTANT bigint := 10000;
    v_node integer;
    v_frame jsonb;
    v_step deletion_plan_steps;
    v_keys jsonb;
    v_cursor jsonb;
    v_count bigint;
    v_read bigint := 0;
BEGIN
    SELECT w.node_no INTO v_node
    FROM deletion_walk_keys AS w
    WHERE w.walk_id = p_walk_id AND NOT w.is_expanded
    LIMIT 1;

    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    WITH taken AS (
        UPDATE deletion_walk_keys AS w
        SET is_expanded = TRUE
        WHERE w.ctid = ANY (ARRAY(
            SELECT x.ctid
            FROM deletion_walk_keys AS x
            WHERE x.walk_id = p_walk_id AND NOT x.is_expanded AND x.node_no = v_node
            LIMIT 200
        ))
        RETURNING w.job_id, w.keys
    )

    SELECT jsonb_agg(t.keys || jsonb_build_object('j', t.job_id)) INTO v_frame FROM taken AS t;

    FOR v_step IN
        SELECT s.*
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_plan_id AND s.kind = 'fetch_more' AND s.parent_node_no = v_node
            AND (p_all OR s.in_check)
        ORDER BY s.step_no
    LOOP
        v_cursor := NULL;

        LOOP
            PERFORM deletion_allow_hash(v_step.index_name IS NULL);
            EXECUTE v_step.sql_text INTO v_keys, v_count USING v_frame, v_page, v_cursor;
            PERFORM deletion_allow_hash(FALSE);
            -- Two of the frame's rows may hold the same child by one reference of two jobs only.
            INSERT INTO deletion_walk_keys (
                walk_id, job_id, node_no, fate, key_hash, edge_no, keys, is_expanded
            )
            SELECT
                p_walk_id, (k.value ->> 'j')::bigint, v_step.node_no,
                CASE v_step.action WHEN 'cascade' THEN 'delete' ELSE v_step.action END,
                deletion_frame_hash(k.value), v_step.edge_no, k.value - 'j',
                v_step.action <> 'cascade'
            FROM jsonb_array_elements(v_keys) AS k
            ON CONFLICT DO NOTHING;
            v_read := v_read + v_count;
            EXIT WHEN v_count < v_page;
            v_cursor := v_keys -> -1;
        END LOOP;
    END LOOP;

    RETURN v_read;
END;
$deletion_walk$;

COMMENT ON FUNCTION deletion_walk(bigint, bigint, boolean) IS
'Read one layer of a walk: the rows that hang from some rows whose children are not yet known.';
REVOKE ALL ON FUNCTION deletion_walk(bigint, bigint, boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_sweep.sql
-- deletion_sweep
-- Fetch, lock, empty and remove a frame's worth of rows at once, where all of it fits the batch.
--
-- Parameters  p_walk   the walk                    p_step   the plan's fetch step
-- Returns     the walk; where the rows do not fit, or the plan has no such statements, they are
--             its present frame, as deletion_push leaves them
-- Errors      40001 others changed the rows meanwhile: the step is tried again, row by row
-- Writes      the application's tables, deletion_receipts     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sweep(
    p_walk deletion_cursor,
    p_step deletion_plan_steps
) RETURNS deletion_cursor
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sweep$
DECLARE
    v_walk deletion_cursor := p_walk;
    v_run deletion_runs := p_walk.run;
    v_frame deletion_frames := p_walk.frame;
    v_fan_out float8 := (v_run.state -> 'fan' ->> p_step.node_no::text)::float8;
    -- A little less than what fits by the rows seen so far: too many cost a second look.
    v_limit integer := CAST(floor(0.97 * p_walk.rows_left / (1 + v_fan_out)) AS integer);
    v_one text := CASE WHEN v_run.job_count = 1 THEN '_one' ELSE '' END;
    v_take text;
    v_remove text;
    v_jobs bigint[];
    v_keys bigint[];
    v_parents bigint[];
    v_below record;
    v_left bigint;
    v_count bigint;
    v_by_job jsonb;
    v_found jsonb := '[]'::jsonb;
BEGIN
    SELECT
        min(s.sql_text) FILTER (WHERE s.kind = 'take' || v_one),
        min(s.sql_text) FILTER (WHERE s.kind = 'remove_all')
    INTO v_take, v_remove
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = v_run.plan_id AND s.edge_no = p_step.edge_no;

    -- Where rows went while they were counted, they may do so again (a trigger takes them): each
    -- such step would be lost, and the batch halved.
    IF
        v_take IS NULL OR coalesce(v_limit, 0) = 0 OR v_run.retries > 0
        OR v_run.error LIKE '40001:%'
    THEN
        RETURN deletion_push(p_walk, p_step);
    END IF;

    -- In a statement of its own: a child that was committed while it waited is seen by the next.
    EXECUTE v_take INTO v_jobs, v_keys, v_parents USING v_frame.keys, v_limit;

    IF coalesce(cardinality(v_keys), 0) < v_limit THEN
        v_frame.edge_pos := p_step.edge_no;
        v_walk.frame := v_frame;
    END IF;

    IF v_keys IS NULL THEN
        RETURN v_walk;
    END IF;

    v_left := p_walk.rows_left - cardinality(v_keys);

    FOR v_below IN
        SELECT c.sql_text AS count_sql, w.sql_text AS sweep_sql, w.table_name
        FROM deletion_plan_steps AS w
        INNER JOIN deletion_plan_steps AS c ON c.plan_id = w.plan_id AND c.edge_no = w.edge_no
        WHERE
            w.plan_id = v_run.plan_id AND w.parent_node_no = p_step.node_no AND w.kind = 'sweep'
            AND c.kind = 'count' || v_one
        ORDER BY w.edge_no
    LOOP
        EXECUTE v_below.count_sql INTO v_count, v_by_job USING v_jobs, v_keys, v_parents, v_left + 1;
        v_left := v_left - v_count;
        EXIT WHEN v_left < 0;
        CONTINUE WHEN v_count = 0;
        v_found := v_found || jsonb_build_object(
            'sql', v_below.sweep_sql, 'table', v_below.table_name, 'rows', v_count,
            'jobs', coalesce(v_by_job, jsonb_build_object(v_jobs[1], v_count))
        );
    END LOOP;

    IF v_left < 0 THEN
        -- More than was expected, and nothing changed yet: they are walked as any other frame.
        RETURN deletion_push(p_walk, p_step);
    END IF;

    v_found := v_found || jsonb_build_object(
        'sql', v_remove, 'table', p_step.table_name, 'rows', cardinality(v_keys),
        'jobs', CASE
            WHEN v_run.job_count = 1 THEN jsonb_build_object(v_jobs[1], cardinality(v_keys))
            ELSE (
                SELECT jsonb_object_agg(g.job_id, g.row_count)
                FROM (
                    SELECT k.job_id, count(*) AS row_count
                    FROM unnest(v_jobs) AS k (job_id)
                    GROUP BY k.job_id
                ) AS g
            )
        END
    );
    v_count := deletion_sweep_away(v_found, v_jobs, v_keys, v_parents);
    v_run.rows_changed := v_run.rows_changed + v_count;
    v_run.state := v_run.state || jsonb_build_object('fan', (v_run.state -> 'fan')
        || jsonb_build_object(p_step.node_no::text, v_count::float8 / cardinality(v_keys) - 1));
    v_walk.rows_left := v_walk.rows_left - v_count;
    v_walk.run := v_run;
    RETURN v_walk;
END;
$deletion_sweep$;

COMMENT ON FUNCTION deletion_sweep(deletion_cursor, deletion_plan_steps) IS
'Fetch, lock, empty and remove a frame''s worth of rows at once, where it fits the batch.';
REVOKE ALL ON FUNCTION deletion_sweep(deletion_cursor, deletion_plan_steps) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_sweep_away.sql
-- deletion_sweep_away
-- Delete what deletion_sweep has locked and counted, and write the receipts.
--
-- Parameters  p_found   jsonb array in the order of deletion: sql, table, rows, jobs (job -> rows)
--             p_jobs, p_keys, p_parents   the locked rows
-- Returns     bigint, the number of rows deleted
-- Errors      40001 others took some of the rows meanwhile: the step is tried again, row by row
-- Writes      the application's tables, deletion_receipts     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sweep_away(
    p_found jsonb,
    p_jobs bigint[],
    p_keys bigint[],
    p_parents bigint[]
) RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sweep_away$
DECLARE
    v_item jsonb;
    v_rows bigint;
    v_total bigint := 0;
BEGIN
    FOR v_item IN SELECT x.value FROM jsonb_array_elements(p_found) AS x LOOP
        EXECUTE v_item ->> 'sql' USING p_jobs, p_keys, p_parents;
        GET DIAGNOSTICS v_rows = ROW_COUNT;

        -- Somebody took some of these rows away in between; whose they were, nobody counted.
        IF v_rows <> (v_item ->> 'rows')::bigint THEN
            RAISE EXCEPTION USING
                ERRCODE = 'serialization_failure',
                MESSAGE = format(
                    'rows of %s changed while they were counted (%s of %s found)',
                    v_item ->> 'table', v_rows, v_item ->> 'rows'
                );
        END IF;

        v_total := v_total + v_rows;
    END LOOP;

    INSERT INTO deletion_receipts AS r (job_id, table_name, action, row_count)
    SELECT b.key::bigint, x.value ->> 'table', 'delete', b.value::bigint
    FROM jsonb_array_elements(p_found) AS x
    CROSS JOIN LATERAL jsonb_each_text(x.value -> 'jobs') AS b
    ON CONFLICT (job_id, table_name, action) DO UPDATE
    SET row_count = r.row_count + excluded.row_count, updated_at = clock_timestamp();
    RETURN v_total;
END;
$deletion_sweep_away$;

COMMENT ON FUNCTION deletion_sweep_away(jsonb, bigint[], bigint[], bigint[]) IS
'Delete what deletion_sweep has locked and counted, and write the receipts.';
REVOKE ALL ON FUNCTION deletion_sweep_away(jsonb, bigint[], bigint[], bigint[]) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_step.sql
-- deletion_step
-- Do one bounded step of a run; the caller commits it.
--
-- Parameters  p_run_id, p_token   the run, as it was claimed
--             p_until             when the worker's call should end
-- Returns     text: more, retry (after an error that passes), ended, lost or interrupted
-- Writes      the application's tables, and all tables of a run     Commits  no
-- Execute     deletion_jobs_worker, deletion_jobs_operator

CREATE OR REPLACE FUNCTION deletion_step(
    p_run_id bigint,
    p_token uuid,
    p_until timestamptz
) RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
-- A policy would make deletes silently partial: better an error. Hash and merge joins would
-- read whole tables where the frame's keys find their rows by index.
SET row_security = off
SET jit = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET timezone = 'UTC'
SET datestyle = 'ISO'
SET intervalstyle = 'postgres'
SET bytea_output = 'hex'
AS $deletion_step$
DECLARE
    v_run deletion_runs;
    v_state text;
    v_code text;
    v_message text;
BEGIN
    PERFORM set_config('lock_timeout', deletion_setting_int('lock_timeout_ms')::text, TRUE);

    BEGIN
        v_run := deletion_fence(p_run_id, p_token);

        IF v_run.phase = 'check' THEN
            v_state := deletion_check(v_run);
        ELSE
            v_state := deletion_advance_run(v_run, p_until);
        END IF;

        -- What is deferred fails here, inside the handler, and not at COMMIT.
        SET CONSTRAINTS ALL IMMEDIATE;

        -- Rows and receipts of a batch are lost together or not at all; the end of a run waits.
        IF v_state = 'more' AND deletion_setting('synchronous_batches') = 'false' THEN
            PERFORM set_config('synchronous_commit', 'off', TRUE);
        END IF;

        RETURN v_state;
    EXCEPTION
        WHEN query_canceled THEN
            v_state := 'interrupted';
        WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS v_code = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT;
            v_state := 'failed';
    END;

    IF v_code = 'JD010' THEN
        RETURN 'lost';
    END IF;

    v_run := deletion_fence(p_run_id, p_token);
    RETURN deletion_step_failed(v_run, v_state = 'interrupted', v_code, v_message);
EXCEPTION
    WHEN SQLSTATE 'JD010' THEN
        RETURN 'lost';
END;
$deletion_step$;

COMMENT ON FUNCTION deletion_step(bigint, uuid, timestamptz) IS
'Do one bounded step of a run; the caller commits it.';
REVOKE ALL ON FUNCTION deletion_step(bigint, uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_step(bigint, uuid, timestamptz)
TO deletion_jobs_worker, deletion_jobs_operator;
-- <<<

-- >>> procedures/postgres/worker/deletion_slice.sql
-- deletion_slice
-- Dissolve a run whose time is up: its heavy jobs go on alone, at the back; the others as before.
--
-- Parameters  p_run_id   the run
-- Writes      deletion_runs, deletion_attempts, deletion_jobs, deletion_frames      Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_slice(p_run_id bigint)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_slice$
DECLARE
    -- Who has had a batch of its own, or more than half of what the run works at, is heavy. The
    -- small ones go on together: alone each of them would cost a run.
    v_heavy bigint[] := ARRAY(
        SELECT a.job_id
        FROM deletion_attempts AS a
        WHERE
            a.run_id = p_run_id AND a.outcome IS NULL
            AND (
                (
                    SELECT sum(r.row_count) FROM deletion_receipts AS r WHERE r.job_id = a.job_id
                ) >= deletion_setting_int('batch_rows')
                OR a.job_id IN (
                    SELECT (k.value ->> 'j')::bigint
                    FROM deletion_frames AS f
                    CROSS JOIN LATERAL jsonb_array_elements(f.keys) AS k
                    WHERE
                        f.run_id = p_run_id
                        AND f.depth = (
                            SELECT max(g.depth) FROM deletion_frames AS g WHERE g.run_id = p_run_id
                        )
                    GROUP BY f.key_count, k.value ->> 'j'
                    HAVING count(*) * 2 > f.key_count
                )
            )
    );
BEGIN
    PERFORM deletion_settle(p_run_id, NULL, 'sliced', NULL, FALSE, v_heavy);
    PERFORM deletion_end_run(p_run_id, 'sliced', NULL);
END;
$deletion_slice$;

COMMENT ON FUNCTION deletion_slice(bigint) IS
'Dissolve a run whose time is up: its heavy jobs go on alone, at the back of the queue.';
REVOKE ALL ON FUNCTION deletion_slice(bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_remove.sql
-- deletion_remove
-- Remove the present frame's own rows: lock them, delete the childless, decide about the rest.
--
-- Parameters  p_walk   the walk
-- Returns     the walk, one frame further down, or in another pass over the same
-- Errors      JD006 rows stay and nothing more can be done about them
-- Writes      the application's table, deletion_receipts     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_remove(p_walk deletion_cursor)
RETURNS deletion_cursor
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_remove$
DECLARE
    v_walk deletion_cursor := p_walk;
    v_run deletion_runs := p_walk.run;
    v_frame deletion_frames := p_walk.frame;
    v_lock text;
    v_remove deletion_plan_steps;
    v_left text;
    v_found bigint;
    v_rows bigint;
    v_by_job jsonb;
    v_still bigint;
    v_rest jsonb;
BEGIN
    -- Cancelled jobs or other sessions may have taken the last key out of a frame in the middle.
    IF v_frame.key_count = 0 THEN
        RETURN deletion_pop(v_walk);
    END IF;

    SELECT s.* INTO STRICT v_remove
    FROM deletion_plan_steps AS s
    WHERE
        s.plan_id = v_run.plan_id AND s.edge_no = v_frame.edge_no
        AND s.kind = CASE WHEN p_walk.is_locked THEN 'remove_now' ELSE 'remove' END;
    SELECT
        min(s.sql_text) FILTER (WHERE s.kind = 'lock'),
        min(s.sql_text) FILTER (WHERE s.kind = 'left')
    INTO v_lock, v_left
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = v_run.plan_id AND s.edge_no = v_frame.edge_no;

    IF p_walk.is_locked THEN
        v_found := v_frame.key_count;
    ELSE
        -- Two statements: a child that was committed while the lock waited is seen by the second.
        EXECUTE v_lock INTO v_found USING v_frame.keys;
    END IF;

    PERFORM deletion_allow_hash(TRUE) WHERE v_remove.index_name IS NULL;
    EXECUTE v_remove.sql_text INTO v_rows, v_by_job, v_still USING v_frame.keys;
    PERFORM deletion_allow_hash(FALSE) WHERE v_remove.index_name IS NULL;
    PERFORM deletion_add_receipts(v_remove.table_name, 'delete', v_by_job);
    v_run.rows_changed := v_run.rows_changed + v_rows;
    v_walk.rows_left := v_walk.rows_left - v_rows;

    IF v_rows = v_found THEN
        PERFORM deletion_uncount(v_remove.table_name, v_frame.keys) WHERE v_run.state ? 'set';
        -- What was not found any more has moved to another parent, or is gone already.
        v_run.state := v_run.state || jsonb_build_object('fan', coalesce(v_run.state -> 'fan', '{}')
            || jsonb_build_object(v_frame.node_no::text, v_frame.rows_here::float8 / v_frame.key_count));
        v_walk.run := v_run;
        RETURN deletion_pop(v_walk);
    END IF;

    EXECUTE v_left INTO v_rest, v_frame.key_count USING v_frame.keys;
    PERFORM deletion_uncount(v_remove.table_name, (
        SELECT jsonb_agg(k.value)
        FROM jsonb_array_elements(v_frame.keys) AS k
        WHERE NOT v_rest @> jsonb_build_array(k.value)
    )) WHERE v_run.state ? 'set' AND v_rows > 0;
    v_frame.keys := v_rest;
    v_walk.run := v_run;
    v_walk.frame := v_frame;
    RETURN deletion_left_over(v_walk, v_remove);
END;
$deletion_remove$;

COMMENT ON FUNCTION deletion_remove(deletion_cursor) IS
'Remove the present frame''s own rows: lock them, delete the childless, decide about the rest.';
REVOKE ALL ON FUNCTION deletion_remove(deletion_cursor) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_uncount.sql
-- deletion_uncount
-- Take rows that are gone out of the receipts of what was set: a row counts once, by its end.
--
-- Parameters  p_table_name   the table, as plans name it
--             p_keys         a frame of its rows that were removed
-- Writes      deletion_receipts, deletion_walk_keys     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_uncount(
    p_table_name text,
    p_keys jsonb
) RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_uncount$
WITH forgotten AS (
    DELETE FROM deletion_walk_keys AS w
    USING jsonb_array_elements(p_keys) AS k
    WHERE
        w.walk_id = 0 AND w.job_id = (k.value ->> 'j')::bigint AND w.node_no = -1
        AND w.fate = 'set_null'
        AND w.key_hash = deletion_key_hash(
            jsonb_build_array(p_table_name) || (
                SELECT jsonb_agg(e.value ORDER BY substr(e.key, 2)::integer)
                FROM jsonb_each(k.value) AS e
                WHERE e.key LIKE 'k%'
            )
        )
    RETURNING w.job_id, w.keys ->> 'action' AS action
)

UPDATE deletion_receipts AS r
SET row_count = r.row_count - f.row_count
FROM (
    SELECT g.job_id, g.action, count(*) AS row_count
    FROM forgotten AS g
    GROUP BY g.job_id, g.action
) AS f
WHERE r.job_id = f.job_id AND r.table_name = p_table_name AND r.action = f.action;

DELETE FROM deletion_receipts AS r
WHERE
    r.table_name = p_table_name AND r.row_count = 0 AND r.action IN ('set_null', 'set_default')
    AND r.job_id IN (SELECT (k.value ->> 'j')::bigint FROM jsonb_array_elements(p_keys) AS k);
$deletion_uncount$;

COMMENT ON FUNCTION deletion_uncount(text, jsonb) IS
'Take rows that are gone out of the receipts of what was set.';
REVOKE ALL ON FUNCTION deletion_uncount(text, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_release.sql
-- deletion_release
-- Free a run's session lock, after what ended the run was committed.
--
-- Parameters  p_run_id   the run
-- Writes      nothing                              Commits  no
-- Execute     deletion_jobs_worker, deletion_jobs_operator

CREATE OR REPLACE FUNCTION deletion_release(p_run_id bigint)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $deletion_release$
DECLARE
    v_key bigint := deletion_lock_key('run', p_run_id);
BEGIN
    WHILE deletion_lock_holder(v_key) = pg_backend_pid() LOOP
        PERFORM pg_advisory_unlock(v_key);
    END LOOP;
END;
$deletion_release$;

COMMENT ON FUNCTION deletion_release(bigint) IS
'Free a run''s session lock, after what ended the run was committed.';
REVOKE ALL ON FUNCTION deletion_release(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_release(bigint) TO deletion_jobs_worker, deletion_jobs_operator;
-- <<<

-- >>> procedures/postgres/worker/deletion_recover.sql
-- deletion_recover
-- Take back the jobs of runs whose worker is gone, and those that finish had to leave.
--
-- Parameters  none
-- Returns     integer, the number of runs found lost
-- Writes      deletion_runs, deletion_attempts, deletion_jobs, deletion_frames      Commits  no
-- Execute     deletion_jobs_worker, deletion_jobs_operator

CREATE OR REPLACE FUNCTION deletion_recover()
RETURNS integer
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $deletion_recover$
DECLARE
    v_run deletion_runs;
    v_run_id bigint;
    v_jobs bigint[];
    v_lost integer := 0;
BEGIN
    FOR v_run IN
        SELECT r.* FROM deletion_runs AS r WHERE r.ended_at IS NULL ORDER BY r.run_id
        FOR UPDATE SKIP LOCKED
    LOOP
        -- Looked at under the row's lock: a worker's step holds that lock while it works.
        CONTINUE WHEN deletion_is_alive(v_run);
        v_jobs := ARRAY(SELECT a.job_id FROM deletion_attempts AS a WHERE a.run_id = v_run.run_id);
        -- A death counts only against a job that was alone and got nowhere: it may be the poison.
        PERFORM deletion_settle(
            v_run.run_id, NULL, 'lost', 'the worker''s session or its server was gone',
            v_run.alone AND v_run.rows_changed = 0, v_jobs
        );
        PERFORM deletion_end_run(v_run.run_id, 'lost', 'the worker''s session was gone');
        v_lost := v_lost + 1;
    END LOOP;

    FOR v_run_id, v_jobs IN
        SELECT a.run_id, array_agg(j.id)
        FROM deletion_jobs AS j
        INNER JOIN deletion_attempts AS a ON a.job_id = j.id
        INNER JOIN deletion_runs AS r ON r.run_id = a.run_id AND r.ended_at IS NOT NULL
        WHERE
            j.status = 'running'
            AND a.attempt_no = (
                SELECT max(b.attempt_no) FROM deletion_attempts AS b WHERE b.job_id = j.id
            )
        GROUP BY a.run_id
    LOOP
        -- Where even the outcome could not be written the job runs again and finds what is left.
        PERFORM deletion_settle(v_run_id, v_jobs, 'returned', NULL, FALSE, NULL);
    END LOOP;

    RETURN v_lost;
END;
$deletion_recover$;

COMMENT ON FUNCTION deletion_recover() IS
'Take back the jobs of runs whose worker is gone, and those that finish had to leave.';
REVOKE ALL ON FUNCTION deletion_recover() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_recover() TO deletion_jobs_worker, deletion_jobs_operator;
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

        -- From here on a row that moves would leave its children behind, deleted.
        IF NOT v_walk.is_locked THEN
            v_child := deletion_hold_frame(v_run.plan_id, v_walk.frame);
            v_walk.frame := CASE
                WHEN v_child.run_id IS NOT NULL THEN v_child ELSE v_walk.frame
            END;
        END IF;
    END IF;

    RETURN v_walk;
END;
$deletion_push$;

COMMENT ON FUNCTION deletion_push(deletion_cursor, deletion_plan_steps) IS
'Fetch a frame''s worth of keys by one reference and make them the walk''s present frame.';
REVOKE ALL ON FUNCTION deletion_push(deletion_cursor, deletion_plan_steps) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_hold_frames.sql
-- deletion_hold_frames
-- Hold the rows of a run's stored frames where they were found, until the step commits.
--
-- Parameters  p_run   the run, fenced
-- Writes      deletion_frames; locks the frames' rows     Commits  no
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
    v_frame deletion_frames;
    v_held deletion_frames;
BEGIN
    FOR v_frame IN
        SELECT f.* FROM deletion_frames AS f WHERE f.run_id = p_run.run_id ORDER BY f.depth
    LOOP
        v_held := deletion_hold_frame(p_run.plan_id, v_frame);
        CONTINUE WHEN v_held.run_id IS NULL;

        -- What lies above hung from these rows; it is found again where it still does.
        UPDATE deletion_frames AS f
        SET keys = v_held.keys, key_count = v_held.key_count, edge_pos = 0, fetch_cursor = NULL
        WHERE f.run_id = v_frame.run_id AND f.depth = v_frame.depth;
        DELETE FROM deletion_frames AS f
        WHERE f.run_id = v_frame.run_id AND f.depth > v_frame.depth;
        RETURN;
    END LOOP;
END;
$deletion_hold_frames$;

COMMENT ON FUNCTION deletion_hold_frames(deletion_runs) IS
'Hold the rows of a run''s stored frames where they were found, until the step commits.';
REVOKE ALL ON FUNCTION deletion_hold_frames(deletion_runs) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_refresh_frame.sql
-- deletion_refresh_frame
-- Read a frame's rows again: those that have moved or gone leave it, changed values come in.
--
-- Parameters  p_plan_id   the plan                 p_frame   the frame
-- Returns     the frame; roots stay in it, since what was declared may hang from a missing one
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_refresh_frame(
    p_plan_id bigint,
    p_frame deletion_frames
) RETURNS deletion_frames
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_refresh_frame$
DECLARE
    v_frame deletion_frames := p_frame;
    v_sql text;
BEGIN
    -- The key of a root is what its job names; only other columns of it can change.
    IF v_frame.edge_no = 0 AND NOT jsonb_path_exists(v_frame.keys, '$[*].u1') THEN
        RETURN v_frame;
    END IF;

    SELECT s.sql_text INTO STRICT v_sql
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = p_plan_id AND s.edge_no = v_frame.edge_no AND s.kind = 'left';
    EXECUTE v_sql INTO v_frame.keys, v_frame.key_count USING p_frame.keys;

    IF v_frame.edge_no = 0 THEN
        SELECT jsonb_agg(
            (
                SELECT jsonb_object_agg(e.key, e.value)
                FROM jsonb_each(was.value) AS e
                WHERE e.key NOT LIKE 'u%'
            ) || coalesce(now.value, '{}')
            ORDER BY was.ordinality
        )
        INTO v_frame.keys
        FROM jsonb_array_elements(p_frame.keys) WITH ORDINALITY AS was (value, ordinality)
        LEFT JOIN jsonb_array_elements(v_frame.keys) AS now (value)
            ON now.value -> 'j' = was.value -> 'j';
        v_frame.key_count := p_frame.key_count;
    END IF;

    RETURN v_frame;
END;
$deletion_refresh_frame$;

COMMENT ON FUNCTION deletion_refresh_frame(bigint, deletion_frames) IS
'A frame without the rows that have moved or gone, and with their present values.';
REVOKE ALL ON FUNCTION deletion_refresh_frame(bigint, deletion_frames) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_lock_frame.sql
-- deletion_lock_frame
-- Lock a frame's rows before their children are emptied, where the plan can make use of it.
--
-- Parameters  p_plan_id   the plan                 p_frame   the frame
-- Returns     the frame, locked, without rows that have moved or gone; NULL: the plan cannot
--             make use of the lock
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

    EXECUTE v_sql INTO v_found USING p_frame.keys;

    -- The values that children point at may have changed while the lock was waited for.
    IF v_found < p_frame.key_count OR jsonb_path_exists(p_frame.keys, '$[*].u1') THEN
        RETURN deletion_refresh_frame(p_plan_id, p_frame);
    END IF;

    RETURN p_frame;
END;
$deletion_lock_frame$;

COMMENT ON FUNCTION deletion_lock_frame(bigint, deletion_frames) IS
'Lock a frame''s rows before their children are emptied, where the plan can make use of it.';
REVOKE ALL ON FUNCTION deletion_lock_frame(bigint, deletion_frames) FROM PUBLIC;
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

    v_walk.frame := v_frame;
    RETURN v_walk;
END;
$deletion_load_frame$;

COMMENT ON FUNCTION deletion_load_frame(deletion_cursor) IS
'Make the run''s topmost stored frame the walk''s present one; a frame over the batch is split.';
REVOKE ALL ON FUNCTION deletion_load_frame(deletion_cursor) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_lock_key.sql
-- deletion_lock_key
-- Name the advisory lock of a run or of a worker's slot, unlike that of any other installation.
--
-- Parameters  p_kind   run or slot                 p_id   number of the run or slot
-- Returns     bigint, for pg_try_advisory_lock
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_lock_key('slot', 1);

CREATE OR REPLACE FUNCTION deletion_lock_key(
    p_kind text,
    p_id bigint
) RETURNS bigint
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_lock_key$
-- The table's OID is the installation: it stays when a schema is renamed.
SELECT hashtextextended(
    format('deletion_jobs:%s:%s:%s', p_kind, 'deletion_jobs'::regclass::oid, p_id), 0
);
$deletion_lock_key$;

COMMENT ON FUNCTION deletion_lock_key(text, bigint) IS
'The advisory lock of a run or of a worker''s slot.';
REVOKE ALL ON FUNCTION deletion_lock_key(text, bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_lock_holder.sql
-- deletion_lock_holder
-- Say which session holds an advisory lock.
--
-- Parameters  p_key   the lock's key
-- Returns     integer, the session's process id; NULL: nobody holds it
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_lock_holder(p_key bigint)
RETURNS integer
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_lock_holder$
SELECT l.pid
FROM pg_locks AS l
INNER JOIN pg_database AS d ON d.oid = l.database
WHERE
    l.locktype = 'advisory' AND l.granted AND d.datname = current_database()
    AND l.objsubid = 1
    AND l.classid = ((p_key >> 32) & 4294967295)::bigint::oid
    AND l.objid = (p_key & 4294967295)::bigint::oid;
$deletion_lock_holder$;

COMMENT ON FUNCTION deletion_lock_holder(bigint) IS
'The session that holds an advisory lock.';
REVOKE ALL ON FUNCTION deletion_lock_holder(bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_find_roots.sql
-- deletion_find_roots
-- Find the rows that a run's jobs name, and push them as the run's first frame.
--
-- Parameters  p_run   the run, fenced
-- Writes      deletion_frames, deletion_receipts; deletion_attempts and deletion_jobs of jobs
--             whose key does not parse (JD002)     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_find_roots(p_run deletion_runs)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_find_roots$
DECLARE
    v_roots jsonb;
    v_step deletion_plan_steps;
    v_keys jsonb;
    v_count bigint;
BEGIN
    -- All at once: a subtransaction for each key would cost more than all that follows.
    BEGIN
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'j', j.id, 'pk', deletion_parse_key(p_run.entity_table, j.entity_pk)
        ) ORDER BY j.id), '[]')
        INTO v_roots
        FROM deletion_attempts AS a
        INNER JOIN deletion_jobs AS j ON j.id = a.job_id
        WHERE a.run_id = p_run.run_id AND a.outcome IS NULL;
    EXCEPTION
        WHEN SQLSTATE 'JD002' THEN
            v_roots := deletion_parse_roots(p_run);
    END;

    SELECT s.* INTO STRICT v_step
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = p_run.plan_id AND s.kind = 'roots';
    EXECUTE v_step.sql_text INTO v_keys, v_count USING v_roots;

    IF v_count > 0 THEN
        INSERT INTO deletion_frames (run_id, depth, node_no, edge_no, keys, key_count,
            edge_pos, rows_at_pass, rows_here)
        VALUES (p_run.run_id, 0, 0, 0, v_keys, v_count, 0, p_run.rows_changed, 0);
    END IF;

    -- A job that comes again after a crash has removed its root itself: its receipts know.
    INSERT INTO deletion_receipts (job_id, table_name, action, row_count)
    SELECT (k ->> 'j')::bigint, v_step.table_name, 'root_not_found', 0
    FROM jsonb_array_elements(v_keys) AS k
    WHERE
        k ? 'm'
        AND NOT EXISTS (
            SELECT 1 FROM deletion_receipts AS r
            WHERE
                r.job_id = (k ->> 'j')::bigint AND r.table_name = v_step.table_name
                AND r.action = 'delete'
                -- Receipts of an earlier request of the same row are another story.
                AND r.updated_at >= (
                    SELECT min(a.started_at)
                    FROM deletion_attempts AS a
                    WHERE a.job_id = r.job_id AND NOT a.is_past
                )
        )
    ON CONFLICT DO NOTHING;
END;
$deletion_find_roots$;

COMMENT ON FUNCTION deletion_find_roots(deletion_runs) IS
'Find the rows that a run''s jobs name, and push them as the run''s first frame.';
REVOKE ALL ON FUNCTION deletion_find_roots(deletion_runs) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_settle.sql
-- deletion_settle
-- End the attempts of a run's jobs: write how each ended, then carry it over to the jobs.
--
-- Parameters  p_run_id   the run
--             p_jobs     the jobs; NULL: all whose attempt is open
--             p_outcome  done, failed, retry, sliced, returned or lost
--             p_error    what went wrong; NULL: nothing
--             p_counted  TRUE: the attempt counts towards max_attempts
--             p_alone    the jobs that shall be claimed alone next time
-- Returns     integer, the number of attempts ended
-- Writes      deletion_attempts, deletion_jobs     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_settle(
    p_run_id bigint,
    p_jobs bigint[],
    p_outcome text,
    p_error text,
    p_counted boolean,
    p_alone bigint[]
) RETURNS integer
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_settle$
DECLARE
    v_ended integer;
BEGIN
    -- Never wait for a caller: an attempt that a cancel holds open is settled by recovery.
    WITH open AS MATERIALIZED (
        SELECT a.job_id, a.attempt_no
        FROM deletion_attempts AS a
        WHERE
            a.run_id = p_run_id AND a.outcome IS NULL
            AND (p_jobs IS NULL OR a.job_id = ANY (p_jobs))
        FOR UPDATE SKIP LOCKED
    )

    UPDATE deletion_attempts AS a
    SET
        outcome = CASE
            -- A cancelled job's keys were skipped: it is never done, whatever became of the rest.
            WHEN a.cancel_requested_at IS NOT NULL AND p_outcome <> 'failed' THEN 'cancelled'
            ELSE p_outcome
        END,
        error = p_error,
        ended_at = clock_timestamp(),
        is_counted = p_counted,
        alone_next = coalesce(a.job_id = ANY (p_alone), FALSE)
    FROM open AS o
    WHERE a.job_id = o.job_id AND a.attempt_no = o.attempt_no;

    GET DIAGNOSTICS v_ended = ROW_COUNT;
    PERFORM deletion_carry_over(p_run_id);
    RETURN v_ended;
END;
$deletion_settle$;

COMMENT ON FUNCTION deletion_settle(bigint, bigint[], text, text, boolean, bigint[]) IS
'End the attempts of a run''s jobs: write how each ended, then carry it over to the jobs.';
REVOKE ALL ON FUNCTION deletion_settle(bigint, bigint[], text, text, boolean, bigint[]) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_due.sql
-- deletion_due
-- Lock the jobs that are due first and choose those that can be walked together.
--
-- Parameters  none
-- Returns     one row: the jobs, their target and mode, and whether the first must go alone;
--             jobs is NULL where nothing is due
-- Writes      nothing; locks at most jobs_per_run rows of deletion_jobs     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_due()
RETURNS TABLE (jobs bigint[], entity_table text, hard_delete boolean, alone boolean)
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_due$
DECLARE
    -- A volatile clock in the condition would keep it from bounding the index scan.
    v_now timestamptz := clock_timestamp();
BEGIN
    RETURN QUERY
    -- The expression and its index are one: rows come in due order, and only these are locked.
    WITH due AS MATERIALIZED (
        SELECT j.id, j.entity_table, j.hard_delete, coalesce(j.scheduled_at, j.created_at) AS due_at
        FROM deletion_jobs AS j
        WHERE j.status = 'pending' AND coalesce(j.scheduled_at, j.created_at) <= v_now
        ORDER BY coalesce(j.scheduled_at, j.created_at), j.id
        LIMIT least(deletion_setting_int('jobs_per_run'), deletion_setting_int('batch_rows'))
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
    )

    SELECT array_agg(c.id ORDER BY c.id), l.entity_table::text, l.hard_delete, l.alone
    FROM leader AS l
    INNER JOIN candidate AS c
        ON
            c.id = l.id
            OR (
                NOT l.alone AND NOT c.alone
                AND c.entity_table = l.entity_table AND c.hard_delete = l.hard_delete
            )
    GROUP BY l.entity_table, l.hard_delete, l.alone;
END;
$deletion_due$;

COMMENT ON FUNCTION deletion_due() IS
'Lock the jobs that are due first and choose those that can be walked together.';
REVOKE ALL ON FUNCTION deletion_due() FROM PUBLIC;
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

    -- A row inserted by hand may spell its table as SQL would.
    v_entity_table := coalesce(deletion_target_name(v_entity_table), v_entity_table);

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

-- >>> procedures/postgres/worker/deletion_check.sql
-- deletion_check
-- Look, before the first row is touched, at whatever can be known to fail; a bounded step.
--
-- Parameters  p_run   the run, fenced
-- Returns     text: more, or ended where no job is left
-- Writes      deletion_runs, deletion_frames, deletion_walk_keys, deletion_attempts,
--             deletion_jobs                        Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_check(p_run deletion_runs)
RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_check$
DECLARE
    v_error text;
    v_can_block boolean;
BEGIN
    IF p_run.state ->> 'stage' IS NULL THEN
        v_error := coalesce(
            deletion_missing_privilege(p_run.plan_id), deletion_unindexed(p_run.plan_id)
        );

        IF v_error IS NOT NULL THEN
            PERFORM deletion_settle(p_run.run_id, NULL, 'failed', v_error, TRUE, NULL);
            PERFORM deletion_end_run(p_run.run_id, 'failed', v_error);
            RETURN 'ended';
        END IF;

        PERFORM deletion_find_roots(p_run);
        SELECT p.can_block INTO v_can_block FROM deletion_plans AS p WHERE p.plan_id = p_run.plan_id;

        IF v_can_block THEN
            PERFORM deletion_seed_walk(p_run.run_id, f.keys)
            FROM deletion_frames AS f
            WHERE f.run_id = p_run.run_id;
            UPDATE deletion_runs AS r SET state = '{"stage": "walk"}' WHERE r.run_id = p_run.run_id;
            RETURN 'more';
        END IF;
    ELSIF NOT deletion_walk_on(p_run.run_id, p_run.plan_id) THEN
        RETURN 'more';
    ELSE
        PERFORM deletion_walk_verdict(p_run);
        DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = p_run.run_id;
    END IF;

    IF NOT EXISTS (SELECT 1 FROM deletion_frames AS f WHERE f.run_id = p_run.run_id) THEN
        PERFORM deletion_end_run(p_run.run_id, 'failed', NULL);
        RETURN 'ended';
    END IF;

    UPDATE deletion_runs AS r SET phase = 'advance', state = '{}' WHERE r.run_id = p_run.run_id;
    RETURN 'more';
END;
$deletion_check$;

COMMENT ON FUNCTION deletion_check(deletion_runs) IS
'Look, before the first row is touched, at whatever can be known to fail; a bounded step.';
REVOKE ALL ON FUNCTION deletion_check(deletion_runs) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_change.sql
-- deletion_change
-- Delete, or set, rows that hang from the present frame by one reference, within the batch.
--
-- Parameters  p_walk   the walk                    p_step   the plan's drain or set step
-- Returns     the walk
-- Errors      JD006 the rows' default is the very key that is deleted
-- Writes      the application's table, deletion_receipts     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_change(
    p_walk deletion_cursor,
    p_step deletion_plan_steps
) RETURNS deletion_cursor
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_change$
DECLARE
    v_walk deletion_cursor := p_walk;
    v_run deletion_runs := p_walk.run;
    v_frame deletion_frames := p_walk.frame;
    v_rows bigint;
    v_by_job jsonb;
    v_still bigint;
    v_sql text;
BEGIN
    PERFORM deletion_allow_hash(TRUE) WHERE p_step.index_name IS NULL;

    IF p_step.kind = 'drain' AND v_run.job_count = 1 AND NOT p_walk.is_locked THEN
        SELECT s.sql_text INTO STRICT v_sql
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = v_run.plan_id AND s.edge_no = p_step.edge_no AND s.kind = 'drain_one';
        EXECUTE v_sql USING v_frame.keys, p_walk.rows_left;
        GET DIAGNOSTICS v_rows = ROW_COUNT;
        v_by_job := CASE WHEN v_rows > 0 THEN jsonb_build_object(v_frame.keys -> 0 ->> 'j', v_rows) END;
        v_still := 0;
    ELSE
        EXECUTE p_step.sql_text INTO v_rows, v_by_job, v_still USING v_frame.keys, p_walk.rows_left;
    END IF;

    PERFORM deletion_allow_hash(FALSE) WHERE p_step.index_name IS NULL;

    IF p_step.kind = 'drain' AND v_still > 0 THEN
        -- Somebody changed these rows while the statement waited for them: they are still there.
        v_walk.is_locked := FALSE;
    ELSIF v_still > 0 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'JD006',
            MESSAGE = format(
                '%s rows of %s have the deleted key as their default (%s)',
                v_still, p_step.table_name, p_step.reference_name
            );
    END IF;

    PERFORM deletion_add_receipts(
        p_step.table_name, CASE p_step.kind WHEN 'drain' THEN 'delete' ELSE p_step.action END, v_by_job
    );

    IF v_rows < p_walk.rows_left THEN
        v_frame.edge_pos := p_step.edge_no;
    END IF;

    v_frame.rows_here := v_frame.rows_here + v_rows;
    v_run.rows_changed := v_run.rows_changed + v_rows;
    v_walk.rows_left := v_walk.rows_left - v_rows;
    v_walk.run := v_run;
    v_walk.frame := v_frame;
    RETURN v_walk;
END;
$deletion_change$;

COMMENT ON FUNCTION deletion_change(deletion_cursor, deletion_plan_steps) IS
'Delete, or set, rows that hang from the present frame by one reference.';
REVOKE ALL ON FUNCTION deletion_change(deletion_cursor, deletion_plan_steps) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_carry_over.sql
-- deletion_carry_over
-- Give a run's jobs the state that their ended attempts ask for.
--
-- Parameters  p_run_id   the run
-- Writes      deletion_jobs, deletion_walk_keys    Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_carry_over(p_run_id bigint)
RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_carry_over$
WITH ended AS MATERIALIZED (
    SELECT
        j.id,
        a.outcome,
        a.error,
        a.alone_next,
        a.is_counted,
        j.hard_delete AND NOT r.hard_delete AS is_harder,
        -- Asked only of those that may have to give up.
        CASE WHEN a.outcome NOT IN ('done', 'failed', 'cancelled') THEN (
            SELECT count(*)
            FROM deletion_attempts AS c
            WHERE c.job_id = j.id AND NOT c.is_past AND c.is_counted
        ) END AS counted
    FROM deletion_attempts AS a
    INNER JOIN deletion_jobs AS j ON j.id = a.job_id
    INNER JOIN deletion_runs AS r ON r.run_id = a.run_id
    WHERE
        a.run_id = p_run_id AND a.outcome IS NOT NULL AND j.status = 'running'
        -- An older attempt has nothing to say of a job that is running again.
        AND NOT EXISTS (
            SELECT 1
            FROM deletion_attempts AS later
            WHERE later.job_id = a.job_id AND later.attempt_no > a.attempt_no
        )
    -- A row that a caller holds stays as it is; recovery takes it up when it is free.
    FOR UPDATE OF j SKIP LOCKED
),

verdict AS (
    SELECT
        e.*,
        CASE
            WHEN e.outcome = 'done' AND e.is_harder THEN 'pending'
            WHEN e.outcome IN ('done', 'failed', 'cancelled') THEN e.outcome
            WHEN e.is_counted AND e.counted >= deletion_setting_int('max_attempts') THEN 'failed'
            ELSE 'pending'
        END AS new_status
    FROM ended AS e
),

forgotten AS (
    -- What was counted once is needed no more when the job has ended.
    DELETE FROM deletion_walk_keys AS w
    USING verdict AS v
    WHERE w.walk_id = 0 AND w.job_id = v.id AND v.new_status <> 'pending'
)

UPDATE deletion_jobs AS j
SET
    status = v.new_status,
    finished_at = CASE WHEN v.new_status <> 'pending' THEN clock_timestamp() END,
    error = CASE
        WHEN v.new_status = 'failed' AND v.outcome <> 'failed'
            THEN format('%s (gave up after %s attempts)', v.error, v.counted)
        ELSE v.error
    END,
    scheduled_at = CASE
        WHEN v.new_status <> 'pending' THEN j.scheduled_at
        WHEN v.outcome = 'done' THEN NULL
        -- Whoever died is taken up at once; max_attempts bounds how often.
        WHEN v.outcome = 'retry' THEN clock_timestamp() + make_interval(secs => least(
            deletion_setting_int('backoff_max_seconds'),
            deletion_setting_int('backoff_seconds') * 2 ^ least(v.counted - 1, 20)
        ))
        -- A heavy job goes to the back of the queue.
        WHEN v.outcome = 'sliced' AND v.alone_next THEN clock_timestamp()
        ELSE j.scheduled_at
    END
FROM verdict AS v
WHERE j.id = v.id;
$deletion_carry_over$;

COMMENT ON FUNCTION deletion_carry_over(bigint) IS
'Give a run''s jobs the state that their ended attempts ask for.';
REVOKE ALL ON FUNCTION deletion_carry_over(bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_allow_hash.sql
-- deletion_allow_hash
-- Let the next statement use hash joins, for a reference without an index.
--
-- Parameters  p_allow   TRUE: allow                FALSE: indexes only, as for all else
-- Writes      nothing; a setting of the transaction     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_allow_hash(p_allow boolean)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_allow_hash$
BEGIN
    PERFORM pg_catalog.set_config(
        'enable_hashjoin', CASE WHEN p_allow THEN 'on' ELSE 'off' END, TRUE
    );
END;
$deletion_allow_hash$;

COMMENT ON FUNCTION deletion_allow_hash(boolean) IS
'Let the next statement use hash joins, for a reference without an index.';
REVOKE ALL ON FUNCTION deletion_allow_hash(boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_advance_run.sql
-- deletion_advance_run
-- Do one step of a run that is past its check: walk on, or end it when all is done or time is up.
--
-- Parameters  p_run     the run, fenced
--             p_until   when the worker's call should end
-- Returns     text: more or ended
-- Writes      the application's tables, and all tables of a run     Commits  no
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

    v_is_empty := deletion_advance(p_run);

    IF v_is_empty THEN
        PERFORM deletion_settle(p_run.run_id, NULL, 'done', NULL, FALSE, NULL);
        PERFORM deletion_end_run(p_run.run_id, 'done', NULL);
        RETURN 'ended';
    END IF;

    -- A run that has changed nothing yet is still on its way down: dissolved now, it would begin
    -- at its roots again and never arrive where a chain is deep or its check was long.
    IF
        deletion_setting('paused_reason') IS NOT NULL
        OR (
            (
                clock_timestamp() >= p_until
                OR (
                    clock_timestamp() > p_run.started_at
                    + make_interval(secs => deletion_setting_int('slice_ms') / 1000.0)
                    AND deletion_others_due()
                )
            )
            AND (SELECT r.rows_changed > 0 FROM deletion_runs AS r WHERE r.run_id = p_run.run_id)
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
    PERFORM deletion_hold_frames(p_run);
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

-- >>> procedures/postgres/worker/deletion_add_receipts.sql
-- deletion_add_receipts
-- Add to the receipts of jobs what one statement changed.
--
-- Parameters  p_table_name   the table, as plans name it
--             p_action       delete, set_null or set_default
--             p_by_job       jsonb object: job -> number of rows; NULL: none
-- Writes      deletion_receipts                    Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_add_receipts(
    p_table_name text,
    p_action text,
    p_by_job jsonb
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_add_receipts$
BEGIN
    INSERT INTO deletion_receipts AS r (job_id, table_name, action, row_count)
    SELECT b.key::bigint, p_table_name, p_action, b.value::bigint
    FROM jsonb_each_text(p_by_job) AS b
    ON CONFLICT (job_id, table_name, action) DO UPDATE
    SET row_count = r.row_count + excluded.row_count, updated_at = clock_timestamp();
END;
$deletion_add_receipts$;

COMMENT ON FUNCTION deletion_add_receipts(text, text, jsonb) IS
'Add to the receipts of jobs what one statement changed.';
REVOKE ALL ON FUNCTION deletion_add_receipts(text, text, jsonb) FROM PUBLIC;
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
            CASE s.kind WHEN 'hold' THEN 0 WHEN 'lock' THEN 1 WHEN 'remove' THEN 2 ELSE 3 END,
            s.kind
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

-- >>> procedures/postgres/planner/deletion_sql_sweep.sql
-- deletion_sql_sweep
-- Write the statements that lock, empty and remove a frame's worth of rows in one transaction.
--
-- Parameters  p_edge     the reference that leads to the rows
--             p_parent   its parent's node         p_child   its child's node, the rows' table
--             p_below    the references that point at the rows: all lead to rows without
--                        dependants, by foreign keys of whole numbers, each with an index
-- Returns     one row a statement, with its reference: take ($1 the parent's frame, $2 limit;
--             arrays of the jobs, keys and parents of the rows that it found and locked), and,
--             each binding $1 jobs, $2 keys, $3 parents, $4 limit: count (rows, rows by job),
--             sweep and remove_all (nothing: the engine counts); take_one and count_one do the
--             same for a run of one job
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_sweep(
    p_edge jsonb,
    p_parent jsonb,
    p_child jsonb,
    p_below jsonb
) RETURNS TABLE (edge_no integer, kind text, sql_text text)
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_sweep$
WITH row_of AS (
    SELECT
        (p_edge ->> 'no')::integer AS edge_no,
        p_child ->> 'sql' AS table_sql,
        p_child -> 'columns' -> 0 ->> 'name' AS key_name,
        p_edge ->> 'child_column' AS parent_name
)

SELECT r.edge_no, 'take', format(
    $sql$WITH %1$s
SELECT array_agg(x.j), array_agg(x.k1), array_agg(x.p1)
FROM (
    SELECT i.j, i.k1, i.p1
    FROM (
        SELECT f.j, c.%2$s::bigint AS k1, c.%3$s::bigint AS p1
        FROM f
        CROSS JOIN LATERAL (SELECT * FROM ONLY %4$s AS c WHERE %5$s OFFSET 0) AS c
        LIMIT $2
    ) AS i
    INNER JOIN ONLY %4$s AS t ON t.%2$s = i.k1 AND t.%3$s = i.p1
    ORDER BY t.%2$s
    FOR UPDATE OF t
) AS x$sql$,
    deletion_sql_frame(p_parent -> 'columns'), r.key_name, r.parent_name, r.table_sql,
    p_edge ->> 'on_frame'
)
FROM row_of AS r
UNION ALL
-- For a run of one job nothing has to be kept of the rows but their keys, and whose they are. They
-- are locked as they are found, the order in which an application's own statement locks them.
SELECT r.edge_no, 'take_one', format(
    $sql$WITH %1$s
SELECT ARRAY[(SELECT min(f.j) FROM f)], array_agg(x.k1), array_agg(DISTINCT x.p1)
FROM (
    SELECT t.%2$s::bigint AS k1, t.%3$s::bigint AS p1
    FROM ONLY %4$s AS t
    WHERE t.%3$s = ANY (ARRAY(SELECT f.k1 FROM f))
    LIMIT $2
    FOR UPDATE OF t
) AS x$sql$,
    deletion_sql_frame(p_parent -> 'columns'), r.key_name, r.parent_name, r.table_sql
)
FROM row_of AS r
WHERE jsonb_array_length(p_parent -> 'columns') = 1
UNION ALL
SELECT r.edge_no, 'remove_all', format(
    'DELETE FROM ONLY %1$s AS t WHERE t.%2$s = ANY (ARRAY(SELECT unnest($2)))'
    || ' AND t.%3$s = ANY ($3)',
    r.table_sql, r.key_name, r.parent_name
)
FROM row_of AS r
UNION ALL
-- Under their parents' lock no row can come by a foreign key: what was counted is what goes.
-- An array that the planner sees costs it a look at every element, more than the scan itself.
SELECT (b ->> 'no')::integer, s.kind, format(s.template, b ->> 'sql', b ->> 'child_column')
FROM jsonb_array_elements(p_below) AS b
CROSS JOIN (
    VALUES
    ('count', $sql$SELECT coalesce(sum(g.n), 0)::bigint, jsonb_object_agg(g.j, g.n)
FROM (
    SELECT x.j, count(*) AS n
    FROM (
        SELECT f.j
        FROM unnest($1, $2) AS f (j, k1)
        CROSS JOIN LATERAL (SELECT 1 FROM ONLY %1$s AS c WHERE c.%2$s = f.k1 OFFSET 0) AS c
        LIMIT $4
    ) AS x
    GROUP BY x.j
) AS g$sql$),
    ('count_one', $sql$SELECT count(*), NULL::jsonb
FROM (SELECT 1 FROM ONLY %1$s AS c WHERE c.%2$s = ANY (ARRAY(SELECT unnest($2))) LIMIT $4) AS x$sql$),
    ('sweep', 'DELETE FROM ONLY %1$s AS c WHERE c.%2$s = ANY (ARRAY(SELECT unnest($2)))')
) AS s (kind, template);
$deletion_sql_sweep$;

COMMENT ON FUNCTION deletion_sql_sweep(jsonb, jsonb, jsonb, jsonb) IS
'The statements that lock, empty and remove a frame''s worth of rows in one transaction.';
REVOKE ALL ON FUNCTION deletion_sql_sweep(jsonb, jsonb, jsonb, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_set.sql
-- deletion_sql_set
-- Write the statement that sets a reference NULL, or to its default, in the rows of a frame.
--
-- Parameters  p_edge, p_parent, p_child   the reference and its nodes
-- Returns     text; binds $1 frame, $2 limit; answers the number of rows, rows to count by job,
--             and how many still point where they pointed (a default that is the very key)
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_set(
    p_edge jsonb,
    p_parent jsonb,
    p_child jsonb
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_set$
SELECT format(
    $sql$WITH %1$s,
u AS (
    UPDATE ONLY %2$s AS t
    SET %3$s
    FROM (
        SELECT c.ctid AS row_id, f.j, %4$s
        FROM f
        CROSS JOIN LATERAL (SELECT c.ctid, c.* FROM ONLY %2$s AS c WHERE %5$s OFFSET 0) AS c
        LIMIT $2
    ) AS f
    WHERE t.ctid = f.row_id AND %6$s
    RETURNING f.j, coalesce(%6$s, FALSE) AS still, jsonb_build_array(%7$s) AS row_key
)%8$s
SELECT
    (SELECT count(*) FROM u),
    (
        SELECT jsonb_object_agg(g.j, g.n)
        FROM (SELECT s.j, count(*) AS n FROM %9$s AS s GROUP BY s.j) AS g
    ),
    (SELECT count(*) FROM u WHERE u.still)$sql$,
    deletion_sql_frame(p_parent -> 'columns'),
    p_child ->> 'sql',
    p_edge ->> 'set_columns',
    deletion_sql_list(p_edge -> 'columns', 'c.%2$s AS %1$s'),
    p_edge ->> 'on_frame',
    p_edge ->> 'found',
    concat_ws(', ', quote_literal(p_child ->> 'name'), deletion_sql_list(k.columns, 't.%2$s')),
    CASE WHEN (p_edge ->> 'once')::boolean THEN format(
        $sql$,
s AS (
    INSERT INTO deletion_walk_keys (
        walk_id, job_id, node_no, fate, key_hash, edge_no, keys, is_expanded
    )
    SELECT 0, u.j, -1, 'set_null', deletion_key_hash(u.row_key), 0, %L, TRUE FROM u
    ON CONFLICT DO NOTHING
    RETURNING job_id AS j
)$sql$, jsonb_build_object('action', p_edge ->> 'action')) ELSE '' END,
    CASE WHEN (p_edge ->> 'once')::boolean THEN 's' ELSE 'u' END
)
FROM (
    SELECT jsonb_agg(c ORDER BY n) AS columns
    FROM jsonb_array_elements(p_child -> 'columns') WITH ORDINALITY AS x (c, n)
    WHERE (c ->> 'key')::boolean
) AS k;
$deletion_sql_set$;

COMMENT ON FUNCTION deletion_sql_set(jsonb, jsonb, jsonb) IS
'The statement that sets a reference NULL, or to its default, in the rows of a frame.';
REVOKE ALL ON FUNCTION deletion_sql_set(jsonb, jsonb, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_roots.sql
-- deletion_sql_roots
-- Write the statement that finds the rows that jobs name.
--
-- Parameters  p_node    the target's node
-- Returns     text; binds $1, an array of {"j": job, "pk": canonical key}; answers the root frame
--             (rows that are not there carry "m": 1) and its number of keys
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_roots(p_node jsonb)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_roots$
SELECT format(
    $sql$WITH i AS MATERIALIZED (
    SELECT i.j, %1$s FROM jsonb_to_recordset($1) AS i (j bigint, pk text)
)
SELECT
    coalesce(jsonb_agg(
        jsonb_build_object('j', i.j, %2$s)
        || CASE WHEN t.%4$s IS NULL THEN '{"m": 1}'::jsonb
            ELSE jsonb_build_object(%3$s) END
        ORDER BY i.j
    ), '[]'),
    count(*)
FROM i
LEFT JOIN ONLY %5$s AS t ON %6$s$sql$,
    CASE
        WHEN jsonb_array_length(k.columns) = 1 THEN deletion_sql_list(
            k.columns, 'CAST(i.pk AS %3$s) AS %1$s'
        )
        ELSE (
            SELECT string_agg(format(
                'CAST(CAST(i.pk AS jsonb) ->> %s AS %s) AS %s', n - 1, c ->> 'type', c ->> 'f'
            ), ', ' ORDER BY n)
            FROM jsonb_array_elements(k.columns) WITH ORDINALITY AS x (c, n)
        )
    END,
    deletion_sql_list(k.columns, '''%1$s'', i.%1$s'),
    coalesce(deletion_sql_list(k.others, '''%1$s'', t.%2$s'), ''),
    k.columns -> 0 ->> 'name',
    p_node ->> 'sql',
    deletion_sql_list(k.columns, 't.%2$s %4$s i.%1$s', ' AND ')
)
FROM (
    SELECT
        jsonb_agg(c ORDER BY n) FILTER (WHERE (c ->> 'key')::boolean) AS columns,
        coalesce(jsonb_agg(c ORDER BY n) FILTER (WHERE NOT (c ->> 'key')::boolean), '[]') AS others
    FROM jsonb_array_elements(p_node -> 'columns') WITH ORDINALITY AS x (c, n)
) AS k;
$deletion_sql_roots$;

COMMENT ON FUNCTION deletion_sql_roots(jsonb) IS
'The statement that finds the rows that jobs name.';
REVOKE ALL ON FUNCTION deletion_sql_roots(jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_removal.sql
-- deletion_sql_removal
-- Write the statements on a frame's own rows: hold, lock, delete the childless, see the rest.
--
-- Parameters  p_node        the table
--             p_edge        the reference by which the frame was found; NULL: the job's roots
--             p_below       the references that point at the table
--             p_is_exact    TRUE: under the lock an emptied reference is known to be empty
-- Returns     one row a statement: kind hold (binds $1 frame; answers the number of rows found,
--             which cannot move until the transaction ends), lock (the same; nor can they gain
--             children), remove and remove_now ($1 frame; rows, rows by job, 0) or left ($1 frame;
--             the frame of the rows that are still there)
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

-- To hold is weaker than to lock: others may still add children to the rows.
SELECT k.kind, format(
    $sql$WITH %1$s
SELECT count(*)
FROM (
    SELECT 1 FROM f INNER JOIN ONLY %2$s AS t ON %3$s ORDER BY %4$s FOR %5$s OF t
) AS locked$sql$, p.frame, p.table_sql, p.found, p.key_order, k.strength)
FROM part AS p
CROSS JOIN (VALUES ('hold', 'SHARE'), ('lock', 'UPDATE')) AS k (kind, strength)
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
'The statements on a frame''s own rows: hold, lock, delete the childless, see the rest.';
REVOKE ALL ON FUNCTION deletion_sql_removal(jsonb, jsonb, jsonb, boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_fetch.sql
-- deletion_sql_fetch
-- Write the statement that reads the keys of the rows that hang from a frame by one reference.
--
-- Parameters  p_edge, p_parent, p_child   the reference and its nodes
--             p_ordered   TRUE: in the order of the child's key, after the cursor $3
-- Returns     text; binds $1 frame, $2 limit (and $3 cursor); answers the child's frame and its
--             number of keys
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_fetch(
    p_edge jsonb,
    p_parent jsonb,
    p_child jsonb,
    p_ordered boolean
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_fetch$
SELECT format(
    $sql$WITH %1$s
SELECT coalesce(jsonb_agg(jsonb_build_object('j', x.j, %2$s)), '[]'), count(*)
FROM (
    SELECT f.j, %3$s
    FROM f
    %4$s
    %5$sLIMIT $2
) AS x$sql$,
    deletion_sql_frame(p_parent -> 'columns'),
    deletion_sql_list((p_child -> 'columns') || (p_edge -> 'columns'), '''%1$s'', x.%1$s'),
    deletion_sql_list((p_child -> 'columns') || (p_edge -> 'columns'), 'c.%2$s AS %1$s'),
    CASE
        -- OFFSET 0 keeps the frame outside and the index inside, whatever the statistics say.
        WHEN p_edge ->> 'index' IS NOT NULL THEN format(
            'CROSS JOIN LATERAL (SELECT * FROM ONLY %s AS c WHERE %s OFFSET 0) AS c',
            p_child ->> 'sql', p_edge ->> 'on_frame'
        )
        ELSE format('INNER JOIN ONLY %s AS c ON %s', p_child ->> 'sql', p_edge ->> 'on_frame')
    END,
    CASE WHEN p_ordered THEN format(
        E'WHERE $3 IS NULL OR (%s) > (%s)\n    ORDER BY %1$s\n    ',
        deletion_sql_list(k.columns, 'c.%2$s'),
        deletion_sql_list(k.columns, 'CAST($3 ->> ''%1$s'' AS %3$s)')
    ) ELSE '' END
)
FROM (
    SELECT jsonb_agg(c ORDER BY n) AS columns
    FROM jsonb_array_elements(p_child -> 'columns') WITH ORDINALITY AS x (c, n)
    WHERE (c ->> 'key')::boolean
) AS k;
$deletion_sql_fetch$;

COMMENT ON FUNCTION deletion_sql_fetch(jsonb, jsonb, jsonb, boolean) IS
'The statement that reads the keys of the rows that hang from a frame by one reference.';
REVOKE ALL ON FUNCTION deletion_sql_fetch(jsonb, jsonb, jsonb, boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_drain.sql
-- deletion_sql_drain
-- Write the statement that deletes rows without dependants that hang from a frame.
--
-- Parameters  p_edge, p_parent, p_child   the reference and its nodes
--             p_one_job   TRUE: for a frame of one job, where the engine's row count is enough
-- Returns     text; binds $1 frame, $2 limit; answers the number of rows, rows by job, and how
--             many it found and could not delete; for one job nothing
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_drain(
    p_edge jsonb,
    p_parent jsonb,
    p_child jsonb,
    p_one_job boolean
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_drain$
WITH pair AS (
    SELECT jsonb_agg(jsonb_build_object(
        'f', c.value -> 'f', 'name', p.value -> 'f', 'type', p.value -> 'type'
    ) ORDER BY c.n) AS columns
    FROM jsonb_array_elements(p_edge -> 'columns') WITH ORDINALITY AS c (value, n)
    INNER JOIN jsonb_array_elements(p_edge -> 'parent_columns')
        WITH ORDINALITY AS p (value, n) ON p.n = c.n
)

-- One Tid Scan; the condition once more, for a row that moves while its lock is waited for.
-- Rows are counted by job without a join: the frame's own rows name the job of each group.
SELECT format(
    CASE WHEN p_one_job THEN $sql$WITH %1$s
DELETE FROM ONLY %2$s AS c
WHERE
    c.ctid = ANY (ARRAY(
        %3$s
        LIMIT $2
    ))
    AND %4$s$sql$
    ELSE $sql$WITH %1$s,
r AS MATERIALIZED (
    SELECT ARRAY(
        %3$s
        LIMIT $2
    ) AS ids
),
d AS (
    DELETE FROM ONLY %2$s AS c
    WHERE
        c.ctid = ANY ((SELECT r.ids FROM r)::tid[])
        AND %4$s
    RETURNING %5$s
)
SELECT
    coalesce(sum(b.n), 0)::bigint,
    jsonb_object_agg(b.j, b.n) FILTER (WHERE b.n > 0),
    (SELECT cardinality(r.ids) FROM r) - coalesce(sum(b.n), 0)::bigint
FROM (
    SELECT a.j, sum(a.n)::bigint AS n
    FROM (
        SELECT max(g.j) AS j, sum(g.n) AS n
        FROM (
            SELECT %6$s, NULL::bigint AS j, 1 AS n FROM d
            UNION ALL
            SELECT %7$s, f.j, 0 FROM f
        ) AS g
        GROUP BY %8$s
    ) AS a
    GROUP BY a.j
) AS b$sql$ END,
    deletion_sql_frame(p_parent -> 'columns'),
    p_child ->> 'sql',
    CASE
        WHEN (p_edge ->> 'single')::boolean THEN format(
            'SELECT c.ctid FROM ONLY %s AS c WHERE c.%s %s ANY (%s) AND %s',
            p_child ->> 'sql', p_edge ->> 'child_column', p_edge ->> 'any_eq',
            CASE
                WHEN p_edge ->> 'index' IS NULL THEN format('SELECT f.%s FROM f', p_edge ->> 'frame_column')
                ELSE format('ARRAY(SELECT f.%s FROM f)', p_edge ->> 'frame_column')
            END,
            p_edge ->> 'condition_c'
        )
        ELSE format(
            'SELECT c.ctid FROM f CROSS JOIN LATERAL '
            || '(SELECT c.ctid FROM ONLY %s AS c WHERE %s OFFSET 0) AS c',
            p_child ->> 'sql', p_edge ->> 'on_frame'
        )
    END,
    CASE
        WHEN (p_edge ->> 'single')::boolean THEN format(
            '(c.%s %s ANY (SELECT f.%s FROM f)) IS TRUE AND %s',
            p_edge ->> 'child_column', p_edge ->> 'any_eq', p_edge ->> 'frame_column',
            p_edge ->> 'condition_c'
        )
        ELSE format('EXISTS (SELECT 1 FROM f WHERE %s)', p_edge ->> 'on_frame')
    END,
    deletion_sql_list(p_edge -> 'columns', 'c.%2$s AS %1$s'),
    deletion_sql_list(pair.columns, 'CAST(d.%1$s AS %3$s) AS %1$s'),
    deletion_sql_list(pair.columns, 'f.%2$s'),
    deletion_sql_list(pair.columns, 'g.%1$s')
)
FROM pair;
$deletion_sql_drain$;

COMMENT ON FUNCTION deletion_sql_drain(jsonb, jsonb, jsonb, boolean) IS
'The statement that deletes rows without dependants that hang from a frame.';
REVOKE ALL ON FUNCTION deletion_sql_drain(jsonb, jsonb, jsonb, boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_frame.sql
-- deletion_sql_frame
-- Write the CTE that turns a frame's JSON into typed rows.
--
-- Parameters  p_columns   columns of a node or edge: a jsonb array of {f, type}
-- Returns     text, "f AS MATERIALIZED (...)", which reads the frame from $1
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_frame(p_columns jsonb)
RETURNS text
LANGUAGE sql
IMMUTABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_frame$
SELECT
    E'f AS MATERIALIZED (\n    SELECT * FROM jsonb_to_recordset($1) AS f (j bigint'
    || coalesce(string_agg(format(', %s %s', c ->> 'f', c ->> 'type'), '' ORDER BY n), '')
    || E')\n)'
FROM jsonb_array_elements(p_columns) WITH ORDINALITY AS x (c, n);
$deletion_sql_frame$;

COMMENT ON FUNCTION deletion_sql_frame(jsonb) IS
'The CTE that turns a frame''s JSON into typed rows.';
REVOKE ALL ON FUNCTION deletion_sql_frame(jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_cycle.sql
-- deletion_sql_cycle
-- Write the statement that finds rows that are their own ancestors by a self-reference.
--
-- Parameters  p_edge   the self-reference                    p_node   its table
-- Returns     text; binds $1, the walk whose keys are known; answers job, number of rows on or
--             below circles, and one of them
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_cycle(
    p_edge jsonb,
    p_node jsonb
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_cycle$
-- Each row has one parent: what cannot be reached from a row without a known one goes in circles.
SELECT format(
    $sql$WITH RECURSIVE m AS MATERIALIZED (
    SELECT w.job_id, w.key_hash, up.key_hash AS parent_hash
    FROM deletion_walk_keys AS w
    CROSS JOIN LATERAL jsonb_to_record(w.keys) AS f (%1$s)
    CROSS JOIN LATERAL (SELECT * FROM ONLY %2$s AS c WHERE %3$s OFFSET 0) AS c
    LEFT JOIN LATERAL (
        SELECT p.key_hash
        FROM ONLY %2$s AS t
        CROSS JOIN LATERAL (
            SELECT p.key_hash
            FROM deletion_walk_keys AS p
            WHERE
                p.walk_id = w.walk_id AND p.job_id = w.job_id AND p.node_no = w.node_no
                AND p.fate = 'delete' AND p.key_hash = deletion_key_hash(jsonb_build_array(%4$s))
            OFFSET 0
        ) AS p
        WHERE %5$s
        OFFSET 0
    ) AS up ON TRUE
    WHERE w.walk_id = $1 AND w.node_no = %6$s AND w.fate = 'delete'
),
reached AS (
    SELECT m.job_id, m.key_hash FROM m WHERE m.parent_hash IS NULL
    UNION ALL
    SELECT m.job_id, m.key_hash
    FROM reached AS r
    INNER JOIN m ON m.job_id = r.job_id AND m.parent_hash = r.key_hash
)
SELECT w.job_id, count(*), min(w.keys::text)
FROM deletion_walk_keys AS w
WHERE w.walk_id = $1 AND w.node_no = %6$s AND w.fate = 'delete'
    AND EXISTS (SELECT 1 FROM m WHERE m.job_id = w.job_id AND m.key_hash = w.key_hash)
    AND NOT EXISTS (
        SELECT 1 FROM reached AS r WHERE r.job_id = w.job_id AND r.key_hash = w.key_hash
    )
GROUP BY w.job_id$sql$,
    deletion_sql_list(k.columns, '%1$s %3$s'),
    p_node ->> 'sql',
    deletion_sql_list(k.columns, 'c.%2$s %4$s f.%1$s', ' AND '),
    deletion_sql_list(k.columns, 't.%2$s'),
    p_edge ->> 'on_parent',
    p_node ->> 'no'
)
FROM (
    SELECT jsonb_agg(c ORDER BY n) AS columns
    FROM jsonb_array_elements(p_node -> 'columns') WITH ORDINALITY AS x (c, n)
    WHERE (c ->> 'key')::boolean
) AS k;
$deletion_sql_cycle$;

COMMENT ON FUNCTION deletion_sql_cycle(jsonb, jsonb) IS
'The statement that finds rows that are their own ancestors by a self-reference.';
REVOKE ALL ON FUNCTION deletion_sql_cycle(jsonb, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_references_to.sql
-- deletion_references_to
-- List the references that point at given tables, each with the action that rules leave it.
--
-- Parameters  p_parents   the tables that are pointed at
-- Returns     one row a reference: its tables, columns in order, comparison operators, action,
--             the columns that a SET NULL or SET DEFAULT changes, and its supporting index
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT * FROM deletion_references_to(ARRAY['users'::regclass]::oid[]);

CREATE OR REPLACE FUNCTION deletion_references_to(p_parents oid[])
RETURNS TABLE (
    child_oid oid,
    parent_oid oid,
    reference_name text,
    action text,
    is_declared boolean,
    child_columns int2[],
    parent_columns int2[],
    operators oid[],
    set_columns int2[],
    discriminator_column int2,
    discriminator_value text,
    index_name text
)
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_references_to$
WITH from_catalog AS (
    SELECT
        k.conrelid AS child_oid,
        k.confrelid AS parent_oid,
        k.conname::text AS reference_name,
        CASE k.confdeltype
            WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set_null' WHEN 'd' THEN 'set_default'
            ELSE 'restrict'
        END AS action,
        FALSE AS is_declared,
        k.conkey AS child_columns,
        k.confkey AS parent_columns,
        k.conpfeqop AS operators,
        coalesce(k.confdelsetcols, k.conkey) AS set_columns,
        NULL::int2 AS discriminator_column,
        NULL::text AS discriminator_value
    FROM pg_constraint AS k
    WHERE k.contype = 'f' AND k.confrelid = ANY (p_parents)
),

declared AS (
    SELECT
        c.oid AS child_oid,
        p.oid AS parent_oid,
        d.reference_name::text AS reference_name,
        d.action::text AS action,
        TRUE AS is_declared,
        deletion_attnums(c.oid, d.child_columns) AS child_columns,
        deletion_attnums(p.oid, d.parent_columns) AS parent_columns,
        NULL::oid[] AS operators,
        deletion_attnums(c.oid, d.child_columns) AS set_columns,
        (deletion_attnums(c.oid, jsonb_build_array(d.discriminator_column)))[1]
        AS discriminator_column,
        d.discriminator_value::text AS discriminator_value
    FROM deletion_references AS d
    INNER JOIN pg_namespace AS cn ON cn.nspname = d.child_schema
    INNER JOIN pg_class AS c ON c.relnamespace = cn.oid AND c.relname = d.child_table
    INNER JOIN pg_namespace AS pn ON pn.nspname = d.parent_schema
    INNER JOIN pg_class AS p ON p.relnamespace = pn.oid AND p.relname = d.parent_table
    WHERE p.oid = ANY (p_parents)
),

every AS (
    SELECT f.* FROM from_catalog AS f
    UNION ALL
    SELECT d.* FROM declared AS d
)

SELECT
    e.child_oid,
    e.parent_oid,
    e.reference_name,
    -- A column that cannot be NULL blocks as the engine would, but before anything is touched.
    CASE
        WHEN coalesce(r.action, e.action) = 'set_null' AND EXISTS (
            SELECT 1
            FROM pg_attribute AS a
            INNER JOIN pg_type AS y ON y.oid = a.atttypid
            WHERE
                a.attrelid = e.child_oid AND a.attnum = ANY (e.set_columns)
                AND (a.attnotnull OR y.typnotnull)
        ) THEN 'restrict'
        -- The engine would change rows behind the column as well: unbounded, and uncounted.
        WHEN coalesce(r.action, e.action) IN ('set_null', 'set_default') AND EXISTS (
            SELECT 1
            FROM pg_constraint AS k
            WHERE
                k.contype = 'f' AND k.confrelid = e.child_oid AND k.confkey && e.set_columns
                AND k.confupdtype IN ('c', 'n', 'd')
        ) THEN 'restrict'
        ELSE coalesce(r.action, e.action)
    END AS action,
    e.is_declared,
    e.child_columns,
    e.parent_columns,
    e.operators,
    e.set_columns,
    e.discriminator_column,
    e.discriminator_value,
    (
        SELECT i.indexrelid::regclass::text
        FROM pg_index AS i
        WHERE
            i.indrelid = e.child_oid AND i.indisvalid AND i.indisready AND i.indpred IS NULL
            -- The index leads with the reference's columns, the discriminator among them or not.
            AND e.child_columns <@ (i.indkey::int2[])[
                0:cardinality(e.child_columns) - 1 + (e.discriminator_column IS NOT NULL)::int
            ]
            AND (i.indkey::int2[])[
                0:cardinality(e.child_columns) - 1 + (e.discriminator_column IS NOT NULL)::int
            ] <@ (e.child_columns || coalesce(e.discriminator_column, e.child_columns[1]))
        ORDER BY i.indnatts, i.indexrelid
        LIMIT 1
    ) AS index_name
FROM every AS e
INNER JOIN pg_class AS t ON t.oid = e.child_oid
INNER JOIN pg_namespace AS n ON n.oid = t.relnamespace
LEFT JOIN deletion_rules AS r
    ON
        r.child_schema = n.nspname AND r.child_table = t.relname
        AND r.reference_name = e.reference_name;
$deletion_references_to$;

COMMENT ON FUNCTION deletion_references_to(oid[]) IS
'The references that point at given tables, each with the action that rules leave it.';
REVOKE ALL ON FUNCTION deletion_references_to(oid[]) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_plan_edges.sql
-- deletion_plan_edges
-- Number a plan's references in the order of the walk, and mark what the check has to look at.
--
-- Parameters  p_closure      the closure's tables
--             p_references   rows of deletion_references_to, as a jsonb array
--             p_nodes        the plan's nodes, as a jsonb array
--             p_count_all    TRUE: the check counts every row (the target has max_rows)
-- Returns     jsonb: edges, can_block, has_waits; error_code and error where types do not compare
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_plan_edges(
    p_closure oid[],
    p_references jsonb,
    p_nodes jsonb,
    p_count_all boolean
) RETURNS jsonb
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_plan_edges$
WITH RECURSIVE reference AS (
    SELECT
        e.value AS source,
        r.*,
        r.child_oid = ANY (p_closure) AS in_closure
    FROM jsonb_array_elements(p_references) AS e
    CROSS JOIN LATERAL jsonb_to_record(e.value) AS r (
        child_oid oid, parent_oid oid, reference_name text, action text
    )
),

ranked AS (
    SELECT r.table_oid, r.table_rank
    FROM deletion_plan_ranks(p_closure, (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'c', r.child_oid::bigint, 'p', r.parent_oid::bigint,
            'lasting', r.action IN ('cascade', 'restrict')
        )), '[]')
        FROM reference AS r
        WHERE r.in_closure
    )) AS r
),

-- Tables whose rows the check must know: those behind which something could block, and all
-- tables on the way from the target to them.
concerned (table_oid) AS (
    SELECT r.parent_oid
    FROM reference AS r
    WHERE r.action = 'restrict' OR (r.action = 'cascade' AND r.parent_oid = r.child_oid)
    UNION
    SELECT r.child_oid
    FROM reference AS r
    WHERE r.action = 'restrict' AND r.in_closure
    UNION
    SELECT r.parent_oid
    FROM reference AS r
    INNER JOIN concerned AS c ON c.table_oid = r.child_oid
    WHERE r.action = 'cascade'
),

described AS (
    SELECT
        deletion_plan_edge(r.source, p.node, c.node)
        || jsonb_build_object(
            'waits', r.action <> 'cascade' AND r.in_closure,
            'leaf', r.action = 'cascade' AND NOT EXISTS (
                SELECT 1 FROM reference AS below WHERE below.parent_oid = r.child_oid
            ),
            'check', p_count_all OR r.action = 'restrict' OR (
                r.action = 'cascade'
                AND EXISTS (SELECT 1 FROM concerned AS x WHERE x.table_oid = r.child_oid)
            ),
            -- No trigger or rule can keep a row of it: what was deleted short of the limit is empty.
            'steady', NOT EXISTS (
                SELECT 1
                FROM pg_trigger AS g
                -- Bits of tgtype: for each row, before, on DELETE.
                WHERE g.tgrelid = r.child_oid AND g.tgtype & 11 = 11
            ) AND NOT EXISTS (
                SELECT 1 FROM pg_rewrite AS w WHERE w.ev_class = r.child_oid
            ),
            -- Rows with two references to set are changed twice and counted once; rows of the
            -- closure that are set may go later, and are counted as gone.
            'once', r.action IN ('set_null', 'set_default') AND (
                r.in_closure OR (
                    SELECT count(*) FROM reference AS s
                    WHERE s.child_oid = r.child_oid AND s.action IN ('set_null', 'set_default')
                ) > 1
            )
        ) AS edge,
        row_number() OVER (
            ORDER BY
                (p.node ->> 'no')::integer,
                CASE r.action WHEN 'cascade' THEN 0 WHEN 'restrict' THEN 2 ELSE 1 END,
                k.table_rank NULLS LAST, c.node ->> 'name', r.reference_name
        ) AS edge_no
    FROM reference AS r
    INNER JOIN
        (SELECT n.value AS node FROM jsonb_array_elements(p_nodes) AS n) AS p
        ON (p.node ->> 'oid')::oid = r.parent_oid
    INNER JOIN
        (SELECT n.value AS node FROM jsonb_array_elements(p_nodes) AS n) AS c
        ON (c.node ->> 'oid')::oid = r.child_oid
    LEFT JOIN ranked AS k ON k.table_oid = r.child_oid
)

SELECT jsonb_build_object(
    'edges', coalesce(
        jsonb_agg(d.edge || jsonb_build_object('no', d.edge_no) ORDER BY d.edge_no), '[]'
    ),
    'can_block', coalesce(bool_or((d.edge ->> 'check')::boolean), FALSE),
    'has_waits', coalesce(bool_or((d.edge ->> 'waits')::boolean), FALSE)
) || CASE WHEN bool_and((d.edge ->> 'comparable')::boolean) THEN '{}'::jsonb
    WHEN count(*) = 0 THEN '{}'::jsonb
    ELSE jsonb_build_object(
        'error_code', 'JD005',
        'error', 'columns of different types: ' || string_agg(d.edge ->> 'reference', ', ')
            FILTER (WHERE NOT (d.edge ->> 'comparable')::boolean)
    )
END
FROM described AS d;
$deletion_plan_edges$;

COMMENT ON FUNCTION deletion_plan_edges(oid[], jsonb, jsonb, boolean) IS
'A plan''s references in the order of the walk, and what the check has to look at.';
REVOKE ALL ON FUNCTION deletion_plan_edges(oid[], jsonb, jsonb, boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_plan_edge.sql
-- deletion_plan_edge
-- Describe a reference of a plan, with the conditions that its statements are made of.
--
-- Parameters  p_reference   a row of deletion_references_to, as jsonb
--             p_parent      the parent's node      p_child   the child's node
-- Returns     jsonb: parent, child, reference, action, index, self, and as SQL text
--             on_frame   child row c hangs from frame row f
--             on_parent  child row c hangs from parent row t
--             found      row t of the child table is still where frame row f found it
--             plain      TRUE: an indexed foreign key of single whole numbers
--             set_columns  the SET list of an UPDATE;  columns  the frame columns p1.. of the child
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_plan_edge(
    p_reference jsonb,
    p_parent jsonb,
    p_child jsonb
) RETURNS jsonb
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_plan_edge$
WITH pair AS (
    SELECT
        x.ordinality AS i,
        p ->> 'f' AS frame_column,
        p ->> 'name' AS parent_name,
        p ->> 'type' AS parent_type,
        quote_ident(a.attname) AS child_name,
        format_type(a.atttypid, a.atttypmod) AS child_type,
        coalesce(
            x.operator::oid,
            deletion_equality_of(
                (
                    SELECT pa.atttypid
                    FROM pg_attribute AS pa
                    WHERE
                        pa.attrelid = (p_parent ->> 'oid')::oid
                        AND pa.attnum = x.parent_column::int2
                ),
                a.atttypid
            )
        ) AS operator,
        deletion_equality(deletion_equality_of(a.atttypid, a.atttypid), FALSE) AS own_eq
    FROM
        ROWS FROM (
            jsonb_array_elements_text(p_reference -> 'child_columns'),
            jsonb_array_elements_text(p_reference -> 'parent_columns'),
            jsonb_array_elements_text(coalesce(nullif(p_reference -> 'operators', 'null'), '[]'))
        ) WITH ORDINALITY AS x (child_column, parent_column, operator, ordinality)
    INNER JOIN pg_attribute AS a
        ON a.attrelid = (p_child ->> 'oid')::oid AND a.attnum = x.child_column::int2
    INNER JOIN jsonb_array_elements(p_parent -> 'columns') AS p
        ON (p ->> 'attnum')::int2 = x.parent_column::int2
),

discriminator AS (
    SELECT format(
        '%I %s CAST(%L AS %s)',
        a.attname,
        deletion_equality(deletion_equality_of(a.atttypid, a.atttypid), FALSE),
        p_reference ->> 'discriminator_value',
        format_type(a.atttypid, a.atttypmod)
    ) AS condition
    FROM pg_attribute AS a
    WHERE
        a.attrelid = (p_child ->> 'oid')::oid
        AND a.attnum = (p_reference ->> 'discriminator_column')::int2
),

own_row AS (
    -- A row that refers to itself is not its own child.
    SELECT
        string_agg(format('c.%s %s f.%s', k ->> 'name', k ->> 'eq', k ->> 'f'), ' AND ')
        AS in_frame,
        string_agg(format('c.%1$s %2$s t.%1$s', k ->> 'name', k ->> 'eq'), ' AND ') AS in_table
    FROM jsonb_array_elements(p_child -> 'columns') AS k
    WHERE (k ->> 'key')::boolean AND p_parent ->> 'oid' = p_child ->> 'oid'
)

SELECT jsonb_build_object(
    'parent', p_parent -> 'no',
    'child', p_child -> 'no',
    'reference', p_reference -> 'reference_name',
    'action', p_reference -> 'action',
    'index', p_reference -> 'index_name',
    'self', p_parent ->> 'oid' = p_child ->> 'oid',
    -- A foreign key between single whole numbers: its rows can be counted and deleted by arrays.
    'plain', NOT (p_reference ->> 'is_declared')::boolean AND count(*) = 1
    AND bool_and(
        pair.child_type IN ('smallint', 'integer', 'bigint')
        AND pair.parent_type IN ('smallint', 'integer', 'bigint')
        AND deletion_equality(pair.operator, FALSE) = 'OPERATOR(pg_catalog.=)'
    ) AND p_reference ->> 'index_name' IS NOT NULL,
    'comparable', bool_and(pair.operator IS NOT NULL),
    'single', count(*) = 1,
    'child_column', min(pair.child_name),
    'frame_column', min(pair.frame_column),
    -- Sides exchanged: hashed lookups of the child's column among the frame's values.
    'any_eq', min(deletion_equality(pair.operator, TRUE)),
    'condition_c', coalesce((SELECT 'c.' || d.condition FROM discriminator AS d), 'TRUE'),
    'parent_columns', jsonb_agg(jsonb_build_object(
        'f', pair.frame_column, 'type', pair.parent_type
    ) ORDER BY pair.i),
    'columns', jsonb_agg(jsonb_build_object(
        'f', 'p' || pair.i, 'name', pair.child_name, 'type', pair.child_type
    ) ORDER BY pair.i),
    'on_frame', string_agg(format('f.%s %s c.%s', pair.frame_column,
        deletion_equality(pair.operator, FALSE), pair.child_name), ' AND ' ORDER BY pair.i)
    || coalesce((SELECT ' AND c.' || d.condition FROM discriminator AS d), '')
    || coalesce((SELECT ' AND NOT (' || o.in_frame || ')' FROM own_row AS o), ''),
    'on_parent', string_agg(format('t.%s %s c.%s', pair.parent_name,
        deletion_equality(pair.operator, FALSE), pair.child_name), ' AND ' ORDER BY pair.i)
    || coalesce((SELECT ' AND c.' || d.condition FROM discriminator AS d), '')
    || coalesce((SELECT ' AND NOT (' || o.in_table || ')' FROM own_row AS o), ''),
    'found', string_agg(format('t.%s %s f.p%s', pair.child_name, pair.own_eq, pair.i),
        ' AND ' ORDER BY pair.i)
    || coalesce((SELECT ' AND t.' || d.condition FROM discriminator AS d), ''),
    'set_columns', (
        SELECT string_agg(format(
            '%I = %s',
            a.attname,
            CASE p_reference ->> 'action' WHEN 'set_default' THEN 'DEFAULT' ELSE 'NULL' END
        ), ', ' ORDER BY a.attnum)
        FROM jsonb_array_elements_text(p_reference -> 'set_columns') AS s
        INNER JOIN pg_attribute AS a
            ON a.attrelid = (p_child ->> 'oid')::oid AND a.attnum = s::int2
    )
)
FROM pair;
$deletion_plan_edge$;

COMMENT ON FUNCTION deletion_plan_edge(jsonb, jsonb, jsonb) IS
'A reference of a plan, with the conditions that its statements are made of.';
REVOKE ALL ON FUNCTION deletion_plan_edge(jsonb, jsonb, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_fresh_plan.sql
-- deletion_fresh_plan
-- Find a target's current plan, if the catalog still is as it was compiled from.
--
-- Parameters  p_entity_table   the target          p_hard   the mode
-- Returns     bigint, the plan; NULL: there is none, or it is stale
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_fresh_plan(
    p_entity_table text,
    p_hard boolean
) RETURNS bigint
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_fresh_plan$
SELECT p.plan_id
FROM deletion_plans AS p
WHERE
    p.entity_table = p_entity_table AND p.hard_delete = p_hard AND p.superseded_at IS NULL
    AND p.fingerprint = deletion_fingerprint(
        p_entity_table, ARRAY(SELECT jsonb_array_elements_text(p.tables)::oid)
    );
$deletion_fresh_plan$;

COMMENT ON FUNCTION deletion_fresh_plan(text, boolean) IS
'A target''s current plan, if the catalog still is as it was compiled from.';
REVOKE ALL ON FUNCTION deletion_fresh_plan(text, boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_fingerprint.sql
-- deletion_fingerprint
-- Digest every catalog row that a plan was compiled from, so that a change becomes visible.
--
-- Parameters  p_entity_table   the target
--             p_tables         the plan's tables, target and dependants, as their OIDs
-- Returns     text, two hexadecimal MD5: of the references, and of all the rest
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_fingerprint(entity_table, '{16400,16412}') FROM deletion_plans;

CREATE OR REPLACE FUNCTION deletion_fingerprint(
    p_entity_table text,
    p_tables oid[]
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_fingerprint$
SELECT deletion_fingerprint_references(p_tables) || md5(concat_ws(
    '|',
    (
        SELECT string_agg(concat_ws(',', c.oid, c.relnamespace, c.relname, c.relkind,
            c.relispartition, c.relhassubclass, c.relhasrules, c.relrowsecurity, c.relforcerowsecurity,
            (
                -- One string a table: pg_attribute is the largest part of what is read.
                SELECT string_agg(concat_ws(':', a.attnum, a.attname, a.atttypid, a.atttypmod,
                    a.attnotnull, a.attgenerated), ' ' ORDER BY a.attnum)
                FROM pg_attribute AS a
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            ),
            (
                SELECT string_agg(concat_ws(':', i.indexrelid, i.indkey, i.indisvalid,
                    i.indisready, i.indisunique, i.indpred IS NULL), ' ' ORDER BY i.indexrelid)
                FROM pg_index AS i
                WHERE i.indrelid = c.oid
            )), ';' ORDER BY c.oid)
        FROM pg_class AS c
        WHERE c.oid = ANY (p_tables)
    ),
    (
        SELECT string_agg(concat_ws(',', n.oid, n.nspname), ';' ORDER BY n.oid)
        FROM pg_namespace AS n
        WHERE n.oid IN (SELECT c.relnamespace FROM pg_class AS c WHERE c.oid = ANY (p_tables))
    ),
    -- Without times: as text they change with the session's time zone, and every plan were stale.
    (
        SELECT string_agg((to_jsonb(r) - 'created_at')::text, ';' ORDER BY r.child_schema, r.child_table, r.reference_name)
        FROM deletion_rules AS r
    ),
    (
        SELECT string_agg((to_jsonb(d) - 'created_at')::text, ';' ORDER BY d.reference_name)
        FROM deletion_references AS d
    ),
    (
        SELECT (to_jsonb(t) - 'created_at')::text
        FROM deletion_targets AS t
        WHERE t.entity_table = p_entity_table
    ),
    -- A limit makes the check count rows that it would not look at otherwise.
    deletion_setting('max_rows')
));
$deletion_fingerprint$;

COMMENT ON FUNCTION deletion_fingerprint(text, oid[]) IS
'Digest of every catalog row that a plan was compiled from.';
REVOKE ALL ON FUNCTION deletion_fingerprint(text, oid[]) FROM PUBLIC;
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
            -- The form of the plans as well: those that an earlier version wrote are stale.
            '2',
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

-- >>> procedures/postgres/planner/deletion_compile.sql
-- deletion_compile
-- Compile a target's plan and make it the current one.
--
-- Parameters  p_entity_table   the target, as it is registered
--             p_hard           the mode: TRUE removes rows
-- Returns     bigint, the plan; one that cannot run carries error_code and error
-- Errors      JD004 the table is no target
-- Writes      deletion_plans, deletion_plan_steps   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_compile(
    p_entity_table text,
    p_hard boolean
) RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_compile$
DECLARE
    v_graph jsonb;
    v_plan_id bigint;
BEGIN
    -- Two workers that find the same plan stale compile it one after the other.
    PERFORM 1 FROM deletion_targets AS t WHERE t.entity_table = p_entity_table FOR UPDATE;

    IF NOT FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'JD004',
            MESSAGE = left(format('compile: table is no target (%s)', p_entity_table), 128),
            HINT = 'Register it with register_deletion_target.';
    END IF;

    v_plan_id := deletion_fresh_plan(p_entity_table, p_hard);

    IF v_plan_id IS NOT NULL THEN
        RETURN v_plan_id;
    END IF;

    v_graph := deletion_plan_graph(p_entity_table);

    UPDATE deletion_plans AS p
    SET superseded_at = clock_timestamp()
    WHERE
        p.entity_table = p_entity_table AND p.hard_delete = p_hard AND p.superseded_at IS NULL;

    INSERT INTO deletion_plans (
        entity_table, hard_delete, fingerprint, tables, error_code, error, can_block, has_waits
    )
    VALUES (
        p_entity_table,
        p_hard,
        deletion_fingerprint(
            p_entity_table, ARRAY(SELECT jsonb_array_elements_text(v_graph -> 'tables')::oid)
        ),
        v_graph -> 'tables',
        v_graph ->> 'error_code',
        v_graph ->> 'error',
        coalesce((v_graph ->> 'can_block')::boolean, FALSE),
        coalesce((v_graph ->> 'has_waits')::boolean, FALSE)
    )
    RETURNING plan_id INTO v_plan_id;

    IF v_graph ->> 'error_code' IS NULL THEN
        PERFORM deletion_write_plan(v_plan_id, v_graph);
    END IF;

    RETURN v_plan_id;
END;
$deletion_compile$;

COMMENT ON FUNCTION deletion_compile(text, boolean) IS
'Compile a target''s plan and make it the current one.';
REVOKE ALL ON FUNCTION deletion_compile(text, boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_parse_key.sql
-- deletion_parse_key
-- Read a row's key strictly, and give the one text that stands for it in deletion_jobs.
--
-- Parameters  p_entity_table   the target, as it is registered
--             p_pk             the key as text; a composite one as a JSON array in key order
--             p_verb           the verb that was called
-- Returns     text; composite keys as a JSON array of texts without blanks between them
-- Errors      JD002 it does not parse, or is longer than 64 characters; JD004 no such target
-- Writes      nothing, and reads no application table     Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_parse_key('place', '["de", 12]');

CREATE OR REPLACE FUNCTION deletion_parse_key(
    p_entity_table text,
    p_pk text,
    p_verb text DEFAULT 'deletion_parse_key'
) RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_parse_key$
DECLARE
    v_types jsonb;
    v_key text;
BEGIN
    SELECT t.key_types INTO v_types
    FROM deletion_targets AS t
    WHERE t.entity_table = p_entity_table;

    IF v_types IS NULL THEN
        PERFORM deletion_raise('JD004', p_verb, 'table is no target', p_entity_table);
    ELSIF p_pk IS NULL THEN
        PERFORM deletion_raise('JD002', p_verb, 'the key is NULL', p_entity_table);
    END IF;

    -- Most keys are as their type prints them beyond doubt: a tenth of the time of a cast.
    IF jsonb_array_length(v_types) = 1 AND p_pk ~ (
        CASE v_types ->> 0
            WHEN 'integer' THEN '^(0|-?[1-9][0-9]{0,8})$'
            WHEN 'bigint' THEN '^(0|-?[1-9][0-9]{0,17})$'
            WHEN 'uuid' THEN '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
        END
    ) THEN
        RETURN p_pk;
    END IF;

    IF jsonb_array_length(v_types) = 1 THEN
        v_key := deletion_key_text(p_pk, v_types ->> 0);
    ELSE
        v_key := deletion_key_texts(p_pk, v_types);
    END IF;

    IF v_key IS NULL THEN
        PERFORM deletion_raise(
            'JD002', p_verb, format('not a key of %s', p_entity_table), p_pk,
            format('The key''s types are %s.', v_types)
        );
    ELSIF length(v_key) > 64 THEN
        PERFORM deletion_raise(
            'JD002', p_verb, 'the key is longer than 64 characters', v_key,
            'Register the target by a shorter unique key.'
        );
    END IF;

    RETURN v_key;
END;
$deletion_parse_key$;

COMMENT ON FUNCTION deletion_parse_key(text, text, text) IS
'Read a row''s key strictly, and give the one text that stands for it in deletion_jobs.';
REVOKE ALL ON FUNCTION deletion_parse_key(text, text, text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_raise.sql
-- deletion_raise
-- Raise one of the errors of this project, in the form that all of them have.
--
-- Parameters  p_code    its SQLSTATE
--             p_verb    the verb that was called
--             p_what    what is wrong
--             p_value   the value that is; NULL: none to show
--             p_hint    what to do; NULL: it goes without saying
-- Errors      the one that was asked for, always
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_raise('JD001', 'cancel_deletion', 'no such job', '42');

CREATE OR REPLACE FUNCTION deletion_raise(
    p_code text,
    p_verb text,
    p_what text,
    p_value text,
    p_hint text DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_raise$
DECLARE
    v_message text := format('%s: %s', p_verb, p_what);
BEGIN
    IF p_value IS NOT NULL THEN
        -- The value is cut, never the closing parenthesis.
        v_message := format('%s (%s)', v_message, left(p_value, greatest(125 - length(v_message), 0)));
    END IF;

    IF p_hint IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = p_code, MESSAGE = left(v_message, 128);
    END IF;

    RAISE EXCEPTION USING ERRCODE = p_code, MESSAGE = left(v_message, 128), HINT = p_hint;
END;
$deletion_raise$;

COMMENT ON FUNCTION deletion_raise(text, text, text, text, text) IS
'Raise one of the errors of this project, in the form that all of them have.';
REVOKE ALL ON FUNCTION deletion_raise(text, text, text, text, text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/admin/register_deletion_target.sql
-- register_deletion_target
-- Allow deletions from a table, and fix the key by which its rows are named.
--
-- Parameters  p_table         the table, with or without its schema
--             p_key_columns   JSON array of the columns of a NOT NULL unique key, in the order
--                             in which jobs name them; NULL: the primary key
--             p_max_rows      a job that would change more rows fails; NULL: the setting max_rows
-- Errors      JD002 no such key, limit below 1; JD003 another key while jobs are open; JD005 no
--             such table, one of ours, no key, or a key of a type that does not compare exactly
-- Writes      deletion_targets (one row; again: changes it)     Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL register_deletion_target('customer');

CREATE OR REPLACE PROCEDURE register_deletion_target(
    p_table text,
    p_key_columns jsonb DEFAULT NULL,
    p_max_rows bigint DEFAULT NULL
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $register_deletion_target$
DECLARE
    c_verb CONSTANT text := 'register_deletion_target';
    v_table regclass;
    v_entity_table text;
    v_key int2[];
    v_bad_column text;
BEGIN
    IF p_table IS NULL THEN
        PERFORM deletion_raise('JD002', c_verb, 'p_table is NULL', NULL);
    ELSIF p_max_rows < 1 THEN
        PERFORM deletion_raise('JD002', c_verb, 'p_max_rows is below 1', p_max_rows::text);
    END IF;

    v_table := deletion_find_table(p_table, c_verb);
    v_entity_table := deletion_entity_name(v_table);

    IF deletion_is_ours(v_table) THEN
        PERFORM deletion_raise('JD005', c_verb, 'table belongs to deletion-jobs', p_table);
    ELSIF length(v_entity_table) > 64 THEN
        PERFORM deletion_raise(
            'JD005', c_verb, 'name is longer than 64 characters', v_entity_table
        );
    END IF;

    v_key := deletion_unique_key(v_table, p_key_columns);

    IF v_key IS NULL AND p_key_columns IS NULL THEN
        PERFORM deletion_raise(
            'JD005', c_verb, 'table has no primary key', p_table,
            'Name the columns of a NOT NULL unique key.'
        );
    ELSIF v_key IS NULL THEN
        PERFORM deletion_raise(
            'JD002', c_verb, format('no NOT NULL unique key of %s', v_entity_table),
            p_key_columns::text
        );
    END IF;

    SELECT format('%s %s', a.attname, format_type(a.atttypid, a.atttypmod)) INTO v_bad_column
    FROM pg_attribute AS a
    WHERE
        a.attrelid = v_table AND a.attnum = ANY (v_key)
        AND deletion_type_family(a.atttypid) IS NULL
    LIMIT 1;

    IF FOUND THEN
        PERFORM deletion_raise('JD005', c_verb, 'key does not compare exactly', v_bad_column);
    END IF;

    -- The keys of open jobs would come to mean other rows.
    IF EXISTS (
        SELECT 1
        FROM deletion_targets AS t
        WHERE t.entity_table = v_entity_table AND deletion_attnums(v_table, t.key_columns) <> v_key
    ) AND deletion_has_open_jobs(v_entity_table) THEN
        PERFORM deletion_raise(
            'JD003', c_verb, 'jobs by another key are still open', v_entity_table
        );
    END IF;

    INSERT INTO deletion_targets AS t (
        entity_table, table_schema, table_name, key_columns, key_types, max_rows
    )
    SELECT
        v_entity_table,
        n.nspname,
        c.relname,
        jsonb_agg(a.attname ORDER BY array_position(v_key, a.attnum)),
        jsonb_agg(
            format_type(a.atttypid, a.atttypmod) ORDER BY array_position(v_key, a.attnum)
        ),
        p_max_rows
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    INNER JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY (v_key)
    WHERE c.oid = v_table
    GROUP BY n.nspname, c.relname
    ON CONFLICT (entity_table) DO UPDATE
    SET
        key_columns = excluded.key_columns,
        key_types = excluded.key_types,
        max_rows = excluded.max_rows;
END;
$register_deletion_target$;

COMMENT ON PROCEDURE register_deletion_target(text, jsonb, bigint) IS
'Allow deletions from a table, and fix the key by which its rows are named.';
REVOKE ALL ON PROCEDURE register_deletion_target(text, jsonb, bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/api/enqueue_deletion.sql
-- enqueue_deletion
-- Ask that one row, and everything that hangs from it, be deleted.
--
-- Parameters  p_table          the target, with or without its schema
--             p_pk             the row's key as text; a composite one as a JSON array
--             p_reason         why; may be NULL
--             p_hard_delete    TRUE: remove for good; FALSE: soft delete
--             p_scheduled_at   when to start; NULL: as soon as possible
--             p_created_by     the user who asks; may be NULL
--             p_job_id         OUT: the job, a new one or the one that this row has already
-- Errors      JD002 NULL, or a key that does not parse; JD004 no target; JD011 soft delete is
--             not possible; JD013 more pending jobs than allowed
-- Writes      deletion_jobs (one row), deletion_attempts     Commits  no
-- Execute     deletion_jobs_app
-- Example     CALL enqueue_deletion('customer', '42', 'closed', TRUE, NULL, NULL, NULL);

CREATE OR REPLACE PROCEDURE enqueue_deletion(
    IN p_table text,
    IN p_pk text,
    IN p_reason text,
    IN p_hard_delete boolean,
    IN p_scheduled_at timestamptz,
    IN p_created_by bigint,
    OUT p_job_id bigint
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $enqueue_deletion$
DECLARE
    v_entity_table text := deletion_check_wish('enqueue_deletion', p_table, p_hard_delete);
BEGIN
    p_job_id := deletion_enqueue(
        'enqueue_deletion',
        v_entity_table,
        deletion_parse_key(v_entity_table, p_pk, 'enqueue_deletion'),
        p_reason,
        p_hard_delete,
        p_scheduled_at,
        p_created_by
    );
END;
$enqueue_deletion$;

COMMENT ON PROCEDURE
enqueue_deletion(text, text, text, boolean, timestamptz, bigint, OUT bigint) IS
'Ask that one row, and everything that hangs from it, be deleted.';
REVOKE ALL ON PROCEDURE
enqueue_deletion(text, text, text, boolean, timestamptz, bigint, OUT bigint) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE
enqueue_deletion(text, text, text, boolean, timestamptz, bigint, OUT bigint)
TO deletion_jobs_app;
-- <<<

-- >>> schema/postgres/views/vw_deletion_progress.sql
-- vw_deletion_progress
-- The running jobs: who works on them, how far they are, and since when nothing moved.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE VIEW vw_deletion_progress AS
SELECT
    j.id AS job_id,
    j.entity_table,
    j.entity_pk,
    a.run_id,
    r.slot,
    r.phase,
    r.job_count AS jobs_in_run,
    coalesce(
        (SELECT sum(c.row_count) FROM deletion_receipts AS c WHERE c.job_id = j.id), 0
    )::bigint AS rows_changed,
    r.rows_changed AS run_rows_changed,
    round(
        r.rows_changed
        / greatest(extract(EPOCH FROM r.last_step_at - r.started_at)::numeric, 0.001)
    )::bigint AS run_rows_per_second,
    r.step_count AS run_steps,
    r.batch_rows,
    r.retries,
    f.depth,
    (
        SELECT s.table_name
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = r.plan_id AND s.node_no = f.node_no
        LIMIT 1
    ) AS at_table,
    a.started_at,
    r.last_step_at,
    a.cancel_requested_at,
    -- The next worker that starts takes such a job up again.
    coalesce(
        r.ended_at IS NOT NULL OR r.server_id <> pg_postmaster_start_time()::text
        OR NOT EXISTS (SELECT 1 FROM pg_stat_activity AS p WHERE p.pid = r.session_id), TRUE
    ) AS is_orphaned,
    r.error
FROM deletion_jobs AS j
LEFT JOIN LATERAL (
    SELECT b.run_id, b.started_at, b.cancel_requested_at
    FROM deletion_attempts AS b
    WHERE b.job_id = j.id
    ORDER BY b.attempt_no DESC
    LIMIT 1
) AS a ON TRUE
LEFT JOIN deletion_runs AS r ON r.run_id = a.run_id
LEFT JOIN LATERAL (
    SELECT t.depth, t.node_no
    FROM deletion_frames AS t
    WHERE t.run_id = r.run_id
    ORDER BY t.depth DESC
    LIMIT 1
) AS f ON TRUE
WHERE j.status = 'running';

COMMENT ON VIEW vw_deletion_progress IS 'One row for each running job.';
GRANT SELECT ON vw_deletion_progress TO deletion_jobs_operator, deletion_jobs_reader;
-- <<<

-- >>> schema/postgres/views/vw_deletion_receipts.sql
-- vw_deletion_receipts
-- What each job has changed: table by table, action by action.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE VIEW vw_deletion_receipts AS
SELECT
    r.job_id,
    j.entity_table,
    j.entity_pk,
    j.status,
    r.table_name,
    r.action,
    r.row_count,
    r.updated_at
FROM deletion_receipts AS r
LEFT JOIN deletion_jobs AS j ON j.id = r.job_id;

COMMENT ON VIEW vw_deletion_receipts IS 'Rows changed, for each job, table and action.';
GRANT SELECT ON vw_deletion_receipts TO deletion_jobs_operator, deletion_jobs_reader;
-- <<<

-- >>> schema/postgres/views/vw_deletion_problems.sql
-- vw_deletion_problems
-- What somebody has to act on, one line each, with the SQL that mends it.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE VIEW vw_deletion_problems AS
WITH home AS (
    SELECT n.oid AS schema_oid, format('%I', n.nspname) AS schema_sql
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = 'deletion_jobs'::regclass
),

-- Tables by the names that plans give them: a reader's path must not resolve them.
named AS (
    SELECT
        c.oid AS table_oid,
        format('%I.%I', n.nspname, c.relname) AS table_sql,
        CASE
            WHEN n.oid = h.schema_oid THEN quote_ident(c.relname)
            ELSE format('%I.%I', n.nspname, c.relname)
        END AS table_name
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    CROSS JOIN home AS h
    WHERE c.relkind = 'r'
),

step AS (
    SELECT
        p.entity_table, p.compiled_at, s.kind, s.reference_name, s.table_name,
        n.table_oid, n.table_sql
    FROM deletion_plans AS p
    INNER JOIN deletion_plan_steps AS s ON s.plan_id = p.plan_id
    INNER JOIN named AS n ON n.table_name = s.table_name
    WHERE p.superseded_at IS NULL
),

needed AS (
    SELECT DISTINCT s.entity_table, s.table_name, s.table_oid, s.table_sql, r.privilege
    FROM step AS s
    CROSS JOIN LATERAL unnest(
        CASE
            WHEN s.kind IN ('remove', 'drain') THEN ARRAY['SELECT', 'DELETE']
            WHEN s.kind IN ('set', 'lock') THEN ARRAY['SELECT', 'UPDATE']
            ELSE ARRAY['SELECT']
        END
    ) AS r (privilege)
),

failed AS (
    SELECT
        j.entity_table,
        left(j.error, 5) AS code,
        count(*) AS jobs,
        min(j.finished_at) AS since,
        (array_agg(j.error ORDER BY j.finished_at DESC))[1] AS last_error
    FROM deletion_jobs AS j
    WHERE j.status = 'failed'
    GROUP BY j.entity_table, left(j.error, 5)
),

resting AS (
    SELECT
        j.entity_table,
        count(*) AS jobs,
        min(j.created_at) AS since,
        max(j.id) AS last_job,
        (array_agg(j.error ORDER BY j.id DESC))[1] AS last_error
    FROM deletion_jobs AS j
    WHERE j.status = 'pending' AND j.error IS NOT NULL
    GROUP BY j.entity_table
)

SELECT
    'schedule' AS problem,
    format('slot %s', s.slot) AS subject,
    coalesce(s.last_started_at, s.armed_at) AS since,
    format('%s: %s', s.state, s.why) AS detail,
    s.mend_sql
FROM vw_deletion_schedule AS s
WHERE
    s.state IN ('paused', 'died', 'late', 'off')
    AND EXISTS (SELECT 1 FROM deletion_targets)
UNION ALL
SELECT
    'orphaned',
    format('job %s', p.job_id),
    p.last_step_at,
    format('the worker of %s %s is gone; the next one takes it up', p.entity_table, p.entity_pk),
    format('CALL %s.run_deletion_jobs(NULL, NULL);', h.schema_sql)
FROM vw_deletion_progress AS p
CROSS JOIN home AS h
WHERE p.is_orphaned
UNION ALL
SELECT
    'plan',
    p.entity_table,
    p.compiled_at,
    format('%s: %s', p.error_code, p.error),
    format('CALL %s.compile_deletion_plan(%L);', h.schema_sql, p.entity_table)
FROM deletion_plans AS p
CROSS JOIN home AS h
WHERE p.superseded_at IS NULL AND p.error_code IS NOT NULL
UNION ALL
SELECT
    'right missing',
    n.table_name,
    NULL,
    format(
        'deletion_jobs_owner lacks %s for deletions of %s',
        string_agg(n.privilege, ', ' ORDER BY n.privilege), n.entity_table
    ),
    format(
        'GRANT %s ON %s TO deletion_jobs_owner;',
        string_agg(n.privilege, ', ' ORDER BY n.privilege), n.table_sql
    )
FROM needed AS n
WHERE
    NOT CASE n.privilege
        WHEN 'UPDATE' THEN has_any_column_privilege('deletion_jobs_owner', n.table_oid, 'UPDATE')
        ELSE has_table_privilege('deletion_jobs_owner', n.table_oid, n.privilege)
    END
GROUP BY n.entity_table, n.table_name, n.table_sql
UNION ALL
SELECT
    'index missing',
    format('%s of %s', s.reference_name, s.table_name),
    s.compiled_at,
    format('deletions of %s read the whole table to find its rows', s.entity_table),
    format('CREATE INDEX CONCURRENTLY ON %s (%s);', s.table_sql, (
        SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.ordinality)
        FROM (
            SELECT u.attnum, u.ordinality
            FROM pg_constraint AS f, unnest(f.conkey) WITH ORDINALITY AS u (attnum, ordinality)
            WHERE f.conrelid = s.table_oid AND f.conname = s.reference_name
            UNION ALL
            SELECT w.attnum, u.ordinality
            FROM deletion_references AS d,
                jsonb_array_elements_text(d.child_columns) WITH ORDINALITY AS u (name, ordinality),
                pg_attribute AS w
            WHERE
                d.reference_name = s.reference_name
                AND w.attrelid = s.table_oid AND w.attname = u.name
        ) AS k
        INNER JOIN pg_attribute AS a ON a.attrelid = s.table_oid AND a.attnum = k.attnum
    ))
FROM step AS s
WHERE s.kind = 'size'
UNION ALL
SELECT
    'failed',
    f.entity_table,
    f.since,
    format('%s jobs, the last one: %s', f.jobs, f.last_error),
    format(
        'DO $do$ DECLARE v_id bigint; BEGIN FOR v_id IN SELECT id FROM %1$s.vw_deletion_jobs'
        ' WHERE status = ''failed'' AND entity_table = %2$L AND error LIKE %3$L'
        ' LOOP CALL %1$s.retry_deletion(v_id); END LOOP; END $do$;',
        h.schema_sql, f.entity_table, f.code || '%'
    )
FROM failed AS f
CROSS JOIN home AS h
UNION ALL
SELECT
    'retrying',
    r.entity_table,
    r.since,
    format('%s jobs wait to be tried again, the last one: %s', r.jobs, r.last_error),
    format(
        'SELECT * FROM %s.vw_deletion_attempts WHERE job_id = %s ORDER BY attempt_no;',
        h.schema_sql, r.last_job
    )
FROM resting AS r
CROSS JOIN home AS h;

COMMENT ON VIEW vw_deletion_problems IS 'One line for each thing to act on.';
GRANT SELECT ON vw_deletion_problems TO deletion_jobs_operator, deletion_jobs_reader;
-- <<<

-- >>> schema/postgres/views/vw_deletion_health.sql
-- vw_deletion_health
-- The whole in one row, for a monitor.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE VIEW vw_deletion_health AS
WITH due AS (
    SELECT count(*) AS jobs, min(coalesce(j.scheduled_at, j.created_at)) AS oldest_at
    FROM deletion_jobs AS j
    WHERE j.status = 'pending' AND coalesce(j.scheduled_at, j.created_at) <= now()
),

running AS (
    SELECT count(*) AS jobs, count(*) FILTER (WHERE p.is_orphaned) AS orphaned
    FROM vw_deletion_progress AS p
),

failed AS (
    SELECT sum(f.jobs)::bigint AS jobs, jsonb_object_agg(f.cause, f.jobs) AS by_cause
    FROM (
        -- JD006: 7 rows of invoice behind invoice_customer_id_fkey: the code and the reference.
        SELECT
            concat_ws(
                ' ', left(j.error, 5), substring(j.error FROM '^JD006: .* behind (\S+)')
            ) AS cause,
            count(*) AS jobs
        FROM deletion_jobs AS j
        WHERE j.status = 'failed'
        GROUP BY 1
    ) AS f
),

lately AS (
    SELECT
        sum(r.rows_changed) AS changed_rows,
        extract(EPOCH FROM max(r.last_step_at) - min(r.started_at))::numeric AS seconds
    FROM (
        SELECT l.rows_changed, l.started_at, l.last_step_at
        FROM deletion_runs AS l
        ORDER BY l.run_id DESC
        LIMIT 100
    ) AS r
    WHERE r.last_step_at > now() - interval '5 minutes'
)

SELECT
    coalesce(extract(EPOCH FROM now() - d.oldest_at), 0)::bigint AS oldest_due_seconds,
    d.jobs AS due_jobs,
    (SELECT count(*) FROM deletion_jobs AS j WHERE j.status = 'pending') AS pending_jobs,
    r.jobs AS running_jobs,
    r.orphaned AS orphaned_jobs,
    coalesce(f.jobs, 0) AS failed_jobs,
    coalesce(f.by_cause, '{}') AS failed_by_cause,
    coalesce(round(l.changed_rows / greatest(l.seconds, 0.001)), 0)::bigint AS rows_per_second,
    (SELECT max(s.last_started_at) FROM deletion_slots AS s) AS last_tick_at,
    (
        SELECT s.setting_value FROM deletion_settings AS s WHERE s.setting_name = 'paused_reason'
    ) AS paused_reason,
    (SELECT count(*) FROM vw_deletion_problems) AS problems
FROM due AS d
CROSS JOIN running AS r
CROSS JOIN failed AS f
CROSS JOIN lately AS l;

COMMENT ON VIEW vw_deletion_health IS 'One row: backlog, work, failures and speed.';
GRANT SELECT ON vw_deletion_health TO deletion_jobs_operator, deletion_jobs_reader;
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
