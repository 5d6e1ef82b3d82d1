-- Bytes on disk of each of our tables, with its indexes.
SELECT
    c.relname AS table_name,
    pg_total_relation_size(c.oid) AS bytes
FROM pg_class AS c
WHERE
    c.relnamespace = current_schema()::regnamespace
    AND c.relkind = 'r'
    AND c.relname LIKE 'deletion\_%'
