-- deletion_key_changed
-- Tell whether the columns of a target's key now read texts otherwise than when it was registered.
--
-- Parameters  p_entity_table   the target, its table and columns still there
-- Returns     boolean; FALSE where a type has only grown, as from integer to bigint
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_key_changed('customer');

CREATE OR REPLACE FUNCTION deletion_key_changed(p_entity_table text)
RETURNS boolean
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_key_changed$
SELECT EXISTS (
    SELECT 1
    FROM deletion_targets AS t
    INNER JOIN pg_namespace AS n ON n.nspname = t.table_schema
    INNER JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = t.table_name
    CROSS JOIN
        ROWS FROM (
            jsonb_array_elements_text(t.key_columns), jsonb_array_elements_text(t.key_types)
        ) AS k (column_name, column_type)
    INNER JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = k.column_name
    WHERE
        t.entity_table = p_entity_table
        AND deletion_type_family(a.atttypid)
        IS DISTINCT FROM deletion_type_family(to_regtype(k.column_type))
);
$deletion_key_changed$;

COMMENT ON FUNCTION deletion_key_changed(text) IS
'Tell whether the columns of a target''s key now read texts otherwise than when it was registered.';
REVOKE ALL ON FUNCTION deletion_key_changed(text) FROM PUBLIC;
