-- deletion_hidden_table
-- Find a table that deletes of a plan reach and that the owner account cannot see.
--
-- Parameters  p_plan_id   the plan
--             p_error     OUT an error that names both tables; NULL: there is none
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- The catalog tells an account nothing of tables on which it has no right, not even that they refer
-- to others: the engine would change their rows, and no receipt count them. But a DELETE locks the
-- definition of each table that its foreign keys or triggers reach, and of these locks the server
-- tells, unless it has no performance_schema, or its instrument wait/lock/metadata/sql/mdl is off.

DROP PROCEDURE IF EXISTS deletion_hidden_table;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_hidden_table(
    IN p_plan_id BIGINT UNSIGNED,
    OUT p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find a table that deletes of a plan reach and that the owner account cannot see'
BEGIN
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE v_thread BIGINT UNSIGNED;
    DECLARE v_edge_no INT;
    DECLARE v_kind, v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE c_write CURSOR FOR
        SELECT s.table_name, NULL AS edge_no, NULL AS kind
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_plan_id
            AND (
                s.kind IN ('remove', 'drain')
                OR (s.kind = 'change_rows' AND left(s.sql_text, 7) = 'DELETE ')
            )
        GROUP BY s.table_name
        UNION ALL
        -- What sets columns may be followed by ON UPDATE.
        SELECT s.table_name, s.edge_no, s.kind
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_plan_id
            AND left(s.sql_text, 7) = 'UPDATE '
            AND s.kind <> 'restore'
            AND coalesce(s.action, '') <> 'keep';
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    SET v_thread = (
        SELECT t.thread_id
        FROM performance_schema.threads AS t
        WHERE t.processlist_id = connection_id()
    );
    -- No row, neither by a frame nor by a limit: nothing is changed, and no trigger fires.
    SET @dj_frame = '[]', @dj_stack = '[]', @dj_run_id = NULL, @dj_limit = 0;
    OPEN c_write;
    FETCH c_write INTO v_table, v_edge_no, v_kind;

    WHILE NOT v_is_done AND v_thread IS NOT NULL DO
        IF v_kind IS NULL THEN
            SET @dj_sql = concat('DELETE FROM ', deletion_quote_path(v_table), ' WHERE FALSE');
            PREPARE dj_stmt FROM @dj_sql;
            EXECUTE dj_stmt;
            DEALLOCATE PREPARE dj_stmt;
        ELSE
            CALL deletion_execute(p_plan_id, v_edge_no, v_kind);
        END IF;

        FETCH c_write INTO v_table, v_edge_no, v_kind;
    END WHILE;

    CLOSE c_write;

    SELECT concat(
        '42000: deletes reach ', q.hidden, ', which deletion_jobs_owner cannot see: GRANT',
        ' REFERENCES ON ', q.hidden, ' TO ''deletion_jobs_owner''@''localhost'''
    )
    INTO p_error
    FROM (
        SELECT min(concat(
            deletion_quote_name(m.object_schema), '.', deletion_quote_name(m.object_name)
        )) AS hidden
        FROM performance_schema.metadata_locks AS m
        LEFT JOIN information_schema.tables AS t
            ON
                t.table_schema = convert(m.object_schema USING utf8mb3)  -- noqa: CP01
                AND t.table_name = convert(m.object_name USING utf8mb3)  -- noqa: CP01
        WHERE
            m.owner_thread_id = v_thread
            AND m.object_type = 'TABLE'
            AND m.object_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')
            AND t.table_name IS NULL
            -- Where it has such a right on all of a schema it sees all tables of it: a name that
            -- is locked all the same is one of no table, such as a trigger's temporary one.
            AND NOT EXISTS (
                SELECT 1
                FROM information_schema.schema_privileges AS g
                WHERE
                    g.grantee = '\'deletion_jobs_owner\'@\'localhost\''
                    AND g.privilege_type IN ('SELECT', 'UPDATE', 'DELETE', 'REFERENCES')
                    AND convert(m.object_schema USING utf8mb3) LIKE g.table_schema  -- noqa: CP01
            )
    ) AS q;
END$$
DELIMITER ;
