-- deletion_parse_key
-- Read the key of a row strictly, and give its canonical form.
--
-- Parameters  p_entity_table   the target, as it is registered
--             p_pk             the key as text; of several columns a JSON array of their values
--             p_canonical      OUT the one text that stands for this key
-- Errors      JD002 the key does not parse, or is longer than 64 characters; JD004 no such target
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     CALL deletion_parse_key('place', '["de", 12]', @dj_key);
--
-- Nothing is prepared here, so that it can run below a trigger.

DROP PROCEDURE IF EXISTS deletion_parse_key;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_parse_key(
    IN p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_pk TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_canonical VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read the key of a row strictly, and give its canonical form'
BEGIN
    DECLARE v_columns, v_types, v_collations, v_value JSON;
    DECLARE v_count, v_pos INT DEFAULT 0;
    DECLARE v_text, v_key TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT t.key_columns, t.key_types, t.key_collations
    INTO v_columns, v_types, v_collations
    FROM deletion_targets AS t
    WHERE t.entity_table = p_entity_table;

    SET v_count = json_length(v_columns);

    IF v_columns IS NULL THEN
        CALL deletion_raise('JD004', 'deletion_parse_key', 'table is no target', p_entity_table);
    ELSEIF p_pk IS NULL THEN
        CALL deletion_raise('JD002', 'deletion_parse_key', 'the key may not be NULL', NULL);
    ELSEIF v_count = 1 THEN
        SET v_key = deletion_key_text(
            p_pk,
            json_unquote(json_extract(v_types, '$[0]')),
            json_unquote(json_extract(v_collations, '$[0].charset'))
        );
    ELSEIF json_valid(p_pk) THEN
        IF json_type(p_pk) = 'ARRAY' AND json_length(p_pk) = v_count THEN
            SET v_key = '[';
        END IF;

        WHILE v_pos < v_count AND v_key IS NOT NULL DO
            SET v_value = json_extract(p_pk, concat('$[', v_pos, ']'));
            SET v_text = NULL;

            IF json_type(v_value) IN ('STRING', 'INTEGER', 'UNSIGNED INTEGER', 'DOUBLE') THEN
                SET v_text = deletion_key_text(
                    json_unquote(v_value),
                    json_unquote(json_extract(v_types, concat('$[', v_pos, ']'))),
                    json_unquote(json_extract(v_collations, concat('$[', v_pos, '].charset')))
                );
            END IF;

            SET v_pos = v_pos + 1;
            SET v_key = concat(v_key, json_quote(v_text), if(v_pos < v_count, ',', ']'));
        END WHILE;
    END IF;

    IF v_key IS NULL THEN
        CALL deletion_raise(
            'JD002', 'deletion_parse_key', 'the key does not parse as the type of its column', p_pk
        );
    ELSEIF char_length(v_key) > 64 THEN
        CALL deletion_raise(
            'JD002', 'deletion_parse_key', 'the key is longer than 64 characters', p_pk
        );
    END IF;

    SET p_canonical = v_key;
END$$
DELIMITER ;
