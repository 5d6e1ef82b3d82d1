-- deletion_job_status
-- Read a job's status for the loop, which has no rights on tables.
--
-- Parameters  p_job_id   the job
-- Returns     text
-- Writes      nothing                              Commits  no
-- Execute     deletion_jobs_worker, deletion_jobs_operator

CREATE OR REPLACE FUNCTION deletion_job_status(p_job_id bigint)
RETURNS text
LANGUAGE sql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $deletion_job_status$
SELECT j.status FROM deletion_jobs AS j WHERE j.id = p_job_id;
$deletion_job_status$;

COMMENT ON FUNCTION deletion_job_status(bigint) IS
'A job''s status, for the loop, which has no rights on tables.';
REVOKE ALL ON FUNCTION deletion_job_status(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_job_status(bigint)
TO deletion_jobs_worker, deletion_jobs_operator;
