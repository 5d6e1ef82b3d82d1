-- deletion_sql_table
-- Write a table's name as the statements of a plan name it.
--
-- Parameters  p_table   the table
-- Returns     text, qualified and quoted; ONLY before it keeps to the rows that foreign keys see,
--             those of no inheriting table. A partitioned table has no rows of its own: all of it
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_sql_table('customer'::regclass);

CREATE OR REPLACE FUNCTION deletion_sql_table(p_table oid)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_table$
SELECT CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END || format('%I.%I', n.nspname, c.relname)
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = p_table;
$deletion_sql_table$;

COMMENT ON FUNCTION deletion_sql_table(oid) IS
'A table''s name as the statements of a plan name it.';
REVOKE ALL ON FUNCTION deletion_sql_table(oid) FROM PUBLIC;
