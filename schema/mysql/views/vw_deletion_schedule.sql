-- vw_deletion_schedule
-- Whether the scheduler really runs: a row for each slot, with its last tick and what is wrong.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader
--
-- state is ok, waiting for the first tick, paused, off or late; why says what to do. Where
-- the owner account itself is missing, the server refuses this view with error 1449.

CREATE OR REPLACE
ALGORITHM = UNDEFINED
DEFINER = 'deletion_jobs_owner'@'localhost'
SQL SECURITY DEFINER
VIEW vw_deletion_schedule AS
WITH RECURSIVE wanted AS (
    SELECT
        1 AS slot,
        deletion_setting_int('workers') AS workers
    UNION ALL
    SELECT
        w.slot + 1,
        w.workers
    FROM wanted AS w
    WHERE w.slot < w.workers
),

server AS (
    SELECT
        max(if(v.variable_name = 'event_scheduler', v.variable_value, NULL)) AS event_scheduler,
        max(if(v.variable_name = 'super_read_only', v.variable_value, NULL)) AS super_read_only
    FROM performance_schema.global_variables AS v
    WHERE v.variable_name IN ('event_scheduler', 'super_read_only')
),

armed AS (
    SELECT
        cast(substring_index(e.event_name, '_', -1) AS SIGNED) AS slot,
        e.event_name,
        e.status,
        e.definer,
        e.interval_value AS every_seconds,
        e.last_altered
    FROM information_schema.events AS e
    WHERE e.event_schema = deletion_home() AND e.event_name LIKE 'deletion\\_jobs\\_worker\\_%'
),

slots AS (
    SELECT w.slot FROM wanted AS w
    UNION DISTINCT
    SELECT a.slot FROM armed AS a
),

found AS (
    SELECT
        n.slot,
        coalesce(a.status = 'ENABLED', FALSE) AS is_armed,
        cast(a.every_seconds AS UNSIGNED) AS every_seconds,
        s.last_started_at,
        s.last_ended_at,
        s.last_outcome,
        s.last_error,
        s.jobs_claimed,
        CASE
            WHEN a.event_name IS NULL THEN 'no event: CALL start_deletion_schedule()'
            WHEN a.status IN ('REPLICA_SIDE_DISABLED', 'SLAVESIDE_DISABLED')
                THEN 'disabled by replication, as after a failover: CALL start_deletion_schedule()'
            WHEN a.status <> 'ENABLED' THEN 'event is disabled: CALL start_deletion_schedule()'
            WHEN a.definer <> 'deletion_jobs_owner@localhost'
                THEN 'event has another definer: CALL start_deletion_schedule()'
            WHEN v.event_scheduler <> 'ON'
                THEN concat(
                    'event_scheduler is ', v.event_scheduler, ': SET GLOBAL event_scheduler = ON'
                )
            WHEN v.super_read_only = 'ON' THEN 'this server takes no writes: super_read_only is ON'
        END AS off_since,
        -- The catalog tells its times in the session's time zone.
        least(
            coalesce(timestampdiff(SECOND, s.last_started_at, utc_timestamp(6)), 1000000000),
            timestampdiff(SECOND, a.last_altered, now())
        ) > 3 * a.every_seconds + deletion_setting_int('run_seconds') AS is_late,
        concat(deletion_home(), '.', a.event_name) AS event_path
    FROM slots AS n
    CROSS JOIN server AS v
    LEFT JOIN armed AS a ON a.slot = n.slot
    LEFT JOIN deletion_slots AS s ON s.slot = n.slot
)

SELECT
    f.slot,
    f.is_armed,
    f.every_seconds,
    CASE
        WHEN f.off_since IS NOT NULL THEN 'off'
        WHEN deletion_setting('paused_reason') IS NOT NULL THEN 'paused'
        WHEN f.is_late THEN 'late'
        WHEN f.last_started_at IS NULL THEN 'waiting'
        ELSE 'ok'
    END AS state,
    nullif(concat_ws(
        '; ',
        f.off_since,
        concat('paused: ', deletion_setting('paused_reason')),
        if(
            f.is_late AND f.off_since IS NULL,
            coalesce(
                (
                    SELECT concat('no tick: ', l.data)
                    FROM performance_schema.error_log AS l
                    WHERE
                        l.prio = 'Error'
                        AND l.data LIKE 'Event Scheduler:%'
                        AND locate(concat('[', f.event_path, ']'), l.data) > 0
                    ORDER BY l.logged DESC
                    LIMIT 1
                ),
                'no tick, and no error in the server''s log'
            ),
            NULL
        )
    ), '') AS why,
    f.last_started_at,
    f.last_ended_at,
    f.last_outcome,
    f.last_error,
    f.jobs_claimed
FROM found AS f
ORDER BY f.slot;

GRANT SELECT ON vw_deletion_schedule
TO 'deletion_jobs_operator', 'deletion_jobs_reader';
