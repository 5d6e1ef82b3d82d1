-- deletion_target_name
-- Find the name that a target is registered under.
--
-- Parameters  p_table   the table, in any spelling
-- Returns     text; NULL: the table is no target
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_target_name('Public.customer');

CREATE OR REPLACE FUNCTION deletion_target_name(p_table text)
RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_target_name$
DECLARE
    v_found text;
    v_parts text[];
BEGIN
    -- Nearly every caller sends the registered name itself.
    SELECT t.entity_table INTO v_found
    FROM deletion_targets AS t
    WHERE t.entity_table = p_table;

    IF v_found IS NULL THEN
        v_parts := deletion_split_name(p_table);
        SELECT t.entity_table INTO v_found
        FROM deletion_targets AS t
        WHERE t.table_schema = v_parts[1] AND t.table_name = v_parts[2];
    END IF;

    RETURN v_found;
END;
$deletion_target_name$;

COMMENT ON FUNCTION deletion_target_name(text) IS
'Find the name that a target is registered under.';
REVOKE ALL ON FUNCTION deletion_target_name(text) FROM PUBLIC;
