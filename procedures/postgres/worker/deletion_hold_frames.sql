-- deletion_hold_frames
-- Hold the rows of a run's stored frames where they were found, until the step commits.
--
-- Parameters  p_run   the run, fenced
-- Writes      deletion_frames; locks the frames' rows     Commits  no
-- Execute     the owner only
--
-- Between two transactions rows may move to another parent, and all below them along: that stays.
-- While the step works they cannot. Others may still add children to them; they go as well.

CREATE OR REPLACE FUNCTION deletion_hold_frames(p_run deletion_runs)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_hold_frames$
DECLARE
    v_frame deletion_frames;
    v_held deletion_frames;
BEGIN
    FOR v_frame IN
        SELECT f.* FROM deletion_frames AS f WHERE f.run_id = p_run.run_id ORDER BY f.depth
    LOOP
        v_held := deletion_hold_frame(p_run.plan_id, v_frame);
        CONTINUE WHEN v_held.run_id IS NULL;

        IF v_frame.keys -> 0 ? 'l' THEN
            -- What hangs from the rows that moved is in the same frame: all of it is found again.
            UPDATE deletion_frames AS f
            SET edge_pos = 0, fetch_cursor = NULL
            WHERE f.run_id = v_frame.run_id AND f.depth = v_frame.depth - 1;
            DELETE FROM deletion_frames AS f
            WHERE f.run_id = v_frame.run_id AND f.depth >= v_frame.depth;
            RETURN;
        END IF;

        -- What lies above hung from these rows; it is found again where it still does.
        UPDATE deletion_frames AS f
        SET keys = v_held.keys, key_count = v_held.key_count, edge_pos = 0, fetch_cursor = NULL
        WHERE f.run_id = v_frame.run_id AND f.depth = v_frame.depth;
        DELETE FROM deletion_frames AS f
        WHERE f.run_id = v_frame.run_id AND f.depth > v_frame.depth;
        RETURN;
    END LOOP;
END;
$deletion_hold_frames$;

COMMENT ON FUNCTION deletion_hold_frames(deletion_runs) IS
'Hold the rows of a run''s stored frames where they were found, until the step commits.';
REVOKE ALL ON FUNCTION deletion_hold_frames(deletion_runs) FROM PUBLIC;
