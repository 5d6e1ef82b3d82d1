-- deletion_rule_problem
-- Say which rule of a plan does not fit its table any more, if one of them does not.
--
-- Parameters  p_plan_id   the plan
--             p_error     OUT text naming table and reference; NULL: all fit
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_rule_problem;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_rule_problem(
    IN p_plan_id BIGINT UNSIGNED,
    OUT p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say which rule of a plan does not fit its table any more, if one of them does not'
BEGIN
    DECLARE v_schema, v_table, v_reference VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;  -- noqa: LT05
    DECLARE v_problem TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_scrub, v_values JSON;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_rule CURSOR FOR
        SELECT r.child_schema, r.child_table, r.reference_name, r.scrub
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_rules AS r
            ON
                r.child_schema = e.child_schema
                AND r.child_table = e.child_table
                AND r.reference_name = e.reference_name
        WHERE e.plan_id = p_plan_id AND e.action = 'scrub'
        ORDER BY r.child_schema, r.child_table, r.reference_name;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_rule;
    FETCH c_rule INTO v_schema, v_table, v_reference, v_scrub;

    WHILE NOT v_is_done DO
        CALL deletion_read_scrub(v_schema, v_table, v_scrub, v_values, v_problem);
        SET p_error = coalesce(p_error, concat(
            deletion_entity_name(v_schema, v_table), ' cannot be scrubbed by ', v_reference, ': ',
            v_problem
        ));
        SET v_is_done = FALSE;
        FETCH c_rule INTO v_schema, v_table, v_reference, v_scrub;
    END WHILE;

    CLOSE c_rule;
END$$
DELIMITER ;
