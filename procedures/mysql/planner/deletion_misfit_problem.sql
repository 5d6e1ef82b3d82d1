-- deletion_misfit_problem
-- Say which rule or declaration fits the catalog no more, and so stops a plan, if one does.
--
-- Parameters  p_plan_id   the plan, its tables known
-- Returns     text naming it, with the SQL that takes it away; NULL: none stops this plan
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_misfit_problem;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_misfit_problem(
    p_plan_id BIGINT UNSIGNED
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say which rule or declaration fits the catalog no more, and so stops a plan, if one does'
BEGIN
    RETURN (
        SELECT concat(m.why, ': ', m.advice, ' ', m.mend_sql)
        FROM vw_deletion_misfits AS m
        WHERE
            m.is_everywhere
            OR EXISTS (
                SELECT 1
                FROM deletion_plan_nodes AS n
                WHERE
                    n.plan_id = p_plan_id
                    AND (
                        (n.table_schema = m.child_schema AND n.table_name = m.child_table)
                        -- Another key may lead to the rows that the lost one led to.
                        OR (n.table_schema = m.parent_schema AND n.table_name = m.parent_table)
                    )
            )
        ORDER BY m.kind, m.why
        LIMIT 1
    );
END$$
DELIMITER ;
