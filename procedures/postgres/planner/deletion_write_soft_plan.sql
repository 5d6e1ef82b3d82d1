-- deletion_write_soft_plan
-- Store a compiled plan of the soft mode: each step with its finished SQL.
--
-- Parameters  p_plan_id   the plan's row           p_graph   deletion_soft_graph's answer
-- Writes      deletion_plan_steps                  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_write_soft_plan(
    p_plan_id bigint,
    p_graph jsonb
) RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_write_soft_plan$
WITH node AS (
    SELECT (n.value ->> 'no')::integer AS node_no, n.value AS node
    FROM jsonb_array_elements(p_graph -> 'nodes') AS n
),

edge AS (
    SELECT
        (e.value ->> 'no')::integer AS edge_no, e.value AS edge, p.node AS parent,
        c.node || jsonb_build_object('sql', e.value -> 'sql', 'parts', e.value -> 'parts') AS child,
        c.node,
        row_number() OVER (PARTITION BY c.node_no ORDER BY (e.value ->> 'no')::integer) = 1
        AND c.node_no <> 0 AS is_first
    FROM jsonb_array_elements(p_graph -> 'edges') AS e
    INNER JOIN node AS p ON p.node_no = (e.value ->> 'parent')::integer
    INNER JOIN node AS c ON c.node_no = (e.value ->> 'child')::integer
),

statement AS (
    -- To read is all that is needed of most tables: the lock that keeps columns from changing.
    SELECT 0 AS edge_no, 1 AS part, 'guard' AS kind, (
        SELECT 'LOCK TABLE ' || string_agg(n.node ->> 'sql', ', ' ORDER BY n.node_no)
            || ' IN ACCESS SHARE MODE'
        FROM node AS n
    ) AS sql_text
    UNION ALL
    SELECT 0, s.part, s.kind, s.sql_text
    FROM node AS n
    CROSS JOIN LATERAL (
        VALUES
        (2, 'roots', deletion_sql_roots(n.node)),
        (5, 'mark', deletion_sql_mark(p_plan_id, n.node, NULL)),
        (7, 'restore', deletion_sql_restore(n.node))
    ) AS s (part, kind, sql_text)
    WHERE n.node_no = 0
    UNION ALL
    SELECT e.edge_no, s.part, s.kind, s.sql_text
    FROM edge AS e
    CROSS JOIN LATERAL (
        VALUES
        (3, 'fetch_more', deletion_sql_fetch(e.edge, e.parent, e.child, TRUE), TRUE),
        (4, 'spread', deletion_sql_spread(p_plan_id, e.edge, e.parent, e.child), TRUE),
        (
            5, CASE WHEN e.child ? 'soft' THEN 'mark' ELSE 'pass' END,
            deletion_sql_mark(p_plan_id, e.child, e.edge), TRUE
        ),
        (
            6, 'size',
            format('SELECT count(*) FROM (SELECT 1 FROM %s LIMIT $1) AS x', e.child ->> 'sql'),
            e.edge ->> 'index' IS NULL
        ),
        -- Once for a table, whichever of its references leads to it.
        (7, 'restore', deletion_sql_restore(e.node), e.is_first AND e.child ? 'soft')
    ) AS s (part, kind, sql_text, is_needed)
    WHERE s.is_needed
)

INSERT INTO deletion_plan_steps (
    plan_id, step_no, kind, node_no, parent_node_no, edge_no, table_name, reference_name, action,
    is_leaf, in_check, index_name, sql_text
)
SELECT
    p_plan_id,
    row_number() OVER (ORDER BY s.edge_no, s.part),
    s.kind,
    coalesce((e.edge ->> 'child')::integer, 0),
    (e.edge ->> 'parent')::integer,
    s.edge_no,
    coalesce(e.child ->> 'name', (SELECT n.node ->> 'name' FROM node AS n WHERE n.node_no = 0)),
    e.edge ->> 'reference',
    e.edge ->> 'action',
    CASE
        WHEN e.edge_no IS NULL THEN NOT EXISTS (SELECT 1 FROM edge)
        ELSE (e.edge ->> 'leaf')::boolean
    END,
    coalesce((e.edge ->> 'check')::boolean, FALSE),
    CASE
        WHEN s.kind IN ('fetch_more', 'spread', 'size') THEN e.edge ->> 'index'
        ELSE coalesce(e.edge ->> 'index', 'key')
    END,
    s.sql_text
FROM statement AS s
LEFT JOIN edge AS e ON e.edge_no = s.edge_no;
$deletion_write_soft_plan$;

COMMENT ON FUNCTION deletion_write_soft_plan(bigint, jsonb) IS
'Store a compiled plan of the soft mode: each step with its finished SQL.';
REVOKE ALL ON FUNCTION deletion_write_soft_plan(bigint, jsonb) FROM PUBLIC;
