-- deletion_drain
-- Delete childless rows that hang from the present frame, where the run has one job.
--
-- Parameters  p_edge_no   the reference
-- Writes      the application's table, deletion_receipts     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_drain;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_drain(
    IN p_edge_no INT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Delete childless rows that hang from the present frame, where the run has one job'
BEGIN
    SET @dj_frame = @dj_keys, @dj_limit = @dj_left;
    CALL deletion_execute(@dj_plan_id, p_edge_no, 'drain');

    IF @dj_rows < @dj_left THEN
        SET @dj_pos = p_edge_no, @dj_read = NULL, @dj_is_dirty = TRUE;
    END IF;

    SET @dj_here = @dj_here + @dj_rows;
    CALL deletion_count(p_edge_no, 'delete', @dj_rows, NULL);
END$$
DELIMITER ;
