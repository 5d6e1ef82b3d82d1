-- Sessions that wait for a lock at this moment, each with what tells one wait from the next.
SELECT
    t.processlist_id AS session_id,
    w.requesting_engine_transaction_id AS wait_id
FROM performance_schema.data_lock_waits AS w
INNER JOIN performance_schema.threads AS t ON t.thread_id = w.requesting_thread_id
