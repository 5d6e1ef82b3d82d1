-- deletion_key_texts
-- Read a composite key strictly, and give the one text that stands for it.
--
-- Parameters  p_pk      a JSON array of texts and numbers, in key order
--             p_types   types of the key's columns, a JSON array of texts
-- Returns     text, a JSON array of texts without blanks between them; NULL: it does not parse
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_key_texts('["de", 12]', '["text", "integer"]');

CREATE OR REPLACE FUNCTION deletion_key_texts(
    p_pk text,
    p_types jsonb
) RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_key_texts$
DECLARE
    -- Not jsonb, which would make 1000 of 1e3.
    v_pk json;
    v_key text;
BEGIN
    v_pk := p_pk::json;

    IF json_typeof(v_pk) <> 'array' OR json_array_length(v_pk) <> jsonb_array_length(p_types) THEN
        RETURN NULL;
    END IF;

    SELECT '[' || string_agg(to_json(k.part)::text, ',' ORDER BY k.ordinality) || ']'
    INTO v_key
    FROM (
        SELECT
            e.ordinality,
            CASE WHEN json_typeof(e.value) IN ('string', 'number')
                THEN deletion_key_text(e.value #>> '{}', p_types ->> (e.ordinality - 1)::integer)
            END AS part
        FROM json_array_elements(v_pk) WITH ORDINALITY AS e (value, ordinality)
    ) AS k
    HAVING count(k.part) = count(*);

    RETURN v_key;
EXCEPTION
    WHEN data_exception THEN
        RETURN NULL;
END;
$deletion_key_texts$;

COMMENT ON FUNCTION deletion_key_texts(text, jsonb) IS
'Read a composite key strictly, and give the one text that stands for it.';
REVOKE ALL ON FUNCTION deletion_key_texts(text, jsonb) FROM PUBLIC;
