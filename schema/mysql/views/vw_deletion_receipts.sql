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
    a.job_id,
    j.entity_table,
    j.entity_pk,
    j.status,
    r.table_name,
    r.action,
    cast(sum(cast(
        json_extract(r.row_counts, concat('$."', a.job_id, '"')) AS SIGNED
    )) AS SIGNED) AS row_count,
    max(r.updated_at) AS updated_at
FROM deletion_attempts AS a
INNER JOIN deletion_receipts AS r
    ON
        r.run_id = a.run_id
        AND json_contains_path(r.row_counts, 'one', concat('$."', a.job_id, '"'))
LEFT JOIN deletion_jobs AS j ON j.id = a.job_id
GROUP BY a.job_id, j.entity_table, j.entity_pk, j.status, r.table_name, r.action
-- What was set by one run and deleted by the next counts as deleted alone.
HAVING r.action = 'root_not_found' OR row_count <> 0;

GRANT SELECT ON vw_deletion_receipts
TO 'deletion_jobs_operator', 'deletion_jobs_reader';
