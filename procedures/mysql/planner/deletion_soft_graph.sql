-- deletion_soft_graph
-- Read the catalog from a target on: the tables and references that its soft deletion walks.
--
-- Parameters  p_plan_id, p_entity_table   the plan and its target
--             p_code, p_error             OUT why the plan cannot be run; NULL: it can
-- Writes      deletion_plan_nodes, deletion_plan_edges     Commits  no
-- Execute     the owner only
--
-- References that cascade, and of the tables behind them those that can be marked or lead to such;
-- circles are no error here. All tables stay with the plan, so that a change of any makes it stale.

DROP PROCEDURE IF EXISTS deletion_soft_graph;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_soft_graph(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_code CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read the catalog from a target on: the tables and references that its soft deletion walks'
BEGIN
    DECLARE v_count INT;
    DECLARE v_is_grown BOOLEAN DEFAULT TRUE;
    DECLARE v_schema, v_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_key, v_useful JSON;

    SELECT t.table_schema, t.table_name, t.key_columns
    INTO v_schema, v_table, v_key
    FROM deletion_targets AS t
    WHERE t.entity_table = p_entity_table;

    CALL deletion_plan_node(p_plan_id, v_schema, v_table, v_key, TRUE);

    WHILE v_is_grown DO
        SET v_count = (
            SELECT count(*) FROM deletion_plan_nodes AS n WHERE n.plan_id = p_plan_id
        );
        CALL deletion_references_to(p_plan_id);
        DELETE FROM deletion_plan_edges WHERE plan_id = p_plan_id AND action <> 'cascade';
        CALL deletion_plan_children(p_plan_id, TRUE);
        UPDATE deletion_plan_nodes AS n
        SET n.is_expanded = TRUE
        WHERE n.plan_id = p_plan_id AND n.node_no < v_count;
        SET v_is_grown = EXISTS (  -- noqa: CP03,LT06
            SELECT 1 FROM deletion_plan_nodes AS n WHERE n.plan_id = p_plan_id AND NOT n.is_expanded
        );
    END WHILE;

    CALL deletion_plan_catalog(p_plan_id);

    UPDATE deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON
            n.plan_id = e.plan_id
            AND n.table_schema = e.child_schema
            AND n.table_name = e.child_table
    SET e.child_node_no = n.node_no
    WHERE e.plan_id = p_plan_id;

    SET p_error = (
        SELECT min(concat(
            s.column_name, ' of ', n.display_name, ': ',
            deletion_soft_problem(s.table_schema, s.table_name, s.column_name, s.mark_value)
        ))
        FROM deletion_plan_nodes AS n
        INNER JOIN deletion_soft_columns AS s
            ON s.table_schema = n.table_schema AND s.table_name = n.table_name
        WHERE n.plan_id = p_plan_id
    );

    IF p_error IS NULL AND NOT deletion_has_soft_column(p_entity_table) THEN
        SET p_error = concat(p_entity_table, ' has no soft-delete column');
    END IF;

    IF p_error IS NOT NULL THEN
        SET p_code = 'JD011';
    ELSE
        SET p_error = deletion_misfit_problem(p_plan_id);

        IF p_error IS NULL THEN
            CALL deletion_plan_problem(p_plan_id, p_error);
        END IF;

        SET p_code = if(p_error IS NULL, NULL, 'JD005');
    END IF;

    IF p_error IS NULL THEN
        -- A table from which no marking column can be reached is not looked at.
        WITH RECURSIVE useful (node_no) AS (
            SELECT n.node_no
            FROM deletion_plan_nodes AS n
            INNER JOIN deletion_soft_columns AS s
                ON s.table_schema = n.table_schema AND s.table_name = n.table_name
            WHERE n.plan_id = p_plan_id
            UNION DISTINCT
            SELECT e.parent_node_no
            FROM useful AS u
            INNER JOIN deletion_plan_edges AS e FORCE INDEX (idx_dpe_child)  -- noqa: PRS
                ON e.plan_id = p_plan_id AND e.child_node_no = u.node_no
        )

        SELECT json_arrayagg(u.node_no) INTO v_useful FROM useful AS u;

        -- What was marked is remembered by its key.
        SET p_error = (
            SELECT min(
                concat(n.display_name, ' has no primary key and no unique key without NULLs')
            )
            FROM deletion_plan_nodes AS n
            WHERE
                n.plan_id = p_plan_id AND n.key_columns IS NULL
                AND json_contains(v_useful, cast(n.node_no AS JSON))
        );
        SET p_code = if(p_error IS NULL, NULL, 'JD005');
    END IF;

    IF p_error IS NULL THEN
        DELETE FROM deletion_plan_edges
        WHERE plan_id = p_plan_id AND NOT json_contains(v_useful, cast(child_node_no AS JSON));
        CALL deletion_plan_ranks(p_plan_id);
        CALL deletion_plan_columns(p_plan_id);
        -- What marks a row travels with its key.
        UPDATE deletion_plan_nodes AS n
        INNER JOIN deletion_soft_columns AS s
            ON s.table_schema = n.table_schema AND s.table_name = n.table_name
        SET n.frame_columns = json_array_append(
            n.frame_columns, '$',
            deletion_frame_column(p_plan_id, n.node_no, s.column_name, 's')
        )
        WHERE n.plan_id = p_plan_id;
        CALL deletion_plan_edges(p_plan_id);
        SELECT concat(
            'columns of different types: ',
            group_concat(e.reference_name SEPARATOR ', ')  -- noqa: CP01
        )
        INTO p_error
        FROM deletion_plan_edges AS e
        WHERE e.plan_id = p_plan_id AND e.on_frame IS NULL;
        SET p_code = if(p_error IS NULL, NULL, 'JD005');
    END IF;
END$$
DELIMITER ;
