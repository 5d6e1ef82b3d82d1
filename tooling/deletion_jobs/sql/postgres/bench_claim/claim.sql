-- Claim a set of jobs, as run_deletion_jobs does when it looks from the front.
SELECT c.run_id, c.job_count FROM deletion_claim(NULL, NULL) AS c
