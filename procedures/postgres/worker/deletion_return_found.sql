-- deletion_return_found
-- Put back rows that were taken of those found for a wide frame: they come first the next time.
--
-- Parameters  p_frame   the frame                  p_row_ids   where the rows lie
-- Writes      deletion_found_rows                  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_return_found(
    p_frame deletion_frames,
    p_row_ids tid[]
) RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_return_found$
INSERT INTO deletion_found_rows (run_id, depth, part_no, row_ids)
SELECT p_frame.run_id, p_frame.depth, coalesce(min(n.part_no), 1) - 1, p_row_ids
FROM deletion_found_rows AS n
WHERE n.run_id = p_frame.run_id AND n.depth = p_frame.depth;
$deletion_return_found$;

COMMENT ON FUNCTION deletion_return_found(deletion_frames, tid[]) IS
'Put back rows that were taken of those found for a wide frame: they come first the next time.';
REVOKE ALL ON FUNCTION deletion_return_found(deletion_frames, tid[]) FROM PUBLIC;
