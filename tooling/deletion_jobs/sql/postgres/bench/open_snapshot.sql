-- See the database as it is now, until the session ends.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pg_current_snapshot() AS seen;
