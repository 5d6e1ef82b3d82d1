-- deletion_has_soft_column
-- Tell whether a target's own rows can be marked as deleted.
--
-- Parameters  p_entity_table   the target, as it is registered
-- Returns     boolean
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_has_soft_column('customer');

CREATE OR REPLACE FUNCTION deletion_has_soft_column(p_entity_table text)
RETURNS boolean
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_has_soft_column$
SELECT EXISTS (
    SELECT 1
    FROM deletion_targets AS t
    INNER JOIN deletion_soft_columns AS s
        ON s.table_schema = t.table_schema AND s.table_name = t.table_name
    WHERE t.entity_table = p_entity_table
);
$deletion_has_soft_column$;

COMMENT ON FUNCTION deletion_has_soft_column(text) IS
'Whether a target''s own rows can be marked as deleted.';
REVOKE ALL ON FUNCTION deletion_has_soft_column(text) FROM PUBLIC;
