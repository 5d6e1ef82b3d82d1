-- deletion_parse_key
-- Read a row's key strictly, and give the one text that stands for it in deletion_jobs.
--
-- Parameters  p_entity_table   the target, as it is registered
--             p_pk             the key as text; a composite one as a JSON array in key order
--             p_verb           the verb that was called
-- Returns     text; composite keys as a JSON array of texts without blanks between them
-- Errors      JD002 it does not parse, or is longer than 64 characters; JD004 no such target
-- Writes      nothing, and reads no application table     Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_parse_key('place', '["de", 12]');

CREATE OR REPLACE FUNCTION deletion_parse_key(
    p_entity_table text,
    p_pk text,
    p_verb text DEFAULT 'deletion_parse_key'
) RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_parse_key$
DECLARE
    v_types jsonb;
    v_plain text;
    v_key text;
BEGIN
    SELECT t.key_types, t.plain_key INTO v_types, v_plain
    FROM deletion_targets AS t
    WHERE t.entity_table = p_entity_table;

    IF v_types IS NULL THEN
        PERFORM deletion_raise('JD004', p_verb, 'table is no target', p_entity_table);
    ELSIF p_pk IS NULL THEN
        PERFORM deletion_raise('JD002', p_verb, 'the key is NULL', p_entity_table);
    END IF;

    -- Most keys are as their type prints them beyond doubt: a tenth of the time of a cast.
    IF p_pk ~ v_plain THEN
        RETURN p_pk;
    END IF;

    IF jsonb_array_length(v_types) = 1 THEN
        v_key := deletion_key_text(p_pk, v_types ->> 0);
    ELSE
        v_key := deletion_key_texts(p_pk, v_types);
    END IF;

    IF v_key IS NULL THEN
        PERFORM deletion_raise(
            'JD002', p_verb, format('not a key of %s', p_entity_table), p_pk,
            format('The key''s types are %s.', v_types)
        );
    ELSIF length(v_key) > 64 THEN
        PERFORM deletion_raise(
            'JD002', p_verb, 'the key is longer than 64 characters', v_key,
            'Register the target by a shorter unique key.'
        );
    END IF;

    RETURN v_key;
END;
$deletion_parse_key$;

COMMENT ON FUNCTION deletion_parse_key(text, text, text) IS
'Read a row''s key strictly, and give the one text that stands for it in deletion_jobs.';
REVOKE ALL ON FUNCTION deletion_parse_key(text, text, text) FROM PUBLIC;
