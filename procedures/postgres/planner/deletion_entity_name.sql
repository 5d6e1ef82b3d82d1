-- deletion_entity_name
-- Name a table as jobs, receipts and errors do: without our own schema, quoted where needed.
--
-- Parameters  p_table   the table
-- Returns     text
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_entity_name('sales.customer'::regclass);

CREATE OR REPLACE FUNCTION deletion_entity_name(p_table regclass)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
-- A session that quotes every name would give one table two names.
SET quote_all_identifiers = off
AS $deletion_entity_name$
SELECT
    CASE WHEN n.nspname <> current_schema() THEN quote_ident(n.nspname) || '.' ELSE '' END
    || quote_ident(c.relname)
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = p_table;
$deletion_entity_name$;

COMMENT ON FUNCTION deletion_entity_name(regclass) IS
'Name a table as jobs, receipts and errors do: without our own schema, quoted where needed.';
REVOKE ALL ON FUNCTION deletion_entity_name(regclass) FROM PUBLIC;
