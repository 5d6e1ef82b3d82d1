-- deletion_row_seen
-- Say whether a table has a row of a key.
--
-- Parameters  p_table     the table
--             p_columns   the columns of the key, a jsonb array of names
--             p_pk        their value, in canonical form
-- Returns     boolean
-- Errors      the engine's, where the owner may not read the table or a policy hides rows
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_row_seen('invoice'::regclass, '["id"]', '42');

CREATE OR REPLACE FUNCTION deletion_row_seen(
    p_table oid,
    p_columns jsonb,
    p_pk text
) RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
SET row_security = off
AS $deletion_row_seen$
DECLARE
    v_keys jsonb;
BEGIN
    EXECUTE deletion_sql_held(
        deletion_plan_node(0, p_table, deletion_attnums(p_table, p_columns), '{}', TRUE), p_columns
    ) INTO v_keys USING jsonb_build_array(jsonb_build_object('j', 0, 'pk', p_pk));
    RETURN v_keys <> '[]';
END;
$deletion_row_seen$;

COMMENT ON FUNCTION deletion_row_seen(oid, jsonb, text) IS 'Whether a table has a row of a key.';
REVOKE ALL ON FUNCTION deletion_row_seen(oid, jsonb, text) FROM PUBLIC;
