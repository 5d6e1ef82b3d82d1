-- deletion_walk_verdict
-- Fail the jobs that a finished walk shows cannot end: rows in the way, or rows in a circle.
--
-- Parameters  p_run_id, p_plan_id   the run
-- Writes      deletion_attempts, deletion_jobs, deletion_frames, deletion_runs,
--             deletion_walk_keys, deletion_walk_links     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_walk_verdict;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_walk_verdict(
    IN p_run_id BIGINT UNSIGNED,
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Fail the jobs that a finished walk shows cannot end: rows in the way, or rows in a circle'
BEGIN
    DECLARE v_job_id BIGINT UNSIGNED;
    DECLARE v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_pos INT DEFAULT 0;
    DECLARE v_found, v_circle JSON;
    DECLARE v_is_careful BOOLEAN;
    DECLARE v_table, v_reference VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_blocked CURSOR FOR
        SELECT b.job_id, concat('JD006: ', group_concat(  -- noqa: CP01
            b.row_count, if(b.row_count = 1, ' row of ', ' rows of '), b.table_name, ' behind ',
            b.reference_name
            ORDER BY b.table_name, b.reference_name SEPARATOR ', '
        ))
        FROM (
            SELECT w.job_id, s.table_name, s.reference_name, count(*) AS row_count
            FROM deletion_walk_keys AS w
            INNER JOIN deletion_plan_steps AS s
                ON s.plan_id = p_plan_id AND s.edge_no = w.edge_no AND s.kind = 'fetch'
            WHERE
                w.walk_id = p_run_id
                AND w.fate = 'restrict'
                -- A row that the same job removes never blocks it.
                AND NOT EXISTS (
                    SELECT 1
                    FROM deletion_walk_keys AS d
                    WHERE
                        d.walk_id = w.walk_id AND d.job_id = w.job_id AND d.node_no = w.node_no
                        AND d.fate = 'delete' AND d.key_hash = w.key_hash
                )
            GROUP BY w.job_id, s.table_name, s.reference_name
        ) AS b
        GROUP BY b.job_id;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    CALL deletion_walk_defaults(p_run_id, p_plan_id);
    OPEN c_blocked;
    FETCH c_blocked INTO v_job_id, v_error;

    WHILE NOT v_is_done DO
        CALL deletion_fail_jobs(p_run_id, json_array(v_job_id), v_error);
        SET v_is_done = FALSE;
        FETCH c_blocked INTO v_job_id, v_error;
    END WHILE;

    CLOSE c_blocked;
    CALL deletion_walk_rings(p_run_id, p_plan_id, v_is_careful, v_found);

    IF v_is_careful THEN
        -- A ring that a NULL opens is walked with care.
        UPDATE deletion_runs AS r
        SET r.state = json_set(r.state, '$.careful', TRUE)
        WHERE r.run_id = p_run_id;
    END IF;

    WHILE v_pos < json_length(v_found) DO
        SET v_circle = json_extract(v_found, concat('$[', v_pos, ']'));
        SELECT s.table_name, s.reference_name
        INTO v_table, v_reference
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_plan_id
            AND s.edge_no = json_extract(v_circle, '$.e')
            AND s.kind = 'own';
        CALL deletion_fail_jobs(
            p_run_id, json_array(json_extract(v_circle, '$.j')),
            deletion_circle_error(1, v_table, v_reference, v_table, v_circle ->> '$.k')
        );
        SET v_pos = v_pos + 1;
    END WHILE;
END$$
DELIMITER ;
