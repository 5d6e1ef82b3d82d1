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
    v_gone jsonb;
BEGIN
    -- Cancelled jobs or other sessions may have taken the last key out of a frame in the middle.
    IF v_frame.key_count = 0 THEN
        v_walk.locks := 0;
        RETURN deletion_pop(v_walk);
    ELSIF v_frame.keys -> 0 ? 'l' THEN
        RETURN deletion_remove_levels(v_walk);
    END IF;

    SELECT s.* INTO STRICT v_remove
    FROM deletion_plan_steps AS s
    WHERE
        s.plan_id = v_run.plan_id AND s.edge_no = v_frame.edge_no
        AND s.kind = CASE WHEN p_walk.locks > 0 THEN 'remove_now' ELSE 'remove' END;
    SELECT
        min(s.sql_text) FILTER (WHERE s.kind = 'lock'),
        min(s.sql_text) FILTER (WHERE s.kind = 'left')
    INTO v_lock, v_left
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = v_run.plan_id AND s.edge_no = v_frame.edge_no;

    IF p_walk.locks > 0 THEN
        v_found := v_frame.key_count;
    ELSE
        -- Two statements: a child that was committed while the lock waited is seen by the second.
        EXECUTE v_lock INTO v_found USING v_frame.keys;
    END IF;

    PERFORM deletion_allow_hash(TRUE) WHERE v_remove.index_name IS NULL;
    EXECUTE v_remove.sql_text INTO v_rows, v_by_job, v_still USING v_frame.keys;
    PERFORM deletion_allow_hash(FALSE) WHERE v_remove.index_name IS NULL;
    PERFORM deletion_add_receipts(
        v_run.run_id, ARRAY[v_remove.table_name], 'delete', ARRAY[v_by_job]
    );
    v_run.rows_changed := v_run.rows_changed + v_rows;
    v_walk.rows_left := v_walk.rows_left - v_rows;

    -- What hangs from a root that is gone waits as that of others does.
    v_gone := CASE WHEN v_frame.edge_no = 0 AND p_walk.has_waits THEN
        jsonb_path_query_array(v_frame.keys, '$[*] ? (exists(@.m))') ELSE '[]'
    END;

    IF v_rows = v_found AND v_gone = '[]' THEN
        PERFORM deletion_uncount(v_run.run_id, v_remove.table_name, v_frame.keys)
        WHERE v_run.state ? 'set';
        -- What was not found any more has moved to another parent, or is gone already.
        v_run.state := v_run.state || jsonb_build_object('fan', coalesce(v_run.state -> 'fan', '{}')
            || jsonb_build_object(v_frame.node_no::text, v_frame.rows_here::float8 / v_frame.key_count));
        v_walk.run := v_run;
        v_walk.frame.rows_here := v_frame.rows_here + v_rows;
        RETURN deletion_pop(v_walk);
    END IF;

    EXECUTE v_left INTO v_rest, v_frame.key_count USING v_frame.keys;
    PERFORM deletion_uncount(v_run.run_id, v_remove.table_name, (
        SELECT jsonb_agg(k.value)
        FROM jsonb_array_elements(v_frame.keys) AS k
        WHERE NOT v_rest @> jsonb_build_array(k.value)
    )) WHERE v_run.state ? 'set' AND v_rows > 0;
    -- A row that comes back under the key of one that went is not on the stack.
    PERFORM deletion_note_frame(v_run, p_walk.frame, FALSE);
    v_frame.keys := v_rest || v_gone;
    v_frame.key_count := v_frame.key_count + jsonb_array_length(v_gone);
    PERFORM deletion_note_frame(v_run, v_frame, TRUE);
    v_walk.run := v_run;
    v_walk.frame := v_frame;
    RETURN deletion_left_over(v_walk, v_remove);
END;
$deletion_remove$;

COMMENT ON FUNCTION deletion_remove(deletion_cursor) IS
'Remove the present frame''s own rows: lock them, delete the childless, decide about the rest.';
REVOKE ALL ON FUNCTION deletion_remove(deletion_cursor) FROM PUBLIC;
