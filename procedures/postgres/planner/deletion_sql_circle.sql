-- deletion_sql_circle
-- Write the statements that a walk needs where rows refer to each other in a circle.
--
-- Parameters  p_nodes   the plan's nodes           p_edges   its edges
-- Returns     one row a statement: edge_no, node_no, kind and text
--             link           as fetch_more, each row with "h", which a frame row brings along: what
--                            ties rows that could go in a circle, and leads to them
--             fetch_beyond   as fetch_more, without rows that are on the stack of the walk $4 for
--                            the same job
--             break          binds $1 frame, $2 limit, $3 walk: children of the frame that the
--                            check let go of lose the reference; in tables where it let go of none,
--                            those that are on the stack for the same job, found by another one.
--                            Both would keep a different one, and together none; answers their
--                            number
--             give_up        binds $1 frame, $2 limit, $3 rows of the child's table that the walk
--                            came by: those that are children of the frame lose the reference, and
--                            go without their default; answers their number
--             break_own      binds $1 frame, $2 limit: the frame's own rows lose a reference that
--                            would keep its parent; answers their number
--             above          as climb, and holds the parents until the step commits
--             lock_circle    binds $1 walk: its rows of one table are locked; answers their number
--             remove_circle  binds $1 walk: all its rows go; answers node and rows by job
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_circle(
    p_nodes jsonb,
    p_edges jsonb
) RETURNS TABLE (edge_no integer, node_no integer, kind text, sql_text text)
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_circle$
WITH node AS (
    SELECT
        (n.value ->> 'no')::integer AS no,
        n.value AS node,
        n.value ->> 'sql' AS table_sql,
        (n.value ->> 'closure')::boolean AS in_closure,
        (
            SELECT jsonb_agg(c.value ORDER BY c.ordinality)
            FROM jsonb_array_elements(n.value -> 'columns') WITH ORDINALITY AS c
            WHERE (c.value ->> 'key')::boolean
        ) AS keys
    FROM jsonb_array_elements(p_nodes) AS n
),

edge AS (
    SELECT
        (e.value ->> 'no')::integer AS no, e.value AS edge, e.value ->> 'action' AS action,
        p.node AS parent,
        c.node || jsonb_build_object('sql', e.value -> 'sql', 'parts', e.value -> 'parts') AS child,
        c.no AS child_no, e.value ->> 'sql' AS table_sql, c.keys,
        -- Every key that such a walk has on its stack is among its scratch rows. OFFSET 0: looked
        -- up by all of the index, and not joined to whatever the statistics take for few.
        format(
            'EXISTS (SELECT 1 FROM deletion_walk_keys AS w WHERE w.walk_id = %%s AND w.job_id = f.j'
            || ' AND w.node_no = %s AND w.fate = ''stack'' AND w.key_hash = deletion_key_hash('
            || 'jsonb_build_array(%s))%%s OFFSET 0)',
            c.no, replace(deletion_sql_list(c.keys, 'c.%2$s'), '%', '%%')
        ) AS on_stack,
        format(
            'EXISTS (SELECT 1 FROM deletion_walk_links AS l WHERE l.walk_id + 0 = $3'
            || ' AND l.job_id + 0 = f.j AND l.child_node_no + 0 = %s AND l.child_hash || '''''
            || ' = deletion_key_hash(jsonb_build_array(%s)) AND (l.edge_no = %s) IS TRUE'
            || ' AND l.is_let_go OFFSET 0)',
            c.no, deletion_sql_list(c.keys, 'c.%2$s'), e.value ->> 'no'
        ) AS let_go,
        format(
            'EXISTS (SELECT 1 FROM jsonb_to_recordset($3) AS s (j bigint, %s)'
            || ' WHERE s.j = f.j AND %s)',
            deletion_sql_list(c.keys, '%1$s %3$s'),
            deletion_sql_list(c.keys, 'c.%2$s %4$s s.%1$s', ' AND ')
        ) AS on_way
    FROM jsonb_array_elements(p_edges) AS e
    INNER JOIN node AS p ON p.no = (e.value ->> 'parent')::integer
    INNER JOIN node AS c ON c.no = (e.value ->> 'child')::integer
),

found AS (
    SELECT
        n.*,
        format(
            'SELECT w.job_id AS j, k.* FROM deletion_walk_keys AS w'
            || ' CROSS JOIN LATERAL jsonb_to_record(w.keys) AS k (%s)'
            || ' WHERE w.walk_id = $1 AND w.node_no = %s AND w.fate = ''delete''',
            deletion_sql_list(n.keys, '%1$s %3$s'), n.no
        ) AS frame,
        deletion_sql_list(n.keys, 't.%2$s %4$s f.%1$s', ' AND ') AS same
    FROM node AS n
    WHERE n.in_closure
)

