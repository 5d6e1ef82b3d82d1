-- The longest wait for a lock that a client takes, in milliseconds.
SELECT set_config('lock_timeout', (%(seconds)s * 1000)::text, FALSE) AS value
