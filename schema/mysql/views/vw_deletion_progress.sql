-- vw_deletion_progress
-- The jobs that are being worked: where each one is, and how fast its run goes.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE
ALGORITHM = UNDEFINED
DEFINER = 'deletion_jobs_owner'@'localhost'
SQL SECURITY DEFINER
VIEW vw_deletion_progress AS
SELECT
    j.id AS job_id,
    j.entity_table,
    j.entity_pk,
    a.attempt_no,
    a.run_id,
    r.phase,
    r.slot,
    r.job_count AS run_jobs,
    r.started_at,
    r.last_step_at,
    a.cancel_requested_at,
    (
        SELECT coalesce(sum(c.row_count), 0)
        FROM deletion_receipts AS c
        WHERE c.job_id = j.id
    ) AS rows_done,
    r.rows_changed AS run_rows,
    round(
        r.rows_changed * 1000000
        / greatest(timestampdiff(MICROSECOND, r.started_at, utc_timestamp(6)), 1)
    ) AS rows_per_second,
    r.batch_rows,
    f.depth,
    (
        SELECT min(s.table_name)
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = r.plan_id AND s.node_no = f.node_no
    ) AS at_table
FROM deletion_jobs AS j
LEFT JOIN deletion_attempts AS a ON a.job_id = j.id AND a.outcome IS NULL AND NOT a.is_past
LEFT JOIN deletion_runs AS r ON r.run_id = a.run_id
LEFT JOIN deletion_frames AS f
    ON
        f.run_id = r.run_id
        AND f.depth = (SELECT max(t.depth) FROM deletion_frames AS t WHERE t.run_id = r.run_id)
WHERE j.status = 'running';

GRANT SELECT ON vw_deletion_progress
TO 'deletion_jobs_operator', 'deletion_jobs_reader';
