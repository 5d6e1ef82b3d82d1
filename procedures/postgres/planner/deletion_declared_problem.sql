-- deletion_declared_problem
-- Say which declared reference of a plan could not be declared any more, if one of them could not.
--
-- Parameters  p_references   rows of deletion_references_to, as a jsonb array
-- Returns     text naming it and the reason; NULL: all could
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_declared_problem(p_references jsonb)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_declared_problem$
SELECT format('the declared reference %s: %s', q.reference_name, q.problem)
FROM (
    SELECT
        d.reference_name,
        -- A key that has come to share its name is told from it by the table's name.
        deletion_reference_problem(
            NULL, c.oid, deletion_columns(c.oid, d.child_columns), p.oid,
            deletion_columns(p.oid, d.parent_columns), d.discriminator_column,
            d.discriminator_value
        ) AS problem
    FROM jsonb_to_recordset(p_references) AS r (
        child_oid oid, reference_name text, action text, is_declared boolean
    )
    INNER JOIN pg_class AS c ON c.oid = r.child_oid
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    INNER JOIN deletion_references AS d
        ON
            r.reference_name IN (
                d.reference_name,
                format('%s.%s', deletion_entity_name(c.oid), d.reference_name)
            )
            AND d.child_schema = n.nspname AND d.child_table = c.relname
    INNER JOIN pg_namespace AS pn ON pn.nspname = d.parent_schema
    INNER JOIN pg_class AS p ON p.relnamespace = pn.oid AND p.relname = d.parent_table
    -- What is kept is read by previews alone.
    WHERE r.is_declared AND r.action <> 'keep'
) AS q
WHERE q.problem IS NOT NULL
ORDER BY 1
LIMIT 1;
$deletion_declared_problem$;

COMMENT ON FUNCTION deletion_declared_problem(jsonb) IS
'Which declared reference of a plan could not be declared any more, if one of them could not.';
REVOKE ALL ON FUNCTION deletion_declared_problem(jsonb) FROM PUBLIC;
