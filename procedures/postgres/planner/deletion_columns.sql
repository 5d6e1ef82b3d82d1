-- deletion_columns
-- Read a caller's list of columns: a JSON array of names, each once.
--
-- Parameters  p_table     the table
--             p_columns   what the caller sent
-- Returns     int2[]; NULL: no such array, empty, or not columns of the table
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_columns('customer'::regclass, '["id"]');

CREATE OR REPLACE FUNCTION deletion_columns(
    p_table regclass,
    p_columns jsonb
) RETURNS int2[]
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_columns$
BEGIN
    IF jsonb_typeof(p_columns) IS DISTINCT FROM 'array' THEN
        RETURN NULL;
    END IF;

    IF EXISTS (
        SELECT 1
        FROM jsonb_array_elements(p_columns) AS e (value)
        GROUP BY e.value
        HAVING count(*) > 1 OR jsonb_typeof(e.value) <> 'string'
    ) THEN
        RETURN NULL;
    END IF;

    RETURN deletion_attnums(p_table, p_columns);
END;
$deletion_columns$;

COMMENT ON FUNCTION deletion_columns(regclass, jsonb) IS
'Read a caller''s list of columns: a JSON array of names, each once.';
REVOKE ALL ON FUNCTION deletion_columns(regclass, jsonb) FROM PUBLIC;
