-- deletion_walk_on
-- Go on with a check's walk for a moment, and stop jobs that hold more rows than they may.
--
-- Parameters  p_run_id, p_plan_id   the run
--             p_max_rows            most rows that a job may change; NULL: any number
--             p_is_over             OUT TRUE where the walk has ended
-- Writes      deletion_walk_keys, deletion_attempts, deletion_jobs, deletion_frames   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_walk_on;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_walk_on(
    IN p_run_id BIGINT UNSIGNED,
    IN p_plan_id BIGINT UNSIGNED,
    IN p_max_rows BIGINT,
    OUT p_is_over BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Go on with a check''s walk for a moment, and stop jobs that hold more rows than they may'
BEGIN
    DECLARE v_until DATETIME(6) DEFAULT timestampadd(
        MICROSECOND, 1000 * deletion_setting_int('batch_ms'), utc_timestamp(6)
    );
    DECLARE v_read BIGINT DEFAULT 0;
    DECLARE v_jobs JSON;

    WHILE v_read IS NOT NULL AND utc_timestamp(6) < v_until DO
        CALL deletion_walk(p_run_id, p_plan_id, p_max_rows IS NOT NULL, NULL, v_read);

        IF p_max_rows IS NOT NULL THEN
            SELECT json_arrayagg(q.job_id)
            INTO v_jobs
            FROM (
                SELECT w.job_id
                FROM deletion_walk_keys AS w
                WHERE
                    w.walk_id = p_run_id
                    AND w.fate <> 'restrict'
                    AND NOT json_contains_path(w.`keys`, 'one', '$.m')
                GROUP BY w.job_id
                HAVING count(DISTINCT w.node_no, w.key_hash) > p_max_rows
            ) AS q;

            IF v_jobs IS NOT NULL THEN
                CALL deletion_fail_jobs(p_run_id, v_jobs, concat(
                    'JD013: more rows than max_rows allows (', p_max_rows, ')'
                ));
            END IF;
        END IF;
    END WHILE;

    SET p_is_over = v_read IS NULL;
END$$
DELIMITER ;
