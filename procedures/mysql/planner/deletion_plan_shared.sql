-- deletion_plan_shared
-- Mark the references whose rows are set in columns that say more than what they refer to.
--
-- Parameters  p_plan_id   the plan, all its references known
-- Writes      deletion_plan_edges: is_shared where rows of the closure are found by a column that
--             the reference sets; action restrict where rows below these wait for one
-- Commits     no
-- Execute     the owner only
--
-- A row of the closure that was set so would not be found any more: such columns are set when
-- nothing else can go. Where rows wait for that which hang below the very rows that would be set,
-- those are not gone by then, and cannot be told from rows that stay: what stays blocks.

DROP PROCEDURE IF EXISTS deletion_plan_shared;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_shared(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Mark the references whose rows are set in columns that say more than what they refer to'
BEGIN
    -- By what a row is found: its key, what it hangs from, and what hangs from it.
    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        -- DISTINCT makes a table of its own: the server changes none that it reads.
        SELECT DISTINCT o.edge_no
        FROM deletion_plan_edges AS o
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = o.plan_id AND n.node_no = o.child_node_no AND n.in_closure
        WHERE
            o.plan_id = p_plan_id
            AND o.action IN ('set_null', 'set_default', 'scrub')
            AND (
                coalesce(json_overlaps(o.child_columns, n.key_columns), FALSE)
                OR EXISTS (
                    SELECT 1
                    FROM deletion_plan_edges AS a FORCE INDEX (idx_dpe_child)
                    WHERE
                        a.plan_id = o.plan_id
                        AND a.child_node_no = o.child_node_no
                        AND a.action = 'cascade'
                        AND json_overlaps(o.child_columns, json_merge_preserve(
                            a.child_columns,
                            coalesce(json_array(a.discriminator_column), json_array())
                        ))
                )
                OR EXISTS (
                    SELECT 1
                    FROM deletion_plan_edges AS b FORCE INDEX (uq_dpe_reference)
                    WHERE
                        b.plan_id = o.plan_id
                        AND b.parent_node_no = o.child_node_no
                        AND b.action <> 'keep'
                        AND json_overlaps(o.child_columns, b.parent_columns)
                )
            )
    ) AS q ON q.edge_no = e.edge_no
    SET e.is_shared = TRUE
    WHERE e.plan_id = p_plan_id;

    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        WITH RECURSIVE below (edge_no, node_no) AS (
            SELECT s.edge_no, s.child_node_no
            FROM deletion_plan_edges AS s
            WHERE s.plan_id = p_plan_id AND s.is_shared
            UNION DISTINCT
            SELECT b.edge_no, r.child_node_no
            FROM below AS b
            INNER JOIN deletion_plan_edges AS r FORCE INDEX (uq_dpe_reference)  -- noqa: PRS
                ON
                    r.plan_id = p_plan_id
                    AND r.parent_node_no = b.node_no
                    AND r.action <> 'keep'
            INNER JOIN deletion_plan_nodes AS n
                ON n.plan_id = r.plan_id AND n.node_no = r.child_node_no AND n.in_closure
        )

        SELECT DISTINCT b.edge_no
        FROM below AS b
        INNER JOIN deletion_plan_edges AS s FORCE INDEX (uq_dpe_reference)  -- noqa: PRS
            ON s.plan_id = p_plan_id AND s.parent_node_no = b.node_no AND s.is_shared
    ) AS q ON q.edge_no = e.edge_no
    SET e.action = 'restrict', e.is_shared = FALSE
    WHERE e.plan_id = p_plan_id;
END$$
DELIMITER ;
