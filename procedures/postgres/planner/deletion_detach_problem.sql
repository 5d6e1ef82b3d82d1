-- deletion_detach_problem
-- Say why rows cannot be taken off a reference by setting its columns NULL.
--
-- Parameters  p_table   the table that refers      p_reference   the reference
-- Returns     text; NULL: they can
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_detach_problem(
    p_table oid,
    p_reference text
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_detach_problem$
SELECT format('a column of the reference cannot be NULL (%s)', min(a.attname))
FROM (
    SELECT unnest(coalesce(k.confdelsetcols, k.conkey)) AS attnum
    FROM pg_constraint AS k
    WHERE k.contype = 'f' AND k.conrelid = p_table AND k.conname = p_reference
    UNION ALL
    SELECT unnest(deletion_attnums(p_table, d.child_columns))
    FROM deletion_references AS d
    INNER JOIN pg_class AS c ON c.oid = p_table AND c.relname = d.child_table
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = d.child_schema
    WHERE d.reference_name = p_reference
) AS r
INNER JOIN pg_attribute AS a ON a.attrelid = p_table AND a.attnum = r.attnum
INNER JOIN pg_type AS y ON y.oid = a.atttypid
WHERE a.attnotnull OR y.typnotnull
HAVING count(*) > 0;
$deletion_detach_problem$;

COMMENT ON FUNCTION deletion_detach_problem(oid, text) IS
'Why rows cannot be taken off a reference by setting its columns NULL.';
REVOKE ALL ON FUNCTION deletion_detach_problem(oid, text) FROM PUBLIC;
