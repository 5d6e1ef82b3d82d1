-- vw_deletion_receipts
-- What each job has changed: table by table, action by action.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE
ALGORITHM = UNDEFINED
DEFINER = 'deletion_jobs_owner'@'localhost'
SQL SECURITY DEFINER
VIEW vw_deletion_receipts AS
SELECT
    r.job_id,
    j.entity_table,
    j.entity_pk,
    j.status,
    r.table_name,
    r.action,
    r.row_count,
    r.updated_at
FROM deletion_receipts AS r
LEFT JOIN deletion_jobs AS j ON j.id = r.job_id;

GRANT SELECT ON vw_deletion_receipts
TO 'deletion_jobs_operator', 'deletion_jobs_reader';
