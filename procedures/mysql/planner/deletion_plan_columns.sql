-- deletion_plan_columns
-- Describe the columns that the frames of each of a plan's tables carry.
--
-- Parameters  p_plan_id   the plan
-- Writes      deletion_plan_nodes: frame_columns and what is written from them     Commits  no
-- Execute     the owner only
--
-- Its key, k1 and on; then what references point at and is no part of the key, u1 and on.

DROP PROCEDURE IF EXISTS deletion_plan_columns;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_columns(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Describe the columns that the frames of each of a plan''s tables carry'
BEGIN
    DECLARE v_node_no, v_pos INT;
    DECLARE v_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_column CURSOR FOR
        SELECT n.node_no, k.pos, k.name
        FROM deletion_plan_nodes AS n
        CROSS JOIN json_table(n.key_columns, '$[*]' COLUMNS (  -- noqa: CP02
            pos FOR ORDINALITY, name VARCHAR(64) CHARACTER SET utf8mb4 PATH '$'  -- noqa: PRS
        )) AS k
        WHERE n.plan_id = p_plan_id
        UNION DISTINCT
        SELECT n.node_no, 1000, u.name
        FROM deletion_plan_edges AS e
        STRAIGHT_JOIN deletion_plan_nodes AS n  -- noqa: PRS
            ON n.plan_id = e.plan_id AND n.node_no = e.parent_node_no
        CROSS JOIN json_table(e.parent_columns, '$[*]' COLUMNS (  -- noqa: CP02
            name VARCHAR(64) CHARACTER SET utf8mb4 PATH '$'  -- noqa: PRS
        )) AS u
        WHERE
            e.plan_id = p_plan_id
            AND NOT json_contains(n.key_columns, json_quote(u.name))
        ORDER BY 1, 2, 3;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    UPDATE deletion_plan_nodes AS n
    SET n.frame_columns = json_array()
    WHERE n.plan_id = p_plan_id;

    OPEN c_column;
    FETCH c_column INTO v_node_no, v_pos, v_name;

    WHILE NOT v_is_done DO
        UPDATE deletion_plan_nodes AS n
        SET n.frame_columns = json_array_append(
            n.frame_columns,
            '$',
            coalesce(
                deletion_frame_column(p_plan_id, v_node_no, v_name, if(
                    v_pos < 1000,
                    concat('k', v_pos),
                    concat('u', 1 + json_length(n.frame_columns) - json_length(n.key_columns))
                )),
                -- Of a type that keys cannot have: the reference to it is refused later.
                json_object('column', v_name)
            )
        )
        WHERE n.plan_id = p_plan_id AND n.node_no = v_node_no;
        SET v_is_done = FALSE;
        FETCH c_column INTO v_node_no, v_pos, v_name;
    END WHILE;

    CLOSE c_column;

    -- What many statements begin with is written once.
    UPDATE deletion_plan_nodes AS n
    SET n.key_part = deletion_key_part(n.frame_columns)
    WHERE n.plan_id = p_plan_id;

    UPDATE deletion_plan_nodes AS n
    SET
        n.key_found = deletion_sql_list(n.key_part, 'found', ' AND '),
        n.key_frame = deletion_sql_list(n.key_part, 'frame', ', '),
        n.key_order = deletion_sql_list(n.key_part, 'order', ', '),
        n.key_after = concat(
            deletion_sql_after(n.key_part),
            '\n    ORDER BY ', deletion_sql_list(n.key_part, 'sort', ', ')
        ),
        n.row_frame = deletion_sql_list(n.frame_columns, 'frame', ', ')
    WHERE n.plan_id = p_plan_id;
END$$
DELIMITER ;
