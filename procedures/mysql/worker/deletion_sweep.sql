-- deletion_sweep
-- Delete all childless rows that hang from the present, locked frame, where they fit the batch.
--
-- Parameters  p_edge_no    the reference
--             p_is_swept   OUT FALSE: they do not fit, and nothing was changed
-- Errors      40001 others changed the rows meanwhile: the step is tried again, row by row
-- Writes      the application's table, deletion_receipts     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_sweep;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_sweep(
    IN p_edge_no INT,
    OUT p_is_swept BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Delete all childless rows that hang from the present, locked frame, where they fit the batch'  -- noqa: LT05
BEGIN
    DECLARE v_counted BIGINT;
    DECLARE v_by_job JSON;
    DECLARE v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SET @dj_frame = @dj_keys, @dj_limit = @dj_left + 1;
    CALL deletion_execute(
        @dj_plan_id, p_edge_no, if(@dj_job_id IS NULL, 'count', 'count_one')
    );
    SET v_counted = @dj_rows, p_is_swept = v_counted <= @dj_left;
    SET v_by_job = if(@dj_job_id IS NULL, @dj_answer, json_object(@dj_job_id, v_counted));

    IF p_is_swept THEN
        IF v_counted > 0 THEN
            CALL deletion_execute(@dj_plan_id, p_edge_no, 'sweep');

            -- Under their parents' lock no row can come; if one went, whose it was nobody counted.
            IF @dj_rows <> v_counted THEN
                SIGNAL SQLSTATE '40001'
                    SET MESSAGE_TEXT = 'rows changed while they were counted';
            END IF;

            SET v_table = (
                SELECT s.table_name
                FROM deletion_plan_steps AS s
                WHERE s.plan_id = @dj_plan_id AND s.edge_no = p_edge_no AND s.kind = 'sweep'
            );
            SET @dj_left = @dj_left - v_counted, @dj_changed = @dj_changed + v_counted;
            SET @dj_here = @dj_here + v_counted;
            CALL deletion_add_receipts(@dj_run_id, v_table, 'delete', v_by_job);
        END IF;

        SET @dj_pos = p_edge_no, @dj_read = NULL, @dj_is_dirty = TRUE;
    END IF;
END$$
DELIMITER ;
