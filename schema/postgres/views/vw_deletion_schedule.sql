-- vw_deletion_schedule
-- Whether the loop really runs, slot by slot; where it does not, why, and the SQL that mends it.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader
--
-- The truth is the tick that the loop itself writes: pg_cron shows its jobs only to their own
-- role, and any other scheduler may CALL the loop instead of it.

CREATE OR REPLACE VIEW vw_deletion_schedule AS
WITH setting AS (
    SELECT
        max(coalesce(s.setting_value, s.default_value)) FILTER (
            WHERE s.setting_name = 'workers'
        )::integer AS workers,
        max(coalesce(s.setting_value, s.default_value)) FILTER (
            WHERE s.setting_name = 'tick_seconds'
        )::integer AS tick_seconds,
        max(coalesce(s.setting_value, s.default_value)) FILTER (
            WHERE s.setting_name = 'run_seconds'
        )::integer AS run_seconds,
        max(s.setting_value) FILTER (WHERE s.setting_name = 'paused_reason') AS paused_reason
    FROM deletion_settings AS s
),

slot AS (
    SELECT n.slot FROM setting AS s, generate_series(1, s.workers) AS n (slot)
    UNION
    SELECT d.slot FROM deletion_slots AS d WHERE d.armed_at IS NOT NULL
    UNION
    SELECT d.slot FROM deletion_slots AS d WHERE d.last_started_at > now() - interval '1 day'
),

tick AS (
    SELECT
        l.slot,
        d.armed_at,
        d.schedule,
        d.last_started_at,
        d.last_ended_at,
        d.last_outcome,
        d.last_error,
        d.jobs_claimed,
        d.session_id,
        s.paused_reason,
        d.last_ended_at IS NULL AND d.last_started_at IS NOT NULL AS is_open,
        d.session_id IN (SELECT a.pid FROM pg_stat_activity AS a) AS is_there,
        -- A scheduler that starts once a minute is not late within two, and a loop may go on for
        -- one long step after run_seconds.
        coalesce(
            d.last_started_at >= now() - make_interval(
                secs => s.run_seconds + greatest(
                    3 * s.tick_seconds, CASE WHEN d.last_ended_at IS NULL THEN 600 ELSE 120 END
                )
            ),
            FALSE
        ) AS is_fresh,
        'pg_cron' IN (SELECT e.extname FROM pg_extension AS e) AS has_pg_cron,
        format('%I', n.nspname) AS home
    FROM slot AS l
    CROSS JOIN setting AS s
    INNER JOIN pg_class AS c ON c.oid = 'deletion_jobs'::regclass
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN deletion_slots AS d ON d.slot = l.slot
),

judged AS (
    SELECT
        t.*,
        CASE
            WHEN t.paused_reason IS NOT NULL THEN 'paused'
            WHEN t.is_open AND NOT t.is_there THEN 'died'
            WHEN t.is_fresh THEN 'ok'
            WHEN t.armed_at IS NULL THEN 'off'
            WHEN greatest(t.armed_at, t.last_started_at) > now() - interval '3 minutes'
                THEN 'starting'
            ELSE 'late'
        END AS state
    FROM tick AS t
)

SELECT
    j.slot,
    j.state,
    CASE j.state
        WHEN 'paused' THEN j.paused_reason
        WHEN 'died' THEN 'the last session ended before its loop did'
        WHEN 'late' THEN 'pg_cron has not started it lately: see the server''s log, and cron.job'
        WHEN 'off' THEN CASE
            WHEN j.has_pg_cron THEN 'not scheduled: start_deletion_schedule was not called'
            ELSE 'not scheduled, and pg_cron is not installed in this database'
        END
    END AS why,
    CASE
        WHEN j.state = 'paused' THEN format('CALL %s.resume_deletions();', j.home)
        WHEN j.state = 'died' OR (j.state = 'off' AND NOT j.has_pg_cron)
            THEN format('CALL %s.run_deletion_jobs(%s, NULL);', j.home, j.slot)
        WHEN j.state IN ('off', 'late') THEN format('CALL %s.start_deletion_schedule();', j.home)
    END AS mend_sql,
    j.schedule,
    j.armed_at,
    j.last_started_at,
    j.last_ended_at,
    j.last_outcome,
    j.last_error,
    j.jobs_claimed,
    j.session_id
FROM judged AS j
ORDER BY j.slot;

COMMENT ON VIEW vw_deletion_schedule IS 'One row for each worker slot.';
GRANT SELECT ON vw_deletion_schedule TO deletion_jobs_operator, deletion_jobs_reader;
