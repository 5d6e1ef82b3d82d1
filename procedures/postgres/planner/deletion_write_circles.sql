-- deletion_write_circles
-- Store the further steps of a plan whose rows may refer to each other in a circle.
--
-- Parameters  p_plan_id   the plan's row           p_graph   deletion_plan_graph's answer
-- Writes      deletion_plan_steps                  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_write_circles(
    p_plan_id bigint,
    p_graph jsonb
) RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_write_circles$
WITH edge AS (
    SELECT (e.value ->> 'no')::integer AS edge_no, e.value AS edge
    FROM jsonb_array_elements(p_graph -> 'edges') AS e
),

statement AS (
    SELECT c.edge_no, c.node_no, c.kind, c.sql_text
    FROM deletion_sql_circle(p_graph -> 'nodes', p_graph -> 'edges') AS c
    UNION ALL
    -- It is known that tables go in a circle: every run of the plan looks at its stack.
    SELECT e.edge_no, (e.edge ->> 'child')::integer, 'circle', NULL
    FROM edge AS e
    WHERE (e.edge ->> 'circle')::boolean
    UNION ALL
    -- Its columns may be set NULL.
    SELECT e.edge_no, (e.edge ->> 'child')::integer, 'loose', NULL
    FROM edge AS e
    WHERE jsonb_typeof(e.edge -> 'break_columns') = 'array'
)

INSERT INTO deletion_plan_steps (
    plan_id, step_no, kind, node_no, parent_node_no, edge_no, table_name, reference_name, action,
    index_name, sql_text
)
SELECT
    p_plan_id,
    (SELECT max(t.step_no) FROM deletion_plan_steps AS t WHERE t.plan_id = p_plan_id)
    + row_number() OVER (ORDER BY s.edge_no, s.kind, s.node_no),
    s.kind,
    s.node_no,
    (e.edge ->> 'parent')::integer,
    s.edge_no,
    n.value ->> 'name',
    e.edge ->> 'reference',
    e.edge ->> 'action',
    CASE WHEN e.edge IS NULL THEN 'key' ELSE e.edge ->> 'index' END,
    s.sql_text
FROM statement AS s
LEFT JOIN edge AS e ON e.edge_no = s.edge_no
INNER JOIN jsonb_array_elements(p_graph -> 'nodes') AS n
    ON (n.value ->> 'no')::integer = s.node_no
WHERE s.kind = 'give_up' OR EXISTS (
    SELECT 1
    FROM edge AS o
    WHERE
        (o.edge ->> 'circle')::boolean
        OR ((o.edge ->> 'self')::boolean AND o.edge ->> 'action' IN ('cascade', 'restrict'))
);
$deletion_write_circles$;

COMMENT ON FUNCTION deletion_write_circles(bigint, jsonb) IS
'Store the further steps of a plan whose rows may refer to each other in a circle.';
REVOKE ALL ON FUNCTION deletion_write_circles(bigint, jsonb) FROM PUBLIC;
