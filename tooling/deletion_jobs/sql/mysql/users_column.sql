SELECT
    c.table_name AS table_name,
    c.column_type AS column_type,
    lower(c.column_type) REGEXP '^bigint(\\([0-9]+\\))? unsigned$' AS type_fits,
    (
        SELECT count(*) > 0
        FROM information_schema.statistics AS s
        WHERE
            s.table_schema = c.table_schema
            AND s.table_name = c.table_name
            AND s.column_name = c.column_name
            AND s.seq_in_index = 1
            AND s.non_unique = 0
            AND NOT EXISTS (
                SELECT 1
                FROM information_schema.statistics AS s2
                WHERE
                    s2.table_schema = s.table_schema
                    AND s2.table_name = s.table_name
                    AND s2.index_name = s.index_name
                    AND s2.seq_in_index = 2
            )
    ) AS is_unique
FROM information_schema.columns AS c
INNER JOIN information_schema.tables AS t
    ON c.table_schema = t.table_schema AND c.table_name = t.table_name
WHERE
    t.table_type = 'BASE TABLE'
    AND c.table_schema = if(
        instr(%(users_table)s, '.') > 0, substring_index(%(users_table)s, '.', 1), database()
    )
    AND cast(c.table_name AS BINARY) = cast(substring_index(%(users_table)s, '.', -1) AS BINARY)
    AND c.column_name = %(users_column)s
