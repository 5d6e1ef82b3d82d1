-- vw_deletion_health
-- The whole in one row, for a monitor.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE
ALGORITHM = UNDEFINED
DEFINER = 'deletion_jobs_owner'@'localhost'
SQL SECURITY DEFINER
VIEW vw_deletion_health AS
WITH due AS (
    SELECT
        count(*) AS jobs,
        min(cast(coalesce(j.scheduled_at, j.created_at) AS DATETIME(6))) AS oldest_at
    FROM deletion_jobs AS j
    WHERE
        j.status = 'pending'
        AND cast(coalesce(j.scheduled_at, j.created_at) AS DATETIME(6)) <= utc_timestamp(6)
),

running AS (
    SELECT
        count(*) AS jobs,
        coalesce(sum(p.is_orphaned), 0) AS orphaned
    FROM vw_deletion_progress AS p
),

failed AS (
    SELECT
        coalesce(sum(f.jobs), 0) AS jobs,
        json_objectagg(f.cause, f.jobs) AS by_cause
    FROM (
        -- JD006: 7 rows of invoice behind fk_invoice_customer: the code and the reference.
        SELECT
            concat_ws(
                ' ',
                left(coalesce(j.error, 'none'), 5),
                if(
                    j.error LIKE 'JD006: % behind %',
                    substring_index(substring_index(j.error, ' behind ', -1), ' ', 1),
                    NULL
                )
            ) AS cause,
            count(*) AS jobs
        FROM deletion_jobs AS j
        WHERE j.status = 'failed'
        GROUP BY cause
    ) AS f
),

lately AS (
    SELECT
        sum(r.rows_changed) AS changed_rows,
        timestampdiff(MICROSECOND, min(r.started_at), max(r.last_step_at)) AS micros
    FROM (
        SELECT
            l.rows_changed,
            l.started_at,
            l.last_step_at
        FROM deletion_runs AS l
        ORDER BY l.run_id DESC
        LIMIT 100
    ) AS r
    WHERE r.last_step_at > utc_timestamp(6) - INTERVAL 5 MINUTE
)

SELECT
    coalesce(timestampdiff(SECOND, d.oldest_at, utc_timestamp(6)), 0) AS oldest_due_seconds,
    d.jobs AS due_jobs,
    (SELECT count(*) FROM deletion_jobs AS j WHERE j.status = 'pending') AS pending_jobs,
    r.jobs AS running_jobs,
    r.orphaned AS orphaned_jobs,
    f.jobs AS failed_jobs,
    coalesce(f.by_cause, json_object()) AS failed_by_cause,
    coalesce(round(l.changed_rows * 1000000 / greatest(l.micros, 1000)), 0) AS rows_per_second,
    (SELECT max(s.last_started_at) FROM deletion_slots AS s) AS last_tick_at,
    deletion_setting('paused_reason') AS paused_reason,
    (SELECT count(*) FROM vw_deletion_problems) AS problems
FROM due AS d
CROSS JOIN running AS r
CROSS JOIN failed AS f
CROSS JOIN lately AS l;

GRANT SELECT ON vw_deletion_health
TO 'deletion_jobs_operator', 'deletion_jobs_reader';
