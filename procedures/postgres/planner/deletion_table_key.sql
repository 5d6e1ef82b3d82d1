-- deletion_table_key
-- Name the columns by which rows of a table are told apart: its primary key, else a unique one.
--
-- Parameters  p_table   the table
-- Returns     jsonb array of column names; NULL: no key without NULLs
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_table_key('customer'::regclass);

CREATE OR REPLACE FUNCTION deletion_table_key(p_table oid)
RETURNS jsonb
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_table_key$
SELECT jsonb_agg(a.attname ORDER BY k.ordinality)
FROM unnest(deletion_node_key(p_table)) WITH ORDINALITY AS k (attnum, ordinality)
INNER JOIN pg_attribute AS a ON a.attrelid = p_table AND a.attnum = k.attnum;
$deletion_table_key$;

COMMENT ON FUNCTION deletion_table_key(oid) IS
'The columns by which rows of a table are told apart, by name.';
REVOKE ALL ON FUNCTION deletion_table_key(oid) FROM PUBLIC;
