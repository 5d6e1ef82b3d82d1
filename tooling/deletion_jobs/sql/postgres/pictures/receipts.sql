-- What was done so far, table by table.
SELECT r.table_name, r.action, r.row_count FROM vw_deletion_receipts AS r ORDER BY 1, 2
