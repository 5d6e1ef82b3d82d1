-- Rows of jobs that this transaction has locked: it is in each of them.
SELECT count(*) AS value
FROM deletion_jobs AS j
WHERE j.xmax = pg_current_xact_id()::xid
