-- deletion_sql_cycle
-- Write a statement that finds rows of a walk which go in a circle by a self-reference.
--
-- Parameters  p_plan_id, p_edge_no   the self-reference
--             p_kind                 cycle, ring or own, see below
-- Returns     text
--             cycle   binds the walk; answers in @dj_rows how many rows are in a circle, or below
--                     one
--             ring    binds the walk twice; stores these rows, each with its parent, in
--                     deletion_walk_links
--             own     binds the walk; answers in @dj_answer each job of rows that refer to
--                     themselves, with their number, and the values by which one is referred to
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- A row has one parent by the reference, so a circle is entered by another reference, or is the
-- root's own: it is climbed to from the rows found otherwise. Each row above them is read once
-- (up), and let go from the topmost down (down): what is left has no end above it.

DROP FUNCTION IF EXISTS deletion_sql_cycle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_cycle(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write a statement that finds rows of a walk which go in a circle by a self-reference'
BEGIN
    DECLARE v_node_no, v_pos INT DEFAULT 0;
    DECLARE v_keys, v_child, v_parent JSON;
    DECLARE v_name, v_key_index, v_up_index, v_discriminator, v_to, v_from
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_names, v_ends, v_values, v_own, v_is_set, v_step, v_above, v_below, v_gone, v_found,
        v_over, v_refers, v_start
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';

    SELECT
        n.node_no, n.sql_name, n.key_index,
        deletion_sql_index(deletion_unique_index(p_plan_id, n.node_no, e.parent_columns)),
        deletion_key_part(n.frame_columns), e.child_columns, e.parent_columns,
        coalesce(concat(' AND x.', e.discriminator), '')
    INTO v_node_no, v_name, v_key_index, v_up_index, v_keys, v_child, v_parent, v_discriminator
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    WHILE v_pos < json_length(v_child) DO
        SET v_to = deletion_quote_name(
            json_unquote(json_extract(v_parent, concat('$[', v_pos, ']')))
        );
        SET v_from = deletion_quote_name(
            json_unquote(json_extract(v_child, concat('$[', v_pos, ']')))
        );
        -- s: what a row is referred to by; a: what it refers to.
        SET v_names = concat(v_names, ', s', v_pos, ', a', v_pos);
        SET v_ends = concat(v_ends, ', s', v_pos);
        SET v_refers = concat(v_refers, ', x.', v_to);
        SET v_values = concat(v_values, ', x.', v_to, ', x.', v_from);
        SET v_own = concat(v_own, if(v_pos = 0, '', ' AND '), 'x.', v_from, ' = x.', v_to);
        SET v_is_set = concat(v_is_set, ' AND x.', v_from, ' IS NOT NULL');
        SET v_step = concat(v_step, ' AND x.', v_to, ' = up.a', v_pos);
        SET v_above = concat(v_above, ' AND p.s', v_pos, ' = u.a', v_pos);
        SET v_below = concat(v_below, ' AND u.a', v_pos, ' = d.s', v_pos);
        SET v_gone = concat(v_gone, ' AND d.s', v_pos, ' = u.s', v_pos);
        SET v_found = concat(v_found, ' AND c.', v_to, ' = u.s', v_pos);
        SET v_over = concat(v_over, ' AND x.', v_to, ' = u.a', v_pos);
        SET v_pos = v_pos + 1;
    END WHILE;

    SET v_start = concat(
        '\n    FROM deletion_walk_keys AS w\n',
        '    STRAIGHT_JOIN JSON_TABLE(w.`keys`, \'$\' COLUMNS (',
        deletion_sql_list(v_keys, 'frame', ', '), ')) AS t\n    STRAIGHT_JOIN ',
        v_name, ' AS x', v_key_index, ' ON ', deletion_sql_list(v_keys, 'found', ' AND '),
        v_is_set, v_discriminator, ' AND ', if(p_kind = 'own', '', 'NOT '), '(', v_own, ')',
        '\n    WHERE w.walk_id = ? AND w.node_no = ', v_node_no,
        ' AND w.fate = \'delete\' AND w.edge_no <> ', p_edge_no
    );

    IF p_kind = 'own' THEN
        RETURN concat(
            'SELECT COALESCE(JSON_ARRAYAGG(\n',
            '        JSON_OBJECT(\'j\', q.j, \'n\', q.n, \'k\', q.k)\n    ), JSON_ARRAY()),',
            ' COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM (\n',
            '    SELECT w.job_id AS j, COUNT(*) AS n,\n        MIN(CAST(JSON_ARRAY(',
            substr(v_refers, 3), ') AS CHAR)) AS k', v_start,
            '\n    GROUP BY w.job_id\n) AS q'
        );
    END IF;

    SET v_start = concat(
        'WITH RECURSIVE up (j', v_names, ') AS (\n    SELECT w.job_id', v_values, v_start,
        '\n    UNION DISTINCT\n    SELECT up.j', v_values,
        '\n    FROM up\n    STRAIGHT_JOIN ', v_name, ' AS x', v_up_index,
        ' ON TRUE', v_step, v_is_set, v_discriminator, ' AND NOT (', v_own, ')\n),\n\n',
        'down (j', v_ends, ') AS (\n    SELECT u.j', replace(v_ends, ', s', ', u.s'),
        '\n    FROM up AS u\n    WHERE NOT EXISTS (SELECT 1 FROM up AS p WHERE p.j = u.j', v_above,
        ')\n    UNION ALL\n    SELECT u.j', replace(v_ends, ', s', ', u.s'),
        '\n    FROM down AS d\n    STRAIGHT_JOIN up AS u ON u.j = d.j', v_below, '\n)\n\n'
    );
    SET v_gone = concat(
        '\nWHERE NOT EXISTS (SELECT 1 FROM down AS d WHERE d.j = u.j', v_gone, ')'
    );

    RETURN if(
        p_kind = 'cycle',
        concat(
            v_start, 'SELECT NULL, COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM up AS u', v_gone
        ),
        concat(
            'INSERT IGNORE INTO deletion_walk_links (\n    walk_id, job_id, parent_node_no,',
            ' parent_hash, child_node_no, child_hash, edge_no\n)\n', v_start,
            'SELECT ?, u.j, ', v_node_no, ', deletion_key_hash(JSON_OBJECT(',
            deletion_sql_list(v_keys, 'found_object', ', '), ')),\n    ', v_node_no,
            ', deletion_key_hash(JSON_OBJECT(', deletion_sql_list(v_keys, 'own_object', ', '),
            ')), ', p_edge_no, '\nFROM up AS u\nSTRAIGHT_JOIN ', v_name, ' AS c', v_up_index,
            ' ON TRUE', v_found, '\nSTRAIGHT_JOIN ', v_name, ' AS x', v_up_index, ' ON TRUE',
            v_over, v_gone
        )
    );
END$$
DELIMITER ;
