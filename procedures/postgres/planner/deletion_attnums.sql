-- deletion_attnums
-- Turn a JSON array of column names into the table's column numbers, in the same order.
--
-- Parameters  p_table   the table
--             p_names   column names, as deletion_targets and deletion_references keep them
-- Returns     int2[]; NULL where a name is not a column of the table
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_attnums('users'::regclass, '["id"]');

CREATE OR REPLACE FUNCTION deletion_attnums(
    p_table oid,
    p_names jsonb
) RETURNS int2[]
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_attnums$
SELECT CASE WHEN count(a.attnum) = count(*) THEN array_agg(a.attnum ORDER BY w.ordinality) END
FROM jsonb_array_elements_text(p_names) WITH ORDINALITY AS w (name, ordinality)
LEFT JOIN pg_attribute AS a
    ON a.attrelid = p_table AND a.attname = w.name AND a.attnum > 0 AND NOT a.attisdropped;
$deletion_attnums$;

COMMENT ON FUNCTION deletion_attnums(oid, jsonb) IS
'Column numbers of a JSON array of column names, in the same order.';
REVOKE ALL ON FUNCTION deletion_attnums(oid, jsonb) FROM PUBLIC;
