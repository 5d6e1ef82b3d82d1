-- deletion_parse_keys
-- Read many keys strictly, and give them in canonical form, each once.
--
-- Parameters  p_entity_table   the target, as it is registered
--             p_pks            a JSON array of keys: texts and numbers, arrays where composite
--             p_verb           the verb that was called
--             p_keys           OUT the texts that stand for them, a JSON array
-- Errors      JD002 no array, or a key that does not parse
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     CALL deletion_parse_keys('customer', '[1, "2"]', 'enqueue_deletions', @dj_keys);

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
DROP PROCEDURE IF EXISTS deletion_parse_keys;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_parse_keys(
    IN p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_pks JSON,
    IN p_verb VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_keys JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read many keys strictly, and give them in canonical form, each once'
BEGIN
    DECLARE v_types, v_collations JSON;
    DECLARE v_wrong TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    IF p_pks IS NULL OR json_type(p_pks) <> 'ARRAY' THEN
        CALL deletion_raise('JD002', p_verb, 'p_pks is no JSON array', p_pks);
    END IF;

    SELECT t.key_types, t.key_collations
    INTO v_types, v_collations
    FROM deletion_targets AS t
    WHERE t.entity_table = p_entity_table;

    -- An array is a key only where the key has several columns, since texts are taken as they are.
    SELECT
        coalesce(json_arrayagg(k.pk), json_array()),
        min(if(k.pk IS NULL OR char_length(k.pk) > 64, k.given, NULL))
    INTO p_keys, v_wrong
    FROM (
        SELECT
            g.pk,
            min(g.given) AS given
        FROM (
            SELECT
                coalesce(cast(e.item AS CHAR), 'null') AS given,
                deletion_key_texts(
                    v_types,
                    v_collations,
                    CASE json_type(e.item)
                        WHEN 'STRING' THEN json_unquote(e.item)
                        WHEN 'INTEGER' THEN cast(e.item AS CHAR)
                        WHEN 'UNSIGNED INTEGER' THEN cast(e.item AS CHAR)
                        WHEN 'DECIMAL' THEN cast(e.item AS CHAR)
                        -- A number with a point is kept as a double: 15 digits for certain.
                        WHEN 'DOUBLE' THEN if(
                            v_types ->> '$[0]' REGEXP '^decimal[(]([0-9]|1[0-5]),',
                            cast(e.item AS CHAR),
                            NULL
                        )
                        WHEN 'ARRAY' THEN if(json_length(v_types) > 1, cast(e.item AS CHAR), NULL)
                    END
                ) AS pk
            FROM json_table(p_pks, '$[*]' COLUMNS (item JSON PATH '$')) AS e
        ) AS g
        GROUP BY g.pk
    ) AS k;

    IF v_wrong IS NOT NULL THEN
        CALL deletion_raise('JD002', p_verb, concat('not a key of ', p_entity_table), v_wrong);
    END IF;
END$$
DELIMITER ;
