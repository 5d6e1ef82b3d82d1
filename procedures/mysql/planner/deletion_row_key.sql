-- deletion_row_key
-- Read the primary key of a row of any table strictly, and give the one text that stands for it.
--
-- Parameters  p_schema, p_table   the table
--             p_pk      the key as text; a composite one as a JSON array in key order
--             p_verb    the verb that was called
--             p_canonical   OUT the one text; composite keys as a JSON array of texts
-- Errors      JD002 it does not parse, or is longer than 512 characters; JD005 no key
-- Writes      nothing, and reads no row of the table     Commits  no
-- Execute     the owner only
-- Example     CALL deletion_row_key('shop', 'invoice', '042', 'hold_deletion', @dj_key);

DROP PROCEDURE IF EXISTS deletion_row_key;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_row_key(
    IN p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_pk TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_verb VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_canonical TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read the primary key of a row of any table strictly'
BEGIN
    DECLARE v_columns, v_types, v_collations JSON;

    SET v_columns = deletion_columns(p_schema, p_table, deletion_table_key(p_schema, p_table));

    IF v_columns IS NULL THEN
        CALL deletion_raise(
            'JD005', p_verb, 'table has no key', deletion_entity_name(p_schema, p_table)
        );
    END IF;

    SET v_types = json_extract(v_columns, '$[*].type');
    SET v_collations = json_extract(v_columns, '$[*].text');
    SET p_canonical = deletion_key_texts(v_types, v_collations, p_pk);

    IF p_canonical IS NULL OR char_length(p_canonical) > 512 THEN
        CALL deletion_raise(
            'JD002', p_verb, concat('not a key of ', deletion_entity_name(p_schema, p_table)), p_pk
        );
    END IF;
END$$
DELIMITER ;
