-- deletion_check_holds
-- Go on with a run's climb from held rows, and fail the jobs that it leads to.
--
-- Parameters  p_run_id, p_plan_id   the run, fenced
--             p_is_over             OUT TRUE where the climb has ended
-- Writes      deletion_walk_keys, deletion_attempts, deletion_jobs, deletion_frames   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_check_holds;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_check_holds(
    IN p_run_id BIGINT UNSIGNED,
    IN p_plan_id BIGINT UNSIGNED,
    OUT p_is_over BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Go on with a run''s climb from held rows, and fail the jobs that it leads to'
BEGIN
    DECLARE v_pos INT DEFAULT 0;
    DECLARE v_roots, v_met, v_job JSON;

    CALL deletion_climb(p_run_id, p_plan_id, p_is_over);

    IF p_is_over THEN
        SELECT json_arrayagg(q.o)
        INTO v_roots
        FROM (
            SELECT k.o
            FROM deletion_frames AS f
            CROSS JOIN json_table(f.`keys`, '$[*]' COLUMNS (o JSON PATH '$')) AS k
            WHERE f.run_id = p_run_id AND f.edge_no = 0
            UNION ALL
            -- Soft jobs that have begun have no frames: they keep their roots themselves.
            SELECT s.`keys`
            FROM deletion_runs AS r
            INNER JOIN deletion_attempts AS a ON a.run_id = r.run_id AND a.outcome IS NULL
            INNER JOIN deletion_soft_keys AS s
                ON s.job_id = a.job_id AND s.node_no = 0 AND s.edge_no = 0
            WHERE r.run_id = p_run_id AND NOT r.hard_delete
        ) AS q;
        CALL deletion_held_roots(p_run_id, p_plan_id, v_roots, v_met);
        DELETE FROM deletion_walk_keys WHERE walk_id = p_run_id;

        WHILE v_pos < coalesce(json_length(v_met), 0) DO
            SET v_job = json_extract(v_met, concat('$[', v_pos, ']'));
            CALL deletion_fail_jobs(
                p_run_id, json_array(json_extract(v_job, '$.j')),
                deletion_hold_error(json_extract(v_job, '$.holds'))
            );
            SET v_pos = v_pos + 1;
        END WHILE;
    END IF;
END$$
DELIMITER ;
