SELECT count(*) AS tables
FROM information_schema.tables AS t
WHERE t.table_schema = database() AND find_in_set(t.table_name, %(names)s) > 0
