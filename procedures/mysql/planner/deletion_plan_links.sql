-- deletion_plan_links
-- Mark the references of a plan by whose rows the check searches for circles that nothing opens.
--
-- Parameters  p_plan_id   the plan, its circles marked and their loose columns found
-- Writes      deletion_plan_edges: is_link, is_refused     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_links;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_links(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Mark the references of a plan by whose rows the check searches for circles'
BEGIN
    -- A row that may be found in two ways, or is the root, may be entered where it holds its circle
    -- together; all others come after what they hang from, and then no circle is left that a NULL
    -- does not open.
    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        SELECT DISTINCT c.child_node_no
        FROM deletion_plan_edges AS c
        INNER JOIN (
            SELECT count(*) AS hard_count
            FROM deletion_plan_edges AS o
            WHERE
                o.plan_id = p_plan_id
                AND o.is_circular
                AND o.break_list IS NULL
                AND (
                    o.child_node_no = 0
                    OR (
                        SELECT count(*)
                        FROM deletion_plan_edges AS r
                        WHERE
                            r.plan_id = o.plan_id
                            AND r.child_node_no = o.child_node_no
                            AND r.action IN ('cascade', 'restrict')
                    ) > 1
                )
        ) AS h ON h.hard_count > 0
        WHERE c.plan_id = p_plan_id AND c.is_circular
    ) AS q ON q.child_node_no = e.child_node_no
    SET e.is_link = TRUE
    WHERE
        e.plan_id = p_plan_id
        AND e.is_circular
        AND (e.action = 'cascade' OR e.break_list IS NULL);

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
