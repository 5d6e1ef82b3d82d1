-- deletion_missing_privilege
-- Say which statement of a plan the server refuses: a right is missing, or the plan does not fit.
--
-- Parameters  p_plan_id   the plan
--             p_error     OUT the engine's code and message; NULL: all can be run
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- Preparing a statement checks the rights on its tables and columns, and touches no row.

DROP PROCEDURE IF EXISTS deletion_missing_privilege;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_missing_privilege(
    IN p_plan_id BIGINT UNSIGNED,
    OUT p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say which statement of a plan the server refuses: a right is missing, or the plan does not fit'  -- noqa: LT05
BEGIN
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;  -- noqa: PRS
    DECLARE v_sql LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE c_step CURSOR FOR
        SELECT s.sql_text FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.sql_text IS NOT NULL
        ORDER BY s.step_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_step;
    FETCH c_step INTO v_sql;

    WHILE NOT v_is_done AND p_error IS NULL DO
        BEGIN
            DECLARE v_number INT;
            DECLARE v_code CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
            DECLARE v_message LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
            DECLARE EXIT HANDLER FOR SQLEXCEPTION
            BEGIN
                GET STACKED DIAGNOSTICS v_number = NUMBER;
                GET STACKED DIAGNOSTICS CONDITION v_number
                    v_code = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT;
                SET p_error = concat(v_code, ': ', v_message);
            END;
            SET @dj_sql = v_sql;
            PREPARE dj_stmt FROM @dj_sql;
            DEALLOCATE PREPARE dj_stmt;
        END;
        FETCH c_step INTO v_sql;
    END WHILE;

    CLOSE c_step;
END$$
DELIMITER ;
