-- deletion_sql_cycle
-- Write the statement that finds rows of a walk that go in a circle by a self-reference.
--
-- Parameters  p_plan_id, p_edge_no   the self-reference
-- Returns     text; binds the walk; answers in @dj_answer each job of such rows, with the number of
--             rows in its largest circle, and the values by which a row of one is referred to
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- A row has one parent by the reference, so a circle is entered by another reference, or is the
-- root's own: climbing from the rows found otherwise, one that meets itself again is in a circle.
-- A row that refers to itself is one where the engine refuses to delete it and no NULL parts it
-- from itself; where the reference is set in other rows before, or is one of several by which rows
-- go in a circle, only such rows are looked for.

DROP FUNCTION IF EXISTS deletion_sql_cycle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_cycle(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that finds rows of a walk that go in a circle by a self-reference'
BEGIN
    DECLARE v_node_no, v_pos INT DEFAULT 0;
    DECLARE v_keys, v_child, v_parent JSON;
    DECLARE v_is_refused, v_is_own BOOLEAN;
    DECLARE v_table, v_above, v_discriminator, v_name, v_other
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_start, v_starts, v_next, v_names, v_step, v_met, v_is_set, v_own
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';

    SELECT
        n.node_no, concat(n.sql_name, ' AS x', n.key_index),
        concat(n.sql_name, ' AS x', deletion_sql_index(
            deletion_unique_index(p_plan_id, n.node_no, e.parent_columns)
        )),
        deletion_key_part(n.frame_columns), e.child_columns, e.parent_columns,
        coalesce(concat(' AND x.', e.discriminator), ''),
        e.is_refused AND e.break_list IS NULL,
        e.is_circular OR e.action NOT IN ('cascade', 'restrict')
    INTO
        v_node_no, v_table, v_above, v_keys, v_child, v_parent, v_discriminator, v_is_refused,
        v_is_own
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    WHILE v_pos < json_length(v_child) DO
        SET v_name = deletion_quote_name(
            json_unquote(json_extract(v_parent, concat('$[', v_pos, ']')))
        );
        SET v_other = deletion_quote_name(
            json_unquote(json_extract(v_child, concat('$[', v_pos, ']')))
        );
        SET v_names = concat(v_names, ', s', v_pos, ', a', v_pos);
        SET v_starts = concat(v_starts, if(v_pos = 0, '', ', '), 'up.s', v_pos);
        SET v_start = concat(v_start, ', x.', v_name, ', x.', v_other);
        SET v_own = concat(v_own, if(v_pos = 0, '', ' AND '), 'x.', v_other, ' = x.', v_name);
        SET v_next = concat(v_next, ', up.s', v_pos);
        SET v_step = concat(v_step, ' AND x.', v_name, ' = up.a', v_pos);
        SET v_met = concat(v_met, if(v_pos = 0, '', ' AND '), 'up.a', v_pos, ' = up.s', v_pos);
        SET v_next = concat(v_next, ', x.', v_other);
        SET v_is_set = concat(v_is_set, ' AND x.', v_other, ' IS NOT NULL');
        SET v_pos = v_pos + 1;
    END WHILE;

    RETURN concat(
        'WITH RECURSIVE up (j', v_names, ') AS (\n    SELECT w.job_id', v_start,
        '\n    FROM deletion_walk_keys AS w\n',
        '    STRAIGHT_JOIN JSON_TABLE(w.`keys`, \'$\' COLUMNS (',
        deletion_sql_list(v_keys, 'frame', ', '), ')) AS t\n    STRAIGHT_JOIN ', v_table, ' ON ',
        deletion_sql_list(v_keys, 'found', ' AND '), v_is_set, v_discriminator,
        CASE
            WHEN v_is_own THEN concat(' AND ', v_own)
            WHEN v_is_refused THEN ''
            ELSE concat(' AND NOT (', v_own, ')')
        END,
        '\n    WHERE w.walk_id = ? AND w.node_no = ', v_node_no,
        ' AND w.fate = \'delete\' AND w.edge_no <> ', p_edge_no,
        '\n    UNION DISTINCT\n    SELECT up.j', v_next,
        '\n    FROM up\n    STRAIGHT_JOIN ', v_above,
        ' ON TRUE', v_step, v_is_set, v_discriminator, '\n    WHERE NOT (', v_met, ')\n)\n\n',
        'SELECT COALESCE(JSON_ARRAYAGG(\n',
        '        JSON_OBJECT(\'j\', q.j, \'n\', q.n, \'k\', q.k)\n    ), JSON_ARRAY()), COUNT(*)\n',
        'INTO @dj_answer, @dj_rows\nFROM (\n    SELECT g.j, MAX(g.n) AS n, MIN(g.k) AS k\n',
        '    FROM (\n        SELECT up.j, COUNT(*) AS n, MAX(', v_met, ') AS is_met,\n',
        '            CAST(JSON_ARRAY(', v_starts, ') AS CHAR) AS k\n        FROM up\n',
        '        GROUP BY up.j, ', v_starts,
        '\n    ) AS g\n    WHERE g.is_met\n    GROUP BY g.j\n) AS q'
    );
END$$
DELIMITER ;
