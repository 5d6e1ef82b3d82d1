-- deletion_plan_node
-- Add a table to a plan.
--
-- Parameters  p_plan_id             the plan
--             p_schema, p_table     the table
--             p_key                 array of the columns that name its rows; NULL: not yet known
--             p_in_closure          TRUE: its rows are removed
-- Writes      deletion_plan_nodes                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_node;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_node(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_key JSON,
    IN p_in_closure BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Add a table to a plan'
BEGIN
    DECLARE v_node_no INT DEFAULT (
        SELECT coalesce(max(n.node_no) + 1, 0)
        FROM deletion_plan_nodes AS n
        WHERE n.plan_id = p_plan_id
    );

    INSERT INTO deletion_plan_nodes (
        plan_id, node_no, table_schema, table_name, sql_name, display_name, key_columns,
        in_closure, is_expanded
    )
    VALUES (
        p_plan_id, v_node_no, p_schema, p_table,
        concat(deletion_quote_name(p_schema), '.', deletion_quote_name(p_table)),
        deletion_entity_name(p_schema, p_table), p_key,
        p_in_closure, NOT p_in_closure
    );
END$$
DELIMITER ;
