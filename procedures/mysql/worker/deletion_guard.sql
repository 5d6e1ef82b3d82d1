-- deletion_guard
-- Hold a plan's tables against DDL until the step commits, and say whether the plan still fits.
--
-- Parameters  p_plan_id   the plan
--             p_all       TRUE: compare everything; FALSE: the foreign keys alone
--             p_fits      OUT FALSE where foreign keys have changed since the plan was compiled
-- Errors      40001 the session hides one of the plan's tables behind a temporary one
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_guard;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_guard(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_all BOOLEAN,
    OUT p_fits BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Hold a plan''s tables against DDL until the step commits, and say whether the plan still fits'  -- noqa: LT05
BEGIN
    -- Gone, or gone from where it was: table, schema or column.
    DECLARE EXIT HANDLER FOR 1146, 1049, 1054 SET p_fits = FALSE;  -- noqa: PRS
    -- Another session has no such table: the jobs wait for it.
    DECLARE EXIT HANDLER FOR 1137
    BEGIN
        DECLARE v_message LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

        GET STACKED DIAGNOSTICS CONDITION 1 v_message = MESSAGE_TEXT;
        SET v_message = left(concat(
            'a temporary table of the session hides one of the plan (', v_message, ')'
        ), 128);
        SIGNAL SQLSTATE '40001' SET MESSAGE_TEXT = v_message;
    END;

    -- A new foreign key needs a lock that this one excludes: what is compared next holds.
    CALL deletion_execute(p_plan_id, 0, 'guard');

    -- Two statements: one opens what all its functions read, also of one that it does not call.
    IF p_all THEN
        SET p_fits = (
            SELECT p.fingerprint = deletion_fingerprint(p.entity_table, p.tables)
            FROM deletion_plans AS p
            WHERE p.plan_id = p_plan_id
        );
    ELSE
        SET p_fits = (
            SELECT left(p.fingerprint, 32) = deletion_fingerprint_keys(p.tables)
            FROM deletion_plans AS p
            WHERE p.plan_id = p_plan_id
        );
    END IF;
END$$
DELIMITER ;
