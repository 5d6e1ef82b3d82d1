-- deletion_sql_held
-- Write the statement that finds the held rows of a table by their primary keys.
--
-- Parameters  p_plan_id, p_node_no   the table, one of the plan's closure
-- Returns     text; binds an array of {"j": number of the hold, "pk": key, "k": the key as JSON};
--             answers the frame of the rows that are there, each with its table's number ("n")
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_held;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_held(
    p_plan_id BIGINT UNSIGNED,
    p_node_no INT
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that finds the held rows of a table by their primary keys'
BEGIN
    DECLARE v_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_key, v_columns, v_column JSON;
    DECLARE v_frame, v_found, v_sql_name LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';  -- noqa: LT05
    DECLARE v_pos INT DEFAULT 0;

    SELECT n.sql_name, n.frame_columns
    INTO v_sql_name, v_columns
    FROM deletion_plan_nodes AS n
    WHERE n.plan_id = p_plan_id AND n.node_no = p_node_no;

    -- A target may be registered by another key.
    SET v_key = deletion_node_key(p_plan_id, p_node_no);

    WHILE v_pos < json_length(v_key) DO
        SET v_name = json_unquote(json_extract(v_key, concat('$[', v_pos, ']')));
        SET v_column = deletion_frame_column(
            p_plan_id, p_node_no, v_name, concat('h', v_pos + 1)
        );
        -- What does not convert any more is an error: a hold is never passed over.
        SET v_frame = concat(
            v_frame, ', h', v_pos + 1, ' ', v_column ->> '$.type', ' PATH \'$.',
            if(json_length(v_key) = 1, 'pk', concat('k[', v_pos, ']')), '\' ERROR ON ERROR'
        );
        SET v_found = concat(
            v_found, if(v_pos = 0, '', ' AND '),
            deletion_sql_list(json_array(v_column), 'found', '')
        );
        SET v_pos = v_pos + 1;
    END WHILE;

    RETURN concat(
        'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'n\', ', p_node_no, ', \'j\', t.j, ',
        deletion_sql_list(v_columns, 'found_object', ', '), ')), JSON_ARRAY()), COUNT(*)\n',
        'INTO @dj_answer, @dj_rows\nFROM JSON_TABLE(?, \'$[*]\' COLUMNS (',
        'j BIGINT UNSIGNED PATH \'$.j\'', v_frame, ')) AS t\nSTRAIGHT_JOIN ', v_sql_name, ' AS x',
        coalesce(deletion_sql_index(deletion_unique_index(p_plan_id, p_node_no, v_key)), ''),
        ' ON ', v_found
    );
END$$
DELIMITER ;
