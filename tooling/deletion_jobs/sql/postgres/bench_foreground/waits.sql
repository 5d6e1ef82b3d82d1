-- Sessions that wait for a lock at this moment, each with what tells one wait from the next.
SELECT
    a.pid AS session_id,
    a.query_start::text AS wait_id
FROM pg_stat_activity AS a
WHERE a.datname = current_database() AND a.wait_event_type = 'Lock'
