-- In how many slots work was found.
SELECT count(DISTINCT r.slot) AS value
FROM deletion_runs AS r
WHERE r.job_count > 0
