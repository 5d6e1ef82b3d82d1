-- vw_deletion_jobs_status
-- How many jobs there are in each status, in the order in which a job goes through them.
--
-- Read by     deletion_jobs_app, deletion_jobs_operator, deletion_jobs_reader, who by contract
--             need SELECT on deletion_jobs too

CREATE OR REPLACE
ALGORITHM = TEMPTABLE
DEFINER = 'deletion_jobs_owner'@'localhost'
SQL SECURITY INVOKER
VIEW vw_deletion_jobs_status AS
SELECT
    j.status,
    count(*) AS jobs,
    max(j.finished_at) AS last_finished
FROM deletion_jobs AS j
GROUP BY j.status
ORDER BY j.status;

GRANT SELECT ON vw_deletion_jobs_status
TO 'deletion_jobs_app', 'deletion_jobs_operator', 'deletion_jobs_reader';
