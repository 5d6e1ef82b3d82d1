-- deletion_plain_key
-- Give the form in which keys of a type are as it prints them beyond doubt.
--
-- Parameters  p_types   the types of a target's key, a JSON array
-- Returns     text, a regular expression: a tenth of the time of a cast; NULL: only a cast can tell
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_plain_key('["bigint"]');

CREATE OR REPLACE FUNCTION deletion_plain_key(p_types jsonb)
RETURNS text
LANGUAGE sql
IMMUTABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_plain_key$
SELECT CASE WHEN jsonb_array_length(p_types) = 1 THEN
    CASE p_types ->> 0
        WHEN 'integer' THEN '^(0|-?[1-9][0-9]{0,8})$'
        WHEN 'bigint' THEN '^(0|-?[1-9][0-9]{0,17})$'
        WHEN 'uuid' THEN '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    END
END;
$deletion_plain_key$;

COMMENT ON FUNCTION deletion_plain_key(jsonb) IS
'The form in which keys of a type are as it prints them beyond doubt.';
REVOKE ALL ON FUNCTION deletion_plain_key(jsonb) FROM PUBLIC;
