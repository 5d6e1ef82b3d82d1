-- The target of bench claim stays empty, so that a set of jobs ends soon after it was claimed.
CREATE TABLE bench_claim_rows (
    id bigint PRIMARY KEY
);

-- Autovacuum would work for one measurement and against the next.
ALTER TABLE deletion_jobs SET (autovacuum_enabled = FALSE);
ALTER TABLE deletion_attempts SET (autovacuum_enabled = FALSE);

-- p_jobs finished jobs, each with its attempt, and behind them as many that are due.
CREATE PROCEDURE bench_fill(p_jobs integer)
LANGUAGE plpgsql
AS $bench_fill$
BEGIN
    INSERT INTO deletion_jobs (
        entity_table, entity_pk, hard_delete, status, created_at, started_at, finished_at
    )
    SELECT
        'bench_claim_rows', n.n::text, TRUE,
        CASE WHEN n.n <= p_jobs THEN 'done' ELSE 'pending' END,
        now() - make_interval(secs => 1 + (2 * p_jobs - n.n) * 0.001),
        CASE WHEN n.n <= p_jobs THEN now() END,
        CASE WHEN n.n <= p_jobs THEN now() END
    FROM generate_series(1, 2 * p_jobs) AS n (n);

    INSERT INTO deletion_attempts (
        job_id, attempt_no, run_id, started_at, ended_at, outcome, asked_hard_delete, asked_at
    )
    -- Runs of 500: one run of all would have the planner read them all for each.
    SELECT j.id, 1, 1000000000 + j.id / 500, j.started_at, j.finished_at, 'done', TRUE, j.created_at
    FROM deletion_jobs AS j
    WHERE j.status = 'done';
END;
$bench_fill$;
