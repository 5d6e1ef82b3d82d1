-- deletion_unique_key
-- Find the columns that name one row: those that were asked for, if they do, or the primary key.
--
-- Parameters  p_schema    schema of the table
--             p_table     the table
--             p_columns   column names, a JSON array; NULL: the primary key
-- Returns     JSON, names in the order asked for; NULL: not the columns of a NOT NULL unique key
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_unique_key('shop', 'customer', '["email"]');

DROP FUNCTION IF EXISTS deletion_unique_key;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_unique_key(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_columns JSON
) RETURNS JSON
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the columns that name one row'
BEGIN
    DECLARE v_key JSON DEFAULT json_array();
    DECLARE v_name, v_index VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_pos INT DEFAULT 0;

    IF p_columns IS NOT NULL AND deletion_columns(p_schema, p_table, p_columns) IS NULL THEN
        RETURN NULL;
    END IF;

    SELECT u.index_name INTO v_index
    FROM (
        SELECT
            i.index_name,
            count(*) AS width,
            sum(coalesce(json_contains(p_columns, json_quote(i.column_name)), 0)) AS wanted
        FROM information_schema.statistics AS i
        WHERE i.table_schema = p_schema AND i.table_name = p_table
        GROUP BY i.index_name
        -- An index on an expression has no column, one on a prefix takes several rows for one.
        HAVING
            max(i.non_unique) = 0
            AND count(i.column_name) = count(*)
            AND count(i.sub_part) = 0
            AND sum(i.nullable = 'YES') = 0
    ) AS u
    WHERE
        (p_columns IS NULL AND u.index_name = 'PRIMARY')
        OR (u.width = json_length(p_columns) AND u.wanted = u.width)
    ORDER BY u.index_name
    LIMIT 1;

    IF v_index IS NULL OR p_columns IS NOT NULL THEN
        RETURN if(v_index IS NULL, NULL, p_columns);
    END IF;

    -- One by one: the order of an aggregate is not promised.
    REPEAT
        SET v_pos = v_pos + 1;
        SET v_name = (
            SELECT i.column_name
            FROM information_schema.statistics AS i
            WHERE
                i.table_schema = p_schema AND i.table_name = p_table
                AND i.index_name = v_index AND i.seq_in_index = v_pos
        );

        IF v_name IS NOT NULL THEN
            SET v_key = json_array_append(v_key, '$', v_name);
        END IF;
    UNTIL v_name IS NULL END REPEAT;

    RETURN v_key;
END$$
DELIMITER ;
