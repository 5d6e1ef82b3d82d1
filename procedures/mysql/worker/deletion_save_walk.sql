-- deletion_save_walk
-- Store where the walk stands, with what its step changed.
--
-- Writes      deletion_frames, deletion_runs       Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_save_walk;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_save_walk()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Store where the walk stands, with what its step changed'
BEGIN
    CALL deletion_save_frame();

    UPDATE deletion_runs AS r
    SET
        r.rows_changed = @dj_changed,
        r.state = @dj_state,
        -- Contention halves the batch at once; it comes back slowly.
        r.batch_rows = least(
            deletion_setting_int('batch_rows'), r.batch_rows + greatest(1, r.batch_rows DIV 8)
        ),
        r.retries = 0
    WHERE r.run_id = @dj_run_id;
END$$
DELIMITER ;
