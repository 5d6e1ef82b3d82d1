-- vw_deletion_progress
-- The running jobs: who works on them, how far they are, and since when nothing moved.
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
    a.run_id,
    r.slot,
    r.phase,
    r.job_count AS jobs_in_run,
    (
        SELECT coalesce(cast(sum(cast(
            json_extract(c.row_counts, concat('$."', j.id, '"')) AS SIGNED
        )) AS SIGNED), 0)
        FROM deletion_attempts AS t
        INNER JOIN deletion_receipts AS c ON c.run_id = t.run_id
        WHERE t.job_id = j.id AND NOT t.is_past
    ) AS rows_changed,
    r.rows_changed AS run_rows_changed,
    round(
        r.rows_changed * 1000000
        / greatest(timestampdiff(MICROSECOND, r.started_at, r.last_step_at), 1000)
    ) AS run_rows_per_second,
    r.step_count AS run_steps,
    r.batch_rows,
    r.retries,
    f.depth,
    coalesce(
        (
            SELECT min(s.table_name)
            FROM deletion_plan_steps AS s
            WHERE s.plan_id = r.plan_id AND s.node_no = f.node_no
        ),
        cast(r.state ->> '$.at' AS CHAR CHARACTER SET utf8mb4)  -- noqa: PRS
    ) AS at_table,
    a.started_at,
    r.last_step_at,
    a.cancel_requested_at,
    -- The next worker that starts takes such a job up again.
    coalesce(
        r.ended_at IS NOT NULL OR NOT deletion_is_alive(r.run_id, r.session_id, r.server_id), TRUE
    ) AS is_orphaned,
    r.error
FROM deletion_jobs AS j
LEFT JOIN deletion_attempts AS a
    ON
        a.job_id = j.id
        AND a.attempt_no = (
            SELECT max(b.attempt_no) FROM deletion_attempts AS b WHERE b.job_id = j.id
        )
LEFT JOIN deletion_runs AS r ON r.run_id = a.run_id
LEFT JOIN deletion_frames AS f
    ON
        f.run_id = r.run_id
        AND f.depth = (SELECT max(t.depth) FROM deletion_frames AS t WHERE t.run_id = r.run_id)
WHERE j.status = 'running';

GRANT SELECT ON vw_deletion_progress
TO 'deletion_jobs_operator', 'deletion_jobs_reader';
