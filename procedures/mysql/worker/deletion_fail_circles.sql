-- deletion_fail_circles
-- Fail the jobs whose rows go in a circle that no NULL opens, and say which rows those are.
--
-- Parameters  p_run_id, p_plan_id   the run; of its links those are left that circles keep
-- Writes      deletion_attempts, deletion_jobs, deletion_frames, deletion_walk_keys,
--             deletion_walk_links     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_fail_circles;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_fail_circles(
    IN p_run_id BIGINT UNSIGNED,
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Fail the jobs whose rows go in a circle that no NULL opens, and say which rows those are'
BEGIN
    DECLARE v_job_id BIGINT UNSIGNED;
    DECLARE v_node_no INT;
    DECLARE v_hash BINARY(32);
    DECLARE v_rows BIGINT;
    DECLARE v_edges JSON;
    DECLARE v_tables, v_references, v_key_table, v_key
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_loose JSON DEFAULT (
        SELECT coalesce(json_arrayagg(s.edge_no), json_array())
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.kind = 'loose'
    );

    SET v_job_id = (
        SELECT min(l.job_id)
        FROM deletion_walk_links AS l
        WHERE l.walk_id = p_run_id AND NOT l.is_let_go
    );

    WHILE v_job_id IS NOT NULL DO
        CALL deletion_trace_circle(p_run_id, v_job_id, v_loose, v_rows, v_edges, v_node_no, v_hash);

        IF v_rows IS NOT NULL THEN
            SELECT
                group_concat(DISTINCT s.table_name ORDER BY s.table_name SEPARATOR ', '),
                group_concat(DISTINCT s.reference_name ORDER BY s.reference_name SEPARATOR ', ')
            INTO v_tables, v_references
            FROM deletion_plan_steps AS s
            WHERE
                s.plan_id = p_plan_id
                AND s.kind = 'fetch'
                AND json_contains_path(v_edges, 'one', concat('$."', s.edge_no, '"'));

            SET v_key_table = (
                SELECT min(s.table_name)
                FROM deletion_plan_steps AS s
                WHERE s.plan_id = p_plan_id AND s.node_no = v_node_no
            );
            SET v_key = (
                SELECT json_extract(
                    w.`keys`, '$.k1', '$.k2', '$.k3', '$.k4', '$.k5', '$.k6', '$.k7', '$.k8',
                    '$.k9', '$.k10', '$.k11', '$.k12', '$.k13', '$.k14', '$.k15', '$.k16'
                )
                FROM deletion_walk_keys AS w
                WHERE
                    w.walk_id = p_run_id
                    AND w.job_id = v_job_id
                    AND w.node_no = v_node_no
                    AND w.fate = 'delete'
                    AND w.key_hash = v_hash
            );
            CALL deletion_fail_jobs(
                p_run_id, json_array(v_job_id),
                deletion_circle_error(v_rows, v_tables, v_references, v_key_table, v_key)
            );
        END IF;

        SET v_job_id = (
            SELECT min(l.job_id)
            FROM deletion_walk_links AS l
            WHERE l.walk_id = p_run_id AND l.job_id > v_job_id AND NOT l.is_let_go
        );
    END WHILE;
END$$
DELIMITER ;
