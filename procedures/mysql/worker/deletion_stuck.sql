-- deletion_stuck
-- Raise the error that says why rows of the present frame cannot be removed.
--
-- Errors      JD006 the rows that block, or a table whose rows are found and not changed
--             JD007 rows that wait for each other, since the check saw them
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_stuck;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_stuck()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Raise the error that says why rows of the present frame cannot be removed'
BEGIN
    DECLARE v_edge_no INT;
    DECLARE v_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_table, v_reference VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_unchanged, v_blocking, v_message
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_edge CURSOR FOR
        SELECT s.edge_no, s.action, s.table_name, s.reference_name
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = @dj_plan_id AND s.parent_node_no = @dj_node_no AND s.kind = 'fetch'
        ORDER BY s.edge_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    SET @dj_frame = @dj_keys, @dj_limit = 1000;
    OPEN c_edge;
    FETCH c_edge INTO v_edge_no, v_action, v_table, v_reference;

    WHILE NOT v_is_done DO
        CALL deletion_execute(@dj_plan_id, v_edge_no, 'fetch');

        IF @dj_rows > 0 AND v_action = 'restrict' THEN
            SET v_blocking = concat_ws(', ', v_blocking, concat(
                if(@dj_rows = 1000, 'at least ', ''), @dj_rows,
                if(@dj_rows = 1, ' row of ', ' rows of '), v_table, ' behind ', v_reference
            ));
        ELSEIF @dj_rows > 0 THEN
            SET v_unchanged = v_table;
        END IF;

        SET v_is_done = FALSE;
        FETCH c_edge INTO v_edge_no, v_action, v_table, v_reference;
    END WHILE;

    CLOSE c_edge;
    SET v_message = left(coalesce(v_blocking, concat(
        'rows of ', coalesce(v_unchanged, 'the plan'),
        ' are found and not changed (a trigger keeps them)'
    )), 128);

    IF json_contains_path(@dj_state, 'one', '$.careful') AND v_blocking IS NULL THEN
        SET v_table = (
            SELECT min(s.table_name)
            FROM deletion_plan_steps AS s
            WHERE s.plan_id = @dj_plan_id AND s.node_no = @dj_node_no
        );
        SET v_message = json_remove(json_extract(@dj_keys, '$[0]'), '$.j');
        SET v_message = left(concat(
            'rows of ', v_table, ' go in a circle that nothing opens, one is ', v_message
        ), 128);
        SIGNAL SQLSTATE 'JD007' SET MYSQL_ERRNO = 31007, MESSAGE_TEXT = v_message;
    END IF;

    SIGNAL SQLSTATE 'JD006' SET MYSQL_ERRNO = 31006, MESSAGE_TEXT = v_message;
END$$
DELIMITER ;
