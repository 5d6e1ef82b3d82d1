-- deletion_end_run
-- Close a run: its frames and scratch rows go, its row says how it ended.
--
-- Parameters  p_run_id   the run       p_outcome   done, failed, retry, sliced, returned or lost
--             p_error    what went wrong; NULL: nothing
-- Writes      deletion_runs, deletion_frames, deletion_walk_keys, deletion_walk_links
-- Commits     no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_end_run(
    p_run_id bigint,
    p_outcome text,
    p_error text
) RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_end_run$
DELETE FROM deletion_frames AS f WHERE f.run_id = p_run_id;
DELETE FROM deletion_found_rows AS d WHERE d.run_id = p_run_id;
DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = p_run_id;
DELETE FROM deletion_walk_links AS l WHERE l.walk_id = p_run_id;
UPDATE deletion_runs AS r
SET phase = 'ended', outcome = p_outcome, error = p_error, ended_at = clock_timestamp()
WHERE r.run_id = p_run_id;
$deletion_end_run$;

COMMENT ON FUNCTION deletion_end_run(bigint, text, text) IS
'Close a run: its frames and scratch rows go, its row says how it ended.';
REVOKE ALL ON FUNCTION deletion_end_run(bigint, text, text) FROM PUBLIC;
