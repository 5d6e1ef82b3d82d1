-- deletion_sql_keyless
-- Write a statement on child rows that have no key by which each could be told from the others.
--
-- Parameters  p_plan_id, p_edge_no   the reference
--             p_kind                 see below
-- Returns     text
--             fetch         binds the frame and a limit
--             fetch_more    binds a row that is not read, the frame and a limit; says that it
--                           answers less than the limit: there is no place to go on from
--             parent_row    binds one row of the frame; its values come into @dj_k1 and so on
--             change_rows   binds a limit; deletes, or sets, rows that hang from that row
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_keyless;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_keyless(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write a statement on child rows that have no key by which each could be told from the others'  -- noqa: LT05
BEGIN
    DECLARE v_parent JSON;
    DECLARE v_table, v_on_frame, v_on_row, v_set, v_names, v_into, v_plain
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT
        p.frame_columns, concat(n.sql_name, ' AS c', deletion_sql_index(e.index_name)),
        e.on_frame, e.set_list, concat(n.sql_name, ' AS c')
    INTO v_parent, v_table, v_on_frame, v_set, v_plain
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    IF p_kind IN ('fetch', 'fetch_more') THEN
        RETURN concat(
            'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', q.j, \'k1\', q.k1)), ',
            'JSON_ARRAY()),\n    LEAST(COUNT(*), 9999)\nINTO @dj_answer, @dj_rows\nFROM (\n',
            '    SELECT t.j, CONCAT(',
            p_edge_no, ', \':\', ROW_NUMBER() OVER (), \':\', UUID()) AS k1\n    FROM ',
            if(p_kind = 'fetch', '', 'JSON_TABLE(?, \'$\' COLUMNS (k INT PATH \'$.k\')) AS a\n    STRAIGHT_JOIN '),  -- noqa: LT05
            deletion_sql_frame(v_parent, 'j BIGINT UNSIGNED PATH \'$.j\', m INT PATH \'$.m\', '),
            '\n    STRAIGHT_JOIN ', v_table, ' ON ', v_on_frame, '\n    LIMIT ?\n) AS q'
        );
    END IF;

    IF p_kind = 'parent_row' THEN
        SET v_names = replace(deletion_sql_list(v_parent, 'order', ', '), 'q.', 't.');
        SET v_into = replace(deletion_sql_list(v_parent, 'order', ', '), 'q.', '@dj_');
        RETURN concat(
            'SELECT t.m, ', v_names, '\nINTO @dj_m, ', v_into,
            '\nFROM JSON_TABLE(?, \'$\' COLUMNS (',
            'm INT PATH \'$.m\', ', deletion_sql_list(v_parent, 'frame', ', '), ')) AS t'
        );
    END IF;

    -- A DELETE with a limit is of one table alone, and takes no hint: the parent's values stand in
    -- variables.
    SET v_on_row = regexp_replace(v_on_frame, '\\bt[.]([kum][0-9]*)\\b', '@dj_$1');
    RETURN concat(
        if(v_set IS NULL, 'DELETE FROM ', 'UPDATE '), v_plain,
        coalesce(concat('\nSET ', replace(v_set, 'x.`', 'c.`')), ''),
        '\nWHERE ', v_on_row, '\nLIMIT ?'
    );
END$$
DELIMITER ;
