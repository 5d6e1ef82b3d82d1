-- deletion_step_failed
-- Decide what becomes of a run whose step was rolled back.
--
-- Parameters  p_run_id, p_token            the run
--             p_code, p_errno, p_message   the error
--             p_state                      OUT retry, ended or lost
-- Writes      deletion_runs, deletion_attempts, deletion_jobs     Commits  yes
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_step_failed;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_step_failed(
    IN p_run_id BIGINT UNSIGNED,
    IN p_token CHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_code CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_errno INT,
    IN p_message LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_state VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Decide what becomes of a run whose step was rolled back'
BEGIN
    DECLARE v_phase VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_retries INT;
    DECLARE v_alone, v_is_fresh BOOLEAN;
    DECLARE v_jobs JSON;
    DECLARE v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT concat(p_code, ': ', p_message);
    -- Lock timeout, deadlock, NOWAIT, a row that somebody added or took away meanwhile.
    DECLARE v_passes BOOLEAN DEFAULT p_code = '40001' OR p_errno IN (1205, 1213, 3572, 1451, 1452);
    DECLARE EXIT HANDLER FOR SQLSTATE 'JD010'
    BEGIN
        ROLLBACK;
        SET p_state = 'lost';
    END;

    CALL deletion_begin();
    CALL deletion_fence(p_run_id, p_token, v_phase);

    SELECT r.retries, r.alone, v_passes OR coalesce(
        deletion_fresh_plan(r.entity_table, r.hard_delete) = r.plan_id, FALSE
    )
    INTO v_retries, v_alone, v_is_fresh
    FROM deletion_runs AS r
    WHERE r.run_id = p_run_id;

    SET p_state = 'ended';

    IF v_passes AND v_retries < 3 THEN
        UPDATE deletion_runs AS r
        SET
            r.retries = r.retries + 1,
            r.batch_rows = greatest(1, r.batch_rows DIV 2),
            r.error = v_error
        WHERE r.run_id = p_run_id;
        SET p_state = 'retry';
    ELSEIF NOT v_is_fresh THEN
        -- The statements met another catalog than they were written for.
        CALL deletion_settle(p_run_id, NULL, 'returned', NULL, FALSE, NULL);
        CALL deletion_end_run(
            p_run_id, 'returned', 'the catalog changed; the plan is compiled anew'
        );
    ELSEIF NOT v_alone THEN
        -- One bad job must not fail its neighbours: each goes alone now.
        SELECT json_arrayagg(a.job_id)
        INTO v_jobs
        FROM deletion_attempts AS a
        WHERE a.run_id = p_run_id;
        CALL deletion_settle(p_run_id, NULL, 'returned', v_error, FALSE, v_jobs);
        CALL deletion_end_run(p_run_id, 'returned', v_error);
    ELSEIF v_passes THEN
        CALL deletion_settle(p_run_id, NULL, 'retry', v_error, TRUE, NULL);
        CALL deletion_end_run(p_run_id, 'retry', v_error);
    ELSE
        CALL deletion_settle(p_run_id, NULL, 'failed', v_error, TRUE, NULL);
        CALL deletion_end_run(p_run_id, 'failed', v_error);
    END IF;

    COMMIT;
END$$
DELIMITER ;
