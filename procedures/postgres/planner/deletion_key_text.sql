-- deletion_key_text
-- Read a key value strictly, and give the one text that stands for it.
--
-- Parameters  p_text   the value as text
--             p_type   type of its column, as the catalog prints it
-- Returns     text as the type prints it; NULL: it does not parse, or keys cannot be of that type
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_key_text('042', 'integer');

CREATE OR REPLACE FUNCTION deletion_key_text(
    p_text text,
    p_type text
) RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
SET intervalstyle = 'postgres'
SET bytea_output = 'hex'
AS $deletion_key_text$
DECLARE
    c_date CONSTANT text := '[0-9]{4,}-[0-9]{2}-[0-9]{2}';
    c_time CONSTANT text := '[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?';
    c_zone CONSTANT text := '(Z|[+-][0-9]{2}(:?[0-9]{2}(:[0-9]{2})?)?)?';
    v_type regtype := p_type::regtype;
    v_family text := deletion_type_family(v_type);
    v_base text;
    v_form text;
    v_plain text;
    v_full text;
    v_is_same boolean;
BEGIN
    -- What the type's own input would let pass, and what it would read in several ways. Without
    -- backslashes, which a session may read otherwise.
    v_form := CASE v_family
        WHEN 'integer' THEN '^[-+]?[0-9]+$'
        WHEN 'decimal' THEN '^[-+]?([0-9]+([.][0-9]*)?|[.][0-9]+)$'
        WHEN 'bytes' THEN E'^\\\\x([0-9a-fA-F]{2})*$'
        WHEN 'bits' THEN '^[01]+$'
        WHEN 'boolean' THEN '^(t|f|true|false)$'
        WHEN 'date' THEN format('^(%s( BC)?|-?infinity)$', c_date)
        WHEN 'time without time zone' THEN format('^%s$', c_time)
        WHEN 'time with time zone' THEN format('^%s%s$', c_time, c_zone)
        WHEN 'timestamp without time zone'
            THEN format('^(%s[ T]%s( BC)?|-?infinity)$', c_date, c_time)
        WHEN 'timestamp with time zone'
            THEN format('^(%s[ T]%s%s( BC)?|-?infinity)$', c_date, c_time, c_zone)
        WHEN 'interval' THEN '^[^[:space:]].*[^[:space:]]$'
        -- Zeros in front would make the rest octal.
        WHEN 'oid' THEN '^(0|[1-9][0-9]*)$'
        WHEN 'other' THEN '^[^[:space:]]+$'
        -- The types of texts take any.
        ELSE ''
    END;

    IF v_family IS NULL OR p_text !~ v_form THEN
        RETURN NULL;
    END IF;

    SELECT format_type(b.type_oid, -1) INTO v_base FROM deletion_base_type(v_type, -1) AS b;

    -- Values that are equal have one spelling: 1.50 and 1.5, a day and 24 hours, blanks at the end;
    -- a type with a fixed scale fills it up again.
    v_plain := CASE v_family
        WHEN 'decimal' THEN 'trim_scale(%s)'
        WHEN 'interval' THEN 'justify_interval(%s)'
        WHEN 'padded' THEN 'rtrim(%s::text)'
        ELSE '%s'
    END;

    -- The type's names come from the catalog; the value is bound. A cast to varchar(n), numeric(p,s)
    -- or timestamp(p) cuts without a word: the value has to be the same as without the limits.
    EXECUTE format(
        'SELECT format(''%%s'', CAST(%1$s AS %3$s)), format(''%%s'', %1$s) = format(''%%s'', %2$s)'
        ' FROM (SELECT CAST($1 AS %3$s) AS v) AS f',
        format(v_plain, 'f.v'), format(v_plain, '$1::' || v_base), p_type
    ) INTO v_full, v_is_same USING p_text;

    RETURN CASE
        WHEN v_family = 'padded' AND v_is_same THEN rtrim(v_full, ' ')
        -- The type name cuts in its input already.
        WHEN v_family = 'string' AND v_full <> p_text THEN NULL
        WHEN v_is_same THEN v_full
    END;
EXCEPTION
    WHEN data_exception OR integrity_constraint_violation THEN
        RETURN NULL;
END;
$deletion_key_text$;

COMMENT ON FUNCTION deletion_key_text(text, text) IS
'Read a key value strictly, and give the one text that stands for it.';
REVOKE ALL ON FUNCTION deletion_key_text(text, text) FROM PUBLIC;
