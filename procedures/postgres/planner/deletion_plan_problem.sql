-- deletion_plan_problem
-- Say why tables cannot take part in a plan, if one of them cannot.
--
-- Parameters  p_tables   the tables of the plan, closure and others
-- Returns     text naming the first such table and the reason; NULL: all can
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_plan_problem(p_tables oid[])
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_plan_problem$
SELECT format('%s %s', deletion_entity_name(c.oid), p.problem)
FROM pg_class AS c
LEFT JOIN LATERAL (
    SELECT q.oid
    FROM pg_partition_tree(c.oid) AS t
    INNER JOIN pg_class AS q ON q.oid = t.relid AND q.relkind NOT IN ('r', 'p')
    ORDER BY q.oid
    LIMIT 1
) AS f ON TRUE
LEFT JOIN LATERAL (
    SELECT min(d.reference_name) AS reference_name
    FROM deletion_references AS d
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = d.child_schema
    INNER JOIN pg_constraint AS k
        ON k.conrelid = c.oid AND k.contype = 'f' AND k.conname = d.reference_name
    WHERE d.child_table = c.relname
) AS o ON TRUE
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN c.relkind = 'f' THEN 'is a foreign table'
        -- A target may become one; what refers to the partitioned table is the engine's to remove.
        WHEN c.relispartition THEN format(
            'is a partition of %s now: register that',
            deletion_entity_name(pg_partition_root(c.oid))
        )
        WHEN c.relkind NOT IN ('r', 'p') THEN 'is no ordinary table'
        WHEN f.oid IS NOT NULL THEN format(
            'has a partition that is no ordinary table (%s)', deletion_entity_name(f.oid)
        )
        -- Rules name references: nobody could tell which of the two is meant.
        WHEN o.reference_name IS NOT NULL THEN format(
            'has a foreign key and a declared reference of one name (%s)', o.reference_name
        )
        WHEN EXISTS (
            SELECT 1
            FROM pg_attribute AS a
            WHERE
                a.attrelid = c.oid AND a.attnum = ANY (deletion_node_key(c.oid))
                AND (
                    deletion_type_family(a.atttypid) IS NULL
                    OR deletion_equality_of(a.atttypid, a.atttypid) IS NULL
                )
        ) THEN 'has a key of a type that does not compare exactly'
    END AS problem
) AS p
WHERE c.oid = ANY (p_tables) AND p.problem IS NOT NULL
ORDER BY array_position(p_tables, c.oid)
LIMIT 1;
$deletion_plan_problem$;

COMMENT ON FUNCTION deletion_plan_problem(oid[]) IS
'Why a table cannot take part in a plan, if one of the given tables cannot.';
REVOKE ALL ON FUNCTION deletion_plan_problem(oid[]) FROM PUBLIC;
