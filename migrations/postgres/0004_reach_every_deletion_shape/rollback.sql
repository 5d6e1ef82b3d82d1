-- 0004_reach_every_deletion_shape: rollback
-- Take back: reach every deletion shape on PostgreSQL.
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

-- What soft deletion has marked stays marked; what is known of it goes.
DROP VIEW vw_deletion_marks;
DROP INDEX idx_dm_row;
ALTER TABLE deletion_marks
DROP COLUMN plan_id,
DROP COLUMN key_hash,
DROP COLUMN state;

DELETE FROM deletion_plan_steps AS s
USING deletion_plans AS p
WHERE p.plan_id = s.plan_id AND NOT p.hard_delete;
DELETE FROM deletion_plans AS p WHERE NOT p.hard_delete;
DELETE FROM deletion_receipts AS r WHERE r.action IN ('mark', 'restore');
ALTER TABLE deletion_receipts DROP CONSTRAINT chk_drec_action;
ALTER TABLE deletion_receipts ADD CONSTRAINT chk_drec_action
CHECK (action IN ('delete', 'set_null', 'set_default', 'root_not_found'));
COMMENT ON COLUMN deletion_receipts.action IS
'delete, set_null, set_default; root_not_found: the row was gone already.';

-- As before 0.3.0.
DROP INDEX IF EXISTS idx_dps_parent;
DROP INDEX IF EXISTS idx_dps_edge;

-- >>> drop
DROP VIEW IF EXISTS vw_deletion_health;
DROP VIEW IF EXISTS vw_deletion_problems;
DROP VIEW IF EXISTS vw_deletion_marks;
DROP VIEW IF EXISTS vw_deletion_progress;
DROP FUNCTION IF EXISTS deletion_restore_job;
DROP FUNCTION IF EXISTS deletion_restore;
DROP FUNCTION IF EXISTS deletion_soft_advance;
DROP FUNCTION IF EXISTS deletion_soft_spread;
DROP FUNCTION IF EXISTS deletion_soft_mark;
DROP FUNCTION IF EXISTS deletion_soft_done;
DROP FUNCTION IF EXISTS deletion_soft_take;
DROP FUNCTION IF EXISTS deletion_soft_start;
DROP FUNCTION IF EXISTS deletion_take_found;
DROP FUNCTION IF EXISTS deletion_add_receipts;
DROP FUNCTION IF EXISTS deletion_soft_plan;
DROP FUNCTION IF EXISTS deletion_write_soft_plan;
DROP FUNCTION IF EXISTS deletion_sql_restore;
DROP FUNCTION IF EXISTS deletion_sql_spread;
DROP FUNCTION IF EXISTS deletion_sql_mark;
DROP FUNCTION IF EXISTS deletion_soft_graph;
DROP FUNCTION IF EXISTS deletion_soft_nodes;
DROP FUNCTION IF EXISTS deletion_has_soft_column;
DROP FUNCTION IF EXISTS deletion_soft_problem;
DROP FUNCTION IF EXISTS deletion_soft_kind;
DROP FUNCTION IF EXISTS deletion_sql_drain;
DROP FUNCTION IF EXISTS deletion_sql_find;
DROP PROCEDURE IF EXISTS set_soft_deletion;
DROP FUNCTION IF EXISTS preview_soft_deletion;
DROP PROCEDURE IF EXISTS restore_deletion;
DROP TABLE IF EXISTS deletion_soft_keys;
DROP TABLE IF EXISTS deletion_found_rows;
DROP TABLE IF EXISTS deletion_soft_columns;
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
    v_seen bigint;
    v_count bigint;
    v_by_job jsonb;
    v_found jsonb := '[]'::jsonb;
BEGIN
    SELECT
        min(s.sql_text) FILTER (WHERE s.kind = 'take' || v_one),
        min(s.sql_text) FILTER (WHERE s.kind = 'remove_all' || v_one)
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
    EXECUTE v_take INTO v_jobs, v_keys, v_parents, v_seen USING v_frame.keys, v_limit;

    IF v_seen < v_limit THEN
        v_frame.edge_pos := p_step.edge_no;
        v_walk.frame := v_frame;
    END IF;

    -- Others took rows while they were waited for, or gave them another key.
    IF coalesce(cardinality(v_keys), 0) < v_seen THEN
        v_walk.is_locked := FALSE;
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
    v_count := deletion_sweep_away(v_run.run_id, v_found, v_jobs, v_keys, v_parents);
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
-- Parameters  p_run_id   the run
--             p_found   jsonb array in the order of deletion: sql, table, rows, jobs (job -> rows)
--             p_jobs, p_keys, p_parents   the locked rows
-- Returns     bigint, the number of rows deleted
-- Errors      40001 others took some of the rows meanwhile: the step is tried again, row by row
-- Writes      the application's tables, deletion_receipts     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sweep_away(
    p_run_id bigint,
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
        PERFORM deletion_add_receipts(p_run_id, v_item ->> 'table', 'delete', v_item -> 'jobs');
    END LOOP;

    RETURN v_total;
