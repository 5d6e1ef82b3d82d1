-- deletion_lock_frame
-- Lock the present frame's rows before their children are emptied, where the plan can use that.
--
-- Writes      nothing; locks the frame's rows      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_lock_frame;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_lock_frame()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Lock the present frame''s rows before their children are emptied'
BEGIN
    IF EXISTS (
        SELECT 1
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = @dj_plan_id AND s.edge_no = @dj_edge_no AND s.kind = 'remove_now'
    ) THEN
        SET @dj_frame = @dj_keys;
        CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'lock');
        SET @dj_is_locked = TRUE;

        -- Rows may have moved, and what children point at may have changed, while the lock was
        -- waited for.
        IF @dj_rows < @dj_count OR json_contains_path(@dj_keys, 'one', '$[*].u1') THEN
            CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'left');
            SET @dj_keys = @dj_answer, @dj_count = @dj_rows;
        END IF;
    END IF;
END$$
DELIMITER ;
