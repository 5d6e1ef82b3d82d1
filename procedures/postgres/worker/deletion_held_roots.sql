-- deletion_held_roots
-- Say which jobs a finished climb has led to, and from which holds.
--
-- Parameters  p_walk_id   the climb                p_plan_id   its plan
--             p_roots     the rows that the jobs name, as the root frame keeps them
-- Returns     one row a job: its number, and those of the holds
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_held_roots(
    p_walk_id bigint,
    p_plan_id bigint,
    p_roots jsonb
) RETURNS TABLE (job_id bigint, holds bigint[])
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_held_roots$
DECLARE
    v_step deletion_plan_steps;
    v_pairs jsonb;
    v_met jsonb := coalesce((
        SELECT jsonb_agg(jsonb_build_object('j', k.value -> 'j', 'h', w.job_id))
        FROM jsonb_array_elements(p_roots) AS k
        INNER JOIN deletion_walk_keys AS w
            ON
                w.walk_id = p_walk_id AND w.node_no = 0 AND w.fate = 'held'
                AND w.key_hash = deletion_frame_hash(k.value)
    ), '[]');
BEGIN
    -- What is declared may hang from a root that is not there: no row leads up to it.
    FOR v_step IN
        SELECT s.*
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_plan_id AND s.kind = 'climb_root'
            AND jsonb_path_exists(p_roots, '$[*].m')
        ORDER BY s.step_no
    LOOP
        EXECUTE v_step.sql_text INTO v_pairs USING p_roots, (
            SELECT coalesce(jsonb_agg(w.keys || jsonb_build_object('j', w.job_id)), '[]')
            FROM deletion_walk_keys AS w
            WHERE w.walk_id = p_walk_id AND w.node_no = v_step.node_no AND w.fate = 'held'
        );
        v_met := v_met || v_pairs;
    END LOOP;

    RETURN QUERY
    SELECT
        (m.value ->> 'j')::bigint,
        array_agg(DISTINCT (m.value ->> 'h')::bigint - (1::bigint << 62))
    FROM jsonb_array_elements(v_met) AS m
    -- It may have been let go, or be over, since the climb began.
    INNER JOIN deletion_holds AS h
        ON
            h.hold_id = (m.value ->> 'h')::bigint - (1::bigint << 62) AND h.released_at IS NULL
            AND (h.held_until IS NULL OR h.held_until > clock_timestamp())
    GROUP BY 1;
END;
$deletion_held_roots$;

COMMENT ON FUNCTION deletion_held_roots(bigint, bigint, jsonb) IS
'Which jobs a finished climb has led to, and from which holds.';
REVOKE ALL ON FUNCTION deletion_held_roots(bigint, bigint, jsonb) FROM PUBLIC;
