-- deletion_fail_jobs
-- Fail some of a run's jobs, before anything of theirs was touched; the others go on.
--
-- Parameters  p_run_id   the run       p_jobs   the jobs       p_error   why
-- Writes      deletion_attempts, deletion_jobs, deletion_frames, deletion_walk_keys   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_fail_jobs(
    p_run_id bigint,
    p_jobs bigint[],
    p_error text
) RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_fail_jobs$
SELECT deletion_settle(p_run_id, p_jobs, 'failed', p_error, TRUE, NULL);
SELECT deletion_drop_jobs(p_run_id, p_jobs);
$deletion_fail_jobs$;

COMMENT ON FUNCTION deletion_fail_jobs(bigint, bigint[], text) IS
'Fail some of a run''s jobs, before anything of theirs was touched; the others go on.';
REVOKE ALL ON FUNCTION deletion_fail_jobs(bigint, bigint[], text) FROM PUBLIC;
