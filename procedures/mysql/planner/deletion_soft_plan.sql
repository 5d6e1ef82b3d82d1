-- deletion_soft_plan
-- Compile the plan of a target's soft mode, or raise why there is none that can run.
--
-- Parameters  p_table     the target                p_verb   the verb that was called
--             p_plan_id   OUT the plan, one that can be run
-- Errors      JD002 NULL; JD004 the table is no target; JD005 a table that cannot take part;
--             JD011 no soft-delete column, or one that does not fit any more
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_soft_plan;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_soft_plan(
    IN p_table LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_verb VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Compile the plan of the soft mode of a target, or raise why there is none that can run'
BEGIN
    DECLARE v_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_code CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    CALL deletion_check_wish(p_verb, p_table, FALSE, v_entity_table);
    CALL deletion_compile(v_entity_table, FALSE, p_plan_id);

    SELECT p.error_code, p.error
    INTO v_code, v_error
    FROM deletion_plans AS p
    WHERE p.plan_id = p_plan_id;

    IF v_code IS NOT NULL THEN
        CALL deletion_raise(v_code, p_verb, left(v_error, 120 - char_length(p_verb)), NULL);
    END IF;
END$$
DELIMITER ;
