-- deletion_key_places
-- Tell where the columns of a key stand in their table, and of how many columns.
--
-- Parameters  p_schema, p_table   the table
--             p_columns           the key's columns, a JSON array
-- Returns     JSON, an array: the place of each column, from 1, and last the number of all
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_key_places('shop', 'customer', '["id"]');
--
-- The server has no number that a column keeps. One that is renamed keeps its place, as all do; one
-- that is dropped leaves one column less, and others move up.

DROP FUNCTION IF EXISTS deletion_key_places;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_key_places(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_columns JSON
) RETURNS JSON
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Tell where the columns of a key stand in their table, and of how many columns'
BEGIN
    DECLARE v_places JSON DEFAULT json_array();
    DECLARE v_pos INT DEFAULT 0;

    -- One by one: the order of an aggregate is not promised.
    WHILE v_pos < json_length(p_columns) DO
        SET v_places = json_array_append(v_places, '$', (
            SELECT c.ordinal_position
            FROM information_schema.columns AS c
            WHERE
                c.table_schema = p_schema AND c.table_name = p_table
                AND c.column_name = json_unquote(json_extract(p_columns, concat('$[', v_pos, ']')))
        ));
        SET v_pos = v_pos + 1;
    END WHILE;

    RETURN json_array_append(v_places, '$', (
        SELECT count(*)
        FROM information_schema.columns AS c
        WHERE c.table_schema = p_schema AND c.table_name = p_table
    ));
END$$
DELIMITER ;
