-- The longest wait for a lock that a client takes, in seconds.
SET SESSION innodb_lock_wait_timeout = %(seconds)s
