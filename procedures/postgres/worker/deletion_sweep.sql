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
    -- Levels below the first: how many rows they hold differs more from row to row.
    v_is_deep boolean := EXISTS (
        SELECT 1
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = v_run.plan_id AND s.parent_node_no = p_step.node_no
            AND s.kind = 'take_below'
    );
    v_fan CONSTANT text := CASE WHEN v_is_tree THEN 'tip' ELSE '' END || p_step.node_no;
    v_fan_out float8 := coalesce(
        (v_run.state -> 'fan' ->> v_fan)::float8,
        CASE WHEN v_is_tree THEN greatest(0, p_walk.rows_left / 100.0 - 1) END
    );
    -- A little less than what fits by the rows seen so far: too many cost a second look.
    v_limit integer := CAST(floor(
        CASE WHEN v_is_deep THEN 0.9 ELSE 0.97 END * p_walk.rows_left / (1 + v_fan_out)
    ) AS integer);
    v_one text := CASE WHEN v_run.job_count = 1 THEN '_one' ELSE '' END;
    v_take text;
    v_take_found text;
    v_remove text;
    v_taken record;
    v_row_ids tid[];
    v_level deletion_level;
    v_below deletion_subtree;
    v_seen bigint;
    v_count bigint;
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
        v_take_found IS NOT NULL AND p_walk.locks = 0
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

        EXECUTE v_take_found INTO v_level.jobs, v_level.keys, v_level.parents, v_seen
        USING v_frame.keys, v_row_ids;
    ELSE
        -- In a statement of its own: a child that was committed while it waited is seen by the next.
        EXECUTE v_take INTO v_level.jobs, v_level.keys, v_level.parents, v_seen
        USING v_frame.keys, v_limit;

        -- Others took rows while they were waited for, or gave them another key: they are looked
        -- for once more.
        IF coalesce(cardinality(v_level.keys), 0) < v_seen THEN
            v_walk.locks := 0;
        ELSIF v_seen < v_limit THEN
            IF v_is_tree THEN
                v_frame.fetch_cursor := '{"tips": true}';
            ELSE
                v_frame.edge_pos := p_step.edge_no;
            END IF;

            v_walk.frame := v_frame;
        END IF;
    END IF;

    IF v_level.keys IS NULL THEN
        RETURN v_walk;
    END IF;

    v_level.node_no := p_step.node_no;
    v_below := deletion_take_below(v_run, v_level, p_walk.rows_left - cardinality(v_level.keys));

    IF v_below.rows_left < 0 THEN
        -- More than was expected, and nothing changed yet: they are walked as any other frame.
        IF v_row_ids IS NULL AND NOT v_is_tree AND NOT v_is_deep THEN
            RETURN deletion_push(p_walk, p_step);
        END IF;

        -- They are taken once more.
        IF v_row_ids IS NOT NULL THEN
            v_frame.fetch_cursor := v_frame.fetch_cursor || jsonb_build_object(
                'taken', (v_frame.fetch_cursor ->> 'taken')::bigint - cardinality(v_row_ids)
            );
        END IF;

        -- Nor were all of them the last ones.
        v_walk.frame := CASE WHEN v_is_deep AND v_row_ids IS NULL THEN p_walk.frame ELSE v_frame END;

        IF cardinality(v_level.keys) = 1 THEN
            RETURN deletion_push(v_walk, p_step);
        END IF;

        -- Fewer of them are taken, by what is known of them now.
        v_run.state := v_run.state || jsonb_build_object('fan', coalesce(v_run.state -> 'fan', '{}')
            || jsonb_build_object(
                v_fan, 2 * p_walk.rows_left::float8 / cardinality(v_level.keys)
            ));
        v_walk.run := v_run;
        RETURN v_walk;
    END IF;

    v_below.found := v_below.found || jsonb_build_object(
        'sql', v_remove, 'table', p_step.table_name, 'rows', cardinality(v_level.keys),
        'level', 1, 'jobs', deletion_rows_by_job(v_level)
    );
    v_count := deletion_sweep_away(v_run.run_id, v_below);
    v_run.rows_changed := v_run.rows_changed + v_count;
    v_run.state := v_run.state || jsonb_build_object('fan', coalesce(v_run.state -> 'fan', '{}')
        || jsonb_build_object(v_fan, v_count::float8 / cardinality(v_level.keys) - 1));
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
