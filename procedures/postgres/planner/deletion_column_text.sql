-- deletion_column_text
-- Read a constant for a column strictly, and give it as the column's type prints it.
--
-- Parameters  p_value   the constant: a JSON text, number or boolean
--             p_type    type of the column, as the catalog prints it
-- Returns     text; NULL: the type does not take it, or takes no constants at all (arrays)
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_column_text('"gone"', 'character varying(20)');

CREATE OR REPLACE FUNCTION deletion_column_text(
    p_value jsonb,
    p_type text
) RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_column_text$
DECLARE
    v_text text := CASE
        WHEN jsonb_typeof(p_value) IN ('string', 'number', 'boolean') THEN p_value #>> '{}'
    END;
    v_result text;
BEGIN
    IF v_text IS NULL OR p_type IS NULL THEN
        RETURN NULL;
    END IF;

    IF deletion_type_family(p_type::regtype) IS NOT NULL THEN
        RETURN deletion_key_text(v_text, p_type);
    END IF;

    -- No types of keys, but each value has one meaning.
    IF
        p_type::regtype IN (
            'float4'::regtype, 'float8'::regtype, 'json'::regtype, 'jsonb'::regtype
        )
    THEN
        EXECUTE format('SELECT $1::%s::text', p_type) INTO v_result USING v_text;
    END IF;

    RETURN v_result;
EXCEPTION
    WHEN data_exception OR integrity_constraint_violation THEN
        RETURN NULL;
END;
$deletion_column_text$;

COMMENT ON FUNCTION deletion_column_text(jsonb, text) IS
'Read a constant for a column strictly, and give it as the column''s type prints it.';
REVOKE ALL ON FUNCTION deletion_column_text(jsonb, text) FROM PUBLIC;
