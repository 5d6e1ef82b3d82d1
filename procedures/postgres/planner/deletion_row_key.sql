-- deletion_row_key
-- Read the primary key of a row of any table strictly, and give the one text that stands for it.
--
-- Parameters  p_table   the table
--             p_pk      the key as text; a composite one as a JSON array in key order
--             p_verb    the verb that was called
-- Returns     text; composite keys as a JSON array of texts without blanks between them
-- Errors      JD002 it does not parse, or is longer than 512 characters; JD005 no key
-- Writes      nothing, and reads no row of the table     Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_row_key('invoice'::regclass, '042', 'hold_deletion');

CREATE OR REPLACE FUNCTION deletion_row_key(
    p_table oid,
    p_pk text,
    p_verb text
) RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_row_key$
DECLARE
    v_types jsonb;
    v_key text;
BEGIN
    SELECT jsonb_agg(format_type(a.atttypid, a.atttypmod) ORDER BY k.ordinality)
    INTO v_types
    FROM unnest(deletion_node_key(p_table)) WITH ORDINALITY AS k (attnum, ordinality)
    INNER JOIN pg_attribute AS a ON a.attrelid = p_table AND a.attnum = k.attnum;

    IF v_types IS NULL THEN
        PERFORM deletion_raise(
            'JD005', p_verb, 'table has no key', deletion_entity_name(p_table)
        );
    END IF;

    v_key := CASE
        WHEN jsonb_array_length(v_types) = 1 THEN deletion_key_text(p_pk, v_types ->> 0)
        ELSE deletion_key_texts(p_pk, v_types)
    END;

    IF v_key IS NULL OR length(v_key) > 512 THEN
        PERFORM deletion_raise(
            'JD002', p_verb, format('not a key of %s', deletion_entity_name(p_table)), p_pk,
            format('The key''s types are %s.', v_types)
        );
    END IF;

    RETURN v_key;
END;
$deletion_row_key$;

COMMENT ON FUNCTION deletion_row_key(oid, text, text) IS
'Read the primary key of a row of any table strictly, and give the one text that stands for it.';
REVOKE ALL ON FUNCTION deletion_row_key(oid, text, text) FROM PUBLIC;
