-- What all jobs together have changed, table by table.
SELECT
    r.table_name,
    r.action,
    count(*) AS jobs,
    sum(r.row_count) AS row_count
FROM vw_deletion_receipts AS r
GROUP BY r.table_name, r.action
ORDER BY r.table_name, r.action
