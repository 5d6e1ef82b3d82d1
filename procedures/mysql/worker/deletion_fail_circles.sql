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
    DECLARE v_steps, v_most BIGINT;
    DECLARE v_is_met BOOLEAN;
    DECLARE v_edges, v_rows JSON;
    DECLARE v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SET v_job_id = (
        SELECT min(l.job_id) FROM deletion_walk_links AS l WHERE l.walk_id = p_run_id
    );

    WHILE v_job_id IS NOT NULL DO
        SELECT l.parent_node_no, l.parent_hash
        INTO v_node_no, v_hash
        FROM deletion_walk_links AS l
        WHERE l.walk_id = p_run_id AND l.job_id = v_job_id
        LIMIT 1;
        SET v_steps = 0, v_most = 1, v_is_met = FALSE, v_mark_no = v_node_no, v_mark = v_hash;

        -- The last time around, the circle's rows and references are noted.
        WHILE NOT v_is_met OR v_steps > 0 DO
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

            IF v_is_met THEN
                SET v_steps = v_steps - 1;
                SET v_edges = json_array_append(v_edges, '$', v_edge_no);

                IF json_length(v_rows) < 3 THEN
                    SET v_rows = json_array_append(v_rows, '$', json_object(
                        'n', v_node_no, 'h', hex(v_hash)
                    ));
                END IF;
            ELSE
                SET v_steps = v_steps + 1;

                IF v_node_no = v_mark_no AND v_hash = v_mark THEN
                    SET v_is_met = TRUE, v_steps = least(v_steps, 1000);
                    SET v_edges = json_array(), v_rows = json_array();
                ELSEIF v_steps = v_most THEN
                    SET v_steps = 0, v_most = 2 * v_most, v_mark_no = v_node_no, v_mark = v_hash;
                END IF;
            END IF;
        END WHILE;

        SELECT concat(
            'JD007: rows of ',
            group_concat(DISTINCT s.table_name ORDER BY s.table_name SEPARATOR ', '),
            ' go in a circle by ',
            group_concat(DISTINCT s.reference_name ORDER BY s.reference_name SEPARATOR ', '),
            ': '
        )
        INTO v_error
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_plan_id
            AND s.kind = 'link'
            AND json_contains(v_edges, cast(s.edge_no AS JSON));

        SELECT concat(v_error, group_concat(
            (
                SELECT min(s.table_name)
                FROM deletion_plan_steps AS s
                WHERE s.plan_id = p_plan_id AND s.node_no = t.n
            ),
            ' ', cast(json_extract(
                w.`keys`, '$.k1', '$.k2', '$.k3', '$.k4', '$.k5', '$.k6', '$.k7', '$.k8', '$.k9',
                '$.k10', '$.k11', '$.k12', '$.k13', '$.k14', '$.k15', '$.k16'
            ) AS CHAR)
            ORDER BY t.p SEPARATOR ', '
        ))
        INTO v_error
        FROM json_table(v_rows, '$[*]' COLUMNS (
            p FOR ORDINALITY, n INT PATH '$.n', h CHAR(64) PATH '$.h'
        )) AS t
        INNER JOIN deletion_walk_keys AS w
            ON
                w.walk_id = p_run_id
                AND w.job_id = v_job_id
                AND w.node_no = t.n
                AND w.fate = 'delete'
                AND w.key_hash = unhex(t.h);

        CALL deletion_fail_jobs(p_run_id, json_array(v_job_id), v_error);
        SET v_job_id = (
            SELECT min(l.job_id) FROM deletion_walk_links AS l WHERE l.walk_id = p_run_id
        );
    END WHILE;
END$$
DELIMITER ;
