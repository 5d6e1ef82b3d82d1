-- deletion_save_walk
-- Store where the walk stands, with what its step changed.
--
-- Parameters  p_walk   the walk
-- Writes      deletion_frames, deletion_runs       Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_save_walk(p_walk deletion_cursor)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_save_walk$
BEGIN
    INSERT INTO deletion_frames
    SELECT (f).*
    FROM unnest(p_walk.below || p_walk.frame) AS f
    WHERE (f).run_id IS NOT NULL;

    UPDATE deletion_runs AS r
    SET
        rows_changed = (p_walk.run).rows_changed,
        state = (p_walk.run).state,
        -- Contention halves the batch at once; it comes back slowly.
        batch_rows = least(
            deletion_setting_int('batch_rows'), r.batch_rows + greatest(1, r.batch_rows / 8)
        ),
        retries = 0
    WHERE
        r.ctid = deletion_run_place((p_walk.run).run_id)
        AND r.run_id = (p_walk.run).run_id;
END;
$deletion_save_walk$;

COMMENT ON FUNCTION deletion_save_walk(deletion_cursor) IS
'Store where the walk stands, with what its step changed.';
REVOKE ALL ON FUNCTION deletion_save_walk(deletion_cursor) FROM PUBLIC;
