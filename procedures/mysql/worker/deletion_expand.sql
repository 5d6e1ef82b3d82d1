-- deletion_expand
-- Take what hangs from the present, narrow frame, by the same self-reference, into it.
--
-- Writes      nothing; locks the frame's rows      Commits  no
-- Execute     the owner only
--
-- Its rows go level by level, since one statement would meet parents before their children. Many
-- rows a frame: each frame is held, and looked at, in statements of its own.

DROP PROCEDURE IF EXISTS deletion_expand;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_expand()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Take what hangs from the present, narrow frame, by the same self-reference, into it'
BEGIN
    DECLARE v_keys LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_count INT;
    DECLARE v_is_changed BOOLEAN;

    IF EXISTS (
        SELECT 1
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = @dj_plan_id AND s.edge_no = @dj_edge_no AND s.kind = 'expand'
    ) THEN
        SET @dj_frame = @dj_keys, @dj_limit = least(
            if(json_contains_path(@dj_state, 'one', '$.is_fed'), 50, 2000), @dj_left
        );
        CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'expand');
        SET v_keys = @dj_answer, v_count = @dj_rows;

        IF v_count > @dj_count THEN
            CALL deletion_hold_frame('hold', @dj_edge_no, v_keys, v_count, v_is_changed);

            -- What hangs from a row that moved is among them: they are fetched level by level.
            IF NOT v_is_changed THEN
                SET @dj_keys = v_keys, @dj_count = v_count, @dj_is_deep = TRUE;
            END IF;
        END IF;
    END IF;
END$$
DELIMITER ;
