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
    CALL deletion_note_frame(@dj_node_no, @dj_edge_no, @dj_keys, FALSE);
    DELETE FROM deletion_frames WHERE run_id = @dj_run_id AND depth = @dj_depth;
    SET @dj_locks = replace(@dj_locks, concat(',', @dj_depth, ','), ',');
    CALL deletion_load_frame();
END$$
DELIMITER ;
