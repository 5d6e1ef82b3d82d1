-- What has been written so far, and the memory that a session has for itself now, where the
-- server's system tells (Linux does).
SELECT
    pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint AS redo_bytes,
    (
        SELECT d.temp_bytes FROM pg_stat_database AS d WHERE d.datname = current_database()
    ) AS temporary_bytes,
    substring(
        pg_read_file('/proc/' || %(session)s || '/status', 0, 100000, TRUE)
        FROM 'RssAnon:\s+(\d+)'
    )::bigint * 1024 AS memory_bytes
