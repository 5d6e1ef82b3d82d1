-- deletion_hold_frame
-- Hold a frame's rows where they were found, until the step commits.
--
-- Parameters  p_plan_id   the plan                 p_frame   the frame
-- Returns     the frame without rows that have moved or gone, and with their present values; NULL:
--             it is as it was
-- Writes      nothing; locks the frame's rows      Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_hold_frame(
    p_plan_id bigint,
    p_frame deletion_frames
) RETURNS deletion_frames
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_hold_frame$
DECLARE
    v_frame deletion_frames;
    v_sql text;
    v_found bigint;
    -- Every row of a table that others point at by more than its key carries such values.
    v_has_others boolean := p_frame.keys -> 0 ? 'u1' OR (
        p_frame.edge_no = 0 AND jsonb_path_exists(p_frame.keys, '$[*].u1')
    );
BEGIN
    -- The key of a root is what its job names; only other columns of it can change.
    IF p_frame.key_count = 0 OR (p_frame.edge_no = 0 AND NOT v_has_others) THEN
        RETURN NULL;
    END IF;

    SELECT s.sql_text INTO STRICT v_sql
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = p_plan_id AND s.edge_no = p_frame.edge_no AND s.kind = 'hold';
    EXECUTE v_sql INTO v_found USING p_frame.keys;

    IF v_found = p_frame.key_count AND NOT v_has_others THEN
        RETURN NULL;
    END IF;

    v_frame := deletion_refresh_frame(p_plan_id, p_frame);

    -- Read in whatever order the engine likes.
    IF (SELECT jsonb_agg(k.value ORDER BY k.value) FROM jsonb_array_elements(v_frame.keys) AS k)
        = (SELECT jsonb_agg(k.value ORDER BY k.value) FROM jsonb_array_elements(p_frame.keys) AS k)
    THEN
        RETURN NULL;
    END IF;

    RETURN v_frame;
END;
$deletion_hold_frame$;

COMMENT ON FUNCTION deletion_hold_frame(bigint, deletion_frames) IS
'Hold a frame''s rows where they were found, until the step commits.';
REVOKE ALL ON FUNCTION deletion_hold_frame(bigint, deletion_frames) FROM PUBLIC;
