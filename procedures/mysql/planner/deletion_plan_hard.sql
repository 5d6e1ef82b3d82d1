-- deletion_plan_hard
-- Mark the references of a plan by which rows could go in a circle that no NULL opens.
--
-- Parameters  p_plan_id   the plan, its circles marked and their loose columns found
-- Writes      deletion_plan_edges: is_hard, is_refused     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_hard;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_hard(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Mark the references of a plan by which rows could go in a circle that no NULL opens'
BEGIN
    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        WITH RECURSIVE closed AS (
            SELECT e.parent_node_no, e.child_node_no, e.edge_no
            FROM deletion_plan_edges AS e
            WHERE e.plan_id = p_plan_id AND e.is_circular AND e.break_list IS NULL
        ),

        below (parent_node_no, met_node_no) AS (
            SELECT f.parent_node_no, f.child_node_no
            FROM closed AS f
            UNION DISTINCT
            SELECT b.parent_node_no, f.child_node_no
            FROM below AS b
            INNER JOIN closed AS f ON f.parent_node_no = b.met_node_no
        )

        SELECT DISTINCT f.edge_no
        FROM closed AS f
        INNER JOIN below AS b
            ON b.parent_node_no = f.child_node_no AND b.met_node_no = f.parent_node_no
    ) AS q
        ON q.edge_no = e.edge_no
    SET e.is_hard = TRUE
    WHERE e.plan_id = p_plan_id;

    -- A row that is its own parent by two keys: the engine follows each by the other (6575).
    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        SELECT o.child_node_no, count(*) AS keys_count, sum(o.break_list IS NULL) AS hard_count
        FROM deletion_plan_edges AS o
        WHERE
            o.plan_id = p_plan_id
            AND o.parent_node_no = o.child_node_no
            AND NOT o.is_declared
        GROUP BY o.child_node_no
    ) AS q ON q.child_node_no = e.child_node_no
    SET e.is_refused = TRUE
    WHERE
        e.plan_id = p_plan_id
        AND e.parent_node_no = e.child_node_no
        AND NOT e.is_declared
        AND if(e.break_list IS NULL, q.hard_count, q.keys_count) > 1;
END$$
DELIMITER ;
