-- deletion_try_compile
-- Compile a target's plan; where that fails, say why and leave nothing behind.
--
-- Parameters  p_entity_table   the target            p_hard   the mode
--             p_plan_id        OUT the plan; NULL: it failed
--             p_error          OUT the engine's code and message; NULL: it did not
-- Errors      those that pass: lock timeout, deadlock
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner only
--
-- One target that cannot be compiled must not hold up the jobs of all others.

DROP PROCEDURE IF EXISTS deletion_try_compile;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_try_compile(
    IN p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_hard BOOLEAN,
    OUT p_plan_id BIGINT UNSIGNED,
    OUT p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Compile a target''s plan; where that fails, say why and leave nothing behind'
BEGIN
    DECLARE v_number, v_errno INT;  -- noqa: PRS
    DECLARE v_code CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_message TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        GET STACKED DIAGNOSTICS v_number = NUMBER;
        GET STACKED DIAGNOSTICS CONDITION v_number
            v_code = RETURNED_SQLSTATE, v_errno = MYSQL_ERRNO, v_message = MESSAGE_TEXT;

        IF v_errno IN (1205, 1213, 3572) THEN
            RESIGNAL;
        END IF;

        ROLLBACK TO SAVEPOINT dj_compile;
        SET p_plan_id = NULL, p_error = concat(v_code, ': ', v_message);
    END;

    SAVEPOINT dj_compile;
    CALL deletion_compile(p_entity_table, p_hard, p_plan_id);
END$$
DELIMITER ;
