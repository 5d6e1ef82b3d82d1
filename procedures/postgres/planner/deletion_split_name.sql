-- deletion_split_name
-- Read a table's name as SQL would: quoted or folded, qualified or in our own schema.
--
-- Parameters  p_name   the name
-- Returns     text[], schema and table; NULL: it is not the name of a table
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_split_name('Public."Order"');

CREATE OR REPLACE FUNCTION deletion_split_name(p_name text)
RETURNS text[]
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_split_name$
DECLARE
    v_parts text[];
BEGIN
    -- Blanks around a name are no part of it; who sends them means something else.
    IF p_name ~ '^[[:space:]]|[[:space:]]$' THEN
        RETURN NULL;
    END IF;

    v_parts := parse_ident(p_name);

    RETURN CASE cardinality(v_parts)
        WHEN 1 THEN ARRAY[current_schema()::text, v_parts[1]]
        WHEN 2 THEN v_parts
    END;
EXCEPTION
    WHEN invalid_parameter_value THEN
        RETURN NULL;
END;
$deletion_split_name$;

COMMENT ON FUNCTION deletion_split_name(text) IS
'Read a table''s name as SQL would: quoted or folded, qualified or in our own schema.';
REVOKE ALL ON FUNCTION deletion_split_name(text) FROM PUBLIC;
