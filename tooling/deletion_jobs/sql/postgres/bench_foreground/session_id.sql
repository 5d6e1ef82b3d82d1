-- This session, as waits name it.
SELECT pg_backend_pid() AS value
