SELECT c.relname::text AS table_name
FROM pg_class AS c
WHERE
    c.relnamespace = to_regnamespace(quote_ident(current_schema()))
    AND c.relname IN ('_yoyo_migration', '_yoyo_log', '_yoyo_version', 'yoyo_lock')
