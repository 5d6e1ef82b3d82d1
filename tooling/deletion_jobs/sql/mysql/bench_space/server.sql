-- What has been written so far, and the memory and work files that a session holds now.
SELECT
    (
        SELECT g.variable_value
        FROM performance_schema.global_status AS g
        WHERE g.variable_name = 'Innodb_os_log_written'
    ) AS redo_bytes,
    (
        SELECT coalesce(sum(p.size), 0)
        FROM information_schema.innodb_session_temp_tablespaces AS p
        WHERE p.id = %(session)s
    ) AS temporary_bytes,
    (
        SELECT sum(m.current_number_of_bytes_used)
        FROM performance_schema.memory_summary_by_thread_by_event_name AS m
        INNER JOIN performance_schema.threads AS t ON t.thread_id = m.thread_id
        WHERE t.processlist_id = %(session)s
    ) AS memory_bytes
