-- Claim a set of jobs, as run_deletion_jobs does when it looks from the front.
SET @bench_due_at = NULL, @bench_due_id = NULL;
CALL deletion_claim(
    NULL, NULL, @bench_due_at, @bench_due_id, @bench_run, @bench_token, @bench_jobs
)
