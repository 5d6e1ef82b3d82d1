-- vw_deletion_health
-- The whole in one row, for a monitor.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE VIEW vw_deletion_health AS
WITH due AS (
    SELECT count(*) AS jobs, min(coalesce(j.scheduled_at, j.created_at)) AS oldest_at
    FROM deletion_jobs AS j
    WHERE j.status = 'pending' AND coalesce(j.scheduled_at, j.created_at) <= now()
),

running AS (
    SELECT count(*) AS jobs, count(*) FILTER (WHERE p.is_orphaned) AS orphaned
    FROM vw_deletion_progress AS p
),

failed AS (
    SELECT sum(f.jobs)::bigint AS jobs, jsonb_object_agg(f.cause, f.jobs) AS by_cause
    FROM (
        -- JD006: 7 rows of invoice behind invoice_customer_id_fkey: the code and the reference.
        SELECT
            concat_ws(
                ' ', left(j.error, 5), substring(j.error FROM '^JD006: .* behind (\S+)')
            ) AS cause,
            count(*) AS jobs
        FROM deletion_jobs AS j
        WHERE j.status = 'failed'
        GROUP BY 1
    ) AS f
),

lately AS (
    SELECT
        sum(r.rows_changed) AS changed_rows,
        extract(EPOCH FROM max(r.last_step_at) - min(r.started_at))::numeric AS seconds
    FROM (
        SELECT l.rows_changed, l.started_at, l.last_step_at
        FROM deletion_runs AS l
        ORDER BY l.run_id DESC
        LIMIT 100
    ) AS r
    WHERE r.last_step_at > now() - interval '5 minutes'
)

SELECT
    coalesce(extract(EPOCH FROM now() - d.oldest_at), 0)::bigint AS oldest_due_seconds,
    d.jobs AS due_jobs,
    (SELECT count(*) FROM deletion_jobs AS j WHERE j.status = 'pending') AS pending_jobs,
    r.jobs AS running_jobs,
    r.orphaned AS orphaned_jobs,
    coalesce(f.jobs, 0) AS failed_jobs,
    coalesce(f.by_cause, '{}') AS failed_by_cause,
    coalesce(round(l.changed_rows / greatest(l.seconds, 0.001)), 0)::bigint AS rows_per_second,
    (SELECT max(s.last_started_at) FROM deletion_slots AS s) AS last_tick_at,
    (
        SELECT s.setting_value FROM deletion_settings AS s WHERE s.setting_name = 'paused_reason'
    ) AS paused_reason,
    (SELECT count(*) FROM vw_deletion_problems) AS problems
FROM due AS d
CROSS JOIN running AS r
CROSS JOIN failed AS f
CROSS JOIN lately AS l;

COMMENT ON VIEW vw_deletion_health IS 'One row: backlog, work, failures and speed.';
GRANT SELECT ON vw_deletion_health TO deletion_jobs_operator, deletion_jobs_reader;
