-- deletion_sql_live
-- Write the statement that finds the roots of a frame that are not marked as deleted.
--
-- Parameters  p_node   the target as a node of the plan
-- Returns     text; binds the frame; answers the jobs of these roots, an array, and locks all
--             roots. NULL: the target marks no rows, or its column cannot tell any more
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_live(p_node jsonb)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_live$
SELECT format(
    $sql$WITH %1$s
SELECT array_agg(x.j) FILTER (WHERE x.is_live)
FROM (
    SELECT f.j, %4$s AS is_live
    FROM f INNER JOIN %2$s AS t ON %3$s
    FOR SHARE OF t
) AS x$sql$,
    deletion_sql_frame(p_node -> 'columns', TRUE),
    p_node ->> 'sql',
    (
        SELECT string_agg(deletion_sql_list(
            jsonb_build_array(c), 't.%2$s %4$s f.%1$s'
        ), ' AND ' ORDER BY n)
        FROM jsonb_array_elements(p_node -> 'columns') WITH ORDINALITY AS x (c, n)
        WHERE (c ->> 'key')::boolean
    ),
    format(s.node #>> '{soft,live}', 't.' || (s.node #>> '{soft,name}'))
)
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
INNER JOIN deletion_soft_columns AS m ON m.table_schema = n.nspname AND m.table_name = c.relname
CROSS JOIN LATERAL (SELECT deletion_soft_nodes(jsonb_build_array(p_node)) -> 0 AS node) AS s
WHERE
    c.oid = (p_node ->> 'oid')::oid
    AND deletion_soft_problem(c.oid, m.column_name, m.mark_value) IS NULL
    AND m.kind = (
        SELECT deletion_soft_kind(a.atttypid)
        FROM pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attname = m.column_name
    );
$deletion_sql_live$;

COMMENT ON FUNCTION deletion_sql_live(jsonb) IS
'The statement that finds the roots of a frame that are not marked as deleted.';
REVOKE ALL ON FUNCTION deletion_sql_live(jsonb) FROM PUBLIC;
