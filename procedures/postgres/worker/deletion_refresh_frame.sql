-- deletion_refresh_frame
-- Read a frame's rows again: those that have moved or gone leave it, changed values come in.
--
-- Parameters  p_plan_id   the plan                 p_frame   the frame
-- Returns     the frame; roots stay in it, since what was declared may hang from a missing one
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_refresh_frame(
    p_plan_id bigint,
    p_frame deletion_frames
) RETURNS deletion_frames
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_refresh_frame$
DECLARE
    v_frame deletion_frames := p_frame;
    v_sql text;
BEGIN
    -- The key of a root is what its job names; only other columns of it can change.
    IF v_frame.edge_no = 0 AND NOT jsonb_path_exists(v_frame.keys, '$[*].u1') THEN
        RETURN v_frame;
    END IF;

    SELECT s.sql_text INTO STRICT v_sql
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = p_plan_id AND s.edge_no = v_frame.edge_no AND s.kind = 'left';
    EXECUTE v_sql INTO v_frame.keys, v_frame.key_count USING p_frame.keys;

    IF v_frame.edge_no = 0 THEN
        SELECT jsonb_agg(
            (
                SELECT jsonb_object_agg(e.key, e.value)
                FROM jsonb_each(was.value) AS e
                WHERE e.key NOT LIKE 'u%'
            ) || coalesce(now.value, '{"m": 1}')
            ORDER BY was.ordinality
        )
        INTO v_frame.keys
        FROM jsonb_array_elements(p_frame.keys) WITH ORDINALITY AS was (value, ordinality)
        LEFT JOIN jsonb_array_elements(v_frame.keys) AS now (value)
            ON now.value -> 'j' = was.value -> 'j';
        v_frame.key_count := p_frame.key_count;
    END IF;

    RETURN v_frame;
END;
$deletion_refresh_frame$;

COMMENT ON FUNCTION deletion_refresh_frame(bigint, deletion_frames) IS
'A frame without the rows that have moved or gone, and with their present values.';
REVOKE ALL ON FUNCTION deletion_refresh_frame(bigint, deletion_frames) FROM PUBLIC;
