-- deletion_release
-- Free a run's session lock, after what ended the run was committed.
--
-- Parameters  p_run_id   the run
-- Writes      nothing                              Commits  no
-- Execute     deletion_jobs_worker, deletion_jobs_operator

CREATE OR REPLACE FUNCTION deletion_release(p_run_id bigint)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $deletion_release$
BEGIN
    -- Taken once, by the claim.
    PERFORM pg_advisory_unlock(deletion_lock_key('run', p_run_id));
END;
$deletion_release$;

COMMENT ON FUNCTION deletion_release(bigint) IS
'Free a run''s session lock, after what ended the run was committed.';
REVOKE ALL ON FUNCTION deletion_release(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_release(bigint) TO deletion_jobs_worker, deletion_jobs_operator;
