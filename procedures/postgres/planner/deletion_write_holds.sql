-- deletion_write_holds
-- Store the steps by which a plan looks at held rows; a run without any never executes them.
--
-- Parameters  p_plan_id   the plan's row           p_graph   deletion_plan_graph's answer
-- Writes      deletion_plan_steps                  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_write_holds(
    p_plan_id bigint,
    p_graph jsonb
) RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_write_holds$
WITH node AS (
    SELECT (n.value ->> 'no')::integer AS node_no, n.value AS node
    FROM jsonb_array_elements(p_graph -> 'nodes') AS n
    WHERE (n.value ->> 'closure')::boolean
),

-- By the names that holds may know the tables by: a partition had its own before it was attached.
named AS (
    SELECT n.node_no, n.node, n.node ->> 'name' AS table_name
    FROM node AS n
    UNION ALL
    SELECT n.node_no, n.node, deletion_entity_name(p.relid)
    FROM node AS n
    CROSS JOIN LATERAL pg_partition_tree((n.node ->> 'oid')::oid::regclass) AS p
    WHERE p.level > 0
),

-- By the key of now, and by each that a hold in force was placed by and that is still one. Where
-- there is none no row can be held; a hold from when there was one is met, and finds no row.
key AS (
    SELECT
        n.node_no, n.node ->> 'name' AS table_name,
        deletion_table_key((n.node ->> 'oid')::oid) AS key_columns
    FROM node AS n
    UNION
    SELECT
        n.node_no, n.table_name,
        CASE
            WHEN deletion_unique_key((n.node ->> 'oid')::oid, h.key_columns) IS NOT NULL
                THEN h.key_columns
        END
    FROM named AS n
    INNER JOIN deletion_holds AS h ON h.table_name = n.table_name AND h.released_at IS NULL
    WHERE
        n.table_name <> n.node ->> 'name'
        OR deletion_unique_key((n.node ->> 'oid')::oid, h.key_columns) IS NOT NULL
),

step AS (
    SELECT
        'held' AS kind, n.node_no, NULL::integer AS parent_node_no, NULL::integer AS edge_no,
        k.table_name, NULL::text AS reference_name, NULL::text AS action,
        k.key_columns::text AS index_name,
        CASE
            WHEN k.key_columns IS NOT NULL THEN deletion_sql_held(n.node, k.key_columns)
        END AS sql_text
    FROM node AS n
    INNER JOIN key AS k ON k.node_no = n.node_no
    UNION ALL
    SELECT
        r.kind, c.node_no, p.node_no, (e.value ->> 'no')::integer,
        c.node ->> 'name', e.value ->> 'reference', e.value ->> 'action', 'key', r.sql_text
    FROM jsonb_array_elements(p_graph -> 'edges') AS e
    INNER JOIN node AS p ON p.node_no = (e.value ->> 'parent')::integer
    INNER JOIN node AS c ON c.node_no = (e.value ->> 'child')::integer
    CROSS JOIN LATERAL deletion_sql_climb(
        e.value, p.node, c.node || jsonb_build_object('sql', e.value -> 'sql')
    ) AS r
    WHERE e.value ->> 'action' = 'cascade' AND r.kind <> 'above'
)

INSERT INTO deletion_plan_steps (
    plan_id, step_no, kind, node_no, parent_node_no, edge_no, table_name, reference_name, action,
    index_name, sql_text
)
SELECT
    p_plan_id,
    (SELECT max(s.step_no) FROM deletion_plan_steps AS s WHERE s.plan_id = p_plan_id)
    + row_number() OVER (ORDER BY s.node_no, s.edge_no NULLS FIRST, s.kind, s.table_name, s.index_name),
    s.kind, s.node_no, s.parent_node_no, s.edge_no, s.table_name, s.reference_name, s.action,
    s.index_name, s.sql_text
FROM step AS s;
$deletion_write_holds$;

COMMENT ON FUNCTION deletion_write_holds(bigint, jsonb) IS
'Store the steps by which a plan looks at held rows.';
REVOKE ALL ON FUNCTION deletion_write_holds(bigint, jsonb) FROM PUBLIC;
