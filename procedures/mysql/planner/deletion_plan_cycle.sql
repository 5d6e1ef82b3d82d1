-- deletion_plan_cycle
-- Say which tables of a plan refer to each other in a circle, by what has to go first.
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
COMMENT 'Say which tables of a plan refer to each other in a circle, by what has to go first'
BEGIN
    -- Every table above a circle is without a rank as well; only what leads back is in one.
    WITH RECURSIVE lasting AS (
        SELECT e.parent_node_no, e.child_node_no, e.reference_name, c.display_name
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS c
            ON
                c.plan_id = e.plan_id
                AND c.node_no = e.child_node_no
                AND c.in_closure
                AND c.table_rank IS NULL
        WHERE
            e.plan_id = p_plan_id
            AND e.action IN ('cascade', 'restrict')
            AND e.parent_node_no <> e.child_node_no
    ),

    below (parent_node_no, child_node_no, met_node_no) AS (
        SELECT f.parent_node_no, f.child_node_no, f.child_node_no AS met_node_no
        FROM lasting AS f
        UNION DISTINCT
        SELECT b.parent_node_no, b.child_node_no, f.child_node_no AS met_node_no
        FROM below AS b
        INNER JOIN lasting AS f ON f.parent_node_no = b.met_node_no
    ),

    circular AS (
        SELECT f.display_name, f.reference_name
        FROM lasting AS f
        INNER JOIN below AS b
            ON
                b.parent_node_no = f.parent_node_no
                AND b.child_node_no = f.child_node_no
                AND b.met_node_no = f.parent_node_no
        UNION ALL
        -- With one self-reference a row has one parent at most, and the check finds row circles.
        SELECT c.display_name, e.reference_name
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS c
            ON c.plan_id = e.plan_id AND c.node_no = e.child_node_no
        WHERE
            e.plan_id = p_plan_id
            AND e.action IN ('cascade', 'restrict')
            AND e.parent_node_no = e.child_node_no
            AND EXISTS (
                SELECT 1
                FROM deletion_plan_edges AS s
                WHERE
                    s.plan_id = e.plan_id
                    AND s.action IN ('cascade', 'restrict')
                    AND s.parent_node_no = e.parent_node_no
                    AND s.child_node_no = e.child_node_no
                    AND s.reference_name <> e.reference_name
            )
    )

    SELECT concat(
        'tables refer to each other in a circle: ',
        group_concat(  -- noqa: CP01
            c.display_name, ' (', c.reference_name, ')'
            ORDER BY c.display_name, c.reference_name SEPARATOR ', '
        )
    )
    INTO p_error
    FROM circular AS c;
END$$
DELIMITER ;
