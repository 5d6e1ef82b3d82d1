SELECT t.table_name AS table_name
FROM information_schema.tables AS t
WHERE
    t.table_schema = database()
    AND t.table_name IN ('_yoyo_migration', '_yoyo_log', '_yoyo_version', 'yoyo_lock')