END;
$deletion_sweep_away$;

COMMENT ON FUNCTION deletion_sweep_away(bigint, jsonb, bigint[], bigint[], bigint[]) IS
'Delete what deletion_sweep has locked and counted, and write the receipts.';
REVOKE ALL ON FUNCTION deletion_sweep_away(bigint, jsonb, bigint[], bigint[], bigint[]) FROM PUBLIC;
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
    ELSIF v_frame.keys -> 0 ? 'l' THEN
        RETURN deletion_remove_levels(v_walk);
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
    PERFORM deletion_add_receipts(v_run.run_id, v_remove.table_name, 'delete', v_by_job);
    v_run.rows_changed := v_run.rows_changed + v_rows;
    v_walk.rows_left := v_walk.rows_left - v_rows;

    IF v_rows = v_found THEN
        PERFORM deletion_uncount(v_run.run_id, v_remove.table_name, v_frame.keys)
        WHERE v_run.state ? 'set';
        -- What was not found any more has moved to another parent, or is gone already.
        v_run.state := v_run.state || jsonb_build_object('fan', coalesce(v_run.state -> 'fan', '{}')
            || jsonb_build_object(v_frame.node_no::text, v_frame.rows_here::float8 / v_frame.key_count));
        v_walk.run := v_run;
        RETURN deletion_pop(v_walk);
    END IF;

    EXECUTE v_left INTO v_rest, v_frame.key_count USING v_frame.keys;
    PERFORM deletion_uncount(v_run.run_id, v_remove.table_name, (
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
-- Parameters  p_run_id       the run that removed them; another may have set them
--             p_table_name   the table, as plans name it
--             p_keys         a frame of its rows that were removed
-- Writes      deletion_receipts, deletion_walk_keys     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_uncount(
    p_run_id bigint,
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

SELECT deletion_add_receipts(
    p_run_id, p_table_name, g.action, jsonb_object_agg(g.job_id, -g.row_count)
)
FROM (
    SELECT f.job_id, f.action, count(*) AS row_count
    FROM forgotten AS f
    GROUP BY f.job_id, f.action
) AS g
GROUP BY g.action;
$deletion_uncount$;

COMMENT ON FUNCTION deletion_uncount(bigint, text, jsonb) IS
'Take rows that are gone out of the receipts of what was set.';
REVOKE ALL ON FUNCTION deletion_uncount(bigint, text, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_remove_levels.sql
-- deletion_remove_levels
-- Remove all rows of a frame of several levels at once: lock them, look, delete.
--
-- Parameters  p_walk   the walk
-- Returns     the walk, one frame further down, or in another pass over the same
-- Errors      JD006 rows are found and not changed
-- Writes      the application's table, deletion_receipts     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_remove_levels(p_walk deletion_cursor)
RETURNS deletion_cursor
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_remove_levels$
DECLARE
    v_walk deletion_cursor := p_walk;
    v_run deletion_runs := p_walk.run;
    v_frame deletion_frames := p_walk.frame;
    v_lock text;
    v_look text;
    v_left text;
    v_rest jsonb;
    v_remove deletion_plan_steps;
    v_found bigint;
    v_with_children bigint;
    v_rows bigint;
    v_by_job jsonb;
BEGIN
    SELECT
        min(s.sql_text) FILTER (WHERE s.kind = 'lock'),
        min(s.sql_text) FILTER (WHERE s.kind = 'look_levels'),
        min(s.sql_text) FILTER (WHERE s.kind = 'left')
    INTO STRICT v_lock, v_look, v_left
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = v_run.plan_id AND s.edge_no = v_frame.edge_no;
    SELECT s.* INTO STRICT v_remove
    FROM deletion_plan_steps AS s
    WHERE
        s.plan_id = v_run.plan_id AND s.edge_no = v_frame.edge_no AND s.kind = 'remove_levels';

    -- Three statements: a child that was committed while the lock waited is seen by the second.
    EXECUTE v_lock INTO v_found USING v_frame.keys;
    EXECUTE v_look INTO v_with_children USING v_frame.keys;

    IF v_with_children > 0 THEN
        RETURN deletion_left_over(v_walk, v_remove);
    END IF;

    EXECUTE v_remove.sql_text INTO v_rows, v_by_job USING v_frame.keys;

    -- A row of two jobs is found twice and goes once.
    IF v_rows <> v_found THEN
        EXECUTE v_left INTO v_rest, v_with_children USING v_frame.keys;
    END IF;

    IF v_with_children > 0 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'JD006',
            MESSAGE = format(
                'rows of %s are found and not changed (a trigger or a policy keeps them)',
                v_remove.table_name
            );
    END IF;

    PERFORM deletion_add_receipts(v_run.run_id, v_remove.table_name, 'delete', v_by_job);
    v_run.rows_changed := v_run.rows_changed + v_rows;
    v_run.state := v_run.state || jsonb_build_object('fan', coalesce(v_run.state -> 'fan', '{}')
        || jsonb_build_object(v_frame.node_no::text, v_frame.rows_here::float8 / v_frame.key_count));
    v_walk.rows_left := v_walk.rows_left - v_rows;
    v_walk.run := v_run;
    RETURN deletion_pop(v_walk);
END;
$deletion_remove_levels$;

COMMENT ON FUNCTION deletion_remove_levels(deletion_cursor) IS
'Remove all rows of a frame of several levels at once: lock them, look, delete.';
REVOKE ALL ON FUNCTION deletion_remove_levels(deletion_cursor) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_pop.sql
-- deletion_pop
-- Drop the walk's present frame and go on with the one below it.
--
-- Parameters  p_walk   the walk
-- Returns     the walk, its frame NULL where the stack is empty
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_pop(p_walk deletion_cursor)
RETURNS deletion_cursor
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_pop$
DECLARE
    v_walk deletion_cursor := p_walk;
    v_last integer := cardinality(p_walk.below);
BEGIN
    v_walk.is_locked := FALSE;

    IF v_last = 0 THEN
        RETURN deletion_load_frame(v_walk);
    END IF;

    v_walk.frame := v_walk.below[v_last];
    v_walk.below := v_walk.below[:v_last - 1];
    RETURN v_walk;
END;
$deletion_pop$;

COMMENT ON FUNCTION deletion_pop(deletion_cursor) IS
'Drop the walk''s present frame and go on with the one below it.';
REVOKE ALL ON FUNCTION deletion_pop(deletion_cursor) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_plan_for.sql
-- deletion_plan_for
-- Find the plan by which jobs are worked, compiling it where it is missing or stale.
--
-- Parameters  p_entity_table   the target, as the jobs name it      p_hard   the mode
-- Returns     one row: plan_id, and the error for the jobs where none can run ("JD004: ..")
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_plan_for(
    p_entity_table text,
    p_hard boolean
) RETURNS TABLE (plan_id bigint, error text)
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_plan_for$
DECLARE
    v_plan_id bigint;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM deletion_targets AS t WHERE t.entity_table = p_entity_table) THEN
        RETURN QUERY SELECT
            NULL::bigint, format('JD004: the table is no deletion target (%s)', p_entity_table);
        RETURN;
    END IF;

    IF NOT p_hard THEN
        RETURN QUERY SELECT
            NULL::bigint, format('JD011: the target has no soft-delete column (%s)', p_entity_table);
        RETURN;
    END IF;

    v_plan_id := deletion_fresh_plan(p_entity_table, p_hard);

    IF v_plan_id IS NULL AND deletion_setting('recompile') = 'false' AND EXISTS (
        SELECT 1
        FROM deletion_plans AS p
        WHERE p.entity_table = p_entity_table AND p.hard_delete = p_hard
    ) THEN
        RETURN QUERY SELECT NULL::bigint, format(
            'JD009: the catalog has changed since the plan was compiled (%s)', p_entity_table
        );
        RETURN;
    END IF;

    BEGIN
        v_plan_id := coalesce(v_plan_id, deletion_compile(p_entity_table, p_hard));
    EXCEPTION
        WHEN lock_not_available OR deadlock_detected OR serialization_failure THEN
            RAISE;
        WHEN OTHERS THEN
            -- One target that cannot be compiled must not hold up the jobs of all others.
            RETURN QUERY SELECT NULL::bigint, format('%s: %s', sqlstate, sqlerrm);
            RETURN;
    END;

    RETURN QUERY
    SELECT p.plan_id, p.error_code || ': ' || p.error
    FROM deletion_plans AS p
    WHERE p.plan_id = v_plan_id;
END;
$deletion_plan_for$;

COMMENT ON FUNCTION deletion_plan_for(text, boolean) IS
'The plan by which jobs are worked, compiled where it is missing or stale.';
REVOKE ALL ON FUNCTION deletion_plan_for(text, boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_missing_privilege.sql
-- deletion_missing_privilege
-- Say which right on a plan's tables the owner account lacks, or which policy would filter it.
--
-- Parameters  p_plan_id   the plan
-- Returns     text, an error that names table and right; NULL: nothing is missing
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_missing_privilege(p_plan_id bigint)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_missing_privilege$
WITH used AS (
    SELECT DISTINCT
        s.table_name,
        to_regclass(s.table_name)::oid AS table_oid,
        CASE
            WHEN s.kind IN ('remove', 'drain') THEN 'DELETE'
            WHEN s.kind IN ('set', 'lock') THEN 'UPDATE'
            ELSE 'SELECT'
        END AS privilege,
        -- A lock is content with any column; what is set needs the right on those it sets.
        s.kind = 'lock' AS any_column
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = p_plan_id AND s.kind <> 'guard'
)

SELECT CASE
    WHEN row_security_active(u.table_oid)
        THEN format('42501: row-level security of %s applies to %s', u.table_name, current_user)
    ELSE format('42501: %s has no %s on %s', current_user, u.privilege, u.table_name)
END
FROM used AS u
WHERE
    row_security_active(u.table_oid)
    OR NOT CASE
        WHEN u.any_column THEN has_any_column_privilege(u.table_oid, u.privilege)
        ELSE has_table_privilege(u.table_oid, u.privilege)
    END
ORDER BY u.table_name, u.privilege
LIMIT 1;
$deletion_missing_privilege$;

COMMENT ON FUNCTION deletion_missing_privilege(bigint) IS
'Which right on a plan''s tables the owner account lacks, or which policy would filter it.';
REVOKE ALL ON FUNCTION deletion_missing_privilege(bigint) FROM PUBLIC;
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

    IF v_frame.key_count > v_batch AND v_frame.keys -> 0 ? 'l' THEN
        -- Rows of several levels cannot be parted: they are found again, fewer at a time.
        UPDATE deletion_frames AS f
        SET edge_pos = 0, fetch_cursor = NULL
        WHERE f.run_id = v_frame.run_id AND f.depth = v_frame.depth - 1;
        RETURN deletion_load_frame(v_walk);
    END IF;

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
    v_odd bigint;
    v_is_plain boolean := (
        SELECT t.plain_key IS NOT NULL
        FROM deletion_targets AS t
        WHERE t.entity_table = p_run.entity_table
    );
BEGIN
    SELECT s.* INTO STRICT v_step
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = p_run.plan_id AND s.kind = 'roots';

    -- All at once: a subtransaction for each key would cost more than all that follows.
    BEGIN
        SELECT coalesce(jsonb_agg(jsonb_build_object('j', j.id, 'pk', CASE
            -- Of such a type a key that reads, and prints as it was, is one.
            WHEN v_is_plain THEN j.entity_pk
            ELSE deletion_parse_key(p_run.entity_table, j.entity_pk)
        END) ORDER BY j.id), '[]')
        INTO v_roots
        FROM deletion_attempts AS a
        INNER JOIN deletion_jobs AS j ON j.id = a.job_id
        WHERE a.run_id = p_run.run_id AND a.outcome IS NULL;
        EXECUTE v_step.sql_text INTO v_keys, v_count, v_odd USING v_roots;
        v_odd := CASE WHEN v_is_plain THEN v_odd ELSE 0 END;
    EXCEPTION
        WHEN data_exception OR SQLSTATE 'JD002' THEN
            v_odd := 1;
    END;

    IF v_odd > 0 THEN
        v_roots := deletion_parse_roots(p_run);
        EXECUTE v_step.sql_text INTO v_keys, v_count USING v_roots;
    END IF;

    IF v_count > 0 THEN
        INSERT INTO deletion_frames (run_id, depth, node_no, edge_no, keys, key_count,
            edge_pos, rows_at_pass, rows_here)
        VALUES (p_run.run_id, 0, 0, 0, v_keys, v_count, 0, p_run.rows_changed, 0);
    END IF;

    -- A job that comes again after a crash has removed its root itself: its receipts know.
    PERFORM deletion_add_receipts(
        p_run.run_id, v_step.table_name, 'root_not_found',
        (
            SELECT jsonb_object_agg(k.value ->> 'j', 0)
            FROM jsonb_array_elements(v_keys) AS k
            WHERE
                k.value ? 'm'
                AND NOT EXISTS (
                    SELECT 1
                    FROM deletion_attempts AS a
                    INNER JOIN deletion_receipts AS r ON r.run_id = a.run_id
                    WHERE
                        -- What an earlier request of the same row did is another story.
                        a.job_id = (k.value ->> 'j')::bigint AND NOT a.is_past
                        AND r.table_name = v_step.table_name AND r.action = 'delete'
                        AND r.row_counts ? (k.value ->> 'j')
                )
        )
    );
END;
$deletion_find_roots$;

COMMENT ON FUNCTION deletion_find_roots(deletion_runs) IS
'Find the rows that a run''s jobs name, and push them as the run''s first frame.';
REVOKE ALL ON FUNCTION deletion_find_roots(deletion_runs) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_end_run.sql
-- deletion_end_run
-- Close a run: its frames and scratch rows go, its row says how it ended.
--
-- Parameters  p_run_id   the run       p_outcome   done, failed, retry, sliced, returned or lost
--             p_error    what went wrong; NULL: nothing
-- Writes      deletion_runs, deletion_frames, deletion_walk_keys     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_end_run(
    p_run_id bigint,
    p_outcome text,
    p_error text
) RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_end_run$
DELETE FROM deletion_frames AS f WHERE f.run_id = p_run_id;
DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = p_run_id;
UPDATE deletion_runs AS r
SET phase = 'ended', outcome = p_outcome, error = p_error, ended_at = clock_timestamp()
WHERE r.run_id = p_run_id;
$deletion_end_run$;

COMMENT ON FUNCTION deletion_end_run(bigint, text, text) IS
'Close a run: its frames and scratch rows go, its row says how it ended.';
REVOKE ALL ON FUNCTION deletion_end_run(bigint, text, text) FROM PUBLIC;
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

    UPDATE deletion_runs AS r
    SET phase = 'advance', state = jsonb_strip_nulls(jsonb_build_object('fan', p.fan_out))
    FROM deletion_plans AS p
    WHERE r.run_id = p_run.run_id AND p.plan_id = r.plan_id;
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
        v_run.run_id, p_step.table_name,
        CASE p_step.kind WHEN 'drain' THEN 'delete' ELSE p_step.action END, v_by_job
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
-- Returns     integer, the number of jobs that are running no more
-- Writes      deletion_jobs, deletion_walk_keys    Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_carry_over(p_run_id bigint)
RETURNS integer
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_carry_over$
DECLARE
    v_carried integer;
BEGIN
    -- Kept as a prepared plan: a function in SQL is planned anew in every transaction.
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
            a.run_id = p_run_id AND a.outcome IS NOT NULL
            -- Not by the index of statuses: the planner takes running jobs for few, and their index
            -- entries, dead ones among them, would be read once for each attempt.
            AND coalesce(j.status, '') = 'running'
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

    GET DIAGNOSTICS v_carried = ROW_COUNT;
    RETURN v_carried;
END;
$deletion_carry_over$;

COMMENT ON FUNCTION deletion_carry_over(bigint) IS
'Give a run''s jobs the state that their ended attempts ask for.';
REVOKE ALL ON FUNCTION deletion_carry_over(bigint) FROM PUBLIC;
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
        PERFORM deletion_keep_fan_out(p_run.run_id, p_run.plan_id);
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
    v_frame deletion_frames;
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

    -- Roots that go in this transaction with all below them are locked first: then no reference that
    -- was emptied has to be looked at once more.
    IF
        (v_walk.frame).edge_no = 0 AND (v_walk.frame).edge_pos = 0
        AND (v_walk.frame).key_count * (1 + (p_run.state -> 'fan' ->> '0')::float8) <= v_walk.rows_left
    THEN
        v_frame := deletion_lock_frame(p_run.plan_id, v_walk.frame);
        v_walk.is_locked := v_frame.run_id IS NOT NULL;
        v_walk.frame := CASE WHEN v_walk.is_locked THEN v_frame ELSE v_walk.frame END;
    END IF;

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
-- Add to a run's receipts what one statement changed.
--
-- Parameters  p_run_id       the run
--             p_table_name   the table, as plans name it
--             p_action       delete, set_null, set_default or root_not_found
--             p_by_job       jsonb object: job -> number of rows; NULL: none
-- Writes      deletion_receipts                    Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_add_receipts(
    p_run_id bigint,
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
    INSERT INTO deletion_receipts AS r (run_id, table_name, action, row_counts)
    SELECT p_run_id, p_table_name, p_action, p_by_job
    WHERE p_by_job IS NOT NULL
    ON CONFLICT (run_id, table_name, action) DO UPDATE
    SET
        row_counts = (
            SELECT jsonb_object_agg(c.job, c.row_count)
            FROM (
                SELECT b.key AS job, sum(b.value::bigint) AS row_count
                FROM (
                    SELECT o.key, o.value FROM jsonb_each_text(r.row_counts) AS o
                    UNION ALL
                    SELECT n.key, n.value FROM jsonb_each_text(excluded.row_counts) AS n
                ) AS b
                GROUP BY b.key
            ) AS c
        ),
        updated_at = clock_timestamp();
END;
$deletion_add_receipts$;

COMMENT ON FUNCTION deletion_add_receipts(bigint, text, text, jsonb) IS
'Add to a run''s receipts what one statement changed.';
REVOKE ALL ON FUNCTION deletion_add_receipts(bigint, text, text, jsonb) FROM PUBLIC;
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

told AS (
    SELECT
        n.node_no,
        coalesce(jsonb_agg(e.edge) FILTER (WHERE e.edge_no IS NOT NULL), '[]') AS edges,
        coalesce(bool_and(e.edge ->> 'index' IS NOT NULL), TRUE) AS is_indexed,
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

below AS (
    SELECT
        l.*,
        -- What was found empty under the lock stays so; and where a frame was pushed, the walk comes
        -- back without the lock.
        coalesce((
            SELECT bool_and(
                e.value ->> 'action' = 'cascade' AND (e.value ->> 'steady')::boolean
                AND NOT (e.value ->> 'declared')::boolean
            )
            FROM jsonb_array_elements(l.edges) AS e
        ), FALSE) AND NOT (p_graph ->> 'has_waits')::boolean AS is_exact
    FROM told AS l
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
    SELECT e.edge_no, 10, r.kind, r.sql_text, b.is_indexed
    FROM edge AS e
    INNER JOIN below AS b ON b.node_no = (e.edge ->> 'child')::integer
    CROSS JOIN LATERAL deletion_sql_levels(e.edge, e.child, b.edges) AS r
    WHERE (e.edge ->> 'expands')::boolean AND NOT (p_graph ->> 'has_waits')::boolean
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
    deletion_sql_frame(p_parent -> 'columns', (p_edge ->> 'only_found')::boolean),
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
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
-- The catalog has no index for some of this, and the caller reads by nothing but indexes.
SET enable_seqscan = on
AS $deletion_fingerprint$
BEGIN
    -- Kept as a prepared plan: a function in SQL is planned anew in every transaction.
    RETURN (
        SELECT deletion_fingerprint_references(p_tables) || md5(concat_ws(
            '|',
            (
                SELECT string_agg(concat_ws(',', k.oid, k.conrelid, k.confrelid, k.conname, k.conkey,
                    k.confkey, k.confdeltype, k.confupdtype, k.confdelsetcols, k.conpfeqop), ';'
                    ORDER BY k.oid)
                FROM pg_constraint AS k
                WHERE k.contype = 'f' AND k.confrelid = ANY (p_tables)
            ),
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
        ))
    );
END;
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
            '3',
            -- A foreign key makes triggers of the engine's own on the table that it points at: those
            -- are found by an index, where all constraints of the database would have to be read.
            -- Any other trigger may keep rows that a plan takes for gone.
            (
                SELECT string_agg(concat_ws(',', g.oid, g.tgtype, g.tgenabled), ';' ORDER BY g.oid)
                FROM pg_trigger AS g
                WHERE g.tgrelid = ANY (p_tables)
            )
        ))
    );
END;
$deletion_fingerprint_references$;

COMMENT ON FUNCTION deletion_fingerprint_references(oid[]) IS
'Digest of the foreign keys that point at a plan''s tables, and of their triggers.';
REVOKE ALL ON FUNCTION deletion_fingerprint_references(oid[]) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_equality_of.sql
-- deletion_equality_of
-- Find the operator by which an index would compare a key's column with a reference's column.
--
-- Parameters  p_left    type of the parent's column
--             p_right   type of the child's column
-- Returns     oid of a pg_operator; NULL where the two types have none in common
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_equality_of('int8'::regtype, 'int4'::regtype)::regoperator;

CREATE OR REPLACE FUNCTION deletion_equality_of(
    p_left oid,
    p_right oid
) RETURNS oid
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_equality_of$
-- Domains compare as their base types, varchar as text, every enum as anyenum.
WITH side AS (
    SELECT
        given.side,
        CASE
            WHEN b.oid = 'varchar'::regtype THEN 'text'::regtype::oid
            WHEN b.typtype = 'e' AND p_left = p_right THEN 'anyenum'::regtype::oid
            ELSE b.oid
        END AS type_oid
    FROM (VALUES ('l', p_left), ('r', p_right)) AS given (side, type_oid)
    INNER JOIN pg_type AS t ON t.oid = given.type_oid
    INNER JOIN pg_type AS b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
)

SELECT a.amopopr
FROM pg_amop AS a
INNER JOIN pg_am AS m ON m.oid = a.amopmethod AND m.amname = 'btree'
INNER JOIN pg_opclass AS c
    ON c.opcfamily = a.amopfamily AND c.opcintype = a.amoplefttype AND c.opcdefault
INNER JOIN side AS l ON l.side = 'l' AND l.type_oid = a.amoplefttype
INNER JOIN side AS r ON r.side = 'r' AND r.type_oid = a.amoprighttype
WHERE a.amopstrategy = 3
LIMIT 1;
$deletion_equality_of$;

COMMENT ON FUNCTION deletion_equality_of(oid, oid) IS
'The operator by which an index would compare a key''s column with a reference''s column.';
REVOKE ALL ON FUNCTION deletion_equality_of(oid, oid) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_equality.sql
-- deletion_equality
-- Say which operator compares two columns of a key, spelled with its schema.
--
-- Parameters  p_operator   the operator, as pg_constraint or an index's operator family names it
--             p_commuted   TRUE for the same comparison with its sides exchanged
-- Returns     text, for example OPERATOR(pg_catalog.=)
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_equality(c.conpfeqop[1], FALSE) FROM pg_constraint AS c;

CREATE OR REPLACE FUNCTION deletion_equality(
    p_operator oid,
    p_commuted boolean
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_equality$
-- A bare "=" would be looked up along the search path, where another schema's type has none.
SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname)
FROM pg_operator AS given
INNER JOIN pg_operator AS o
    ON o.oid = CASE WHEN p_commuted THEN given.oprcom ELSE given.oid END
INNER JOIN pg_namespace AS n ON n.oid = o.oprnamespace
WHERE given.oid = p_operator;
$deletion_equality$;

COMMENT ON FUNCTION deletion_equality(oid, boolean) IS
'The operator that compares two columns of a key, spelled with its schema.';
REVOKE ALL ON FUNCTION deletion_equality(oid, boolean) FROM PUBLIC;
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
-- The catalog has no index for some of this, and the caller reads by nothing but indexes.
SET enable_seqscan = on
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

-- >>> procedures/postgres/planner/deletion_enqueue.sql
-- deletion_enqueue
-- Make the job for one row, or let the job that is there do: the re-enqueue table of the design.
--
-- Parameters  p_verb           the verb that was called
--             p_entity_table   the target, as it is registered
--             p_pk             the row's key in canonical form
--             p_reason, p_hard_delete, p_scheduled_at, p_created_by   as asked
-- Returns     bigint, the job's id
-- Errors      JD013 more pending jobs than allowed; 40001 under REPEATABLE READ
-- Writes      deletion_jobs, deletion_attempts     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_enqueue(
    p_verb text,
    p_entity_table text,
    p_pk text,
    p_reason text,
    p_hard_delete boolean,
    p_scheduled_at timestamptz,
    p_created_by bigint
) RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_enqueue$
DECLARE
    v_job deletion_jobs;
BEGIN
    -- The unique key decides between two callers; what it leaves is decided under the row's lock.
    LOOP
        INSERT INTO deletion_jobs AS j (
            entity_table, entity_pk, reason, hard_delete, scheduled_at, created_by
        )
        VALUES (p_entity_table, p_pk, p_reason, p_hard_delete, p_scheduled_at, p_created_by)
        ON CONFLICT (entity_table, entity_pk) DO NOTHING
        RETURNING j.id INTO v_job.id;

        IF FOUND THEN
            PERFORM deletion_check_pending(p_verb);
            RETURN v_job.id;
        END IF;

        SELECT j.* INTO v_job
        FROM deletion_jobs AS j
        WHERE j.entity_table = p_entity_table AND j.entity_pk = p_pk
        FOR UPDATE;

        -- A purge of history may have taken the row between the two statements.
        EXIT WHEN FOUND;
    END LOOP;

    CASE v_job.status
        WHEN 'pending' THEN
            -- NULL means since created_at, on both sides.
            IF coalesce(p_scheduled_at, v_job.created_at)
                < coalesce(v_job.scheduled_at, v_job.created_at)
                OR (p_hard_delete AND NOT v_job.hard_delete) THEN
                UPDATE deletion_jobs AS j
                SET
                    hard_delete = j.hard_delete OR p_hard_delete,
                    scheduled_at = CASE
                        WHEN coalesce(p_scheduled_at, j.created_at)
                            < coalesce(j.scheduled_at, j.created_at) THEN p_scheduled_at
                        ELSE j.scheduled_at
                    END
                WHERE j.id = v_job.id;
            END IF;
        WHEN 'running' THEN
            -- A request: the run goes on as it is, and finish arms the job again for it.
            IF p_hard_delete AND NOT v_job.hard_delete THEN
                UPDATE deletion_jobs AS j SET hard_delete = TRUE WHERE j.id = v_job.id;
            END IF;
        ELSE
            PERFORM deletion_keep_asked(v_job.id);

            UPDATE deletion_attempts AS a
            SET is_past = TRUE
            WHERE a.job_id = v_job.id AND NOT a.is_past;

            UPDATE deletion_jobs AS j
            SET
                status = 'pending',
                reason = p_reason,
                hard_delete = p_hard_delete,
                scheduled_at = p_scheduled_at,
                created_by = p_created_by,
                created_at = now(),
                started_at = NULL,
                finished_at = NULL,
                error = NULL
            WHERE j.id = v_job.id;

            PERFORM deletion_check_pending(p_verb);
    END CASE;

    RETURN v_job.id;
END;
$deletion_enqueue$;

COMMENT ON FUNCTION
deletion_enqueue(text, text, text, text, boolean, timestamptz, bigint) IS
'Make the job for one row, or let the job that is there do.';
REVOKE ALL ON FUNCTION
deletion_enqueue(text, text, text, text, boolean, timestamptz, bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_check_wish.sql
-- deletion_check_wish
-- Check what is the same for all rows of an enqueue, and find the target.
--
-- Parameters  p_verb          the verb that was called
--             p_table         the table, in any spelling
--             p_hard_delete   the mode asked for
-- Returns     text, the target's registered name
-- Errors      JD002 NULL where a value is needed; JD004 no target; JD011 soft, but no column
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_check_wish(
    p_verb text,
    p_table text,
    p_hard_delete boolean
) RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_check_wish$
DECLARE
    v_entity_table text := deletion_target_name(p_table);
BEGIN
    IF p_table IS NULL THEN
        PERFORM deletion_raise('JD002', p_verb, 'p_table is NULL', NULL);
    ELSIF p_hard_delete IS NULL THEN
        PERFORM deletion_raise('JD002', p_verb, 'p_hard_delete is NULL', NULL);
    ELSIF v_entity_table IS NULL THEN
        PERFORM deletion_raise(
            'JD004', p_verb, 'table is no target', p_table,
            'A DBA allows deletions from a table by register_deletion_target.'
        );
    ELSIF NOT p_hard_delete THEN
        PERFORM deletion_raise(
            'JD011', p_verb, 'table has no soft-delete column', v_entity_table,
            'Ask for p_hard_delete => TRUE.'
        );
    END IF;

    RETURN v_entity_table;
END;
$deletion_check_wish$;

COMMENT ON FUNCTION deletion_check_wish(text, text, boolean) IS
'Check what is the same for all rows of an enqueue, and find the target.';
REVOKE ALL ON FUNCTION deletion_check_wish(text, text, boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/admin/compile_deletion_plan.sql
-- compile_deletion_plan
-- Compile the plan of a target now, to read it in vw_deletion_plan before anything is deleted.
--
-- Parameters  p_table   the target
-- Errors      JD002 NULL; JD004 the table is no target; JD005 a table that cannot take part;
--             JD007 tables that refer to each other in a circle
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner; DBAs grant it
-- Example     CALL compile_deletion_plan('users');

CREATE OR REPLACE PROCEDURE compile_deletion_plan(p_table text)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $compile_deletion_plan$
BEGIN
    PERFORM deletion_usable_plan('compile_deletion_plan', p_table);
END;
$compile_deletion_plan$;

COMMENT ON PROCEDURE compile_deletion_plan(text) IS
'Compile the plan of a target now, to read it before anything is deleted.';
REVOKE ALL ON PROCEDURE compile_deletion_plan(text) FROM PUBLIC;
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
    coalesce((
        SELECT sum((c.row_counts ->> j.id::text)::bigint)
        FROM deletion_attempts AS t
        INNER JOIN deletion_receipts AS c ON c.run_id = t.run_id
        WHERE t.job_id = j.id AND NOT t.is_past
    ), 0)::bigint AS rows_changed,
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
