-- deletion_pop
-- Drop the walk's present frame and go on with the one below it.
--
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_pop;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_pop()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Drop the walk''s present frame and go on with the one below it'
BEGIN
    DECLARE v_node_no INT DEFAULT @dj_node_no;
    DECLARE v_here BIGINT DEFAULT @dj_here;

    -- Other jobs' rows have not had their turn: what is set last in theirs is not set yet.
    IF @dj_edge_no = 0 THEN
        SET @dj_state = json_remove(@dj_state, '$.last');
    END IF;

    CALL deletion_note_frame(@dj_node_no, @dj_edge_no, @dj_keys, FALSE);
    DELETE FROM deletion_frames WHERE run_id = @dj_run_id AND depth = @dj_depth;
    SET @dj_locks = replace(@dj_locks, concat(',', @dj_depth, ','), ',');
    CALL deletion_load_frame();

    -- What went below a row went below its parent as well. Rows of one table that refer to each
    -- other are counted level by level: there few have as much below them as those on top.
    IF @dj_depth IS NOT NULL AND @dj_node_no <> v_node_no AND v_here > 0 THEN
        SET @dj_here = @dj_here + v_here, @dj_is_dirty = TRUE;
    END IF;
END$$
DELIMITER ;
