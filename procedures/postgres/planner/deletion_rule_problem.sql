-- deletion_rule_problem
-- Say which rule of a plan does not fit its table any more, if one of them does not.
--
-- Parameters  p_references   rows of deletion_references_to, as a jsonb array
-- Returns     text naming table and reference; NULL: all fit
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_rule_problem(p_references jsonb)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_rule_problem$
SELECT format('%s cannot be scrubbed by %s: %s', deletion_entity_name(c.oid), r.reference_name, s.problem)
FROM jsonb_to_recordset(p_references) AS f (child_oid oid, reference_name text, action text)
INNER JOIN pg_class AS c ON c.oid = f.child_oid
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
INNER JOIN deletion_rules AS r
    ON
        r.child_schema = n.nspname AND r.child_table = c.relname
        AND r.reference_name = f.reference_name
CROSS JOIN LATERAL deletion_read_scrub(c.oid, r.scrub) AS s
WHERE f.action = 'scrub' AND s.problem IS NOT NULL
ORDER BY 1
LIMIT 1;
$deletion_rule_problem$;

COMMENT ON FUNCTION deletion_rule_problem(jsonb) IS
'Which rule of a plan does not fit its table any more, if one of them does not.';
REVOKE ALL ON FUNCTION deletion_rule_problem(jsonb) FROM PUBLIC;
