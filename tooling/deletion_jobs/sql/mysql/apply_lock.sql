SELECT get_lock(concat('dj:', left(sha1(database()), 16), ':apply'), 0) AS is_locked