SELECT e.no, e.child_no, 'link', deletion_sql_fetch(
    e.edge || '{"expands": false, "own": [{"f": "h", "type": "text"}]}', e.parent, e.child, TRUE
)
FROM edge AS e
WHERE (e.edge ->> 'link')::boolean
UNION ALL
SELECT e.no, e.child_no, 'fetch_beyond', deletion_sql_fetch(
    e.edge || jsonb_build_object(
        'expands', FALSE, 'beyond', ' AND NOT ' || format(e.on_stack, '$4', '')
    ),
    e.parent, e.child, TRUE
)
FROM edge AS e
WHERE e.action = 'cascade' AND NOT (e.edge ->> 'leaf')::boolean
UNION ALL
SELECT e.no, e.child_no, CASE e.action WHEN 'cascade' THEN 'break' ELSE 'give_up' END, format(
    $sql$WITH %1$s,
u AS (
    UPDATE %2$s AS t
    SET %3$s
    FROM (
        SELECT c.ctid AS row_id, c.tableoid AS part, %4$s
        FROM f
        CROSS JOIN LATERAL (SELECT c.tableoid, c.ctid, c.* FROM %2$s AS c WHERE %5$s OFFSET 0) AS c
        WHERE %6$s
        LIMIT $2
    ) AS f
    WHERE t.ctid = f.row_id AND t.tableoid = f.part AND %7$s
    RETURNING %8$s AS is_open
)
SELECT count(*) FROM u WHERE u.is_open$sql$,
    deletion_sql_frame(e.parent -> 'columns', (e.edge ->> 'only_found')::boolean),
    e.table_sql, (
        SELECT string_agg(b.name || ' = NULL', ', ')
        FROM jsonb_array_elements_text(e.edge -> 'break_columns') AS b (name)
    ),
    deletion_sql_list(e.edge -> 'columns', 'c.%2$s AS %1$s'), e.edge ->> 'on_frame',
    CASE e.action WHEN 'cascade' THEN format(e.on_stack, '$3', format(
        ' AND w.edge_no <> %s AND NOT EXISTS (SELECT 1 FROM deletion_walk_links AS l'
        || ' WHERE l.walk_id + 0 = w.walk_id AND l.job_id + 0 = w.job_id'
        || ' AND l.child_node_no + 0 = w.node_no AND l.is_let_go OFFSET 0)',
        e.no
    )) || ' OR ' || e.let_go ELSE e.on_way END, e.edge ->> 'found', (
        -- A trigger may have put it back.
        SELECT string_agg(format('t.%s IS NULL', b.name), ' AND ')
        FROM jsonb_array_elements_text(e.edge -> 'break_columns') AS b (name)
    )
)
FROM edge AS e
WHERE
    e.action IN ('cascade', 'set_default')
    AND jsonb_typeof(e.edge -> 'break_columns') = 'array'
UNION ALL
-- By a reference that restricts no row was found: rows that go anyway may give it up.
SELECT i.no, o.child_no, 'break_own', format(
    $sql$WITH %1$s,
u AS (
    UPDATE %2$s AS t
    SET %3$s
    FROM (
        SELECT f.*
        FROM f INNER JOIN %2$s AS t ON %4$s
        WHERE %5$s
        LIMIT $2
    ) AS f
    WHERE %4$s
    RETURNING %6$s AS is_open
)
SELECT count(*) FROM u WHERE u.is_open$sql$,
    deletion_sql_frame((o.child -> 'columns') || coalesce(i.edge -> 'columns', '[]'), i.no = 0),
    o.table_sql,
    (
        SELECT string_agg(DISTINCT b.value #>> '{}' || ' = NULL', ', ')
        FROM jsonb_path_query(jsonb_agg(o.edge -> 'break_columns'), '$[*][*]') AS b (value)
    ),
    deletion_sql_list(o.keys, 't.%2$s %4$s f.%1$s', ' AND ')
    || coalesce(' AND ' || (i.edge ->> 'found'), ''),
    string_agg(
        format('(%s)', deletion_sql_list(o.edge -> 'columns', 't.%2$s IS NOT NULL', ' AND ')),
        ' OR ' ORDER BY o.no
    ),
    (
        SELECT string_agg(DISTINCT format('t.%s IS NULL', b.value #>> '{}'), ' AND ')
        FROM jsonb_path_query(jsonb_agg(o.edge -> 'break_columns'), '$[*][*]') AS b (value)
    )
)
FROM edge AS o
INNER JOIN (
    SELECT e.no, e.child_no, e.edge FROM edge AS e WHERE e.action = 'cascade'
    UNION ALL
    SELECT 0, 0, NULL
) AS i ON i.child_no = o.child_no
WHERE o.action = 'restrict' AND jsonb_typeof(o.edge -> 'break_columns') = 'array'
GROUP BY i.no, i.edge, o.child_no, o.child, o.table_sql, o.keys
UNION ALL
SELECT e.no, e.child_no, r.kind, r.sql_text
FROM edge AS e
CROSS JOIN LATERAL deletion_sql_climb(e.edge, e.parent, e.child) AS r
WHERE e.action = 'cascade' AND r.kind = 'above'
UNION ALL
SELECT 0, f.no, 'lock_circle', format(
    'SELECT count(*) FROM (SELECT 1 FROM (%s) AS f INNER JOIN %s AS t ON %s ORDER BY %s'
    || ' FOR UPDATE OF t) AS locked',
    f.frame, f.table_sql, f.same, deletion_sql_list(f.keys, 't.%2$s')
)
FROM found AS f
UNION ALL
-- In one statement, at whose end the engine looks whether anything still refers to the rows.
SELECT 0, 0, 'remove_circle', format(
    E'WITH %s\nSELECT g.node_no, jsonb_object_agg(g.j, g.n), sum(g.n)::bigint\nFROM (\n    %s\n'
    || E') AS g\nGROUP BY g.node_no',
    string_agg(format(
        E'd%s AS (\n    DELETE FROM %s AS t\n    USING (%s) AS f\n    WHERE %s\n'
        || E'    RETURNING f.j\n)',
        f.no, f.table_sql, f.frame, f.same
    ), E',\n' ORDER BY f.no),
    string_agg(format(
        'SELECT %1$s AS node_no, d.j, count(*) AS n FROM d%1$s AS d GROUP BY d.j', f.no
    ), E'\n    UNION ALL\n    ' ORDER BY f.no)
)
FROM found AS f;
$deletion_sql_circle$;

COMMENT ON FUNCTION deletion_sql_circle(jsonb, jsonb) IS
'The statements that a walk needs where rows refer to each other in a circle.';
REVOKE ALL ON FUNCTION deletion_sql_circle(jsonb, jsonb) FROM PUBLIC;
