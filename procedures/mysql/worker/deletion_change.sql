-- deletion_change
-- Delete, or set, rows that hang from the present frame: found, locked, counted by job, changed.
--
-- Parameters  p_edge_no   the reference            p_action   cascade, set_null,
--                                                              set_default or scrub
-- Errors      JD006 rows still point where they pointed; JD007 as deletion_give_up; 40001 rows
--             changed in between
-- Writes      the application's table, deletion_receipts, deletion_walk_keys     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_change;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_change(
    IN p_edge_no INT,
    IN p_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Delete, or set, rows that hang from the present frame: found, locked, counted by job, changed'  -- noqa: LT05
changing: BEGIN
    DECLARE v_found, v_rows BIGINT;
    DECLARE v_left BIGINT DEFAULT @dj_left;
    DECLARE v_counted LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    IF p_action = 'set_default' THEN
        CALL deletion_give_up(p_edge_no);

        -- There may be more of them.
        IF @dj_left < v_left THEN
            LEAVE changing;
        END IF;
    END IF;

    SET @dj_frame = @dj_keys, @dj_limit = @dj_left;
    CALL deletion_execute(@dj_plan_id, p_edge_no, 'fetch');
    SET v_found = @dj_rows, @dj_frame = @dj_answer;

    IF v_found > 0 THEN
        CALL deletion_execute(@dj_plan_id, p_edge_no, 'lock');
        SET v_rows = @dj_rows, v_counted = @dj_answer;

        -- A row that is not there any more may have another key now: look before its parent goes.
        IF v_rows < v_found THEN
            SET @dj_is_locked = FALSE;
            SET @dj_locks = replace(@dj_locks, concat(',', @dj_depth, ','), ',');
        END IF;

        SET @dj_frame = v_counted;
        CALL deletion_execute(@dj_plan_id, p_edge_no, if(p_action = 'cascade', 'remove', 'set'));

        IF p_action = 'cascade' AND @dj_rows <> v_rows THEN
            SIGNAL SQLSTATE '40001'
                SET MESSAGE_TEXT = 'rows under lock were not there to be deleted';
        END IF;

        IF p_action <> 'cascade' THEN
            CALL deletion_set_done(p_edge_no, v_counted);
        END IF;

        CALL deletion_count(
            p_edge_no, if(p_action = 'cascade', 'delete', p_action), v_rows, v_counted
        );
        SET @dj_here = @dj_here + v_rows;
    END IF;

    IF v_found < @dj_limit THEN
        SET @dj_pos = p_edge_no, @dj_read = NULL, @dj_is_dirty = TRUE;
    END IF;
END$$
DELIMITER ;
