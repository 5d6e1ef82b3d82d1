-- deletion_sql_guard
-- Write the statement that holds a plan's tables against DDL until the transaction ends.
--
-- Parameters  p_plan_id   the plan
-- Returns     text; binds nothing
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_guard;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_guard(
    p_plan_id BIGINT UNSIGNED
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that holds a plan''s tables against DDL until the transaction ends'
BEGIN
    RETURN (
        SELECT concat(
            'SELECT COUNT(*) INTO @dj_rows FROM (\n    ',
            group_concat(  -- noqa: CP01
                -- Twice: so the server refuses a temporary table that hides the one that is meant,
                -- and names it. The other name is not the table's own, however that is spelled.
                'SELECT 1 FROM ', n.sql_name, ' AS ', deletion_quote_name(n.table_name), ', ',
                n.sql_name, ' AS ', if(lower(n.table_name) = 'x', 'y', 'x'), ' WHERE FALSE'
                ORDER BY n.node_no SEPARATOR '\n    UNION ALL '
            ),
            '\n) AS q'
        )
        FROM deletion_plan_nodes AS n
        WHERE
            n.plan_id = p_plan_id
            -- What is kept is none of the job's business.
            AND (
                n.in_closure
                OR EXISTS (
                    SELECT 1
                    FROM deletion_plan_edges AS e FORCE INDEX (idx_dpe_child)
                    WHERE
                        e.plan_id = p_plan_id
                        AND e.child_node_no = n.node_no
                        AND e.action <> 'keep'
                )
            )
    );
END$$
DELIMITER ;
