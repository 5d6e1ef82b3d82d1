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
    DECLARE v_keys LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT @dj_keys;
    DECLARE v_count INT DEFAULT @dj_count;
    DECLARE v_is_changed BOOLEAN;

    IF @dj_may_sweep AND NOT @dj_waits AND EXISTS (
        SELECT 1
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = @dj_plan_id AND s.edge_no = @dj_edge_no AND s.kind = 'remove_now'
    ) THEN
        CALL deletion_hold_frame('lock', @dj_edge_no, v_keys, v_count, v_is_changed);

        IF v_is_changed THEN
            -- Of rows that left meanwhile one may be back, and is not locked.
            SET @dj_keys = v_keys, @dj_count = v_count;
        ELSE
            SET @dj_is_locked = TRUE, @dj_locks = concat(@dj_locks, @dj_depth, ',');
        END IF;
    END IF;
END$$
DELIMITER ;
