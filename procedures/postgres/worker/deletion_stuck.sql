-- deletion_stuck
-- Raise the error that says why rows of a frame cannot be removed.
--
-- Parameters  p_run     the run        p_frame   the frame, holding the rows that stay
--             p_step    the plan's remove step of that frame
-- Errors      JD006 always: the rows that block, or a table whose rows are found and not changed
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_stuck(
    p_run deletion_runs,
    p_frame deletion_frames,
    p_step deletion_plan_steps
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_stuck$
DECLARE
    v_step deletion_plan_steps;
    v_keys jsonb;
    v_count bigint;
    v_unchanged text := p_step.table_name;
    v_blocking text;
BEGIN
    FOR v_step IN
        SELECT s.*
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_run.plan_id AND s.parent_node_no = p_frame.node_no AND s.kind = 'fetch'
        ORDER BY s.edge_no
    LOOP
        PERFORM deletion_allow_hash(v_step.index_name IS NULL);
        EXECUTE v_step.sql_text INTO v_keys, v_count USING p_frame.keys, 1000;
        CONTINUE WHEN v_count = 0;

        IF v_step.action = 'restrict' THEN
            v_blocking := concat_ws(', ', v_blocking, format(
                '%s%s rows of %s behind %s', CASE WHEN v_count = 1000 THEN 'at least ' ELSE '' END,
                v_count, v_step.table_name, v_step.reference_name
            ));
        ELSIF v_step.action = 'set_default' THEN
            v_blocking := concat_ws(', ', v_blocking, format(
                '%s%s rows of %s have no other default than a key that is deleted, or none (%s)',
                CASE WHEN v_count = 1000 THEN 'at least ' ELSE '' END, v_count, v_step.table_name,
                v_step.reference_name
            ));
        ELSE
            v_unchanged := v_step.table_name;
        END IF;
    END LOOP;

    IF p_run.state ? 'careful' AND v_blocking IS NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'JD007',
            MESSAGE = format(
                'rows of %s go in a circle that no batch holds, one is %s',
                p_step.table_name, (p_frame.keys -> 0) - 'j'
            );
    END IF;

    RAISE EXCEPTION USING
        ERRCODE = 'JD006',
        MESSAGE = coalesce(v_blocking, format(
            'rows of %s are found and not changed (a trigger or a policy keeps them)', v_unchanged
        ));
END;
$deletion_stuck$;

COMMENT ON FUNCTION deletion_stuck(deletion_runs, deletion_frames, deletion_plan_steps) IS
'Raise the error that says why rows of a frame cannot be removed.';
REVOKE ALL ON FUNCTION deletion_stuck(deletion_runs, deletion_frames, deletion_plan_steps)
FROM PUBLIC;
