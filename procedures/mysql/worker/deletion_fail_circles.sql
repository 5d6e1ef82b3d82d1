-- deletion_fail_circles
-- Fail the jobs whose rows go in a circle that no NULL opens, and say which rows those are.
--
-- Parameters  p_run_id, p_plan_id   the run; of its links those are left that circles keep
-- Writes      deletion_attempts, deletion_jobs, deletion_frames, deletion_walk_keys,
--             deletion_walk_links     Commits  no
-- Execute     the owner only
--
-- Every row that had no turn hangs from another: who goes on from parent to parent comes into a
-- circle. It is met once the row in hand is one that was marked before; marks come ever farther
-- apart, so that none has to be kept but the last.

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
    DECLARE v_node_no, v_mark_no, v_edge_no INT;
    DECLARE v_hash, v_mark BINARY(32);
    DECLARE v_steps, v_most, v_rows BIGINT;
    DECLARE v_edges JSON;
    DECLARE v_tables, v_references, v_key
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SET v_job_id = (
        SELECT min(l.job_id) FROM deletion_walk_links AS l WHERE l.walk_id = p_run_id
    );

    WHILE v_job_id IS NOT NULL DO
        SELECT l.parent_node_no, l.parent_hash
        INTO v_node_no, v_hash
        FROM deletion_walk_links AS l
        WHERE l.walk_id = p_run_id AND l.job_id = v_job_id
        LIMIT 1;
        SET v_steps = 0, v_most = 1, v_rows = NULL, v_mark_no = v_node_no, v_mark = v_hash;

        -- The last time around, the circle's references are noted.
        WHILE v_rows IS NULL OR v_steps > 0 DO
            SELECT l.parent_node_no, l.parent_hash, l.edge_no
            INTO v_node_no, v_hash, v_edge_no
            FROM deletion_walk_links AS l
            WHERE
                l.walk_id = p_run_id
                AND l.job_id = v_job_id
                AND l.child_node_no = v_node_no
                AND l.child_hash = v_hash
            -- What cannot be set NULL first: that is what keeps the row.
            ORDER BY EXISTS (
                SELECT 1
                FROM deletion_plan_steps AS s
                WHERE s.plan_id = p_plan_id AND s.edge_no = l.edge_no AND s.kind = 'loose'
            ), l.parent_node_no, l.parent_hash, l.edge_no
            LIMIT 1;

            IF v_rows IS NOT NULL THEN
                SET v_steps = v_steps - 1;

                IF NOT json_contains(v_edges, cast(v_edge_no AS JSON)) THEN
                    SET v_edges = json_array_append(v_edges, '$', v_edge_no);
                END IF;
            ELSE
                SET v_steps = v_steps + 1;

                IF v_node_no = v_mark_no AND v_hash = v_mark THEN
                    SET v_rows = v_steps, v_edges = json_array();
                ELSEIF v_steps = v_most THEN
                    SET v_steps = 0, v_most = 2 * v_most, v_mark_no = v_node_no, v_mark = v_hash;
                END IF;
            END IF;
        END WHILE;

        SELECT
            group_concat(DISTINCT s.table_name ORDER BY s.table_name SEPARATOR ', '),
            group_concat(DISTINCT s.reference_name ORDER BY s.reference_name SEPARATOR ', ')
        INTO v_tables, v_references
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_plan_id
            AND s.kind = 'link'
            AND json_contains(v_edges, cast(s.edge_no AS JSON));

        SET v_key = (
            SELECT json_extract(
                w.`keys`, '$.k1', '$.k2', '$.k3', '$.k4', '$.k5', '$.k6', '$.k7', '$.k8', '$.k9',
                '$.k10', '$.k11', '$.k12', '$.k13', '$.k14', '$.k15', '$.k16'
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
            deletion_circle_error(v_rows, v_tables, v_references, v_key)
        );
        SET v_job_id = (
            SELECT min(l.job_id) FROM deletion_walk_links AS l WHERE l.walk_id = p_run_id
        );
    END WHILE;
END$$
DELIMITER ;
