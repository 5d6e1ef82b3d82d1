-- deletion_plan_children
-- Add the children of a plan's tables that it does not hold yet.
--
-- Parameters  p_plan_id      the plan
--             p_in_closure   TRUE: of those not expanded yet, by references that cascade; FALSE: of
--                            all, by the others
-- Writes      deletion_plan_nodes                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_children;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_children(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_in_closure BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Add the children of a plan''s tables that it does not hold yet'
BEGIN
    DECLARE v_schema, v_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_child CURSOR FOR
        SELECT e.child_schema, e.child_table
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS p
            ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
        WHERE
            e.plan_id = p_plan_id
            AND NOT (p_in_closure AND p.is_expanded)
            AND (e.action = 'cascade') = p_in_closure
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_plan_nodes AS n
                WHERE
                    n.plan_id = p_plan_id
                    AND n.table_schema = e.child_schema
                    AND n.table_name = e.child_table
            )
        GROUP BY e.child_schema, e.child_table
        ORDER BY if(p_in_closure, min(e.parent_node_no), 0), e.child_schema, e.child_table;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_child;
    FETCH c_child INTO v_schema, v_table;

    WHILE NOT v_is_done DO
        CALL deletion_plan_node(p_plan_id, v_schema, v_table, NULL, p_in_closure);
        FETCH c_child INTO v_schema, v_table;
    END WHILE;

    CLOSE c_child;
END$$
DELIMITER ;
