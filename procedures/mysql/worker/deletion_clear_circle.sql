-- deletion_clear_circle
-- Set NULL what parts the rows of a circle from each other, and delete them, children first.
--
-- Parameters  p_gone   OUT number of rows deleted; those of the present frame's table come into
--                      @dj_gone
-- Errors      JD006 rows are found and not changed
-- Writes      the application's tables, deletion_receipts     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_clear_circle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_clear_circle(
    OUT p_gone BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Set NULL what parts the rows of a circle from each other, and delete them, children first'
BEGIN
    DECLARE v_before BIGINT DEFAULT -1;
    DECLARE v_edge_no, v_node_no INT;
    DECLARE v_found BIGINT;
    DECLARE v_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_keys JSON;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_step CURSOR FOR
        SELECT s.edge_no, s.node_no, s.table_name, s.kind
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = @dj_plan_id
            AND s.kind IN ('open_circle', 'remove_circle')
            -- Opened in the first round alone.
            AND (s.kind = 'remove_circle' OR v_before = -1)
            AND EXISTS (
                SELECT 1
                FROM deletion_walk_keys AS w
                WHERE
                    w.walk_id = @dj_run_id AND w.job_id > 0 AND w.node_no = s.node_no
                    AND w.fate = 'delete'
            )
        ORDER BY s.kind, s.node_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    SET p_gone = 0;

    -- Each round takes the rows that have no children any more.
    WHILE p_gone > v_before DO
        SET v_is_done = FALSE;
        OPEN c_step;
        SET v_before = p_gone;
        FETCH c_step INTO v_edge_no, v_node_no, v_table, v_kind;

        WHILE NOT v_is_done DO
            IF v_kind = 'open_circle' THEN
                CALL deletion_execute(@dj_plan_id, v_edge_no, v_kind);
            ELSE
                CALL deletion_execute(@dj_plan_id, v_edge_no, 'free_circle');
                SET v_found = @dj_rows, v_keys = @dj_answer, @dj_frame = @dj_answer;
            END IF;

            IF v_kind = 'remove_circle' AND v_found > 0 THEN
                CALL deletion_execute(@dj_plan_id, v_edge_no, v_kind);

                IF @dj_rows <> v_found THEN
                    CALL deletion_raise(
                        'JD006', 'run_deletion_jobs', 'rows are found and not changed', v_table
                    );
                END IF;

                SET p_gone = p_gone + v_found;
                CALL deletion_add_receipts(@dj_run_id, v_table, 'delete', json_object(
                    json_extract(v_keys, '$[0].j'), v_found
                ));
                CALL deletion_uncount(v_table, v_keys);

                IF v_node_no = @dj_node_no THEN
                    SET @dj_gone = (
                        SELECT json_merge_preserve(
                            @dj_gone, json_arrayagg(hex(deletion_key_hash(k.o)))
                        )
                        FROM json_table(v_keys, '$[*]' COLUMNS (o JSON PATH '$')) AS k
                    );
                END IF;
            END IF;

            SET v_is_done = FALSE;
            FETCH c_step INTO v_edge_no, v_node_no, v_table, v_kind;
        END WHILE;

        CLOSE c_step;
    END WHILE;
END$$
DELIMITER ;
