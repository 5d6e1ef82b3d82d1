-- deletion_plan_graph
-- Read the catalog from a target on: the tables and references of its plan, in order.
--
-- Parameters  p_plan_id, p_entity_table   the plan and its target
--             p_code, p_error             OUT why the plan cannot be run; NULL: it can
-- Writes      deletion_plan_nodes, deletion_plan_edges     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_graph;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_graph(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_code CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read the catalog from a target on: the tables and references of its plan, in order'
BEGIN
    DECLARE v_count INT DEFAULT 0;
    DECLARE v_is_grown BOOLEAN DEFAULT TRUE;
    DECLARE v_schema, v_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_key JSON;

    SELECT t.table_schema, t.table_name, t.key_columns
    INTO v_schema, v_table, v_key
    FROM deletion_targets AS t
    WHERE t.entity_table = p_entity_table;

    CALL deletion_plan_node(p_plan_id, v_schema, v_table, v_key, TRUE);

    -- A layer at a time: the server answers for hundreds of tables nearly as fast as for one.
    WHILE v_is_grown DO
        SET v_count = (
            SELECT count(*) FROM deletion_plan_nodes AS n WHERE n.plan_id = p_plan_id
        );
        CALL deletion_references_to(p_plan_id);
        -- A table's rows go with their parents' where a reference to those cascades.
        CALL deletion_plan_children(p_plan_id, TRUE);
        UPDATE deletion_plan_nodes AS n
        SET n.is_expanded = TRUE
        WHERE n.plan_id = p_plan_id AND n.node_no < v_count;
        SET v_is_grown = EXISTS (  -- noqa: CP03,LT06
            SELECT 1 FROM deletion_plan_nodes AS n WHERE n.plan_id = p_plan_id AND NOT n.is_expanded
        );
    END WHILE;

    CALL deletion_plan_kept(p_plan_id);
    CALL deletion_plan_children(p_plan_id, FALSE);
    CALL deletion_plan_catalog(p_plan_id);

    UPDATE deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON
            n.plan_id = e.plan_id
            AND n.table_schema = e.child_schema
            AND n.table_name = e.child_table
    SET e.child_node_no = n.node_no
    WHERE e.plan_id = p_plan_id;

    SET p_error = deletion_misfit_problem(p_plan_id);

    IF p_error IS NULL THEN
        CALL deletion_plan_problem(p_plan_id, p_error);
    END IF;

    IF p_error IS NULL AND deletion_key_changed(p_entity_table) THEN
        SET p_error = concat(
            'the key of ', p_entity_table, ' has changed its type: register it again'
        );
    END IF;

    IF p_error IS NULL THEN
        CALL deletion_rule_problem(p_plan_id, p_error);
    END IF;

    IF p_error IS NULL THEN
        CALL deletion_plan_set_order(p_plan_id);
        CALL deletion_plan_ranks(p_plan_id);
        CALL deletion_plan_cycle(p_plan_id);
        CALL deletion_break_columns(p_plan_id);
        CALL deletion_plan_links(p_plan_id);
    ELSE
        SET p_code = 'JD005';
    END IF;

    IF p_error IS NULL THEN
        CALL deletion_plan_columns(p_plan_id);
        CALL deletion_plan_edges(p_plan_id);
        SELECT concat(
            'columns that cannot be compared exactly: ',
            group_concat(e.reference_name SEPARATOR ', ')  -- noqa: CP01
        )
        INTO p_error
        FROM deletion_plan_edges AS e
        WHERE e.plan_id = p_plan_id AND e.on_frame IS NULL AND e.action <> 'keep';
        SET p_code = if(p_error IS NULL, NULL, 'JD005');
    END IF;
END$$
DELIMITER ;
