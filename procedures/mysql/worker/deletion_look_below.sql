-- deletion_look_below
-- See whether anything hangs from the present frame by a reference, if the frame is locked.
--
-- Parameters  p_edge_no    the reference
--             p_is_empty   OUT TRUE: nothing does, and the walk goes on behind it; FALSE: something
--                          does, or the frame is not locked, so that something may
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_look_below;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_look_below(
    IN p_edge_no INT,
    OUT p_is_empty BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'See whether anything hangs from the present frame by a reference, if it is locked'
BEGIN
    SET p_is_empty = FALSE;

    IF @dj_is_locked THEN
        SET @dj_frame = @dj_keys, @dj_limit = 1;
        CALL deletion_execute(@dj_plan_id, p_edge_no, 'fetch');
        SET p_is_empty = @dj_rows = 0;

        IF p_is_empty THEN
            SET @dj_pos = p_edge_no, @dj_read = NULL, @dj_is_dirty = TRUE;
        END IF;
    END IF;
END$$
DELIMITER ;
