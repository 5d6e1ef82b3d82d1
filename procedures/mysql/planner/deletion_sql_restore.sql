-- deletion_sql_restore
-- Write one of the statements that take marks back from the rows of a table that still hold them.
--
-- Parameters  p_plan_id, p_node_no   the table
--             p_kind      restore_lock or restore
-- Returns     text; binds an array of {"id": mark, "k": key, "o": old value, "n": new value};
--             restore_lock answers those whose row holds the new value, in @dj_answer and @dj_rows
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_restore;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_restore(
    p_plan_id BIGINT UNSIGNED,
    p_node_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write one of the statements that take marks back from rows that still hold them'
BEGIN
    DECLARE v_pos INT DEFAULT 0;
    DECLARE v_keys, v_soft JSON;
    DECLARE v_table, v_name, v_type LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_marks LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';

    SELECT
        concat(n.sql_name, ' AS x', n.key_index), deletion_key_part(n.frame_columns),
        json_extract(n.frame_columns, '$[last]')
    INTO v_table, v_keys, v_soft
    FROM deletion_plan_nodes AS n
    WHERE n.plan_id = p_plan_id AND n.node_no = p_node_no;

    SET v_name = concat('x.', json_unquote(json_extract(v_soft, '$.name')));
    SET v_type = json_unquote(json_extract(v_soft, '$.type'));

    WHILE v_pos < json_length(v_keys) DO
        SET v_marks = concat(
            v_marks, 'k', v_pos + 1, ' ',
            json_unquote(json_extract(v_keys, concat('$[', v_pos, '].type'))),
            ' PATH \'$.k[', v_pos, ']\' ERROR ON ERROR, '
        );
        SET v_pos = v_pos + 1;
    END WHILE;

    SET v_marks = concat(
        'JSON_TABLE(?, \'$[*]\' COLUMNS (e JSON PATH \'$\', ', v_marks,
        'o ', v_type, ' PATH \'$.o\' ERROR ON ERROR, n ', v_type,
        ' PATH \'$.n\' ERROR ON ERROR)) AS t\nSTRAIGHT_JOIN ', v_table, ' ON ',
        deletion_sql_list(v_keys, 'found', ' AND '), ' AND ', v_name, ' = t.n'
    );

    RETURN if(
        p_kind = 'restore',
        concat('UPDATE ', v_marks, '\nSET ', v_name, ' = t.o'),
        concat(
            'SELECT COALESCE(JSON_ARRAYAGG(t.e), JSON_ARRAY()), COUNT(*)\n',
            'INTO @dj_answer, @dj_rows\nFROM ', v_marks, '\nFOR UPDATE OF x'
        )
    );
END$$
DELIMITER ;
