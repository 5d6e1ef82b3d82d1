-- deletion_remove_levels
-- Remove all rows of a frame of several levels: lock them, look, delete the deepest level first.
--
-- Errors      40001 rows changed in between
-- Writes      the application's table, deletion_receipts     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_remove_levels;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_remove_levels()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Remove all rows of a frame of several levels: lock them, look, delete the deepest level first'  -- noqa: LT05
BEGIN
    DECLARE v_found, v_rows BIGINT DEFAULT 0;
    DECLARE v_level INT DEFAULT (
        SELECT max(k.l)
        FROM json_table(@dj_keys, '$[*]' COLUMNS (l INT PATH '$.l')) AS k  -- noqa: CP02
    );

    SET @dj_frame = @dj_keys;
    CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'lock');
    SET v_found = @dj_rows;
    CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'look_levels');

    IF @dj_rows > 0 THEN
        CALL deletion_left_over();
    ELSE
        CALL deletion_part();

        WHILE v_level >= 0 DO
            SET @dj_level = v_level, v_level = v_level - 1;
            CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'remove_level');
            SET v_rows = v_rows + @dj_rows;
        END WHILE;

        IF v_rows <> v_found THEN
            SIGNAL SQLSTATE '40001'
                SET MESSAGE_TEXT = 'rows under lock were not there to be deleted';
        END IF;

        CALL deletion_count(@dj_edge_no, 'delete', v_rows, @dj_keys);
        SET @dj_here = @dj_here + v_rows;
        CALL deletion_pop();
    END IF;
END$$
DELIMITER ;
