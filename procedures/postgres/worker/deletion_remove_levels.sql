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

    PERFORM deletion_add_receipts(
        v_run.run_id, ARRAY[v_remove.table_name], 'delete', ARRAY[v_by_job]
    );
    v_run.rows_changed := v_run.rows_changed + v_rows;
    v_run.state := v_run.state || jsonb_build_object('fan', coalesce(v_run.state -> 'fan', '{}')
        || jsonb_build_object(v_frame.node_no::text, v_frame.rows_here::float8 / v_frame.key_count));
    v_walk.rows_left := v_walk.rows_left - v_rows;
    v_walk.run := v_run;
    v_walk.frame.rows_here := v_frame.rows_here + v_rows;
    RETURN deletion_pop(v_walk);
END;
$deletion_remove_levels$;

COMMENT ON FUNCTION deletion_remove_levels(deletion_cursor) IS
'Remove all rows of a frame of several levels at once: lock them, look, delete.';
REVOKE ALL ON FUNCTION deletion_remove_levels(deletion_cursor) FROM PUBLIC;
