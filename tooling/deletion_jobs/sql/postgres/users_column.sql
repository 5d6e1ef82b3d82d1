SELECT
    c.relname::text AS table_name,
    format_type(a.atttypid, a.atttypmod) AS column_type,
    a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) AS type_fits,
    (
        SELECT count(*) > 0
        FROM pg_index AS i
        WHERE
            i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
            AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum
    ) AS is_unique
FROM pg_class AS c
INNER JOIN pg_attribute AS a
    ON c.oid = a.attrelid AND a.attnum > 0 AND NOT a.attisdropped
WHERE
    c.oid = to_regclass(%(users_table)s)
    AND c.relkind IN ('r', 'p')
    AND a.attname = %(users_column)s
