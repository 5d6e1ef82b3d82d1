-- deletion_remove_circle
-- Remove a row with all that hangs from it at once: lock them, look once more, delete.
--
-- Parameters  p_key   a row of the present frame; what goes of its table comes into @dj_gone
-- Errors      JD006 rows are found and not changed
-- Writes      the application's tables, deletion_receipts, deletion_walk_keys     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_remove_circle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_remove_circle(
    IN p_key JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Remove a row with all that hangs from it at once: lock them, look once more, delete'
BEGIN
    DECLARE v_locked, v_gone BIGINT DEFAULT 0;
    DECLARE v_edge_no, v_node_no INT;
    DECLARE v_keys JSON;
    DECLARE v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_before, v_now LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    -- Contention may have halved the batch: rows that cannot be parted go by the setting.
    DECLARE v_limit BIGINT DEFAULT greatest(@dj_batch, deletion_setting_int('batch_rows'));
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_node CURSOR FOR
        SELECT s.edge_no, s.node_no, s.table_name
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = @dj_plan_id
            AND s.kind = 'lock_circle'
            AND EXISTS (
                SELECT 1
                FROM deletion_walk_keys AS w
                WHERE
                    w.walk_id = @dj_run_id AND w.job_id > 0 AND w.node_no = s.node_no
                    AND w.fate = 'delete'
            )
        ORDER BY s.node_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    CALL deletion_find_circle(p_key, v_limit, v_before);

    IF v_before IS NOT NULL THEN
        OPEN c_node;
        FETCH c_node INTO v_edge_no, v_node_no, v_table;

        WHILE NOT v_is_done DO
            CALL deletion_execute(@dj_plan_id, v_edge_no, 'lock_circle');
            SET v_locked = v_locked + @dj_rows, v_is_done = FALSE;
            FETCH c_node INTO v_edge_no, v_node_no, v_table;
        END WHILE;

        CLOSE c_node;

        IF v_locked > @dj_left AND @dj_left < @dj_batch THEN
            -- Only a whole batch would hold them: they begin the next one.
            SET @dj_left = 0;
        ELSEIF v_locked > 0 THEN
            -- Under the lock no foreign key can gain a row: what is found now is what goes.
            CALL deletion_find_circle(p_key, v_limit, v_now);
        END IF;
    END IF;

    IF v_now = v_before THEN
        SET v_is_done = FALSE;
        OPEN c_node;
        FETCH c_node INTO v_edge_no, v_node_no, v_table;

        WHILE NOT v_is_done DO
            CALL deletion_execute(@dj_plan_id, v_edge_no, 'remove_circle');
            SET v_gone = v_gone + @dj_rows;
            CALL deletion_add_receipts(
                @dj_run_id, v_table, 'delete', json_object(json_extract(p_key, '$.j'), @dj_rows)
            );
            SELECT json_arrayagg(w.`keys`), json_merge_preserve(
                @dj_gone,
                if(v_node_no = @dj_node_no, json_arrayagg(hex(w.key_hash)), json_array())
            )
            INTO v_keys, @dj_gone
            FROM deletion_walk_keys AS w
            WHERE
                w.walk_id = @dj_run_id
                AND w.job_id > 0
                AND w.node_no = v_node_no
                AND w.fate = 'delete';
            CALL deletion_uncount(v_table, v_keys);
            SET v_is_done = FALSE;
            FETCH c_node INTO v_edge_no, v_node_no, v_table;
        END WHILE;

        CLOSE c_node;

        IF v_gone < v_locked THEN
            CALL deletion_raise(
                'JD006', 'run_deletion_jobs', 'rows are found and not changed', v_table
            );
        END IF;

        SET @dj_left = greatest(0, @dj_left - v_gone), @dj_changed = @dj_changed + v_gone;
    END IF;
END$$
DELIMITER ;
