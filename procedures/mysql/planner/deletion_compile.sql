-- deletion_compile
-- Compile a target's plan and make it the current one.
--
-- Parameters  p_entity_table   the target, as it is registered
--             p_hard           the mode: TRUE removes rows
--             p_plan_id        OUT the plan; one that cannot run carries error_code and error
-- Errors      JD004 the table is no target
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner only
-- Example     CALL deletion_compile('users', TRUE, @dj_plan);

DROP PROCEDURE IF EXISTS deletion_compile;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_compile(
    IN p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_hard BOOLEAN,
    OUT p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Compile a target''s plan and make it the current one'
BEGIN
    DECLARE v_code CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_tables JSON;
    DECLARE v_turn VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_length BIGINT DEFAULT @@SESSION.group_concat_max_len;

    IF NOT EXISTS (SELECT 1 FROM deletion_targets AS t WHERE t.entity_table = p_entity_table) THEN
        CALL deletion_raise('JD004', 'deletion_compile', 'table is no target', p_entity_table);
    END IF;

    -- Two workers that find the same plan stale compile it one after the other. Not by the target's
    -- row: enqueue reads that under a lock, and never waits for a worker.
    SET v_turn = (
        SELECT s.setting_name
        FROM deletion_settings AS s
        WHERE s.setting_name = 'recompile'
        FOR UPDATE
    );
    SET p_plan_id = deletion_fresh_plan(p_entity_table, p_hard);

    IF p_plan_id IS NULL THEN
        UPDATE deletion_plans AS p
        SET p.superseded_at = utc_timestamp(6)
        WHERE
            p.entity_table = p_entity_table AND p.hard_delete = p_hard AND p.superseded_at IS NULL;

        INSERT INTO deletion_plans (
            entity_table, hard_delete, fingerprint, tables, can_block, has_waits
        )
        VALUES (p_entity_table, p_hard, '', json_array(), FALSE, FALSE);

        SET p_plan_id = last_insert_id();
        SET SESSION group_concat_max_len = 16777216;

        IF p_hard THEN
            CALL deletion_plan_graph(p_plan_id, p_entity_table, v_code, v_error);
        ELSE
            CALL deletion_soft_graph(p_plan_id, p_entity_table, v_code, v_error);
        END IF;

        IF v_code IS NULL AND p_hard THEN
            CALL deletion_write_plan(p_plan_id);
            CALL deletion_write_circles(p_plan_id);
        ELSEIF v_code IS NULL THEN
            CALL deletion_write_soft_plan(p_plan_id);
        END IF;

        IF v_code IS NULL THEN
            CALL deletion_write_holds(p_plan_id);
        END IF;

        SET v_tables = (
            SELECT coalesce(
                json_arrayagg(json_object('s', n.table_schema, 't', n.table_name)), json_array()
            )
            FROM deletion_plan_nodes AS n
            WHERE n.plan_id = p_plan_id
        );

        UPDATE deletion_plans AS p
        SET
            p.tables = v_tables,
            p.fingerprint = deletion_fingerprint(p_entity_table, v_tables),
            p.error_code = v_code,
            p.error = v_error,
            -- Nothing blocks a mark.
            p.can_block = p_hard AND EXISTS (  -- noqa: CP03,LT06
                SELECT 1
                FROM deletion_plan_edges AS e
                WHERE
                    e.plan_id = p_plan_id
                    AND (
                        e.in_check
                        OR (
                            e.action = 'cascade'
                            AND e.parent_node_no = e.child_node_no
                            AND NOT e.is_circular
                        )
                        OR (e.is_refused AND e.break_list IS NULL)
                    )
            ),
            p.has_waits = EXISTS (  -- noqa: CP03,LT06
                SELECT 1
                FROM deletion_plan_edges AS e
                WHERE e.plan_id = p_plan_id AND (e.waits OR e.is_circular)
            )
        WHERE p.plan_id = p_plan_id;

        DELETE FROM deletion_plan_edges WHERE plan_id = p_plan_id;
        DELETE FROM deletion_plan_nodes WHERE plan_id = p_plan_id;
        DELETE FROM deletion_node_columns WHERE plan_id = p_plan_id;
        DELETE FROM deletion_node_indexes WHERE plan_id = p_plan_id;
        SET SESSION group_concat_max_len = v_length;
    END IF;
END$$
DELIMITER ;
