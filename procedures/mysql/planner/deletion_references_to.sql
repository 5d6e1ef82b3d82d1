-- deletion_references_to
-- Find the references to a plan's newest tables, each with the action that holds for it.
--
-- Parameters  p_plan_id   the plan; those of its tables that are not expanded yet
-- Writes      deletion_plan_edges                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_references_to;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_references_to(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the references to the newest tables of a plan, each with the action that holds for it'  -- noqa: LT05
BEGIN
    -- Numbers below zero until all references are known and put in order.
    DECLARE v_edge_no INT DEFAULT (
        SELECT coalesce(min(e.edge_no), 0)
        FROM deletion_plan_edges AS e
        WHERE e.plan_id = p_plan_id
    );

    INSERT INTO deletion_plan_edges (
        plan_id, edge_no, parent_node_no, child_schema, child_table, reference_name, action,
        is_declared, child_columns, parent_columns, parent_index, is_refused, delete_rule
    )
    SELECT
        p_plan_id,
        v_edge_no - cast(row_number() OVER () AS SIGNED),
        n.node_no,
        r.constraint_schema,
        r.table_name,
        r.constraint_name,
        CASE r.delete_rule
            WHEN 'CASCADE' THEN 'cascade'
            WHEN 'SET NULL' THEN 'set_null'
            WHEN 'SET DEFAULT' THEN 'set_default'
            ELSE 'restrict'
        END,
        FALSE,
        -- noqa: disable=CP01
        concat('[', group_concat(json_quote(k.column_name) ORDER BY k.ordinal_position), ']'),
        concat(
            '[', group_concat(json_quote(k.referenced_column_name) ORDER BY k.ordinal_position), ']'
        ),
        -- noqa: enable=CP01
        max(r.unique_constraint_name),
        -- A row that refers to itself goes by no other rule: the engine looks row by row.
        r.table_name = n.table_name AND r.constraint_schema = n.table_schema
        AND r.delete_rule NOT IN ('CASCADE', 'SET NULL'),
        r.delete_rule
    FROM deletion_plan_nodes AS n
    STRAIGHT_JOIN information_schema.referential_constraints AS r  -- noqa: PRS
        ON
            r.unique_constraint_schema = convert(n.table_schema USING utf8mb3) COLLATE utf8mb3_bin
            AND r.referenced_table_name = convert(n.table_name USING utf8mb3) COLLATE utf8mb3_bin
    STRAIGHT_JOIN information_schema.key_column_usage AS k
        ON
            k.constraint_schema = r.constraint_schema
            AND k.table_name = r.table_name
            AND k.constraint_name = r.constraint_name
            -- A unique key may have the same name.
            AND k.referenced_table_name IS NOT NULL
    WHERE n.plan_id = p_plan_id AND NOT n.is_expanded
    GROUP BY
        n.node_no, n.table_schema, n.table_name, r.constraint_schema, r.table_name,
        r.constraint_name, r.delete_rule;

    SET v_edge_no = v_edge_no - row_count();

    INSERT INTO deletion_plan_edges (
        plan_id, edge_no, parent_node_no, child_schema, child_table, reference_name, action,
        is_declared, child_columns, parent_columns, discriminator_column, discriminator_value
    )
    SELECT
        p_plan_id, v_edge_no - cast(row_number() OVER () AS SIGNED), n.node_no, d.child_schema,
        d.child_table, d.reference_name, d.action, TRUE, d.child_columns, d.parent_columns,
        d.discriminator_column, d.discriminator_value
    FROM deletion_plan_nodes AS n
    INNER JOIN deletion_references AS d
        ON d.parent_schema = n.table_schema AND d.parent_table = n.table_name
    WHERE n.plan_id = p_plan_id AND NOT n.is_expanded;

    UPDATE deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.parent_node_no AND NOT n.is_expanded
    INNER JOIN deletion_rules AS r
        ON
            r.child_schema = e.child_schema
            AND r.child_table = e.child_table
            AND r.reference_name = e.reference_name
            AND (
                r.parent_table IS NULL
                OR (r.parent_schema = n.table_schema AND r.parent_table = n.table_name)
            )
    SET e.action = r.action
    WHERE e.plan_id = p_plan_id;

    -- A column that cannot be set blocks as the engine would, but before anything is touched.
    UPDATE deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.parent_node_no AND NOT n.is_expanded
    SET e.action = 'restrict'
    WHERE
        e.plan_id = p_plan_id
        AND e.action IN ('set_null', 'set_default', 'scrub')
        AND EXISTS (
            SELECT 1
            FROM information_schema.columns AS c
            WHERE
                c.table_schema = convert(e.child_schema USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01,LT05
                AND c.table_name = convert(e.child_table USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01,LT05
                AND json_contains(e.child_columns, json_quote(c.column_name))
                AND c.is_nullable = 'NO'
                AND (e.action IN ('set_null', 'scrub') OR c.column_default IS NULL)
        );

    -- The engine would change rows behind the column as well: unbounded, and uncounted.
    UPDATE deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.parent_node_no AND NOT n.is_expanded
    SET e.action = 'restrict'
    WHERE
        e.plan_id = p_plan_id
        AND e.action IN ('set_null', 'set_default', 'scrub')
        AND EXISTS (
            SELECT 1
            FROM information_schema.referential_constraints AS r
            INNER JOIN information_schema.key_column_usage AS k
                ON
                    k.constraint_schema = r.constraint_schema
                    AND k.table_name = r.table_name
                    AND k.constraint_name = r.constraint_name
                    AND k.referenced_table_name IS NOT NULL
            WHERE
                r.unique_constraint_schema = e.child_schema
                AND r.referenced_table_name = e.child_table
                AND r.update_rule NOT IN ('NO ACTION', 'RESTRICT')
                AND json_contains(e.child_columns, json_quote(k.referenced_column_name))
        );
END$$
DELIMITER ;
