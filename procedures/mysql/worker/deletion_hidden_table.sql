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
-- tells, unless it has no performance_schema.

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
    DECLARE v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE c_table CURSOR FOR
        SELECT DISTINCT s.table_name
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.kind IN ('remove', 'drain');
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    SET v_thread = (
        SELECT t.thread_id
        FROM performance_schema.threads AS t
        WHERE t.processlist_id = connection_id()
    );
    OPEN c_table;
    FETCH c_table INTO v_table;

    WHILE NOT v_is_done AND v_thread IS NOT NULL DO
        -- No row: nothing is deleted, and no trigger fires.
        SET @dj_sql = concat('DELETE FROM ', deletion_quote_path(v_table), ' WHERE FALSE');
        PREPARE dj_stmt FROM @dj_sql;
        EXECUTE dj_stmt;
        DEALLOCATE PREPARE dj_stmt;
        FETCH c_table INTO v_table;
    END WHILE;

    CLOSE c_table;

    SELECT
        concat(
            '42000: deletes reach ', q.hidden, ', which deletion_jobs_owner cannot see:',
            ' GRANT REFERENCES ON ', q.hidden, ' TO ''deletion_jobs_owner''@''localhost'''
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
    ) AS q;
END$$
DELIMITER ;
