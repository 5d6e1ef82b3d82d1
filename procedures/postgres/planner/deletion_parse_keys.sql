-- deletion_parse_keys
-- Read many keys strictly, and give them in canonical form, each once and in order.
--
-- Parameters  p_entity_table   the target, as it is registered
--             p_pks            a JSON array of keys: texts and numbers, arrays where composite
--             p_verb           the verb that was called
-- Returns     text[], sorted: callers that lock rows in this order do not deadlock
-- Errors      JD002 no array, or a key that does not parse
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_parse_keys('customer', '[1, "2"]', 'enqueue_deletions');

CREATE OR REPLACE FUNCTION deletion_parse_keys(
    p_entity_table text,
    p_pks jsonb,
    p_verb text
) RETURNS text[]
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_parse_keys$
DECLARE
    v_other jsonb;
BEGIN
    IF jsonb_typeof(p_pks) IS DISTINCT FROM 'array' THEN
        PERFORM deletion_raise('JD002', p_verb, 'p_pks is no JSON array', p_pks::text);
    END IF;

    SELECT e.value INTO v_other
    FROM jsonb_array_elements(p_pks) AS e (value)
    WHERE jsonb_typeof(e.value) NOT IN ('string', 'number', 'array')
    LIMIT 1;

    IF FOUND THEN
        PERFORM deletion_raise('JD002', p_verb, 'not a key', v_other::text);
    END IF;

    RETURN ARRAY(
        SELECT DISTINCT deletion_parse_key(p_entity_table, e.value #>> '{}', p_verb) COLLATE "C"
        FROM jsonb_array_elements(p_pks) AS e (value)
        ORDER BY 1
    );
END;
$deletion_parse_keys$;

COMMENT ON FUNCTION deletion_parse_keys(text, jsonb, text) IS
'Read many keys strictly, and give them in canonical form, each once and in order.';
REVOKE ALL ON FUNCTION deletion_parse_keys(text, jsonb, text) FROM PUBLIC;
