-- How many transactions have been committed in this database.
SELECT d.xact_commit AS value
FROM pg_stat_database AS d
WHERE d.datname = current_database();
