-- deletion_sql_levels
-- Write a statement for a frame that holds several levels of rows that refer to each other.
--
-- Parameters  p_plan_id, p_edge_no   the self-reference
--             p_kind                 see below
-- Returns     text; answers in @dj_answer and @dj_rows as other statements do
--             expand         binds a frame of one level and a limit; it, with what hangs from it
--             fetch_levels   binds the frame twice and a limit; its children that it does not hold
--             look_levels    binds the frame twice; how many of its rows have children outside
--             look_level     binds a frame of one level; how many have children in other tables
--             remove_level   binds a frame of one level; deletes its rows
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_levels;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_levels(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write a statement for a frame that holds several levels of rows that refer to each other'
BEGIN
    DECLARE v_columns, v_keys, v_parent JSON;
    DECLARE v_job VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT 'j BIGINT UNSIGNED PATH \'$.j\', ';
    DECLARE v_node_no INT;
    DECLARE v_child, v_row, v_on_frame, v_found, v_beyond, v_below, v_first, v_hangs
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT
        n.node_no, n.frame_columns, json_merge_preserve(n.frame_columns, e.frame_columns),
        deletion_key_part(n.frame_columns),
        concat(n.sql_name, ' AS c', e.index_hint),
        concat(n.sql_name, ' AS x', n.key_index), e.on_frame,
        concat(
            deletion_sql_list(deletion_key_part(n.frame_columns), 'found', ' AND '),
            ' AND ', e.found_by
        )
    INTO v_node_no, v_parent, v_columns, v_keys, v_child, v_row, v_on_frame, v_found
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    -- A list that is made once: the engine would read the frame anew for each of its own rows.
    SET v_beyond = concat(
        ' AND (', deletion_sql_list(v_keys, 'column', ', '), ') NOT IN (',
        'SELECT /*+ SUBQUERY(MATERIALIZATION) */ ', deletion_sql_list(v_keys, 'given', ', '),
        ' FROM ', deletion_sql_frame(v_keys, ''), ')'
    );

    SET v_hangs = (
        SELECT group_concat('a.p', p.pos, ' = b.', f.f ORDER BY p.pos SEPARATOR ' AND ')
        FROM deletion_plan_edges AS e
        CROSS JOIN json_table(e.parent_columns, '$[*]' COLUMNS (  -- noqa: CP02
            pos FOR ORDINALITY,  -- noqa: PRS
            name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
        )) AS p
        INNER JOIN json_table(v_parent, '$[*]' COLUMNS (  -- noqa: CP02
            f VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.f',  -- noqa: PRS
            name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.column'
        )) AS f ON f.name = p.name
        WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no
    );

    IF p_kind = 'expand' THEN
        SET v_first = replace(deletion_sql_list(v_columns, 'order', ', '), 'q.', 't.');
        RETURN concat(
            'WITH RECURSIVE d (j, l, m, ',
            replace(deletion_sql_list(v_columns, 'order', ', '), 'q.', ''), ') AS (\n',
            '    SELECT t.j, 0, CAST(NULL AS SIGNED), ', v_first,
            '\n    FROM ', deletion_sql_frame(v_columns, v_job),
            '\n    UNION ALL\n    SELECT t.j, t.l + 1, t.m, ',
            deletion_sql_list(v_columns, 'answer', ', '),
            '\n    FROM d AS t\n    STRAIGHT_JOIN ', v_child, ' ON ', v_on_frame,
            '\n    LIMIT ?\n)\n',
            'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', q.j, \'l\', q.l, ',
            deletion_sql_list(v_columns, 'object', ', '), ')), JSON_ARRAY()),\n',
            '    IF(EXISTS (SELECT 1 FROM d AS a STRAIGHT_JOIN d AS b ON ', v_hangs,
            ' WHERE a.l = 0), 0, COUNT(*))\n',
            'INTO @dj_answer, @dj_rows\n',
            -- A row of the first level may hang from another one of the frame: it would go late.
            'FROM (\n    SELECT t.*, ROW_NUMBER() OVER (PARTITION BY t.j, ',
            replace(deletion_sql_list(v_keys, 'order', ', '), 'q.', 't.'),
            ' ORDER BY t.l) AS place\n    FROM d AS t\n) AS q\nWHERE q.place = 1'
        );
    ELSEIF p_kind = 'fetch_levels' THEN
        RETURN concat(
            'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', q.j, ',
            deletion_sql_list(v_columns, 'object', ', '), ')), JSON_ARRAY()), COUNT(*)\n',
            'INTO @dj_answer, @dj_rows\nFROM (\n    SELECT t.j, ',
            deletion_sql_list(v_columns, 'answer', ', '),
            '\n    FROM ', deletion_sql_frame(v_parent, concat(v_job, 'm INT PATH \'$.m\', ')),
            '\n    STRAIGHT_JOIN ', v_child, ' ON ', v_on_frame, v_beyond, '\n    LIMIT ?\n) AS q'
        );
    ELSEIF p_kind IN ('look_levels', 'look_level') THEN
        SELECT group_concat(
            'EXISTS (SELECT 1 FROM ', n.sql_name, ' AS c',
            e.index_hint, ' WHERE ', e.on_parent,
            if(e.edge_no = p_edge_no, v_beyond, ''), ')'
            ORDER BY e.edge_no SEPARATOR '\n    OR '
        )
        INTO v_below
        FROM deletion_plan_edges AS e FORCE INDEX (uq_dpe_reference)
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
        WHERE
            e.plan_id = p_plan_id AND e.parent_node_no = v_node_no AND e.action <> 'keep'
            -- No trigger may change the table whose rows are being deleted.
            AND (p_kind = 'look_levels' OR e.child_node_no <> v_node_no);
        RETURN concat(
            'SELECT NULL, COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM ',
            deletion_sql_frame(v_columns, ''), '\nSTRAIGHT_JOIN ', v_row, ' ON ', v_found,
            '\nWHERE ', v_below
        );
    END IF;

    RETURN concat(
        'DELETE x\nFROM ', deletion_sql_frame(v_columns, ''),
        '\nSTRAIGHT_JOIN ', v_row, ' ON ', v_found
    );
END$$
DELIMITER ;
