-- deletion_plan_cycle
-- Mark the references of a plan by which its tables refer to each other in a circle.
--
-- Parameters  p_plan_id   the plan, its tables ranked
-- Writes      deletion_plan_edges                  Commits  no
-- Execute     the owner only
--
-- A single reference of a table to itself is no circle: a row has one parent by it.

DROP PROCEDURE IF EXISTS deletion_plan_cycle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_cycle(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Mark the references of a plan by which its tables refer to each other in a circle'
BEGIN
    -- Every table above a circle is without a rank as well; only what leads back is in one.
    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        WITH RECURSIVE lasting AS (
            SELECT e.parent_node_no, e.child_node_no, e.edge_no
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

        below (parent_node_no, met_node_no) AS (
            SELECT f.parent_node_no, f.child_node_no
            FROM lasting AS f
            UNION DISTINCT
            SELECT b.parent_node_no, f.child_node_no
            FROM below AS b
            INNER JOIN lasting AS f ON f.parent_node_no = b.met_node_no
        )

        SELECT DISTINCT f.edge_no
        FROM lasting AS f
        INNER JOIN below AS b
            ON b.parent_node_no = f.child_node_no AND b.met_node_no = f.parent_node_no
    ) AS q
        ON q.edge_no = e.edge_no
    SET e.is_circular = TRUE
    WHERE e.plan_id = p_plan_id;

    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        SELECT o.child_node_no
        FROM deletion_plan_edges AS o
        WHERE o.plan_id = p_plan_id AND o.action IN ('cascade', 'restrict')
        GROUP BY o.child_node_no
        HAVING max(o.is_circular) OR sum(o.parent_node_no = o.child_node_no) > 1
    ) AS q ON q.child_node_no = e.child_node_no
    SET e.is_circular = TRUE
    WHERE
        e.plan_id = p_plan_id
        AND e.parent_node_no = e.child_node_no
        AND e.action IN ('cascade', 'restrict');
END$$
DELIMITER ;
