-- deletion_climb
-- Climb, for a moment, from held rows to all rows that they hang from in a plan.
--
-- Parameters  p_walk_id   the run, or a preview's negative number      p_plan_id   its plan
-- Returns     boolean, TRUE where the climb has ended
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_climb(
    p_walk_id bigint,
    p_plan_id bigint
) RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_climb$
DECLARE
    v_until timestamptz := clock_timestamp()
    + make_interval(secs => deletion_setting_int('batch_ms') / 1000.0);
    v_node integer;
    v_frame jsonb;
    v_sql text;
    v_rows jsonb;
BEGIN
    LOOP
        SELECT w.node_no INTO v_node
        FROM deletion_walk_keys AS w
        WHERE w.walk_id + 0 = p_walk_id AND NOT w.is_expanded
        ORDER BY w.node_no + 0
        LIMIT 1;

        IF NOT FOUND THEN
            RETURN TRUE;
        ELSIF clock_timestamp() >= v_until THEN
            RETURN FALSE;
        END IF;

        WITH taken AS (
            UPDATE deletion_walk_keys AS w
            SET is_expanded = TRUE
            WHERE w.ctid = ANY (ARRAY(
                SELECT x.ctid
                FROM deletion_walk_keys AS x
                WHERE x.walk_id + 0 = p_walk_id AND NOT x.is_expanded AND x.node_no + 0 = v_node
                LIMIT 200
            ))
            RETURNING w.job_id, w.keys
        )

        SELECT jsonb_agg(t.keys || jsonb_build_object('j', t.job_id)) INTO v_frame FROM taken AS t;

        FOR v_sql IN
            SELECT s.sql_text
            FROM deletion_plan_steps AS s
            WHERE s.plan_id = p_plan_id AND s.kind = 'climb' AND s.node_no = v_node
            ORDER BY s.step_no
        LOOP
            EXECUTE v_sql INTO v_rows USING v_frame;
            PERFORM deletion_seed_climb(p_walk_id, v_rows);
        END LOOP;
    END LOOP;
END;
$deletion_climb$;

COMMENT ON FUNCTION deletion_climb(bigint, bigint) IS
'Climb, for a moment, from held rows to all rows that they hang from in a plan.';
REVOKE ALL ON FUNCTION deletion_climb(bigint, bigint) FROM PUBLIC;
