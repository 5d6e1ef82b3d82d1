-- Nothing to be done: a worker's steps carry their settings with them.
SELECT 0 AS done
