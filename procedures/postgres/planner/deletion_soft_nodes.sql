-- deletion_soft_nodes
-- Add to a plan's tables how each marks its rows, and its marking column to what frames carry.
--
-- Parameters  p_nodes   the plan's nodes, a jsonb array
-- Returns     jsonb array: those with a soft-delete column have soft, an object of column, name
--             (quoted), type, kind, and as SQL what it is set to (value; $2 is the run's time) and
--             the condition on a value that is not deleted (live; %s stands for the value)
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_soft_nodes(p_nodes jsonb)
RETURNS jsonb
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_soft_nodes$
SELECT jsonb_agg(CASE
    WHEN s.column_name IS NULL THEN x.node
    ELSE x.node || jsonb_build_object(
        'columns', (x.node -> 'columns') || jsonb_build_object(
            'f', 's',
            'name', quote_ident(a.attname),
            'type', format_type(a.atttypid, a.atttypmod),
            'attnum', a.attnum,
            'key', FALSE
        ),
        'soft', jsonb_build_object(
            'column', a.attname,
            'name', quote_ident(a.attname),
            'type', format_type(a.atttypid, a.atttypmod),
            'kind', s.kind,
            'value', CASE s.kind
                WHEN 'timestamp'
                    THEN format('CAST($2 AS %s)', format_type(a.atttypid, a.atttypmod))
                WHEN 'boolean' THEN 'TRUE'
                ELSE s.mark_value::text
            END,
            'live', CASE s.kind
                WHEN 'timestamp' THEN '%s IS NULL'
                WHEN 'boolean' THEN '%s IS NOT TRUE'
                ELSE format('%%s IS DISTINCT FROM %s', s.mark_value)
            END
        )
    )
END ORDER BY x.ordinality)
FROM jsonb_array_elements(p_nodes) WITH ORDINALITY AS x (node, ordinality)
INNER JOIN pg_class AS c ON c.oid = (x.node ->> 'oid')::oid
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN deletion_soft_columns AS s
    ON s.table_schema = n.nspname AND s.table_name = c.relname
LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = s.column_name;
$deletion_soft_nodes$;

COMMENT ON FUNCTION deletion_soft_nodes(jsonb) IS
'Add to a plan''s tables how each marks its rows.';
REVOKE ALL ON FUNCTION deletion_soft_nodes(jsonb) FROM PUBLIC;
