SELECT get_lock(concat('dj:', left(sha2(database(), 256), 16), ':apply'), 0) AS is_locked
