-- deletion_held_rows
-- Find the rows of a plan's tables on which a hold is in force.
--
-- Parameters  p_plan_id   the plan
-- Returns     jsonb array of the rows that are there, as frames keep them, each with its table's
--             number ("n"); "j" is the hold's number, above all numbers of jobs
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_held_rows(p_plan_id bigint)
RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_held_rows$
DECLARE
    v_table record;
    v_keys jsonb;
    v_rows jsonb := '[]'::jsonb;
BEGIN
    FOR v_table IN
        SELECT
            s.sql_text,
            jsonb_agg(jsonb_build_object('j', h.hold_id + (1::bigint << 62), 'pk', h.row_pk))
            AS holds
        FROM deletion_holds AS h
        INNER JOIN deletion_plan_steps AS s
            ON s.plan_id = p_plan_id AND s.kind = 'held' AND s.table_name = h.table_name
        WHERE
            h.released_at IS NULL
            AND (h.held_until IS NULL OR h.held_until > clock_timestamp())
        GROUP BY s.node_no, s.sql_text
        ORDER BY s.node_no
    LOOP
        EXECUTE v_table.sql_text INTO v_keys USING v_table.holds;
        v_rows := v_rows || v_keys;
    END LOOP;

    RETURN v_rows;
END;
$deletion_held_rows$;

COMMENT ON FUNCTION deletion_held_rows(bigint) IS
'The rows of a plan''s tables on which a hold is in force.';
REVOKE ALL ON FUNCTION deletion_held_rows(bigint) FROM PUBLIC;
