-- deletion_sql_childless
-- Write the condition that nothing refers to a row by any reference of the plan.
--
-- Parameters  p_plan_id, p_node_no   the row's table
-- Returns     text, to follow a condition: row x has no children; empty where no table can have any
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_childless;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_childless(
    p_plan_id BIGINT UNSIGNED,
    p_node_no INT
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the condition that nothing refers to a row by any reference of the plan'
BEGIN
    RETURN (
        SELECT coalesce(group_concat(
            '\n    AND NOT EXISTS (SELECT 1 FROM ', n.sql_name, ' AS c',
            e.index_hint, ' WHERE ', e.on_parent, ')'
            ORDER BY e.edge_no SEPARATOR ''
        ), '')
        FROM deletion_plan_edges AS e FORCE INDEX (uq_dpe_reference)
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
        WHERE
            e.plan_id = p_plan_id AND e.parent_node_no = p_node_no AND e.action <> 'keep'
    );
END$$
DELIMITER ;
