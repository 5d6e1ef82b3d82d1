SELECT
    y.pid,
    extract(EPOCH FROM clock_timestamp() AT TIME ZONE 'UTC' - y.ctime)::bigint AS age_seconds
FROM yoyo_lock AS y
