-- vw_deletion_receipts
-- What each job has changed: table by table, action by action.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE VIEW vw_deletion_receipts AS
SELECT
    a.job_id,
    j.entity_table,
    j.entity_pk,
    j.status,
    r.table_name,
    r.action,
    sum((r.row_counts ->> a.job_id::text)::bigint)::bigint AS row_count,
    max(r.updated_at) AS updated_at
FROM deletion_attempts AS a
INNER JOIN deletion_receipts AS r ON r.run_id = a.run_id AND r.row_counts ? a.job_id::text
LEFT JOIN deletion_jobs AS j ON j.id = a.job_id
GROUP BY a.job_id, j.entity_table, j.entity_pk, j.status, r.table_name, r.action
-- What was set by one run and deleted by the next counts as deleted alone.
HAVING r.action = 'root_not_found' OR sum((r.row_counts ->> a.job_id::text)::bigint) <> 0;

COMMENT ON VIEW vw_deletion_receipts IS 'Rows changed, for each job, table and action.';
GRANT SELECT ON vw_deletion_receipts TO deletion_jobs_operator, deletion_jobs_reader;
