-- What the receipts of the last job say: tables, and rows deleted from them.
SELECT
    count(*) AS tables_emptied,
    coalesce(sum(r.row_count), 0) AS rows_gone
FROM vw_deletion_receipts AS r
WHERE r.action = 'delete' AND r.job_id = (SELECT max(j.id) FROM deletion_jobs AS j)
