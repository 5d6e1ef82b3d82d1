-- vw_deletion_jobs
-- The jobs: the twelve columns of the contract.
--
-- Read by     deletion_jobs_app, deletion_jobs_operator, deletion_jobs_reader, who by contract
--             need SELECT on deletion_jobs too

CREATE OR REPLACE
ALGORITHM = MERGE
DEFINER = 'deletion_jobs_owner'@'localhost'
SQL SECURITY INVOKER
VIEW vw_deletion_jobs AS
SELECT
    j.id,
    j.entity_table,
    j.entity_pk,
    j.reason,
    j.hard_delete,
    j.scheduled_at,
    j.started_at,
    j.finished_at,
    j.status,
    j.error,
    j.created_by,
    j.created_at
FROM deletion_jobs AS j;

GRANT SELECT ON vw_deletion_jobs
TO 'deletion_jobs_app', 'deletion_jobs_operator', 'deletion_jobs_reader';
