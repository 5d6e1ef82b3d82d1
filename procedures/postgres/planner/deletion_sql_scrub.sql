-- deletion_sql_scrub
-- Write what a rule sets beside the reference's own columns: constants, as quoted literals.
--
-- Parameters  p_table   the table that refers      p_reference   the reference
-- Returns     text, ", column = literal" for each of the rule's columns; empty where it has none
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_scrub(
    p_table oid,
    p_reference text
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_scrub$
-- A literal without a type takes that of its column, and one that does not fit fails.
SELECT coalesce(string_agg(format(', %I = %L', e.key, e.value), '' ORDER BY e.key), '')
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
INNER JOIN deletion_rules AS r
    ON
        r.child_schema = n.nspname AND r.child_table = c.relname
        AND r.reference_name = p_reference
CROSS JOIN LATERAL jsonb_each_text(r.scrub) AS e
WHERE c.oid = p_table;
$deletion_sql_scrub$;

COMMENT ON FUNCTION deletion_sql_scrub(oid, text) IS
'What a rule sets beside the reference''s own columns: constants, as quoted literals.';
REVOKE ALL ON FUNCTION deletion_sql_scrub(oid, text) FROM PUBLIC;
