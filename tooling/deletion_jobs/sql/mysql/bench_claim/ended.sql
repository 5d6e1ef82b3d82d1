-- How many jobs of a run are done.
SELECT count(*) AS jobs
FROM deletion_attempts AS a
INNER JOIN deletion_jobs AS j ON j.id = a.job_id
WHERE a.run_id = %(run_id)s AND a.outcome = 'done' AND j.status = 'done'
