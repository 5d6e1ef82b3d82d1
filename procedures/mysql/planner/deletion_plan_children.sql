-- deletion_plan_children
-- Add the children of a plan's tables that it does not hold yet.
--
-- Parameters  p_plan_id      the plan
--             p_node_no      the parent; NULL: all of them
--             p_in_closure   TRUE: children by references that cascade; FALSE: the others
-- Writes      deletion_plan_nodes                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_children;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_children(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_node_no INT,
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
        SELECT DISTINCT e.child_schema, e.child_table
        FROM deletion_plan_edges AS e
        WHERE
            e.plan_id = p_plan_id
            AND (p_node_no IS NULL OR e.parent_node_no = p_node_no)
            AND (e.action = 'cascade') = p_in_closure
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_plan_nodes AS n
                WHERE
                    n.plan_id = p_plan_id
                    AND n.table_schema = e.child_schema
                    AND n.table_name = e.child_table
            )
        ORDER BY e.child_schema, e.child_table;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_child;
    FETCH c_child INTO v_schema, v_table;

    WHILE NOT v_is_done DO
        CALL deletion_plan_node(
            p_plan_id, v_schema, v_table, deletion_node_key(v_schema, v_table), p_in_closure
        );
        -- A query above that found nothing has set the flag as well.
        SET v_is_done = FALSE;
        FETCH c_child INTO v_schema, v_table;
    END WHILE;

    CLOSE c_child;
END$$
DELIMITER ;
