-- Rows of jobs that this session has locked.
SELECT count(*) AS value
FROM performance_schema.data_locks AS l
WHERE
    l.object_schema = database()
    AND l.object_name = 'deletion_jobs'
    AND l.lock_type = 'RECORD'
    AND l.index_name = 'PRIMARY'
    AND l.thread_id = ps_current_thread_id()
