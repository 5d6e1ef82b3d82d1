SELECT release_lock(concat('dj:', left(sha2(database(), 256), 16), ':apply')) AS is_unlocked
