-- deletion_sql_fetch
-- Write the statement that finds the child rows of a frame by one reference.
--
-- Parameters  p_plan_id, p_edge_no   the reference
--             p_more   TRUE: in order of the child's key, and from after the row that was read last
-- Returns     text; binds (for more: the row read last, {} at first), the frame, and a limit;
--             answers the child frame in @dj_answer and its number of keys in @dj_rows
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_fetch;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_fetch(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_more BOOLEAN
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that finds the child rows of a frame by one reference'
BEGIN
    DECLARE v_child, v_keys, v_pointers JSON;
    DECLARE v_parent, v_key_frame, v_table, v_on_frame
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT
        p.row_frame, n.key_frame, n.key_part, n.frame_columns, e.frame_columns AS pointer_columns,
        concat(n.sql_name, ' AS c', deletion_sql_index(e.index_name)), e.on_frame
    INTO v_parent, v_key_frame, v_keys, v_child, v_pointers, v_table, v_on_frame
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p
        ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    SET v_child = json_merge_preserve(v_child, v_pointers);

    RETURN concat(
        'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', q.j, ',
        deletion_sql_list(v_child, 'object', ', '), ')), JSON_ARRAY()), COUNT(*)\n',
        'INTO @dj_answer, @dj_rows\nFROM (\n    ',
        -- The chosen rows are put in order of their key, in which they will be locked.
        if(p_more, '', concat('SELECT q.* FROM (\n    ')),
        'SELECT t.j, ', deletion_sql_list(v_child, 'answer', ', '),
        '\n    FROM ',
        if(p_more, concat(
            'JSON_TABLE(?, \'$\' COLUMNS (', v_key_frame,
            ')) AS a\n    STRAIGHT_JOIN '
        ), ''),
        'JSON_TABLE(?, \'$[*]\' COLUMNS (j BIGINT UNSIGNED PATH \'$.j\', m INT PATH \'$.m\', ',
        v_parent, ')) AS t\n    STRAIGHT_JOIN ', v_table, ' ON ', v_on_frame,
        if(p_more, concat(
            '\n    WHERE ', deletion_sql_after(v_keys),
            '\n    ORDER BY ', deletion_sql_list(v_keys, 'sort', ', ')
        ), ''),
        '\n    LIMIT ?',
        if(p_more, '', concat(
            '\n    ) AS q ORDER BY ', deletion_sql_list(v_keys, 'order', ', '),
            ' LIMIT 18446744073709551615'
        )),
        '\n) AS q'
    );
END$$
DELIMITER ;
