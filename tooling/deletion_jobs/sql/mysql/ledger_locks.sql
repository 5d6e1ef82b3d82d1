SELECT
    y.pid,
    timestampdiff(SECOND, y.ctime, utc_timestamp()) AS age_seconds
FROM yoyo_lock AS y
