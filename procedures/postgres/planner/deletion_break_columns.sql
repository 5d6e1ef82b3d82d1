-- deletion_break_columns
-- Find the columns of a reference that may be set NULL to let its parent go before the child.
--
-- Parameters  p_reference    a row of deletion_references_to, as jsonb
--             p_references   all rows of deletion_references_to, as a jsonb array
-- Returns     int2[]: nullable, pointed at by nobody, no part of another reference that cascades,
--             since by that the row may have been found, and without a say in what else the row
--             is; NULL: there are none
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_break_columns(
    p_reference jsonb,
    p_references jsonb
) RETURNS int2[]
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_break_columns$
WITH reference AS (
    SELECT
        (p_reference ->> 'child_oid')::oid AS child_oid,
        ARRAY(SELECT jsonb_array_elements_text(p_reference -> 'child_columns')::int2) AS columns
),

loose AS (
    SELECT array_agg(a.attnum ORDER BY a.attnum) AS columns
    FROM reference AS r
    INNER JOIN pg_attribute AS a ON a.attrelid = r.child_oid AND a.attnum = ANY (r.columns)
    INNER JOIN pg_type AS y ON y.oid = a.atttypid
    WHERE
        NOT a.attnotnull AND NOT y.typnotnull AND a.attgenerated = ''
        -- A row that only its place tells apart gets another one by an UPDATE.
        AND deletion_node_key(a.attrelid) IS NOT NULL
        -- Whatever points at the column, or looks at it, might have another answer with a NULL.
        AND NOT EXISTS (
            SELECT 1
            FROM pg_constraint AS k
            WHERE
                (k.contype = 'f' AND k.confrelid = a.attrelid AND a.attnum = ANY (k.confkey))
                OR (k.contype = 'c' AND k.conrelid = a.attrelid AND a.attnum = ANY (k.conkey))
        )
        AND NOT EXISTS (
            SELECT 1
            FROM pg_attrdef AS g
            INNER JOIN pg_depend AS d
                ON
                    d.classid = 'pg_attrdef'::regclass AND d.objid = g.oid
                    AND d.refclassid = 'pg_class'::regclass AND d.refobjid = g.adrelid
                    AND d.refobjsubid = a.attnum
            WHERE g.adrelid = a.attrelid AND g.adnum <> a.attnum
        )
        AND NOT EXISTS (
            SELECT 1
            FROM pg_index AS i
            WHERE
                i.indrelid = a.attrelid AND i.indisunique AND i.indnullsnotdistinct
                AND a.attnum = ANY (i.indkey::int2[])
        )
        -- Of rows with a NULL in it an index may allow but one; not where it leaves them out.
        AND NOT EXISTS (
            SELECT 1
            FROM pg_index AS i
            INNER JOIN pg_depend AS d
                ON
                    d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                    AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid
                    AND d.refobjsubid = a.attnum
            WHERE
                i.indrelid = a.attrelid AND (i.indisunique OR i.indisexclusion)
                AND (
                    i.indexprs IS NOT NULL
                    OR pg_get_expr(i.indpred, i.indrelid) <> format('(%I IS NOT NULL)', a.attname)
                )
        )
        AND NOT EXISTS (
            SELECT 1
            FROM deletion_references AS d
            INNER JOIN pg_class AS c ON c.oid = a.attrelid
            INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
            WHERE
                (
                    d.child_schema = n.nspname AND d.child_table = c.relname
                    AND d.discriminator_column = a.attname
                )
                OR (
                    d.parent_schema = n.nspname AND d.parent_table = c.relname
                    AND d.parent_columns ? a.attname::text
                )
        )
        AND NOT EXISTS (
            SELECT 1
            FROM jsonb_array_elements(p_references) AS o
            WHERE
                o.value ->> 'action' = 'cascade'
                AND o.value -> 'child_oid' = p_reference -> 'child_oid'
                AND o.value <> p_reference
                AND o.value -> 'child_columns' @> to_jsonb(a.attnum)
        )
)

SELECT l.columns
FROM loose AS l
CROSS JOIN reference AS r
-- MATCH FULL wants all or none of them NULL.
WHERE cardinality(l.columns) = cardinality(r.columns) OR NOT EXISTS (
    SELECT 1
    FROM pg_constraint AS k
    WHERE
        k.contype = 'f' AND k.conrelid = r.child_oid
        AND k.conname = p_reference ->> 'reference_name' AND k.confmatchtype = 'f'
);
$deletion_break_columns$;

COMMENT ON FUNCTION deletion_break_columns(jsonb, jsonb) IS
'The columns of a reference that may be set NULL to let its parent go before the child.';
REVOKE ALL ON FUNCTION deletion_break_columns(jsonb, jsonb) FROM PUBLIC;
