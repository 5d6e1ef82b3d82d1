-- deletion_plan_kept
-- Leave out of a plan what is kept and cannot be read: previews alone read it, no job needs it.
--
-- Parameters  p_plan_id   the plan
-- Writes      deletion_plan_edges                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_kept;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_kept(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Leave out of a plan what is kept and cannot be read'
BEGIN
    DELETE e
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p
        ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    LEFT JOIN information_schema.tables AS t
        ON
            t.table_schema = e.child_schema
            AND t.table_name = e.child_table
            AND t.table_type = 'BASE TABLE'
            AND t.engine = 'InnoDB'
    WHERE
        e.plan_id = p_plan_id
        AND e.action = 'keep'
        AND (
            t.table_name IS NULL
            OR deletion_table_key(e.child_schema, e.child_table) IS NULL
            OR EXISTS (
                SELECT 1
                FROM information_schema.columns AS c
                WHERE
                    deletion_type_family(c.column_type) IS NULL
                    AND (
                        (
                            c.table_schema = e.child_schema
                            AND c.table_name = e.child_table
                            AND json_contains(
                                deletion_table_key(e.child_schema, e.child_table),
                                json_quote(c.column_name)
                            )
                        )
                        OR (
                            c.table_schema = p.table_schema
                            AND c.table_name = p.table_name
                            AND json_contains(e.parent_columns, json_quote(c.column_name))
                        )
                    )
            )
        );
END$$
DELIMITER ;
