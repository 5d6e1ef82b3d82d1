-- deletion_missing_privilege
-- Say which statement of a plan the server refuses: a right is missing, or the plan does not fit.
--
-- Parameters  p_plan_id   the plan
--             p_error     OUT the engine's code and message; NULL: all can be run
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- Preparing a statement checks the rights on its tables and columns, and touches no row. Where
-- rights are held on whole tables, one statement that locks, sets or deletes stands for all that do
-- the same to the same table: a plan of hundreds of tables has thousands of them. Of a schema that
-- is READ ONLY the server says so only when a statement is run: the catalog is asked.

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
DROP PROCEDURE IF EXISTS deletion_missing_privilege;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_missing_privilege(
    IN p_plan_id BIGINT UNSIGNED,
    OUT p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say which statement of a plan the server refuses: a right is missing, or the plan does not fit'  -- noqa: LT05
BEGIN
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;  -- noqa: PRS
    DECLARE v_sql LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_by_column BOOLEAN DEFAULT
        EXISTS (
            SELECT 1
            FROM information_schema.column_privileges AS c
            WHERE c.grantee = '\'deletion_jobs_owner\'@\'localhost\''
        )
        OR EXISTS (SELECT 1 FROM information_schema.role_column_grants);
    DECLARE c_step CURSOR FOR
        SELECT s.sql_text
        FROM deletion_plan_steps AS s
        -- What is kept is read by previews alone; what looks at holds reads tables of other steps.
        WHERE
            s.plan_id = p_plan_id
            AND s.sql_text IS NOT NULL
            AND coalesce(s.action, '') <> 'keep'
            AND s.kind NOT IN ('held', 'climb', 'climb_root', 'live')
            AND (
                v_by_column
                OR s.step_no IN (
                    SELECT coalesce(
                        -- Who may lock rows may read them.
                        min(if(o.sql_text LIKE '%\nFOR % OF x%', o.step_no, NULL)), min(o.step_no)
                    )
                    FROM deletion_plan_steps AS o
                    WHERE
                        o.plan_id = p_plan_id
                        AND o.sql_text IS NOT NULL
                        AND coalesce(o.action, '') <> 'keep'
                        AND o.kind NOT IN ('held', 'climb', 'climb_root', 'live')
                    GROUP BY o.table_name, left(o.sql_text, 6)
                )
            )
        ORDER BY s.step_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_step;

    BEGIN
        DECLARE v_number INT;
        DECLARE v_code CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
        DECLARE v_message LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
        DECLARE EXIT HANDLER FOR SQLEXCEPTION
        BEGIN
            GET STACKED DIAGNOSTICS v_number = NUMBER;
            GET STACKED DIAGNOSTICS CONDITION v_number
                v_code = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT;
            SET p_error = concat(v_code, ': ', v_message);
        END;

        FETCH c_step INTO v_sql;

        WHILE NOT v_is_done DO
            -- Not executed: the tables behind its foreign keys need not be opened for it.
            SET @dj_sql = if(
                left(v_sql, 7) = 'DELETE ',
                insert(v_sql, 7, 0, ' /*+ SET_VAR(foreign_key_checks = 0) */'),
                v_sql
            );
            PREPARE dj_stmt FROM @dj_sql;
            DEALLOCATE PREPARE dj_stmt;
            FETCH c_step INTO v_sql;
        END WHILE;
    END;

    CLOSE c_step;

    IF p_error IS NULL THEN
        SELECT concat('HY000: Schema ''', min(e.schema_name), ''' is in read only mode.')
        INTO p_error
        FROM deletion_plans AS p
        INNER JOIN
            json_table(
                p.tables, '$[*]' COLUMNS (
                    s VARCHAR(64) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin PATH '$.s'
                )
            ) AS t
        STRAIGHT_JOIN information_schema.schemata_extensions AS e ON e.schema_name = t.s
        WHERE
            p.plan_id = p_plan_id
            AND e.options LIKE '%READ ONLY=1%'
            -- What is only read, as behind keep, may be in such a schema.
            AND EXISTS (
                SELECT 1
                FROM deletion_plan_steps AS o
                WHERE
                    o.plan_id = p_plan_id
                    AND left(o.sql_text, 7) IN ('DELETE ', 'UPDATE ')
                    AND left(
                        deletion_quote_path(o.table_name),
                        char_length(deletion_quote_name(e.schema_name)) + 1
                    ) = concat(deletion_quote_name(e.schema_name), '.')
            );
    END IF;
END$$
DELIMITER ;
