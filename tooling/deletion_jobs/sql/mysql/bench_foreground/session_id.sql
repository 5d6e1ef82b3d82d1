-- This session, as waits name it.
SELECT connection_id() AS value
