-- deletion_open_circle
-- Get on where the present frame's rows wait for rows that wait for them.
--
-- Writes      the application's tables, deletion_receipts, deletion_walk_keys     Commits  no
-- Execute     the owner only
--
-- Rows on the stack lose the reference by which they would go before the frame's rows: they stay
-- reachable by the one they were found by. When nothing else goes on any more, rows that cannot be
-- parted go together. Where @dj_changed is as before, it was of no use.

DROP PROCEDURE IF EXISTS deletion_open_circle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_open_circle()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Get on where the present frame''s rows wait for rows that wait for them'
BEGIN
    DECLARE v_edge_no, v_pos INT DEFAULT 0;
    DECLARE v_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_key JSON;
    DECLARE v_changed BIGINT DEFAULT @dj_changed;
    DECLARE v_together BOOLEAN DEFAULT json_contains_path(@dj_state, 'one', '$.together');
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_step CURSOR FOR
        SELECT s.edge_no, s.kind
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = @dj_plan_id
            AND (
                (s.kind = 'break' AND s.parent_node_no = @dj_node_no)
                OR (s.kind = 'break_own' AND s.edge_no = @dj_edge_no AND v_together)
            )
        ORDER BY s.step_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_step;
    FETCH c_step INTO v_edge_no, v_kind;

    WHILE NOT v_is_done AND @dj_left > 0 DO
        SET @dj_frame = @dj_keys, @dj_limit = @dj_left;
        CALL deletion_execute(@dj_plan_id, v_edge_no, v_kind);
        SET @dj_left = @dj_left - @dj_rows, @dj_changed = @dj_changed + @dj_rows;
        SET v_is_done = FALSE;
        FETCH c_step INTO v_edge_no, v_kind;
    END WHILE;

    CLOSE c_step;

    IF @dj_changed = v_changed AND v_together THEN
        SET @dj_gone = json_array();

        WHILE v_pos < json_length(@dj_keys) AND @dj_left > 0 DO
            SET v_key = json_extract(@dj_keys, concat('$[', v_pos, ']')), v_pos = v_pos + 1;

            IF
                NOT json_contains_path(v_key, 'one', '$.m')
                AND NOT json_contains(@dj_gone, json_quote(hex(deletion_key_hash(v_key))))
            THEN
                CALL deletion_remove_circle(v_key);
            END IF;
        END WHILE;

        DELETE FROM deletion_walk_keys WHERE walk_id = @dj_run_id AND job_id > 0;
    END IF;
END$$
DELIMITER ;
