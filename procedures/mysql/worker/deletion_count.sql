-- deletion_count
-- Count rows that a statement has changed: for the batch, the run and the jobs' receipts.
--
-- Parameters  p_edge_no   the reference that they were found by; 0: the target's own rows
--             p_action    delete, set_null, set_default or scrub
--             p_rows      their number
--             p_counted   the rows to count by job, as frames keep them; of a lone job not looked at  -- noqa: LT05
-- Writes      deletion_receipts                    Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_count;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_count(
    IN p_edge_no INT,
    IN p_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_rows BIGINT,
    IN p_counted LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Count rows that a statement has changed: for the batch, the run and the jobs'' receipts'
BEGIN
    DECLARE v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT (
        SELECT s.table_name
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = @dj_plan_id AND s.edge_no = p_edge_no AND s.kind = if(p_edge_no = 0, 'lock', 'fetch')  -- noqa: LT05
    );

    DECLARE v_by_job JSON;

    IF p_rows > 0 THEN
        SET @dj_left = @dj_left - p_rows, @dj_changed = @dj_changed + p_rows;
        SET @dj_is_dirty = TRUE;

        -- Of a table that no reference sets no row was counted before.
        IF @dj_waits AND p_action = 'delete' AND p_counted IS NOT NULL AND EXISTS (
            SELECT 1
            FROM deletion_plan_steps AS s FORCE INDEX (idx_dps_edge)
            WHERE s.plan_id = @dj_plan_id AND s.kind = 'set' AND s.table_name = v_table
        ) THEN
            CALL deletion_uncount(v_table, p_counted);
        END IF;

        IF @dj_job_id IS NOT NULL AND p_action = 'delete' THEN
            SET v_by_job = json_object(@dj_job_id, p_rows);
        ELSE
            SELECT json_objectagg(q.j, q.n)
            INTO v_by_job
            FROM (
                SELECT k.j, count(*) AS n
                FROM json_table(p_counted, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$.j')) AS k
                GROUP BY k.j
            ) AS q;
        END IF;

        CALL deletion_add_receipts(@dj_run_id, v_table, p_action, v_by_job);
    END IF;
END$$
DELIMITER ;
