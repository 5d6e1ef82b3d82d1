-- deletion_give_up
-- Let rows that the walk came by go of the present frame, where they refer to it and get a default.
--
-- Parameters  p_walk   the walk                    p_step   the plan's set step of a default
-- Returns     the walk
-- Errors      JD006 rows are found and not changed; JD007 rows of a run of several jobs wait for
--             each other: each job goes on alone
-- Writes      the application's table              Commits  no
-- Execute     the owner only
--
-- The frame hangs from them, and they from the frame: a default that is in a row which goes as
-- well, or in none, does not part the two. They go, whatever they refer to: they are on the stack,
-- and held.

CREATE OR REPLACE FUNCTION deletion_give_up(
    p_walk deletion_cursor,
    p_step deletion_plan_steps
) RETURNS deletion_cursor
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_give_up$
DECLARE
    v_walk deletion_cursor := p_walk;
    v_run deletion_runs := p_walk.run;
    v_sql text;
    v_stack jsonb;
    v_rows bigint;
    v_again bigint;
BEGIN
    SELECT s.sql_text INTO v_sql
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = v_run.plan_id AND s.edge_no = p_step.edge_no AND s.kind = 'give_up';

    SELECT jsonb_agg(k.value) INTO v_stack
    FROM (
        SELECT f.node_no, f.keys
        FROM deletion_frames AS f
        WHERE f.run_id = v_run.run_id AND f.depth < (p_walk.frame).depth
        UNION ALL
        SELECT f.node_no, f.keys FROM unnest(p_walk.below) AS f
    ) AS f
    CROSS JOIN LATERAL jsonb_array_elements(f.keys) AS k
    WHERE f.node_no = p_step.node_no;

    IF v_sql IS NULL OR v_stack IS NULL THEN
        RETURN v_walk;
    END IF;

    PERFORM deletion_allow_hash(TRUE) WHERE p_step.index_name IS NULL;
    EXECUTE v_sql INTO v_rows USING (p_walk.frame).keys, p_walk.rows_left, v_stack;

    IF v_rows > 0 AND v_run.job_count > 1 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'JD007',
            MESSAGE = 'rows wait for each other among several jobs: each goes on alone';
    ELSIF v_rows BETWEEN 1 AND p_walk.rows_left - 1 THEN
        EXECUTE v_sql INTO v_again USING (p_walk.frame).keys, 1, v_stack;

        IF v_again > 0 THEN
            RAISE EXCEPTION USING
                ERRCODE = 'JD006',
                MESSAGE = format(
                    'rows of %s are found and not changed (a trigger or a policy keeps them)',
                    p_step.table_name
                );
        END IF;
    END IF;

    PERFORM deletion_allow_hash(FALSE) WHERE p_step.index_name IS NULL;
    v_run.rows_changed := v_run.rows_changed + v_rows;
    v_walk.rows_left := v_walk.rows_left - v_rows;
    v_walk.run := v_run;
    RETURN v_walk;
END;
$deletion_give_up$;

COMMENT ON FUNCTION deletion_give_up(deletion_cursor, deletion_plan_steps) IS
'Let rows that the walk came by go of the present frame, where they refer to it.';
REVOKE ALL ON FUNCTION deletion_give_up(deletion_cursor, deletion_plan_steps) FROM PUBLIC;
