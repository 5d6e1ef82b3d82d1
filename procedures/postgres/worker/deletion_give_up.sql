-- deletion_give_up
-- Let rows go of the present frame that go themselves, and that no default would take away from it.
--
-- Parameters  p_walk   the walk                    p_step   the plan's set step of a default
-- Returns     the walk; its rows_left is what it was where there were none
-- Writes      the application's table              Commits  no
-- Execute     the owner only
--
-- The check has noted them. They stay reachable by the reference that they were found by.

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
    v_rows bigint;
BEGIN
    SELECT s.sql_text INTO v_sql
    FROM deletion_plan_steps AS s
    WHERE
        s.plan_id = v_run.plan_id AND s.edge_no = p_step.edge_no AND s.kind = 'give_up'
        AND EXISTS (
            SELECT 1
            FROM deletion_walk_links AS l
            WHERE
                l.walk_id = v_run.run_id AND l.edge_no = s.edge_no AND l.parent_node_no < 0
        );

    IF v_sql IS NOT NULL THEN
        PERFORM deletion_allow_hash(TRUE) WHERE p_step.index_name IS NULL;
        EXECUTE v_sql INTO v_rows USING (p_walk.frame).keys, p_walk.rows_left, v_run.run_id;
        PERFORM deletion_allow_hash(FALSE) WHERE p_step.index_name IS NULL;
        v_run.rows_changed := v_run.rows_changed + v_rows;
        v_walk.rows_left := v_walk.rows_left - v_rows;
        v_walk.run := v_run;
    END IF;

    RETURN v_walk;
END;
$deletion_give_up$;

COMMENT ON FUNCTION deletion_give_up(deletion_cursor, deletion_plan_steps) IS
'Let rows go of the present frame that no default would take away from it.';
REVOKE ALL ON FUNCTION deletion_give_up(deletion_cursor, deletion_plan_steps) FROM PUBLIC;
