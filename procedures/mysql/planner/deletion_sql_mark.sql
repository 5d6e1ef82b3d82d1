-- deletion_sql_mark
-- Write one of the statements that mark the rows of a frame, or look at what cannot be marked.
--
-- Parameters  p_plan_id   the plan
--             p_edge_no   the reference that the rows were found by; 0: the target's own rows
--             p_kind      pass, lock, mark or marked
-- Returns     text; binds the frame; pass and lock answer those of its rows that are still where
--             they were found (lock: x is 1 in those that are marked), marked those that hold a
--             mark now, with the values before and since; in @dj_answer and @dj_rows
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_mark;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_mark(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write one of the statements that mark the rows of a frame'
BEGIN
    DECLARE v_node_no INT DEFAULT 0;
    DECLARE v_columns, v_keys, v_pointers, v_soft JSON;
    DECLARE v_table, v_found, v_live, v_value, v_name, v_own
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    IF p_edge_no > 0 THEN
        SELECT e.child_node_no, e.found_by, e.frame_columns
        INTO v_node_no, v_found, v_pointers
        FROM deletion_plan_edges AS e
        WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;
    END IF;

    SELECT
        concat(n.sql_name, ' AS x', n.key_index), n.frame_columns,
        deletion_key_part(n.frame_columns),
        deletion_soft_live(n.table_schema, n.table_name, FALSE),
        deletion_soft_live(n.table_schema, n.table_name, TRUE),
        json_extract(n.frame_columns, '$[last]')
    INTO v_table, v_columns, v_keys, v_live, v_value, v_soft
    FROM deletion_plan_nodes AS n
    WHERE n.plan_id = p_plan_id AND n.node_no = v_node_no;

    SET v_name = concat('x.', json_unquote(json_extract(v_soft, '$.name')));
    SET v_own = concat(
        '\nSTRAIGHT_JOIN ', v_table, ' ON ', deletion_sql_list(v_keys, 'found', ' AND ')
    );

    RETURN CASE p_kind
        WHEN 'mark' THEN concat(
            'UPDATE ', deletion_sql_frame(v_keys, ''), v_own, '\nSET ', v_name, ' = ', v_value,
            '\nWHERE ', v_live
        )
        WHEN 'marked' THEN concat(
            'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', t.j, \'k\', JSON_ARRAY(',
            deletion_sql_list(v_keys, 'value', ', '), '), \'c\', ',
            quote(json_unquote(json_extract(v_soft, '$.column'))), ', \'old\', t.old, \'new\', ',
            deletion_sql_list(json_array(v_soft), 'value', ''), ')), JSON_ARRAY()), COUNT(*)\n',
            'INTO @dj_answer, @dj_rows\nFROM ', deletion_sql_frame(
                v_keys, 'j BIGINT UNSIGNED PATH \'$.j\', old JSON PATH \'$.s\', '
            ),
            v_own, '\nWHERE NOT (', v_live, ')'
        )
        ELSE concat(
            'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', t.j, ',
            deletion_sql_list(v_columns, 'found_object', ', '),
            if(p_kind = 'lock', concat(', \'x\', IF(', v_live, ', 0, 1)'), ''),
            ')), JSON_ARRAY()), COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM ',
            deletion_sql_frame(
                if(p_edge_no = 0, v_keys, json_merge_preserve(v_keys, v_pointers)),
                concat(
                    'j BIGINT UNSIGNED PATH \'$.j\', ',
                    if(p_edge_no = 0, 'm INT PATH \'$.m\', ', '')
                )
            ),
            v_own, if(p_edge_no = 0, ' AND t.m IS NULL', concat(' AND ', v_found)),
            if(p_kind = 'lock', '\nFOR UPDATE OF x', '')
        )
    END;
END$$
DELIMITER ;
