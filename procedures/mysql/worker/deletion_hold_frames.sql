-- deletion_hold_frames
-- Hold the rows of the run's stored frames where they were found, until the step commits.
--
-- Writes      deletion_frames; locks the frames' rows     Commits  no
-- Execute     the owner only
--
-- Between two transactions rows may move to another parent, and all below them along: that stays.
-- While the step works they cannot. Others may still add children to them; they go as well.

DROP PROCEDURE IF EXISTS deletion_hold_frames;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_hold_frames()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Hold the rows of the run''s stored frames where they were found, until the step commits'
BEGIN
    DECLARE v_depth, v_edge_no, v_count INT;
    DECLARE v_keys LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_changed, v_is_deep BOOLEAN;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_frame CURSOR FOR
        SELECT
            f.depth, f.edge_no, f.`keys`, f.key_count, json_contains_path(f.`keys`, 'one', '$[0].l')
        FROM deletion_frames AS f
        WHERE f.run_id = @dj_run_id AND f.key_count > 0
        ORDER BY f.depth;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_frame;
    FETCH c_frame INTO v_depth, v_edge_no, v_keys, v_count, v_is_deep;

    WHILE NOT v_is_done DO
        CALL deletion_hold_frame('hold', v_edge_no, v_keys, v_count, v_is_changed);
        SET v_is_done = v_is_changed;

        IF v_is_changed AND v_is_deep THEN
            -- What hangs from the rows that moved is in the same frame: all of it is found again.
            UPDATE deletion_frames AS f
            SET f.edge_pos = 0, f.fetch_cursor = NULL
            WHERE f.run_id = @dj_run_id AND f.depth = v_depth - 1;
            DELETE FROM deletion_frames WHERE run_id = @dj_run_id AND depth >= v_depth;
        ELSEIF v_is_changed THEN
            -- What lies above hung from these rows; it is found again where it still does.
            UPDATE deletion_frames AS f
            SET f.`keys` = v_keys, f.key_count = v_count, f.edge_pos = 0, f.fetch_cursor = NULL
            WHERE f.run_id = @dj_run_id AND f.depth = v_depth;
            DELETE FROM deletion_frames WHERE run_id = @dj_run_id AND depth > v_depth;
        ELSE
            FETCH c_frame INTO v_depth, v_edge_no, v_keys, v_count, v_is_deep;
        END IF;
    END WHILE;

    CLOSE c_frame;
END$$
DELIMITER ;
