-- Needs SELECT on the tables of rights, hence a query of its own.
SELECT
    'grant' AS kind,
    concat('database to ', d.user, '@', d.host) AS name,
    concat_ws(
        ', ',
        if(d.execute_priv = 'Y', 'execute', NULL),
        if(d.event_priv = 'Y', 'event', NULL),
        if(d.references_priv = 'Y', 'references', NULL),
        if(d.select_priv = 'Y', 'select', NULL),
        if(d.insert_priv = 'Y', 'insert', NULL),
        if(d.update_priv = 'Y', 'update', NULL),
        if(d.delete_priv = 'Y', 'delete', NULL)
    ) AS detail
FROM mysql.db AS d
WHERE d.user LIKE 'deletion\_jobs\_%%' AND replace(d.db, '\\_', '_') = database()
UNION ALL
SELECT
    'grant',
    concat(t.table_name, ' to ', t.user, '@', t.host),
    lower(t.table_priv)
FROM mysql.tables_priv AS t
WHERE
    t.db = database()
    AND t.user LIKE 'deletion\_jobs\_%%'
    AND find_in_set(t.table_name, %(names)s) > 0
UNION ALL
SELECT
    'grant',
    concat(lower(p.routine_type), ' ', p.routine_name, ' to ', p.user, '@', p.host),
    lower(p.proc_priv)
FROM mysql.procs_priv AS p
WHERE
    p.db = database()
    AND p.user LIKE 'deletion\_jobs\_%%'
    AND find_in_set(p.routine_name, %(names)s) > 0
UNION ALL
SELECT
    'grant',
    concat(t.db, '.', t.table_name, ' to ', t.user, '@', t.host),
    lower(t.table_priv)
FROM mysql.tables_priv AS t
WHERE t.db IN ('mysql', 'performance_schema') AND t.user LIKE 'deletion\_jobs\_%%'
UNION ALL
SELECT
    'grant',
    concat('role ', e.from_user, ' to ', e.to_user, '@', e.to_host),
    if(e.with_admin_option = 'Y', 'member with admin option', 'member')
FROM mysql.role_edges AS e
WHERE e.from_user LIKE 'deletion\_jobs\_%%' AND e.to_user LIKE 'deletion\_jobs\_%%'
