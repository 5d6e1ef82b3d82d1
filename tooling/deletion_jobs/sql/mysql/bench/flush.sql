-- Nothing to be done: a session's counters are visible at once.
SELECT 0 AS done
