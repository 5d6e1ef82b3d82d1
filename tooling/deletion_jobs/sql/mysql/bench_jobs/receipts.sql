-- What the receipts say is gone, and of how many jobs.
SELECT
    r.table_name,
    sum(r.row_count) AS rows_gone,
    count(DISTINCT r.job_id) AS jobs
FROM vw_deletion_receipts AS r
WHERE r.action = 'delete'
GROUP BY r.table_name
