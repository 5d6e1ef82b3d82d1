SELECT count(*) AS tables
FROM information_schema.tables AS t
WHERE t.table_schema = database() AND t.table_name LIKE 'deletion\_%'
