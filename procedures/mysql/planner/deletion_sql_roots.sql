-- deletion_sql_roots
-- Write the statement that finds the rows that jobs name.
--
-- Parameters  p_plan_id   the plan
-- Returns     text; binds an array of {"j": job, "pk": key, "k": [its parts]}; answers the root
--             frame in @dj_answer: rows that are not there carry "m": 1, rows whose key is spelled
--             otherwise "m": 2
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_roots;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_roots(
    p_plan_id BIGINT UNSIGNED
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that finds the rows that jobs name'
BEGIN
    DECLARE v_all, v_keys JSON;
    DECLARE v_table, v_texts, v_spelled LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_frame, v_missing LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';
    DECLARE v_pos INT DEFAULT 0;

    SELECT
        concat(n.sql_name, ' AS x', n.key_index), n.frame_columns,
        deletion_key_part(n.frame_columns)
    INTO v_table, v_all, v_keys
    FROM deletion_plan_nodes AS n
    WHERE n.plan_id = p_plan_id AND n.node_no = 0;

    WHILE v_pos < json_length(v_keys) DO
        -- What does not convert finds no row; the strict reading of the text comes after.
        SET v_frame = concat(
            v_frame, ', k', v_pos + 1, ' ',
            json_unquote(json_extract(v_keys, concat('$[', v_pos, '].type'))),
            ' PATH \'$.k[', v_pos, ']\' NULL ON ERROR, s', v_pos + 1,
            ' VARCHAR(64) PATH \'$.k[', v_pos, ']\''
        );
        SET v_missing = concat(v_missing, ', \'k', v_pos + 1, '\', t.s', v_pos + 1);
        SET v_pos = v_pos + 1;
    END WHILE;

    SET v_texts = deletion_sql_list(v_keys, 'text', if(v_pos = 1, '', '), \',\', JSON_QUOTE('));
    SET v_spelled = if(
        v_pos = 1, v_texts, concat('CONCAT(\'[\', JSON_QUOTE(', v_texts, '), \']\')')
    );

    RETURN concat(
        'SELECT COALESCE(JSON_ARRAYAGG(IF(\n    CAST(', v_spelled,
        -- Byte for byte: a value that a conversion rounded, cut or folded names no row.
        ' AS BINARY) = CAST(t.pk AS BINARY),\n    JSON_OBJECT(\'j\', t.j, ',
        deletion_sql_list(v_all, 'found_object', ', '),
        '),\n    JSON_OBJECT(\'j\', t.j, \'m\', IF(x.', v_keys ->> '$[0].name',
        ' IS NULL, 1, 2)', v_missing, ')\n)), JSON_ARRAY()), COUNT(*)\n',
        'INTO @dj_answer, @dj_rows\nFROM JSON_TABLE(?, \'$[*]\' COLUMNS (',
        'j BIGINT UNSIGNED PATH \'$.j\', pk VARCHAR(64) CHARACTER SET utf8mb4 PATH \'$.pk\'',
        v_frame, ')) AS t\nLEFT JOIN ', v_table, ' ON ',
        deletion_sql_list(v_keys, 'found', ' AND ')
    );
END$$
DELIMITER ;
