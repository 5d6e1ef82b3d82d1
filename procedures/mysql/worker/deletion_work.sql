-- deletion_work
-- Work a claimed run to its end, step by step, each committed.
--
-- Parameters  p_run_id, p_token   the run, as it was claimed
--             p_until             when the worker's call should end
-- Writes      as deletion_step                     Commits  yes, after each step
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_work;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_work(
    IN p_run_id BIGINT UNSIGNED,
    IN p_token CHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_until DATETIME(6)
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Work a claimed run to its end, step by step, each committed'
BEGIN
    DECLARE v_state VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT 'more';

    WHILE v_state IN ('more', 'retry') DO
        CALL deletion_step(p_run_id, p_token, p_until, v_state);

        IF v_state = 'retry' THEN
            -- Whoever was in the way gets a moment, and two workers do not meet again in step.
            DO sleep(0.05 + rand() * 0.2);
        ELSEIF v_state = 'more' AND deletion_setting_int('pause_ms') > 0 THEN
            DO sleep(deletion_setting_int('pause_ms') / 1000);
        END IF;
    END WHILE;

    CALL deletion_release(deletion_lock_name('run', p_run_id));
END$$
DELIMITER ;
