-- Take back the rights in this database, and drop the accounts where an installation has made
-- them and nothing else uses them: no other object, database or member.
DROP PROCEDURE IF EXISTS deletion_drop_roles;

DELIMITER $$
CREATE PROCEDURE deletion_drop_roles()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY INVOKER
COMMENT 'Takes back the rights of the roles; lives for one rollback'
BEGIN
    DECLARE v_done BOOLEAN DEFAULT FALSE;
    DECLARE v_sql TEXT;
    DECLARE c_statements CURSOR FOR SELECT d.sql_text FROM dj_revoke AS d ORDER BY d.step_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_done = TRUE;

    DROP TEMPORARY TABLE IF EXISTS dj_revoke;
    CREATE TEMPORARY TABLE dj_revoke (
        step_no INT AUTO_INCREMENT PRIMARY KEY,
        sql_text TEXT NOT NULL
    );

    INSERT INTO dj_revoke (sql_text)
    SELECT concat(
        'REVOKE ALL PRIVILEGES ON `', replace(t.db, '`', '``'), '`.`',
        replace(t.table_name, '`', '``'), '` FROM ', quote(t.user), '@', quote(t.host)
    )
    FROM mysql.tables_priv AS t
    WHERE
        t.db = database()
        AND t.user LIKE 'deletion\_jobs\_%'
        AND (t.table_name LIKE 'deletion\_%' OR t.table_name LIKE 'vw\_deletion\_%');

    INSERT INTO dj_revoke (sql_text)
    SELECT concat(
        'REVOKE ALL PRIVILEGES ON `', replace(d.db, '`', '``'), '`.* FROM ',
        quote(d.user), '@', quote(d.host)
    )
    FROM mysql.db AS d
    WHERE d.db = database() AND d.user LIKE 'deletion\_jobs\_%';

    OPEN c_statements;
    revoking: LOOP
        FETCH c_statements INTO v_sql;
        IF v_done THEN
            LEAVE revoking;
        END IF;
        SET @dj_sql = v_sql;
        PREPARE dj_stmt FROM @dj_sql;
        EXECUTE dj_stmt;
        DEALLOCATE PREPARE dj_stmt;
    END LOOP revoking;
    CLOSE c_statements;

    -- Whether it was an installation that made them, the owner's comment tells.
    IF
        EXISTS (
            SELECT 1
            FROM information_schema.user_attributes AS a
            WHERE
                a.user = 'deletion_jobs_owner'
                AND a.attribute ->> '$.comment' LIKE 'Owns deletion-jobs:%'
        )
        AND NOT EXISTS (
            SELECT 1
            FROM mysql.role_edges AS e
            WHERE e.from_user LIKE 'deletion\_jobs\_%' AND e.to_user <> 'deletion_jobs_owner'
        )
        AND NOT EXISTS (
            -- The rights in a database that was dropped stay behind, and are nobody's use.
            SELECT 1
            FROM mysql.db AS d
            INNER JOIN information_schema.schemata AS s ON d.db = s.schema_name
            WHERE d.user LIKE 'deletion\_jobs\_%'
        )
        AND NOT EXISTS (
            SELECT 1
            FROM mysql.tables_priv AS t
            INNER JOIN information_schema.schemata AS s ON t.db = s.schema_name
            WHERE
                t.user LIKE 'deletion\_jobs\_%'
                AND t.db NOT IN ('mysql', 'performance_schema', 'sys')
        )
        AND NOT EXISTS (
            SELECT 1
            FROM mysql.procs_priv AS p
            INNER JOIN information_schema.schemata AS s ON p.db = s.schema_name
            WHERE p.user LIKE 'deletion\_jobs\_%'
        )
        AND NOT EXISTS (
            SELECT 1
            FROM information_schema.routines AS r
            WHERE r.definer LIKE 'deletion\_jobs\_owner@%'
        )
    THEN
        SET @dj_sql = (
            SELECT concat('DROP USER ', a.accounts)
            FROM (
                SELECT
                    group_concat(
                        concat(quote(u.user), '@', quote(u.host)) SEPARATOR ', '
                    ) AS accounts
                FROM mysql.user AS u
                WHERE
                    u.user IN (
                        'deletion_jobs_owner', 'deletion_jobs_app', 'deletion_jobs_operator',
                        'deletion_jobs_reader', 'deletion_jobs_worker'
                    )
            ) AS a
        );
        PREPARE dj_stmt FROM @dj_sql;
        EXECUTE dj_stmt;
        DEALLOCATE PREPARE dj_stmt;
    END IF;

    DROP TEMPORARY TABLE dj_revoke;
END$$
DELIMITER ;

CALL deletion_drop_roles();
DROP PROCEDURE deletion_drop_roles;
