-- deletion_references_to
-- Find the references to a table, each with the action that holds for it.
--
-- Parameters  p_plan_id, p_node_no   the table
-- Writes      deletion_plan_edges                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_references_to;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_references_to(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_node_no INT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the references to a table, each with the action that holds for it'
BEGIN
    DECLARE v_schema, v_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT n.table_schema, n.table_name
    INTO v_schema, v_table
    FROM deletion_plan_nodes AS n
    WHERE n.plan_id = p_plan_id AND n.node_no = p_node_no;

    INSERT INTO deletion_plan_edges (
        plan_id, parent_node_no, child_schema, child_table, reference_name, action, is_declared,
        child_columns, parent_columns, parent_index, is_refused
    )
    SELECT
        p_plan_id,
        p_node_no,
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
        r.table_name = v_table AND r.constraint_schema = v_schema
        AND r.delete_rule NOT IN ('CASCADE', 'SET NULL')
    FROM information_schema.referential_constraints AS r
    INNER JOIN information_schema.key_column_usage AS k
        ON
            k.constraint_schema = r.constraint_schema
            AND k.table_name = r.table_name
            AND k.constraint_name = r.constraint_name
    WHERE r.unique_constraint_schema = v_schema AND r.referenced_table_name = v_table
    GROUP BY r.constraint_schema, r.table_name, r.constraint_name, r.delete_rule;

    INSERT INTO deletion_plan_edges (
        plan_id, parent_node_no, child_schema, child_table, reference_name, action, is_declared,
        child_columns, parent_columns, discriminator_column, discriminator_value
    )
    SELECT
        p_plan_id, p_node_no, d.child_schema, d.child_table, d.reference_name, d.action, TRUE,
        d.child_columns, d.parent_columns, d.discriminator_column, d.discriminator_value
    FROM deletion_references AS d
    WHERE d.parent_schema = v_schema AND d.parent_table = v_table;

    UPDATE deletion_plan_edges AS e
    INNER JOIN deletion_rules AS r
        ON
            r.child_schema = e.child_schema
            AND r.child_table = e.child_table
            AND r.reference_name = e.reference_name
    SET e.action = r.action
    WHERE e.plan_id = p_plan_id AND e.parent_node_no = p_node_no;

    -- A column that cannot be set blocks as the engine would, but before anything is touched.
    UPDATE deletion_plan_edges AS e
    SET e.action = 'restrict'
    WHERE
        e.plan_id = p_plan_id
        AND e.parent_node_no = p_node_no
        AND e.action IN ('set_null', 'set_default')
        AND EXISTS (
            SELECT 1
            FROM information_schema.columns AS c
            WHERE
                c.table_schema = e.child_schema
                AND c.table_name = e.child_table
                AND json_contains(e.child_columns, json_quote(c.column_name))
                AND c.is_nullable = 'NO'
                AND (e.action = 'set_null' OR c.column_default IS NULL)
        );

    -- The engine would change rows behind the column as well: unbounded, and uncounted.
    UPDATE deletion_plan_edges AS e
    SET e.action = 'restrict'
    WHERE
        e.plan_id = p_plan_id
        AND e.parent_node_no = p_node_no
        AND e.action IN ('set_null', 'set_default')
        AND EXISTS (
            SELECT 1
            FROM information_schema.referential_constraints AS r
            INNER JOIN information_schema.key_column_usage AS k
                ON
                    k.constraint_schema = r.constraint_schema
                    AND k.table_name = r.table_name
                    AND k.constraint_name = r.constraint_name
            WHERE
                r.unique_constraint_schema = e.child_schema
                AND r.referenced_table_name = e.child_table
                AND r.update_rule NOT IN ('NO ACTION', 'RESTRICT')
                AND json_contains(e.child_columns, json_quote(k.referenced_column_name))
        );
END$$
DELIMITER ;
