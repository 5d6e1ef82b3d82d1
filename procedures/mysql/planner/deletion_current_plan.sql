-- deletion_current_plan
-- Find the plan of a target that somebody names, compiling it where it is missing or stale.
--
-- Parameters  p_table     the target                p_verb   the verb that was called
--             p_plan_id   OUT the plan, one that can be run
-- Errors      JD002 NULL; JD004 the table is no target; JD005, JD007 as the plan's
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_current_plan;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_current_plan(
    IN p_table LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_verb VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the plan of a target that somebody names, compiling it where it is missing or stale'
BEGIN
    DECLARE v_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_code CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_safe BOOLEAN DEFAULT @@SESSION.sql_safe_updates;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        SET SESSION sql_safe_updates = v_safe;
        RESIGNAL;
    END;

    SET v_entity_table = deletion_target_name(p_table);

    IF p_table IS NULL THEN
        CALL deletion_raise('JD002', p_verb, 'p_table is NULL', NULL);
    ELSEIF v_entity_table IS NULL THEN
        CALL deletion_raise('JD004', p_verb, 'table is no target', p_table);
    END IF;

    -- A caller's safe mode refuses joins of tables that are small, whatever keys they use.
    SET SESSION sql_safe_updates = 0;
    CALL deletion_compile(v_entity_table, TRUE, p_plan_id);
    SET SESSION sql_safe_updates = v_safe;

    SELECT p.error_code, p.error
    INTO v_code, v_error
    FROM deletion_plans AS p
    WHERE p.plan_id = p_plan_id;

    IF v_code IS NOT NULL THEN
        CALL deletion_raise(v_code, p_verb, left(v_error, 120 - char_length(p_verb)), NULL);
    END IF;
END$$
DELIMITER ;
