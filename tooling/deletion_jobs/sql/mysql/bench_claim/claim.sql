-- Claim a set of jobs, as run_deletion_jobs does.
CALL deletion_claim(NULL, NULL, @bench_run, @bench_token, @bench_jobs)
