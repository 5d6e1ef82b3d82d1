-- deletion_setting_int
-- Read a setting that is a whole number.
--
-- Parameters  p_name   the setting
-- Returns     bigint; NULL: none
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_setting_int('batch_rows');

CREATE OR REPLACE FUNCTION deletion_setting_int(p_name text)
RETURNS bigint
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_setting_int$
BEGIN
    -- Kept as a prepared plan: a function in SQL is planned anew in every transaction.
    RETURN (
        SELECT coalesce(s.setting_value, s.default_value)::bigint
        FROM deletion_settings AS s
        WHERE s.setting_name = p_name
    );
END;
$deletion_setting_int$;

COMMENT ON FUNCTION deletion_setting_int(text) IS
'Read a setting that is a whole number.';
REVOKE ALL ON FUNCTION deletion_setting_int(text) FROM PUBLIC;
