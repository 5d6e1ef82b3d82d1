-- What the server holds of the objects named, one line a property, free of the database's name.
-- Bodies of routines are left out: verify compares them with the files themselves.
SELECT
    'table' AS kind,
    t.table_name AS name,
    concat_ws('; ', t.engine, t.row_format, t.table_collation) AS detail
FROM information_schema.tables AS t
WHERE
    t.table_schema = database()
    AND t.table_type = 'BASE TABLE'
    AND find_in_set(t.table_name, %(names)s) > 0
UNION ALL
SELECT
    'column',
    concat(c.table_name, '.', c.column_name),
    concat(
        c.column_type,
        coalesce(concat(' ', c.collation_name), ''),
        if(c.is_nullable = 'NO', ' not null', ''),
        coalesce(concat(' default ', c.column_default), ''),
        if(c.extra = '', '', concat(' ', lower(c.extra)))
    )
FROM information_schema.columns AS c
INNER JOIN information_schema.tables AS t
    ON c.table_schema = t.table_schema AND c.table_name = t.table_name
WHERE c.table_schema = database() AND find_in_set(c.table_name, %(names)s) > 0
UNION ALL
SELECT
    'index',
    i.name,
    concat(i.uniqueness, i.columns, i.visibility)
FROM (
    SELECT
        concat(s.table_name, '.', s.index_name) AS name,
        if(max(s.non_unique) = 0, 'unique ', '') AS uniqueness,
        group_concat(
            coalesce(s.column_name, concat('(', s.expression, ')'))
            ORDER BY s.seq_in_index SEPARATOR ', '
        ) AS columns,
        if(max(s.is_visible) = 'YES', '', ' invisible') AS visibility
    FROM information_schema.statistics AS s
    WHERE s.table_schema = database() AND find_in_set(s.table_name, %(names)s) > 0
    GROUP BY s.table_name, s.index_name
) AS i
UNION ALL
SELECT
    'constraint',
    concat(k.table_name, '.', k.constraint_name),
    concat_ws(
        ' ', lower(k.constraint_type), if(k.enforced = 'YES', NULL, 'not enforced'), c.check_clause
    )
FROM information_schema.table_constraints AS k
LEFT OUTER JOIN information_schema.check_constraints AS c
    ON
        k.constraint_schema = c.constraint_schema
        AND k.constraint_name = c.constraint_name
        AND k.constraint_type = 'CHECK'
WHERE
    k.table_schema = database()
    AND find_in_set(k.table_name, %(names)s) > 0
    -- The key to the application's users is each installation's own choice.
    AND k.constraint_name <> 'fk_dj_user'
UNION ALL
SELECT
    'trigger',
    concat(t.event_object_table, '.', t.trigger_name),
    concat_ws(' ', lower(t.action_timing), lower(t.event_manipulation))
FROM information_schema.triggers AS t
WHERE
    t.event_object_schema = database() AND find_in_set(t.event_object_table, %(names)s) > 0
UNION ALL
SELECT
    'view',
    v.table_name,
    concat_ws('; ', concat('definer ', v.definer), concat('security ', lower(v.security_type)))
FROM information_schema.views AS v
WHERE v.table_schema = database() AND find_in_set(v.table_name, %(names)s) > 0
UNION ALL
SELECT
    'definition',
    v.table_name,
    replace(v.view_definition, concat('`', database(), '`.'), '')
FROM information_schema.views AS v
WHERE v.table_schema = database() AND find_in_set(v.table_name, %(names)s) > 0
UNION ALL
SELECT
    'routine',
    r.routine_name,
    concat_ws(
        '; ',
        lower(r.routine_type),
        concat('definer ', r.definer),
        concat('security ', lower(r.security_type)),
        lower(r.sql_data_access),
        if(r.is_deterministic = 'YES', 'deterministic', 'not deterministic'),
        concat('sql_mode ', r.sql_mode),
        coalesce(concat('returns ', r.dtd_identifier), 'returns nothing'),
'arguments',
        coalesce(
            (
                SELECT
                    group_concat(
                        concat_ws(
                            ' ', lower(p.parameter_mode), p.parameter_name, p.dtd_identifier
                        )
                        ORDER BY p.ordinal_position SEPARATOR ', '
                    )
                FROM information_schema.parameters AS p
                WHERE
                    p.specific_schema = r.routine_schema
                    AND p.specific_name = r.specific_name
                    AND p.routine_type = r.routine_type
                    AND p.ordinal_position > 0
            ),
            'none'
        )
    )
FROM information_schema.routines AS r
WHERE r.routine_schema = database() AND find_in_set(r.routine_name, %(names)s) > 0
