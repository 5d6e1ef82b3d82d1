-- deletion_sql_climb
-- Write a statement that climbs from rows to those they hang from by one reference.
--
-- Parameters  p_plan_id, p_edge_no   the reference
--             p_kind                 climb, or climb_root for a declared reference to the target
-- Returns     text; climb binds rows of the child's table and answers the parents, each with the
--             "j" of its child; climb_root binds the roots and such rows, and answers, for each
--             root that a row hangs from, {"j": job, "h": the row's "j"}
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_climb;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_climb(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write a statement that climbs from rows to those they hang from by one reference'
BEGIN
    DECLARE v_keys, v_parent, v_column JSON;
    DECLARE v_child, v_above, v_on_parent, v_on_frame, v_own LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';  -- noqa: LT05
    DECLARE v_parent_no, v_pos INT DEFAULT 0;

    SELECT
        deletion_key_part(n.frame_columns), p.frame_columns, p.node_no,
        concat(n.sql_name, ' AS c', n.key_index), concat(p.sql_name, ' AS x'),
        e.on_parent, e.on_frame
    INTO v_keys, v_parent, v_parent_no, v_child, v_above, v_on_parent, v_on_frame
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    INNER JOIN deletion_plan_nodes AS p
        ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    IF p_kind = 'climb' THEN
        RETURN concat(
            'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'n\', ', v_parent_no, ', \'j\', t.j, ',
            deletion_sql_list(v_parent, 'found_object', ', '), ')), JSON_ARRAY()), COUNT(*)\n',
            'INTO @dj_answer, @dj_rows\nFROM ',
            deletion_sql_frame(v_keys, 'j BIGINT UNSIGNED PATH \'$.j\', '),
            '\nSTRAIGHT_JOIN ', v_child, ' ON ', deletion_sql_list(v_keys, 'own', ' AND '),
            '\nSTRAIGHT_JOIN ', v_above, ' ON ', v_on_parent
        );
    END IF;

    -- Of a root that is not there a declared reference still tells the key.
    WHILE v_pos < json_length(v_keys) DO
        SET v_column = json_extract(v_keys, concat('$[', v_pos, ']'));
        SET v_own = concat(
            v_own, 'c.', v_column ->> '$.name', ' = ', v_column ->> '$.get[0]', 'h.',
            v_column ->> '$.f', v_column ->> '$.get[1]', ' AND '
        );
        SET v_pos = v_pos + 1;
    END WHILE;

    RETURN concat(
        'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', t.j, \'h\', h.j)), JSON_ARRAY()), ',
        'COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM ',
        deletion_sql_frame(v_parent, 'j BIGINT UNSIGNED PATH \'$.j\', m INT PATH \'$.m\', '),
        '\nSTRAIGHT_JOIN JSON_TABLE(?, \'$[*]\' COLUMNS (j BIGINT UNSIGNED PATH \'$.j\', ',
        deletion_sql_list(v_keys, 'frame', ', '), ')) AS h\nSTRAIGHT_JOIN ', v_child, ' ON ',
        v_own, v_on_frame
    );
END$$
DELIMITER ;
