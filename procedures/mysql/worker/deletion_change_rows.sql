-- deletion_change_rows
-- Delete, or set, rows without a key that hang from the present frame, one of its rows at a time.
--
-- Parameters  p_edge_no   the reference            p_action   cascade, set_null or set_default
-- Writes      the application's table, deletion_receipts     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_change_rows;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_change_rows(
    IN p_edge_no INT,
    IN p_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Delete, or set, rows without a key that hang from the present frame'
BEGIN
    DECLARE v_pos INT DEFAULT 0;
    DECLARE v_key JSON;

    WHILE v_pos < @dj_count AND @dj_left > 0 DO
        SET v_key = json_extract(@dj_keys, concat('$[', v_pos, ']')), v_pos = v_pos + 1;
        SET @dj_frame = v_key, @dj_limit = @dj_left;
        CALL deletion_execute(@dj_plan_id, p_edge_no, 'parent_row');
        CALL deletion_execute(@dj_plan_id, p_edge_no, 'change_rows');
        SET @dj_here = @dj_here + @dj_rows;
        CALL deletion_count(
            p_edge_no, if(p_action = 'cascade', 'delete', p_action), @dj_rows,
            -- So many rows of that job.
            if(@dj_rows = 0, NULL, concat(
                '[', repeat(concat('{"j": ', json_extract(v_key, '$.j'), '},'), @dj_rows - 1),
                '{"j": ', json_extract(v_key, '$.j'), '}]'
            ))
        );
    END WHILE;

    IF @dj_left > 0 THEN
        SET @dj_pos = p_edge_no, @dj_read = NULL, @dj_is_dirty = TRUE;
    END IF;
END$$
DELIMITER ;
