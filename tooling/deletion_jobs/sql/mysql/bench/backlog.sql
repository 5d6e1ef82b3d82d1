-- Deleted rows that purge has yet to take out of the tables: work put off past the commit.
SELECT m.count AS backlog
FROM information_schema.innodb_metrics AS m
WHERE m.name = 'trx_rseg_history_len'
