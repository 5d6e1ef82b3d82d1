-- deletion_plan_for
-- Find the plan by which jobs are worked, compiling it where it is missing or stale.
--
-- Parameters  p_entity_table   the target, as the jobs name it      p_hard   the mode
--             p_plan_id        OUT the plan
--             p_error          OUT the error for the jobs where none can run ("JD004: ..")
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_for;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_for(
    IN p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_hard BOOLEAN,
    OUT p_plan_id BIGINT UNSIGNED,
    OUT p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the plan by which jobs are worked, compiling it where it is missing or stale'
BEGIN
    IF NOT EXISTS (SELECT 1 FROM deletion_targets AS t WHERE t.entity_table = p_entity_table) THEN
        SET p_error = concat('JD004: the table is no deletion target (', p_entity_table, ')');
    ELSEIF NOT p_hard AND NOT deletion_has_soft_column(p_entity_table) THEN
        SET p_error = concat('JD011: the target has no soft-delete column (', p_entity_table, ')');
    ELSE
        SET p_plan_id = deletion_fresh_plan(p_entity_table, p_hard);
    END IF;

    IF
        p_error IS NULL AND p_plan_id IS NULL AND deletion_setting('recompile') = 'false'
        AND EXISTS (
            SELECT 1
            FROM deletion_plans AS p
            WHERE p.entity_table = p_entity_table AND p.hard_delete = p_hard
        )
    THEN
        SET p_error = concat(
            'JD009: the catalog has changed since the plan was compiled (', p_entity_table, ')'
        );
    END IF;

    IF p_error IS NULL AND p_plan_id IS NULL THEN
        CALL deletion_try_compile(p_entity_table, p_hard, p_plan_id, p_error);
    END IF;

    IF p_error IS NULL THEN
        SET p_error = (
            SELECT concat(p.error_code, ': ', p.error)
            FROM deletion_plans AS p
            WHERE p.plan_id = p_plan_id
        );
    END IF;
END$$
DELIMITER ;
