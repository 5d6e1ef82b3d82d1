-- deletion_setting
-- Read a setting: its value, or its default where none was set.
--
-- Parameters  p_name   the setting
-- Returns     text; NULL: none
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_setting('recompile');

CREATE OR REPLACE FUNCTION deletion_setting(p_name text)
RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_setting$
BEGIN
    -- Kept as a prepared plan: a function in SQL is planned anew in every transaction.
    RETURN (
        SELECT coalesce(s.setting_value, s.default_value)
        FROM deletion_settings AS s
        WHERE s.setting_name = p_name
    );
END;
$deletion_setting$;

COMMENT ON FUNCTION deletion_setting(text) IS
'Read a setting: its value, or its default where none was set.';
REVOKE ALL ON FUNCTION deletion_setting(text) FROM PUBLIC;
