-- deletion_restore
-- Take back what one plan's job has marked in one table, where the rows still hold it.
--
-- Parameters  p_run_id   the run that counts       p_job_id   the job
--             p_plan_id, p_table_name   the plan that marked, and the table
--             p_total    INOUT number of rows restored
-- Writes      the application's table, deletion_marks, deletion_receipts     Commits  no
-- Execute     the owner only

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP PROCEDURE IF EXISTS deletion_restore;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_restore(
    IN p_run_id BIGINT UNSIGNED,
    IN p_job_id BIGINT UNSIGNED,
    IN p_plan_id BIGINT UNSIGNED,
    IN p_table_name VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    INOUT p_total BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Take back what the job has marked in one table by one plan, where the rows still hold it'
BEGIN
    DECLARE v_edge_no INT DEFAULT (
        SELECT s.edge_no
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.table_name = p_table_name AND s.kind = 'restore'
    );
    DECLARE v_last, v_rows BIGINT UNSIGNED DEFAULT 0;
    DECLARE v_marks, v_held JSON;

    REPEAT
        SELECT
            json_arrayagg(json_object(
                'id', q.mark_id, 'k', q.row_key, 'o', q.old_value, 'n', q.new_value
            )),
            max(q.mark_id)
        INTO v_marks, v_last
        FROM (
            SELECT m.mark_id, m.row_key, m.old_value, m.new_value
            FROM deletion_marks AS m
            WHERE
                m.job_id = p_job_id AND m.state = 'held' AND m.plan_id = p_plan_id
                AND m.table_name = p_table_name AND m.mark_id > v_last
            ORDER BY m.mark_id
            LIMIT 5000
        ) AS q;

        IF v_marks IS NOT NULL THEN
            SET @dj_frame = v_marks;
            CALL deletion_execute(p_plan_id, v_edge_no, 'restore_lock');
            SET v_held = @dj_answer, v_rows = v_rows + @dj_rows;
            SET @dj_frame = v_held;
            CALL deletion_execute(p_plan_id, v_edge_no, 'restore');

            UPDATE json_table(v_held, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$.id')) AS t
            STRAIGHT_JOIN deletion_marks AS m FORCE INDEX (PRIMARY) ON m.mark_id = t.id
            SET m.state = 'restored';
        END IF;
    UNTIL v_marks IS NULL END REPEAT;

    IF v_rows > 0 THEN
        CALL deletion_add_receipts(
            p_run_id, p_table_name, 'restore', json_object(p_job_id, v_rows)
        );
        SET p_total = p_total + v_rows;
    END IF;
END$$
DELIMITER ;
