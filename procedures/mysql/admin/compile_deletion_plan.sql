-- compile_deletion_plan
-- Compile the plan of a target now, to read it in vw_deletion_plan before anything is deleted.
--
-- Parameters  p_table   the target; where it has a soft-delete column, both its plans
-- Errors      JD002 NULL; JD004 the table is no target; JD005 a table that cannot take part;
--             JD007 tables that refer to each other in a circle; JD011 a soft-delete column that
--             does not fit any more
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL compile_deletion_plan('users');

DROP PROCEDURE IF EXISTS compile_deletion_plan;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE compile_deletion_plan(
    IN p_table LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Compile the plan of a target now, to read it in vw_deletion_plan before anything is deleted'  -- noqa: LT05
BEGIN
    DECLARE v_plan_id BIGINT UNSIGNED;
    DECLARE v_own JSON;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

    IF deletion_has_soft_column(deletion_target_name(p_table)) THEN
        CALL deletion_soft_plan(p_table, 'compile_deletion_plan', v_plan_id);
    END IF;

    CALL deletion_current_plan(p_table, 'compile_deletion_plan', v_plan_id);
    CALL deletion_widen_session(v_own);
END$$
DELIMITER ;
