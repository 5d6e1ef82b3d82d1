-- deletion_sql_drain
-- Write the statement that deletes child rows of a frame that have no children of their own.
--
-- Parameters  p_plan_id, p_edge_no   the reference
-- Returns     text; binds the frame and a limit
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- A DELETE of several tables takes no LIMIT, and one of a single table reads no frame by index: so
-- the rows are chosen, up to the limit, in a derived table, and found again by their key.

DROP FUNCTION IF EXISTS deletion_sql_drain;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_drain(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that deletes child rows of a frame that have no children of their own'
BEGIN
    DECLARE v_keys, v_pointers JSON;
    DECLARE v_parent, v_table, v_own_table, v_on_frame
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT
        p.row_frame, n.key_part, e.frame_columns,
        concat(n.sql_name, ' AS c', e.index_hint),
        concat(n.sql_name, ' AS c', n.key_index), e.on_frame
    INTO v_parent, v_keys, v_pointers, v_table, v_own_table, v_on_frame
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p
        ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    SET v_keys = json_merge_preserve(v_keys, v_pointers);

    RETURN concat(
        'DELETE c\nFROM (\n    SELECT ', deletion_sql_list(v_keys, 'raw', ', '),
        '\n    FROM ', 'JSON_TABLE(?, \'$[*]\' COLUMNS (m INT PATH \'$.m\', ', v_parent, ')) AS t',
        '\n    STRAIGHT_JOIN ', v_table, ' ON ', v_on_frame,
        '\n    LIMIT ?\n) AS q\nSTRAIGHT_JOIN ', v_own_table, ' ON ',
        deletion_sql_list(v_keys, 'back', ' AND '),
        coalesce((
            SELECT concat(' AND c.', e.discriminator)
            FROM deletion_plan_edges AS e
            WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no
        ), '')
    );
END$$
DELIMITER ;
