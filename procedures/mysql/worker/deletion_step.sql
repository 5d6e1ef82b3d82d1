-- deletion_step
-- Do one bounded step of a run and commit it; what fails is rolled back and decided about.
--
-- Parameters  p_run_id, p_token   the run, as it was claimed
--             p_until             when the worker's call should end
--             p_state             OUT more, retry (after an error that passes), ended or lost
-- Writes      the application's tables, and all tables of a run     Commits  yes
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_step;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_step(
    IN p_run_id BIGINT UNSIGNED,
    IN p_token CHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_until DATETIME(6),
    OUT p_state VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Do one bounded step of a run and commit it; what fails is rolled back and decided about'
BEGIN
    DECLARE v_number, v_errno INT;  -- noqa: PRS
    DECLARE v_code CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_message LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_phase VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    BEGIN
        DECLARE EXIT HANDLER FOR SQLEXCEPTION
        BEGIN
            GET STACKED DIAGNOSTICS v_number = NUMBER;
            GET STACKED DIAGNOSTICS CONDITION v_number
                v_code = RETURNED_SQLSTATE, v_errno = MYSQL_ERRNO, v_message = MESSAGE_TEXT;

            -- Above the error itself may stand one that only says which kind of statement met it.
            IF v_errno = 1105 AND v_number > 1 THEN
                SET v_number = v_number - 1;
                GET STACKED DIAGNOSTICS CONDITION v_number
                    v_code = RETURNED_SQLSTATE, v_errno = MYSQL_ERRNO, v_message = MESSAGE_TEXT;
            END IF;
        END;

        CALL deletion_begin();
        CALL deletion_fence(p_run_id, p_token, v_phase);

        IF v_phase = 'check' THEN
            CALL deletion_check(p_run_id, p_state);
        ELSE
            CALL deletion_advance_run(p_run_id, p_until, p_state);
        END IF;

        COMMIT;
    END;

    IF v_code IS NOT NULL THEN
        -- A deadlock has rolled back everything already, a lock timeout only its statement.
        ROLLBACK;
        SET p_state = 'lost';
    END IF;

    IF v_code <> 'JD010' THEN
        CALL deletion_step_failed(p_run_id, p_token, v_code, v_errno, v_message, p_state);
    END IF;
END$$
DELIMITER ;
