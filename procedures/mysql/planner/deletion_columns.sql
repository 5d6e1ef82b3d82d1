-- deletion_columns
-- Read a caller's list of columns: a JSON array of names, each once.
--
-- Parameters  p_schema    schema of the table
--             p_table     the table
--             p_columns   what the caller sent
-- Returns     JSON, an array in the same order of {"pos", "name", "type", "null", "text"}, where
--             text is {"charset", "collation"} or null; NULL: no such array, or not columns
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_columns('shop', 'customer', '["id"]');

DROP FUNCTION IF EXISTS deletion_columns;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_columns(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_columns JSON
) RETURNS JSON
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read a list of columns from a caller: a JSON array of names, each once'
BEGIN
    DECLARE v_found JSON DEFAULT json_array();
    DECLARE v_column JSON;
    DECLARE v_pos INT DEFAULT 0;

    IF p_columns IS NULL OR json_type(p_columns) <> 'ARRAY' OR json_length(p_columns) = 0 THEN
        RETURN NULL;
    END IF;

    -- One by one: the order of an aggregate is not promised.
    WHILE v_pos < json_length(p_columns) DO
        SET v_column = json_extract(p_columns, concat('$[', v_pos, ']'));

        IF
            json_type(v_column) <> 'STRING'
            OR json_contains(v_found, json_object('name', v_column))
        THEN
            RETURN NULL;
        END IF;

        SET v_column = (
            SELECT json_object(
                'pos', v_pos,
                'name', c.column_name,
                'type', c.column_type,
                'null', c.is_nullable = 'YES',
                'text', if(
                    c.character_set_name IS NULL,
                    NULL,
                    json_object('charset', c.character_set_name, 'collation', c.collation_name)
                )
            )
            FROM information_schema.columns AS c
            WHERE
                c.table_schema = p_schema AND c.table_name = p_table
                AND cast(c.column_name AS BINARY) = cast(json_unquote(v_column) AS BINARY)
        );

        IF v_column IS NULL THEN
            RETURN NULL;
        END IF;

        SET v_found = json_array_append(v_found, '$', v_column);
        SET v_pos = v_pos + 1;
    END WHILE;

    RETURN v_found;
END$$
DELIMITER ;
