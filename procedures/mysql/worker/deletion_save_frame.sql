-- deletion_save_frame
-- Store the walk's present frame.
--
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_save_frame;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_save_frame()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Store the walk''s present frame'
BEGIN
    IF @dj_depth IS NOT NULL AND @dj_is_dirty THEN
        REPLACE INTO deletion_frames (
            run_id, depth, node_no, edge_no, `keys`, key_count, edge_pos, fetch_cursor,
            rows_at_pass, idle_passes, rows_here, updated_at
        )
        VALUES (
            @dj_run_id, @dj_depth, @dj_node_no, @dj_edge_no, @dj_keys, @dj_count, @dj_pos, @dj_read,
            @dj_pass, @dj_idle, @dj_here, utc_timestamp(6)
        );
        SET @dj_is_dirty = FALSE;
    END IF;
END$$
DELIMITER ;
