-- deletion_open_circle
-- Get on where the present frame's rows wait for rows that wait for them.
--
-- Errors      JD006 rows are found and not changed; JD007 rows of several jobs go in a circle: each
--             job goes on alone
-- Writes      the application's tables             Commits  no
-- Execute     the owner only
--
-- Rows that the check placed before the frame's rows lose the reference by which they would go
-- before these: they stay reachable by the one that they were placed by. In tables where it placed
-- none so, rows on the stack do, and stay reachable by the one they were found by. When nothing
-- else goes on any more, the frame's rows lose references that keep others back. All of it is done
-- in a run of one job: another's only way to a row might be lost. Where @dj_changed is as before,
-- it was of no use.

DROP PROCEDURE IF EXISTS deletion_open_circle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_open_circle()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Get on where the present frame''s rows wait for rows that wait for them'
BEGIN
    DECLARE v_edge_no INT;
    DECLARE v_found BIGINT;
    DECLARE v_kind, v_look VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_together BOOLEAN DEFAULT json_contains_path(@dj_state, 'one', '$.together');
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_step CURSOR FOR
        SELECT s.edge_no, s.kind, s.table_name
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = @dj_plan_id
            AND (
                (s.kind = 'break' AND s.parent_node_no = @dj_node_no)
                OR (s.kind = 'own_break' AND s.edge_no = @dj_edge_no AND v_together)
            )
        ORDER BY s.step_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_step;
    FETCH c_step INTO v_edge_no, v_kind, v_table;

    WHILE NOT v_is_done AND @dj_left > 0 DO
        SET v_look = if(v_kind = 'break', 'break_look', 'own_look');
        SET @dj_frame = @dj_keys, @dj_limit = @dj_left;
        CALL deletion_execute(@dj_plan_id, v_edge_no, v_look);
        SET v_found = @dj_rows;

        IF v_found > 0 AND @dj_job_id IS NULL THEN
            CALL deletion_raise(
                'JD007', 'run_deletion_jobs',
                'rows go in a circle among several jobs, each goes alone', v_table
            );
        ELSEIF v_found > 0 THEN
            CALL deletion_execute(@dj_plan_id, v_edge_no, v_kind);
            CALL deletion_execute(@dj_plan_id, v_edge_no, v_look);

            IF @dj_rows >= v_found THEN
                CALL deletion_raise(
                    'JD006', 'run_deletion_jobs', 'rows are found and not changed', v_table
                );
            END IF;

            SET v_found = v_found - @dj_rows;
            SET @dj_left = @dj_left - v_found, @dj_changed = @dj_changed + v_found;
        END IF;

        SET v_is_done = FALSE;
        FETCH c_step INTO v_edge_no, v_kind, v_table;
    END WHILE;

    CLOSE c_step;
END$$
DELIMITER ;
