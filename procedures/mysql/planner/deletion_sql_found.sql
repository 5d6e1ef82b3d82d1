-- deletion_sql_found
-- Write the part of a statement that finds rows by keys as holds store them.
--
-- Parameters  p_columns   the key's columns h1.., as deletion_column_frame describes them, an array
--             p_table     the table, with its index hint
-- Returns     text, from FROM on; t is the array that is bound, of {"j": number, "pk": key, "k":
--             the key as JSON}, x the rows
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_found;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_found(
    p_columns JSON,
    p_table LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Write the part of a statement that finds rows by keys as holds store them'
BEGIN
    DECLARE v_frame LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';
    DECLARE v_column JSON;
    DECLARE v_pos INT DEFAULT 0;

    WHILE v_pos < json_length(p_columns) DO
        SET v_column = json_extract(p_columns, concat('$[', v_pos, ']'));
        -- What does not convert any more is an error: a hold is never passed over.
        SET v_frame = concat(
            v_frame, ', ', v_column ->> '$.f', ' ', v_column ->> '$.type', ' PATH \'$.',
            if(json_length(p_columns) = 1, 'pk', concat('k[', v_pos, ']')), '\' ERROR ON ERROR'
        );
        SET v_pos = v_pos + 1;
    END WHILE;

    RETURN concat(
        'FROM JSON_TABLE(?, \'$[*]\' COLUMNS (j BIGINT UNSIGNED PATH \'$.j\'', v_frame,
        ')) AS t\nSTRAIGHT_JOIN ', p_table, ' ON ', deletion_sql_list(p_columns, 'found', ' AND ')
    );
END$$
DELIMITER ;
