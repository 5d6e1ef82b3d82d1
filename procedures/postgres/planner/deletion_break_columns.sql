-- deletion_break_columns
-- Find the columns of a reference that may be set NULL to let its parent go before the child.
--
-- Parameters  p_reference    a row of deletion_references_to, as jsonb
--             p_references   all rows of deletion_references_to, as a jsonb array
-- Returns     int2[]: nullable, pointed at by nobody, and no part of another reference that
--             cascades, since by that the row may have been found; NULL: there are none
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
        AND NOT EXISTS (
            SELECT 1
            FROM pg_constraint AS k
            WHERE k.contype = 'f' AND k.confrelid = a.attrelid AND a.attnum = ANY (k.confkey)
        )
        AND NOT EXISTS (
            SELECT 1
            FROM jsonb_array_elements(p_references) AS o
            WHERE
                o.value ->> 'action' = 'cascade'
                AND o.value -> 'child_oid' = p_reference -> 'child_oid'
                AND o.value ->> 'reference_name' <> p_reference ->> 'reference_name'
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
