-- deletion_pop
-- Drop the walk's present frame and go on with the one below it.
--
-- Parameters  p_walk   the walk
-- Returns     the walk, its frame NULL where the stack is empty
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_pop(p_walk deletion_cursor)
RETURNS deletion_cursor
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_pop$
DECLARE
    v_walk deletion_cursor := p_walk;
    v_last integer := cardinality(p_walk.below);
BEGIN
    v_walk.locks := greatest(0, p_walk.locks - 1);
    PERFORM deletion_note_frame(p_walk.run, p_walk.frame, FALSE);

    IF v_last = 0 THEN
        v_walk := deletion_load_frame(v_walk);
    ELSE
        v_walk.frame := v_walk.below[v_last];
        v_walk.below := v_walk.below[:v_last - 1];
    END IF;

    -- Other jobs' rows have not had their turn: what is set last in theirs is not set yet.
    IF (p_walk.frame).edge_no = 0 THEN
        v_walk.run.state := (v_walk.run).state - 'last';
    END IF;

    -- What went below a row went below its parent as well. Rows of one table that refer to each
    -- other are counted level by level: there few have as much below them as those on top.
    IF (v_walk.frame).node_no <> (p_walk.frame).node_no THEN
        v_walk.frame.rows_here := (v_walk.frame).rows_here + (p_walk.frame).rows_here;
    END IF;

    RETURN v_walk;
END;
$deletion_pop$;

COMMENT ON FUNCTION deletion_pop(deletion_cursor) IS
'Drop the walk''s present frame and go on with the one below it.';
REVOKE ALL ON FUNCTION deletion_pop(deletion_cursor) FROM PUBLIC;
