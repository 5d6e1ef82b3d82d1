-- deletion_break_columns
-- Find which columns may be set NULL to let a parent go first, where rows go in a circle.
--
-- Parameters  p_plan_id   the plan, its circles marked
-- Writes      deletion_plan_edges: break_list; NULL: there are none     Commits  no
-- Execute     the owner only
--
-- They are nullable, and decide nothing else: no key, discriminator, generated column or CHECK
-- reads them, nor any other reference that a row may be found by. So it stays where it was found,
-- and what it was. Of references of a table to itself the list also serves rows that are their own
-- parents, whatever the reference's action; and of those that set a default it serves rows that go.

DROP PROCEDURE IF EXISTS deletion_break_columns;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_break_columns(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find which columns may be set NULL to let a parent go first, where rows go in a circle'
BEGIN
    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        SELECT
            o.edge_no,
            concat(
                group_concat(  -- noqa: CP01
                    'c.', deletion_quote_name(k.name), ' = NULL' ORDER BY k.pos SEPARATOR ', '
                ),
                deletion_sql_untouched(
                    p_plan_id, max(o.child_node_no), json_arrayagg(k.name), 'c'
                )
            ) AS break_list
        FROM deletion_plan_edges AS o
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = o.plan_id AND n.node_no = o.child_node_no
        CROSS JOIN json_table(o.child_columns, '$[*]' COLUMNS (  -- noqa: CP02
            pos FOR ORDINALITY,  -- noqa: PRS
            name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
        )) AS k
        INNER JOIN information_schema.columns AS c
            ON
                c.table_schema = convert(o.child_schema USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01,LT05
                AND c.table_name = convert(o.child_table USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01,LT05
                AND c.column_name = k.name
        WHERE
            o.plan_id = p_plan_id
            AND o.action <> 'keep'
            AND (
                (o.is_circular AND o.action IN ('cascade', 'restrict'))
                OR o.parent_node_no = o.child_node_no
                OR o.action = 'set_default'
            )
            AND c.is_nullable = 'YES'
            AND c.extra NOT LIKE '%GENERATED%'
            AND NOT json_contains(n.key_columns, json_quote(k.name))
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_plan_edges AS s
                WHERE
                    s.plan_id = o.plan_id
                    AND (
                        (
                            s.parent_node_no = o.child_node_no
                            AND json_contains(s.parent_columns, json_quote(k.name))
                        )
                        OR (
                            s.child_node_no = o.child_node_no
                            AND (
                                s.discriminator_column = k.name
                                OR (
                                    s.edge_no <> o.edge_no
                                    AND s.action = 'cascade'
                                    AND json_contains(s.child_columns, json_quote(k.name))
                                )
                            )
                        )
                    )
            )
            -- What is declared of tables that no plan has read yet counts as well.
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_references AS d
                WHERE
                    (
                        d.child_schema = o.child_schema
                        AND d.child_table = o.child_table
                        AND d.discriminator_column = k.name
                    )
                    OR (
                        d.parent_schema = o.child_schema
                        AND d.parent_table = o.child_table
                        AND json_contains(d.parent_columns, json_quote(k.name))
                    )
            )
            AND NOT EXISTS (
                SELECT 1
                FROM information_schema.columns AS g
                WHERE
                    g.table_schema = c.table_schema
                    AND g.table_name = c.table_name
                    AND locate(deletion_quote_name(k.name), g.generation_expression) > 0
            )
            -- A CHECK, or a unique key by an expression, may have another answer to a NULL.
            AND NOT EXISTS (
                SELECT 1
                FROM information_schema.table_constraints AS t
                INNER JOIN information_schema.check_constraints AS h
                    ON
                        h.constraint_schema = t.constraint_schema
                        AND h.constraint_name = t.constraint_name
                WHERE
                    t.table_schema = c.table_schema
                    AND t.table_name = c.table_name
                    AND t.constraint_type = 'CHECK'
                    AND t.enforced = 'YES'
                    AND locate(deletion_quote_name(k.name), h.check_clause) > 0
            )
            AND NOT EXISTS (
                SELECT 1
                FROM information_schema.statistics AS i
                WHERE
                    i.table_schema = c.table_schema
                    AND i.table_name = c.table_name
                    AND i.non_unique = 0
                    AND locate(deletion_quote_name(k.name), i.expression) > 0
            )
        GROUP BY o.edge_no
    ) AS q
        ON q.edge_no = e.edge_no
    SET e.break_list = q.break_list
    WHERE e.plan_id = p_plan_id;
END$$
DELIMITER ;
