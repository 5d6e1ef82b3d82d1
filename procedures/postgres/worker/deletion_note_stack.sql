-- deletion_note_stack
-- Note anew which rows are on a run's stored stack, where rows may go in a circle.
--
-- Parameters  p_run   the run, its frames held
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_note_stack(p_run deletion_runs)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_note_stack$
BEGIN
    IF p_run.state ? 'careful' THEN
        DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = p_run.run_id;
        PERFORM deletion_note_frame(p_run, f, TRUE)
        FROM deletion_frames AS f
        WHERE f.run_id = p_run.run_id;
    END IF;
END;
$deletion_note_stack$;

COMMENT ON FUNCTION deletion_note_stack(deletion_runs) IS
'Note anew which rows are on a run''s stored stack, where rows may go in a circle.';
REVOKE ALL ON FUNCTION deletion_note_stack(deletion_runs) FROM PUBLIC;
