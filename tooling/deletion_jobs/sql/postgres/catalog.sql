-- What the server holds of the objects named, one line a property, free of the schema's name.
-- Bodies of routines are left out: verify compares them with the files themselves.
WITH home AS (
    SELECT n.oid, n.nspname, quote_ident(n.nspname) || '.' AS prefix
    FROM pg_namespace AS n
    WHERE n.nspname = current_schema()
),

wanted AS (
    SELECT w.name FROM unnest(string_to_array(%(names)s, ',')) AS w (name)
),

relation AS (
    SELECT c.oid, c.relname, c.relkind, c.relowner, c.relacl, c.relpersistence, c.reloptions
    FROM pg_class AS c
    INNER JOIN home AS h ON c.relnamespace = h.oid
    WHERE c.relname IN (SELECT w.name FROM wanted AS w) AND c.relkind IN ('r', 'v', 'c')
),

routine AS (
    SELECT
        p.*,
        p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')' AS signature
    FROM pg_proc AS p
    INNER JOIN home AS h ON p.pronamespace = h.oid
    WHERE p.proname IN (SELECT w.name FROM wanted AS w)
)

SELECT
    CASE r.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' ELSE 'type' END AS kind,
    r.relname::text AS name,
    format(
        'owner %%s; %%s%%s',
        pg_get_userbyid(r.relowner),
        CASE r.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'permanent' END,
        '; ' || array_to_string(r.reloptions, ', ')
    ) AS detail
FROM relation AS r
UNION ALL
SELECT
    'column',
    r.relname || '.' || a.attname,
    format(
        '%%s%%s%%s%%s',
        replace(format_type(a.atttypid, a.atttypmod), h.prefix, ''),
        CASE WHEN a.attnotnull THEN ' not null' ELSE '' END,
        CASE a.attidentity
            WHEN 'd' THEN ' identity by default' WHEN 'a' THEN ' identity' ELSE ''
        END,
        ' default ' || pg_get_expr(d.adbin, d.adrelid)
    )
FROM relation AS r
CROSS JOIN home AS h
INNER JOIN pg_attribute AS a
    ON r.oid = a.attrelid AND a.attnum > 0 AND NOT a.attisdropped
LEFT OUTER JOIN pg_attrdef AS d
    ON a.attrelid = d.adrelid AND a.attnum = d.adnum
UNION ALL
SELECT
    'constraint',
    r.relname || '.' || k.conname,
    replace(pg_get_constraintdef(k.oid), h.prefix, '')
FROM relation AS r
CROSS JOIN home AS h
INNER JOIN pg_constraint AS k
    ON r.oid = k.conrelid
-- The key to the application's users is each installation's own choice; NOT NULL is a
-- constraint of its own from PostgreSQL 18 on, and stands with the column here.
WHERE k.conname <> 'fk_dj_user' AND k.contype IN ('p', 'u', 'c', 'f', 'x')
UNION ALL
SELECT
    'index',
    r.relname || '.' || x.relname,
    replace(pg_get_indexdef(i.indexrelid), h.prefix, '')
    || CASE WHEN i.indisvalid THEN '' ELSE ' invalid' END
FROM relation AS r
CROSS JOIN home AS h
INNER JOIN pg_index AS i
    ON r.oid = i.indrelid
INNER JOIN pg_class AS x
    ON i.indexrelid = x.oid
UNION ALL
SELECT
    'trigger',
    r.relname || '.' || t.tgname,
    replace(pg_get_triggerdef(t.oid), h.prefix, '')
FROM relation AS r
CROSS JOIN home AS h
INNER JOIN pg_trigger AS t
    ON r.oid = t.tgrelid AND NOT t.tgisinternal
UNION ALL
SELECT
    'definition',
    r.relname::text,
    replace(pg_get_viewdef(r.oid), h.prefix, '')
FROM relation AS r
CROSS JOIN home AS h
WHERE r.relkind = 'v'
UNION ALL
SELECT
    'routine',
    r.signature,
    format(
        '%%s; owner %%s; %%s; %%s; %%s; returns %%s; arguments %%s; %%s',
        CASE r.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END,
        pg_get_userbyid(r.proowner),
        l.lanname,
        CASE WHEN r.prosecdef THEN 'security definer' ELSE 'security invoker' END,
        CASE r.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
        coalesce(replace(pg_get_function_result(r.oid), h.prefix, ''), 'nothing'),
        replace(pg_get_function_arguments(r.oid), h.prefix, ''),
        coalesce(
            (
                SELECT string_agg(
                    CASE
                        WHEN s.setting LIKE 'search\_path=%%' THEN 'search_path pinned'
                        ELSE s.setting
                    END,
                    ', ' ORDER BY s.setting
                )
                FROM unnest(r.proconfig) AS s (setting)
            ),
            'no settings'
        )
    )
FROM routine AS r
CROSS JOIN home AS h
INNER JOIN pg_language AS l
    ON r.prolang = l.oid
UNION ALL
SELECT
    'grant',
    g.object || ' to ' || coalesce(u.rolname, 'public'),
    string_agg(
        lower(g.privilege_type) || CASE WHEN g.is_grantable THEN ' with grant option' ELSE '' END,
        ', ' ORDER BY g.privilege_type
    )
FROM (
    SELECT r.relname::text AS object, r.relowner AS owner, a.*
    FROM relation AS r
    CROSS JOIN LATERAL aclexplode(
        coalesce(r.relacl, acldefault('r', r.relowner))
    ) AS a
    WHERE r.relkind IN ('r', 'v')
    UNION ALL
    SELECT r.signature, r.proowner, a.*
    FROM routine AS r
    CROSS JOIN LATERAL aclexplode(coalesce(r.proacl, acldefault('f', r.proowner))) AS a
) AS g
LEFT OUTER JOIN pg_roles AS u
    ON g.grantee = u.oid
WHERE
    g.grantee <> g.owner
    AND (g.grantee = 0 OR u.rolname LIKE 'deletion\_jobs\_%%')
GROUP BY g.object, u.rolname
UNION ALL
SELECT
    'grant',
    'schema to ' || u.rolname,
    concat_ws(
        ', ',
        CASE WHEN has_schema_privilege(u.oid, h.oid, 'USAGE') THEN 'usage' END,
        CASE WHEN has_schema_privilege(u.oid, h.oid, 'CREATE') THEN 'create' END
    )
FROM home AS h
CROSS JOIN pg_roles AS u
WHERE u.rolname LIKE 'deletion\_jobs\_%%'
UNION ALL
SELECT
    'grant',
    format('role %%s to %%s', pg_get_userbyid(m.roleid), pg_get_userbyid(m.member)),
    'member'
FROM pg_auth_members AS m
INNER JOIN pg_roles AS u
    ON m.member = u.oid
-- What else a DBA lets the owner be is his own affair.
WHERE
    u.rolname LIKE 'deletion\_jobs\_%%'
    AND (
        pg_get_userbyid(m.roleid) LIKE 'deletion\_jobs\_%%'
        OR m.roleid = to_regrole('pg_read_all_stats')
    )
GROUP BY m.roleid, m.member
