-- vw_deletion_schedule
-- Whether the loop really runs, slot by slot; where it does not, why, and the SQL that mends it.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader
--
-- The truth is the tick that the loop itself writes: an event counts as executed even where
-- every run fails. Where the owner account is missing, the server refuses this view: 1449.

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
        e.definer
    FROM information_schema.events AS e
    WHERE
        e.event_schema = deletion_home()
        AND e.event_name REGEXP '^deletion_jobs_worker_[0-9]+$'
),

slot AS (
    SELECT w.slot FROM wanted AS w
    UNION DISTINCT
    SELECT a.slot FROM armed AS a
    UNION DISTINCT
    SELECT d.slot FROM deletion_slots AS d WHERE d.armed_at IS NOT NULL
    UNION DISTINCT
    SELECT d.slot
    FROM deletion_slots AS d
    WHERE d.last_started_at > utc_timestamp(6) - INTERVAL 1 DAY
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
        a.event_name,
        deletion_setting('paused_reason') AS paused_reason,
        d.last_ended_at IS NULL AND d.last_started_at IS NOT NULL AS is_open,
        coalesce(is_used_lock(deletion_lock_name('slot', l.slot)) = d.session_id, FALSE)
            AS is_there,
        -- A loop may go on for one long step after run_seconds.
        coalesce(
            d.last_started_at >= utc_timestamp(6) - INTERVAL (
                deletion_setting_int('run_seconds') + greatest(
                    3 * deletion_setting_int('tick_seconds'),
                    if(d.last_ended_at IS NULL, 600, 120)
                )
            ) SECOND,
            FALSE
        ) AS is_fresh,
        CASE
            WHEN a.event_name IS NULL THEN 'not scheduled: start_deletion_schedule was not called'
            WHEN a.status IN ('REPLICA_SIDE_DISABLED', 'SLAVESIDE_DISABLED')
                THEN 'the event is disabled by replication, as after a failover'
            WHEN a.status <> 'ENABLED' THEN 'the event is disabled'
            WHEN a.definer <> 'deletion_jobs_owner@localhost'
                THEN concat('the event runs as ', a.definer, ', who may be missing')
            WHEN v.event_scheduler <> 'ON' THEN concat('event_scheduler is ', v.event_scheduler)
            WHEN v.super_read_only = 'ON' THEN 'this server takes no writes: super_read_only is ON'
        END AS off_why,
        CASE
            WHEN a.definer <> 'deletion_jobs_owner@localhost'
                THEN concat(
                    'DROP EVENT `', deletion_home(), '`.', a.event_name, '; CALL `',
                    deletion_home(), '`.start_deletion_schedule();'
                )
            WHEN a.status = 'ENABLED' AND v.event_scheduler = 'OFF'
                THEN 'SET PERSIST event_scheduler = ON;'
            WHEN a.status = 'ENABLED' AND v.event_scheduler = 'DISABLED'
                THEN 'SET PERSIST_ONLY event_scheduler = ON; -- then restart the server'
            WHEN a.status = 'ENABLED' AND v.super_read_only = 'ON' THEN NULL
            ELSE concat('CALL `', deletion_home(), '`.start_deletion_schedule();')
        END AS off_mend_sql
    FROM slot AS l
    CROSS JOIN server AS v
    LEFT JOIN armed AS a ON a.slot = l.slot
    LEFT JOIN deletion_slots AS d ON d.slot = l.slot
),

judged AS (
    SELECT
        t.*,
        CASE
            WHEN t.paused_reason IS NOT NULL THEN 'paused'
            WHEN t.is_open AND NOT t.is_there THEN 'died'
            WHEN t.is_fresh AND (t.off_why IS NULL OR t.armed_at IS NULL) THEN 'ok'
            WHEN t.off_why IS NOT NULL THEN 'off'
            WHEN
                greatest(t.armed_at, coalesce(t.last_started_at, t.armed_at))
                > utc_timestamp(6) - INTERVAL 3 MINUTE
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
        WHEN 'off' THEN j.off_why
        WHEN 'late' THEN coalesce(
            (
                SELECT l.data
                FROM performance_schema.error_log AS l
                WHERE
                    l.prio = 'Error'
                    AND l.data LIKE 'Event Scheduler:%'
                    AND locate(concat('[', deletion_home(), '.', j.event_name, ']'), l.data) > 0
                ORDER BY l.logged DESC
                LIMIT 1
            ),
            'the event has not run lately, and the server''s log does not say why'
        )
    END AS why,
    CASE j.state
        WHEN 'paused' THEN concat('CALL `', deletion_home(), '`.resume_deletions();')
        WHEN 'died'
            THEN concat('CALL `', deletion_home(), '`.run_deletion_jobs(', j.slot, ', NULL);')
        WHEN 'off' THEN j.off_mend_sql
        WHEN 'late' THEN j.off_mend_sql
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
-- A slot that was taken out of the settings is not missed.
WHERE j.state <> 'off' OR j.slot <= deletion_setting_int('workers')
ORDER BY j.slot;

GRANT SELECT ON vw_deletion_schedule
TO 'deletion_jobs_operator', 'deletion_jobs_reader';
