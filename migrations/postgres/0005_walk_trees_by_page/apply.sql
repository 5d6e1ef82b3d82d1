-- 0005_walk_trees_by_page: apply
-- Walk trees by page on PostgreSQL.
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
    IF (
        SELECT max(f.depth) >= 20 AND avg(f.key_count) < 500
        FROM deletion_frames AS f
        WHERE f.run_id = p_run.run_id
    ) THEN
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
    END IF;

    FOR v_frame IN
        SELECT f.*
        FROM deletion_frames AS f
        WHERE f.run_id = p_run.run_id AND (v_moved IS NULL OR f.edge_no = ANY (v_moved))
        ORDER BY f.depth
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

-- >>> procedures/postgres/worker/deletion_push.sql
-- deletion_push
-- Fetch a frame's worth of keys by one reference and make them the walk's present frame.
--
-- Parameters  p_walk   the walk                    p_step   the plan's fetch step
-- Returns     the walk
-- Writes      deletion_frames, deletion_walk_keys     Commits  no
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
    v_wide deletion_frames;
    v_run deletion_runs := p_walk.run;
    v_is_self boolean := p_step.node_no = v_frame.node_no AND NOT p_walk.has_waits;
    -- Rows changed for each key of such a frame, as seen so far in this run.
    v_fan_out float8 := (v_run.state -> 'fan' ->> p_step.node_no::text)::float8;
    -- Rows of one table that hang from each other have no fan-out that would tell of the next ones,
    -- and all that are on the stack are held in each step: few, and those below them page by page.
    v_limit integer := least(v_run.batch_rows, CASE
        WHEN v_is_self THEN
            greatest(1, least(p_walk.rows_left, greatest(100, v_run.batch_rows / 10)))
        WHEN v_fan_out IS NULL THEN 100
        ELSE greatest(1, floor(0.85 * v_run.batch_rows / (1 + v_fan_out)))
    END);
    -- What deletion_sweep found at once is no place to read on from.
    v_last jsonb := CASE
        WHEN NOT v_frame.fetch_cursor ?| ARRAY['is_end', 'tips'] THEN v_frame.fetch_cursor
    END;
BEGIN
    PERFORM deletion_allow_hash(TRUE) WHERE p_step.index_name IS NULL;
    EXECUTE p_step.sql_text INTO v_child.keys, v_child.key_count
    USING v_frame.keys, v_limit, v_last, v_run.run_id;
    PERFORM deletion_allow_hash(FALSE) WHERE p_step.index_name IS NULL;

    -- Rows of the last page may get another key before they are held. Where their parent is there,
    -- the look before it goes finds them; where it is gone, only another page does.
    IF
        v_child.key_count = 0
        OR (v_child.key_count < v_limit AND NOT (
            v_frame.edge_no = 0 AND jsonb_path_exists(v_frame.keys, '$[*].m')
        ))
    THEN
        v_frame.edge_pos := p_step.edge_no;
        v_frame.fetch_cursor := NULL;
    ELSE
        -- Only plans in which rows have to wait for others read on; all else begins in front.
        -- What was found at once is still to be taken.
        v_frame.fetch_cursor := CASE
            WHEN p_walk.has_waits THEN v_child.keys -> -1
            WHEN v_frame.fetch_cursor ?| ARRAY['is_end', 'tips'] THEN v_frame.fetch_cursor
        END;
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

        -- No ring was there at the check: a long chain, or one that was closed since. From now on
        -- rows of the stack are not pushed again.
        IF v_child.depth >= 100000 AND NOT v_run.state ? 'careful' THEN
            v_run.state := v_run.state || '{"careful": true}';
            v_walk.run := v_run;
        END IF;

        PERFORM deletion_note_frame(v_run, v_child, TRUE);
        v_walk.below := v_walk.below || v_frame;

        -- A long list would be copied by each move.
        IF cardinality(v_walk.below) >= 50 THEN
            INSERT INTO deletion_frames SELECT (f).* FROM unnest(v_walk.below) AS f;
            v_walk.below := '{}';
        END IF;

        v_walk.frame := v_child;
        v_walk.is_locked := FALSE;

        -- A chain would be walked a row a frame: a narrow frame takes in what hangs from it; all
        -- that fits a batch, where as few hang from what the frame before took in.
        IF v_is_self AND v_child.key_count * 20 < v_limit THEN
            v_wide := deletion_expand(v_run, v_child, CASE
                WHEN v_frame.keys -> 0 ? 'l' THEN v_run.batch_rows ELSE v_limit
            END);

            IF v_wide.key_count > v_child.key_count THEN
                v_walk.frame := v_wide;
                RETURN v_walk;
            END IF;
        END IF;

        -- Children that fit this transaction are emptied under their parents' lock: then no
        -- second look is needed.
        IF NOT p_walk.has_waits AND v_child.key_count * (1 + v_fan_out) < p_walk.rows_left THEN
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

