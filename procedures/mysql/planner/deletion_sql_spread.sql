-- deletion_sql_spread
-- Write the statement that reads for soft jobs what hangs from a frame by one reference.
--
-- Parameters  p_plan_id, p_edge_no   the reference
-- Returns     text; binds the row read last ({} at first), the frame, and a limit; answers the
--             child frame in @dj_answer, in order, and its number of keys in @dj_rows
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_spread;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_spread(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that reads for soft jobs what hangs from a frame by one reference'
BEGIN
    DECLARE v_parent, v_child, v_keys, v_pointers JSON;
    DECLARE v_table, v_on_frame LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_same LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';
    DECLARE v_pos INT DEFAULT 0;

    SELECT
        p.frame_columns, n.frame_columns AS child_frame_columns, e.frame_columns AS pointer_columns,
        concat(n.sql_name, ' AS c', deletion_sql_index(e.index_name)), e.on_frame
    INTO v_parent, v_child, v_pointers, v_table, v_on_frame
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p
        ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    SET v_keys = deletion_key_part(v_child);
    SET v_child = json_merge_preserve(v_child, v_pointers);

    -- A row is met once for each job: a page may end between two jobs.
    WHILE v_pos < json_length(v_keys) DO
        SET v_same = concat(
            v_same, 'c.', json_unquote(json_extract(v_keys, concat('$[', v_pos, '].name'))), ' = ',
            json_unquote(json_extract(v_keys, concat('$[', v_pos, '].get[0]'))), 'a.',
            json_unquote(json_extract(v_keys, concat('$[', v_pos, '].f'))),
            json_unquote(json_extract(v_keys, concat('$[', v_pos, '].get[1]'))), ' AND '
        );
        SET v_pos = v_pos + 1;
    END WHILE;

    RETURN concat(
        'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', q.j, ',
        deletion_sql_list(v_child, 'object', ', '), ')), JSON_ARRAY()), COUNT(*)\n',
        'INTO @dj_answer, @dj_rows\nFROM (\n    SELECT t.j, ',
        deletion_sql_list(v_child, 'answer', ', '),
        '\n    FROM JSON_TABLE(?, \'$\' COLUMNS (j BIGINT UNSIGNED PATH \'$.j\', ',
        deletion_sql_list(v_keys, 'frame', ', '), ')) AS a\n    STRAIGHT_JOIN ',
        deletion_sql_frame(v_parent, 'j BIGINT UNSIGNED PATH \'$.j\', m INT PATH \'$.m\', '),
        '\n    STRAIGHT_JOIN ', v_table, ' ON ', v_on_frame,
        '\n    WHERE ', deletion_sql_after(v_keys), ' OR (', v_same, 't.j > a.j)',
        '\n    ORDER BY ', deletion_sql_list(v_keys, 'sort', ', '), ', t.j\n    LIMIT ?\n) AS q'
    );
END$$
DELIMITER ;
