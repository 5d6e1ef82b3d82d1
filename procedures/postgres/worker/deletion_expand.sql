-- deletion_expand
-- Take what hangs from a narrow frame, by the same self-reference, into the frame: level by level.
--
-- Parameters  p_run     the run        p_frame   the frame, just fetched      p_limit   most rows
-- Returns     the frame, held; NULL: the plan has no such statement, a foreign key refused what a
--             trigger added between its levels, or rows moved meanwhile
-- Writes      nothing; locks the frame's rows      Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_expand(
    p_run deletion_runs,
    p_frame deletion_frames,
    p_limit integer
) RETURNS deletion_frames
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_expand$
DECLARE
    v_frame deletion_frames := p_frame;
    v_sql text;
    v_held deletion_frames;
BEGIN
    SELECT s.sql_text INTO v_sql
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = p_run.plan_id AND s.edge_no = p_frame.edge_no AND s.kind = 'expand';

    -- A step was lost to it: level by level, such a row finds its parent.
    IF v_sql IS NULL OR p_run.error LIKE '23503: %' THEN
        RETURN NULL;
    END IF;

    EXECUTE v_sql INTO v_frame.keys, v_frame.key_count USING p_frame.keys, p_limit;
    v_held := deletion_hold_frame(p_run.plan_id, v_frame);

    -- What hangs from a row that moved is in the frame as well: it is fetched level by level instead.
    IF v_held.run_id IS NOT NULL THEN
        RETURN NULL;
    END IF;

    RETURN v_frame;
END;
$deletion_expand$;

COMMENT ON FUNCTION deletion_expand(deletion_runs, deletion_frames, integer) IS
'Take what hangs from a narrow frame, by the same self-reference, into the frame.';
REVOKE ALL ON FUNCTION deletion_expand(deletion_runs, deletion_frames, integer) FROM PUBLIC;
