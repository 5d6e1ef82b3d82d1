-- The run that was claimed last and not yet worked.
SELECT r.run_id, r.token, r.job_count
FROM deletion_runs AS r
WHERE r.ended_at IS NULL
ORDER BY r.run_id DESC
LIMIT 1
