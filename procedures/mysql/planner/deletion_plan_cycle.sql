-- deletion_plan_cycle
-- Say which tables of a plan refer to each other in a circle that rows cascade along.
--
-- Parameters  p_plan_id   the plan, its tables ranked
--             p_error     OUT the tables with their references; NULL: there is no circle
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_cycle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_cycle(
    IN p_plan_id BIGINT UNSIGNED,
    OUT p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say which tables of a plan refer to each other in a circle that rows cascade along'
BEGIN
    SELECT concat(
        'tables refer to each other in a circle: ',
        group_concat(  -- noqa: CP01
            c.display_name, ' (', e.reference_name, ')'
            ORDER BY c.display_name, e.reference_name SEPARATOR ', '
        )
    )
    INTO p_error
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS c ON c.plan_id = e.plan_id AND c.node_no = e.child_node_no
    INNER JOIN deletion_plan_nodes AS p ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    WHERE
        e.plan_id = p_plan_id
        AND e.action = 'cascade'
        AND (
            (c.node_no <> p.node_no AND c.table_rank IS NULL AND p.table_rank IS NULL)
            -- With one self-reference a row has one parent at most, and the check finds row
            -- circles.
            OR (
                c.node_no = p.node_no
                AND (
                    SELECT count(*)
                    FROM deletion_plan_edges AS s
                    WHERE
                        s.plan_id = e.plan_id
                        AND s.action = 'cascade'
                        AND s.parent_node_no = c.node_no
                        AND s.child_node_no = c.node_no
                ) > 1
            )
        );
END$$
DELIMITER ;
