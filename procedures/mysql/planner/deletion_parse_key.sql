-- deletion_parse_key
-- Read a row's key strictly, and give the one text that stands for it in deletion_jobs.
--
-- Parameters  p_entity_table   the target, as it is registered
--             p_pk             the key as text; a composite one as a JSON array in key order
--             p_verb           the verb that was called
--             p_canonical      OUT text; composite keys as a JSON array of texts without blanks
-- Errors      JD002 it does not parse, or is longer than 64 characters; JD004 no such target
-- Writes      nothing, and reads no application table     Commits  no
-- Execute     the owner only
-- Example     CALL deletion_parse_key('place', '["de", 12]', 'test', @dj_key);

DROP PROCEDURE IF EXISTS deletion_parse_key;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_parse_key(
    IN p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_pk TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_verb VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_canonical VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read the key of a row strictly, and give the one text that stands for it'
BEGIN
    DECLARE v_types, v_collations JSON;
    DECLARE v_key TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT t.key_types, t.key_collations
    INTO v_types, v_collations
    FROM deletion_targets AS t
    WHERE t.entity_table = p_entity_table;

    IF v_types IS NULL THEN
        CALL deletion_raise('JD004', p_verb, 'table is no target', p_entity_table);
    ELSEIF p_pk IS NULL THEN
        CALL deletion_raise('JD002', p_verb, 'the key is NULL', p_entity_table);
    END IF;

    SET v_key = deletion_key_texts(v_types, v_collations, p_pk);

    IF v_key IS NULL THEN
        CALL deletion_raise('JD002', p_verb, concat('not a key of ', p_entity_table), p_pk);
    ELSEIF char_length(v_key) > 64 THEN
        CALL deletion_raise('JD002', p_verb, 'the key is longer than 64 characters', p_pk);
    END IF;

    SET p_canonical = v_key;
END$$
DELIMITER ;
