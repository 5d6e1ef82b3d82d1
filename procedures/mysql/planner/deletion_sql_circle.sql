-- deletion_sql_circle
-- Write a statement that a walk needs where rows refer to each other in a circle.
--
-- Parameters  p_plan_id, p_edge_no   the reference; 0: the target's own rows
--             p_kind                 see below
-- Returns     text
--             fetch_beyond   as fetch_more, without rows that are on the stack: binds the row read
--                            last, the frame, the walk of the stack, and a limit
--             break          binds the frame, twice the walk, and a limit: children of the frame
--                            that the check let go of lose the reference; in tables where it let go
--                            of none, those that are on the stack for the same job. Both would keep
--                            a different one, and together none. break_look, without the limit,
--                            counts them
--             give_up        binds the frame, rows of the child's table that the walk came by, and
--                            a limit: those that are children of the frame lose the reference, and
--                            go without their default; give_look, without the limit, counts them
--             own_break      binds the frame and a limit: the frame's own rows lose references that
--                            would keep their parents; own_look, without the limit, counts them
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_circle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_circle(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write a statement that a walk needs where rows refer to each other in a circle'
BEGIN
    DECLARE v_node_no INT DEFAULT 0;
    DECLARE v_keys, v_parent, v_pointers JSON;
    DECLARE v_table, v_child, v_own, v_on_frame, v_found, v_set, v_discriminator, v_stack, v_kept,
        v_rows LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT e.child_node_no
    INTO v_node_no
    FROM deletion_plan_edges AS e
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    SELECT
        n.key_part, concat(n.sql_name, ' AS x', n.key_index),
        concat(n.sql_name, ' AS c', n.key_index)
    INTO v_keys, v_table, v_own
    FROM deletion_plan_nodes AS n
    WHERE n.plan_id = p_plan_id AND n.node_no = v_node_no;

    -- Every key that such a walk has on its stack is among its scratch rows.
    SET v_stack = concat(
        'EXISTS (SELECT 1 FROM deletion_walk_keys AS w WHERE w.walk_id = ? AND w.job_id = 0',
        ' AND w.node_no = ', v_node_no, ' AND w.fate = \'stack\'',
        ' AND w.key_hash = deletion_key_hash(JSON_OBJECT(',
        deletion_sql_list(v_keys, 'own_object', ', '), '))'
    );

    -- Of most references this is all that is asked for.
    IF p_kind = 'fetch_beyond' THEN
        RETURN deletion_sql_fetch(p_plan_id, p_edge_no, TRUE, concat('NOT ', v_stack, ')'));
    END IF;

    SELECT
        p.frame_columns, e.frame_columns AS pointer_columns, e.on_frame,
        e.found_by, e.break_list, concat(n.sql_name, ' AS c', deletion_sql_index(e.index_name)),
        coalesce(concat(' AND c.', e.discriminator), '')
    INTO v_parent, v_pointers, v_on_frame, v_found, v_set, v_child, v_discriminator
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    IF p_kind IN ('break', 'break_look', 'give_up', 'give_look') THEN
        SET v_pointers = json_merge_preserve(v_keys, v_pointers);
        SET v_rows = concat(
            '(\n    SELECT ', deletion_sql_list(v_pointers, 'raw', ', '),
            '\n    FROM ', deletion_sql_frame(
                v_parent, 'j BIGINT UNSIGNED PATH \'$.j\', m INT PATH \'$.m\', '
            ),
            '\n    STRAIGHT_JOIN ', v_child, ' ON ', v_on_frame,
            '\n    WHERE ',
            if(p_kind LIKE 'give%', concat(
                'EXISTS (SELECT 1 FROM ', deletion_sql_frame(v_keys, ''), ' WHERE ',
                deletion_sql_list(v_keys, 'own', ' AND '), ')'
            ), concat(
                -- Another job may be stopped before its row goes.
                v_stack, ' AND w.edge_no <> ', p_edge_no,
                ' AND CAST(w.`keys` AS UNSIGNED) = t.j',
                ' AND NOT EXISTS (SELECT 1 FROM deletion_walk_links AS l',
                ' WHERE l.walk_id = w.walk_id AND l.job_id = t.j AND l.child_node_no = w.node_no',
                ' AND l.is_let_go))',
                '\n    OR EXISTS (SELECT 1 FROM deletion_walk_links AS l WHERE l.walk_id = ?',
                ' AND l.job_id = t.j AND l.child_node_no = ', v_node_no, ' AND l.child_hash =',
                ' deletion_key_hash(JSON_OBJECT(', deletion_sql_list(v_keys, 'own_object', ', '),
                '))', ' AND l.edge_no = ', p_edge_no, ' AND l.is_let_go)'
            ))
        );
    END IF;

    IF p_kind LIKE 'own%' THEN
        SELECT
            group_concat(DISTINCT e.break_list SEPARATOR ', '),
            group_concat('(', (
                SELECT group_concat(
                    'x.', deletion_quote_name(k.name), ' IS NOT NULL' SEPARATOR ' AND '
                )
                FROM json_table(e.child_columns, '$[*]' COLUMNS (  -- noqa: CP02
                    name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'  -- noqa: PRS,LT05
                )) AS k
            ), ')' SEPARATOR ' OR ')
        INTO v_set, v_kept
        FROM deletion_plan_edges AS e FORCE INDEX (idx_dpe_child)
        WHERE
            e.plan_id = p_plan_id
            AND e.child_node_no = v_node_no
            AND e.action = 'restrict'
            AND e.break_list IS NOT NULL;
        SET v_pointers = json_merge_preserve(v_keys, coalesce(v_pointers, json_array()));
        SET v_rows = concat(
            '(\n    SELECT ', deletion_sql_list(v_pointers, 'found_raw', ', '),
            '\n    FROM ', deletion_sql_frame(v_pointers, 'm INT PATH \'$.m\', '),
            '\n    STRAIGHT_JOIN ', v_table, ' ON ', deletion_sql_list(v_keys, 'found', ' AND '),
            coalesce(concat(' AND ', v_found), ' AND t.m IS NULL'), '\n    WHERE ', v_kept
        );
    END IF;

    -- The number that UPDATE gives depends on the client: they are counted before and after.
    IF p_kind LIKE '%look' THEN
        RETURN concat(
            'SELECT NULL, COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM ', v_rows, '\n) AS q'
        );
    END IF;

    RETURN concat(
        'UPDATE ', v_rows, '\n    LIMIT ?\n) AS q\nSTRAIGHT_JOIN ', v_own, ' ON ',
        deletion_sql_list(v_pointers, 'back', ' AND '), coalesce(v_discriminator, ''), '\nSET ',
        v_set
    );
END$$
DELIMITER ;
