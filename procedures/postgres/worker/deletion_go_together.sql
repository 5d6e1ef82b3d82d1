-- deletion_go_together
-- Prepare jobs some of whose rows go in one transaction: each has a run of its own.
--
-- Parameters  p_run   the run, fenced              p_jobs   the jobs
-- Writes      deletion_runs, deletion_attempts, deletion_jobs, deletion_frames,
--             deletion_walk_keys, deletion_walk_links     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_go_together(
    p_run deletion_runs,
    p_jobs bigint[]
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_go_together$
BEGIN
    IF p_run.alone THEN
        UPDATE deletion_runs AS r
        SET state = r.state || '{"careful": true, "together": true}'
        WHERE r.run_id = p_run.run_id;
    ELSE
        PERFORM deletion_settle(p_run.run_id, p_jobs, 'returned', NULL, FALSE, p_jobs);
        PERFORM deletion_drop_jobs(p_run.run_id, p_jobs);
    END IF;
END;
$deletion_go_together$;

COMMENT ON FUNCTION deletion_go_together(deletion_runs, bigint[]) IS
'Prepare jobs some of whose rows go in one transaction: each has a run of its own.';
REVOKE ALL ON FUNCTION deletion_go_together(deletion_runs, bigint[]) FROM PUBLIC;