-- >>> procedures/postgres/worker/deletion_sweep.sql
-- deletion_sweep
-- Fetch, lock, empty and remove a frame's worth of rows at once, where all of it fits the batch.
--
-- Parameters  p_walk   the walk                    p_step   the plan's fetch step
-- Returns     the walk; where the rows do not fit, or the plan has no such statements, they are
--             its present frame, as deletion_push leaves them
-- Errors      40001 others changed the rows meanwhile: the step is tried again, row by row
-- Writes      the application's tables, deletion_receipts, deletion_found_rows     Commits  no
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
    -- Rows that hang from each other go first where nothing hangs from them; the others then, in
    -- frames of their own.
    v_is_tree boolean := EXISTS (
        SELECT 1
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = v_run.plan_id AND s.parent_node_no = p_step.node_no AND s.kind = 'expand'
    );
    v_fan CONSTANT text := CASE WHEN v_is_tree THEN 'tip' ELSE '' END || p_step.node_no;
    v_fan_out float8 := coalesce(
        (v_run.state -> 'fan' ->> v_fan)::float8,
        CASE WHEN v_is_tree THEN greatest(0, p_walk.rows_left / 100.0 - 1) END
    );
    -- A little less than what fits by the rows seen so far: too many cost a second look.
    v_limit integer := CAST(floor(0.97 * p_walk.rows_left / (1 + v_fan_out)) AS integer);
    v_one text := CASE WHEN v_run.job_count = 1 THEN '_one' ELSE '' END;
    v_take text;
    v_take_found text;
    v_remove text;
    v_taken record;
    v_row_ids tid[];
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
        min(s.sql_text) FILTER (WHERE s.kind = 'take_found' || v_one),
        min(s.sql_text) FILTER (WHERE s.kind = 'remove_all' || v_one)
    INTO v_take, v_take_found, v_remove
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = v_run.plan_id AND s.edge_no = p_step.edge_no;

    -- Where rows went while they were counted, they may do so again (a trigger takes them): each
    -- such step would be lost, and the batch halved.
    IF
        v_take IS NULL OR p_walk.has_waits OR coalesce(v_limit, 0) = 0 OR v_run.retries > 0
        OR v_run.error LIKE '40001:%' OR v_frame.fetch_cursor ? 'tips'
        -- A frame of several levels holds some of the rows itself.
        OR (v_is_tree AND v_frame.keys -> 0 ? 'l')
    THEN
        RETURN deletion_push(p_walk, p_step);
    END IF;

    IF
        v_take_found IS NOT NULL AND NOT p_walk.is_locked
        AND (v_frame.fetch_cursor IS NOT NULL OR v_frame.rows_here >= 4 * v_run.batch_rows)
    THEN
        -- Each batch from the start would pass what all earlier ones left in the index.
        v_taken := deletion_take_found(v_frame, p_step, v_limit);
        v_frame := v_taken.p_frame;
        v_walk.frame := v_frame;
        v_row_ids := v_taken.p_row_ids;

        IF v_row_ids IS NULL THEN
            IF v_is_tree AND v_frame.edge_pos = p_step.edge_no THEN
                v_walk.frame.edge_pos := (p_walk.frame).edge_pos;
                v_walk.frame.fetch_cursor := '{"tips": true}';
            END IF;

            RETURN v_walk;
        END IF;

        EXECUTE v_take_found INTO v_jobs, v_keys, v_parents, v_seen USING v_frame.keys, v_row_ids;
    ELSE
        -- In a statement of its own: a child that was committed while it waited is seen by the next.
        EXECUTE v_take INTO v_jobs, v_keys, v_parents, v_seen USING v_frame.keys, v_limit;

        -- Others took rows while they were waited for, or gave them another key: they are looked
        -- for once more.
        IF coalesce(cardinality(v_keys), 0) < v_seen THEN
            v_walk.is_locked := FALSE;
        ELSIF v_seen < v_limit THEN
            IF v_is_tree THEN
                v_frame.fetch_cursor := '{"tips": true}';
            ELSE
                v_frame.edge_pos := p_step.edge_no;
            END IF;

            v_walk.frame := v_frame;
        END IF;
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
        IF v_row_ids IS NULL AND NOT v_is_tree THEN
            RETURN deletion_push(p_walk, p_step);
        END IF;

        -- They are taken once more.
        IF v_row_ids IS NOT NULL THEN
            v_frame.fetch_cursor := v_frame.fetch_cursor || jsonb_build_object(
                'taken', (v_frame.fetch_cursor ->> 'taken')::bigint - cardinality(v_row_ids)
            );
        END IF;

        v_walk.frame := v_frame;

        IF cardinality(v_keys) = 1 THEN
            RETURN deletion_push(v_walk, p_step);
        END IF;

        -- Fewer of them are taken, by what is known of them now.
        v_run.state := v_run.state || jsonb_build_object('fan', coalesce(v_run.state -> 'fan', '{}')
            || jsonb_build_object(
                v_fan, 2 * p_walk.rows_left::float8 / cardinality(v_keys)
            ));
        v_walk.run := v_run;
        RETURN v_walk;
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
    v_run.state := v_run.state || jsonb_build_object('fan', coalesce(v_run.state -> 'fan', '{}')
        || jsonb_build_object(v_fan, v_count::float8 / cardinality(v_keys) - 1));
    v_frame.rows_here := v_frame.rows_here + v_count;
    v_walk.frame := v_frame;
    v_walk.rows_left := v_walk.rows_left - v_count;
    v_walk.run := v_run;
    RETURN v_walk;
END;
$deletion_sweep$;

COMMENT ON FUNCTION deletion_sweep(deletion_cursor, deletion_plan_steps) IS
'Fetch, lock, empty and remove a frame''s worth of rows at once, where it fits the batch.';
REVOKE ALL ON FUNCTION deletion_sweep(deletion_cursor, deletion_plan_steps) FROM PUBLIC;
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
