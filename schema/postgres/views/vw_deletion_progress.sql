-- vw_deletion_progress
-- The running jobs: who works on them, how far they are, and since when nothing moved.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE VIEW vw_deletion_progress AS
SELECT
    j.id AS job_id,
    j.entity_table,
    j.entity_pk,
    a.run_id,
    r.slot,
    r.phase,
    r.job_count AS jobs_in_run,
    coalesce((
        SELECT sum((c.row_counts ->> j.id::text)::bigint)
        FROM deletion_attempts AS t
        INNER JOIN deletion_receipts AS c ON c.run_id = t.run_id
        WHERE t.job_id = j.id AND NOT t.is_past
    ), 0)::bigint AS rows_changed,
    r.rows_changed AS run_rows_changed,
    round(
        r.rows_changed
        / greatest(extract(EPOCH FROM r.last_step_at - r.started_at)::numeric, 0.001)
    )::bigint AS run_rows_per_second,
    r.step_count AS run_steps,
    r.batch_rows,
    r.retries,
    f.depth,
    coalesce(
        (
            SELECT s.table_name
            FROM deletion_plan_steps AS s
            WHERE s.plan_id = r.plan_id AND s.node_no = f.node_no
            LIMIT 1
        ), r.state ->> 'at'
    ) AS at_table,
    a.started_at,
    r.last_step_at,
    a.cancel_requested_at,
    -- The next worker that starts takes such a job up again.
    coalesce(
        r.ended_at IS NOT NULL OR r.server_id <> pg_postmaster_start_time()::text
        OR NOT EXISTS (SELECT 1 FROM pg_stat_activity AS p WHERE p.pid = r.session_id), TRUE
    ) AS is_orphaned,
    r.error
FROM deletion_jobs AS j
LEFT JOIN LATERAL (
    SELECT b.run_id, b.started_at, b.cancel_requested_at
    FROM deletion_attempts AS b
    WHERE b.job_id = j.id
    ORDER BY b.attempt_no DESC
    LIMIT 1
) AS a ON TRUE
LEFT JOIN deletion_runs AS r ON r.run_id = a.run_id
LEFT JOIN LATERAL (
    SELECT t.depth, t.node_no
    FROM deletion_frames AS t
    WHERE t.run_id = r.run_id
    ORDER BY t.depth DESC
    LIMIT 1
) AS f ON TRUE
WHERE j.status = 'running';

COMMENT ON VIEW vw_deletion_progress IS 'One row for each running job.';
GRANT SELECT ON vw_deletion_progress TO deletion_jobs_operator, deletion_jobs_reader;
