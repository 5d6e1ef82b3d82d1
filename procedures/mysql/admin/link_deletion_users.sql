-- link_deletion_users
-- Let created_by of the jobs point at the application's users, or point at nothing again.
--
-- Parameters  p_table    the users' table; NULL: drop the key
--             p_column   its column, BIGINT UNSIGNED and unique
-- Errors      JD002 no such column, another type, not unique; JD005 no such table; 1452 a job
--             names a user who does not exist
-- Writes      the constraint fk_dj_user of deletion_jobs     Commits  yes
-- Execute     the owner only (DBAs), who also needs the right REFERENCES on the users' table
-- Example     CALL link_deletion_users('users', 'id');

DROP PROCEDURE IF EXISTS link_deletion_users;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE link_deletion_users(
    IN p_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_column TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY INVOKER
COMMENT 'Let created_by of the jobs point at the users of the application, or at nothing again'
BEGIN
    DECLARE v_is_there BOOLEAN;
    DECLARE v_schema, v_table, v_column VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_name VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    IF p_table IS NOT NULL THEN
        CALL deletion_find_table(p_table, 'link_deletion_users', v_schema, v_table);
        SET v_name = concat(deletion_entity_name(v_schema, v_table), '.', coalesce(p_column, ''));

        SELECT
            c.column_name,
            c.column_type
        INTO v_column, v_type
        FROM information_schema.columns AS c
        WHERE c.table_schema = v_schema AND c.table_name = v_table AND c.column_name = p_column;

        IF v_column IS NULL THEN
            CALL deletion_raise('JD002', 'link_deletion_users', 'no such column', v_name);
        ELSEIF v_type <> 'bigint unsigned' THEN
            CALL deletion_raise(
                'JD002', 'link_deletion_users', 'column is not BIGINT UNSIGNED', v_name
            );
        ELSEIF deletion_unique_key(v_schema, v_table, json_array(v_column)) IS NULL THEN
            CALL deletion_raise('JD002', 'link_deletion_users', 'column is not unique', v_name);
        END IF;
    END IF;

    -- There is nothing to do where the key is this one already.
    SET v_is_there = (
        SELECT count(*) > 0
        FROM information_schema.key_column_usage AS k
        WHERE
            k.table_schema = database() AND k.table_name = 'deletion_jobs'
            AND k.constraint_name = 'fk_dj_user' AND k.referenced_table_schema = v_schema
            AND k.referenced_table_name = v_table AND k.referenced_column_name = v_column
    );

    IF NOT v_is_there AND EXISTS (
        SELECT 1
        FROM information_schema.table_constraints AS k
        WHERE
            k.table_schema = database() AND k.table_name = 'deletion_jobs'
            AND k.constraint_name = 'fk_dj_user'
    ) THEN
        ALTER TABLE deletion_jobs DROP FOREIGN KEY fk_dj_user;
    END IF;

    IF p_table IS NOT NULL AND NOT v_is_there THEN
        SET @dj_sql = concat(
            'ALTER TABLE deletion_jobs ADD CONSTRAINT fk_dj_user',
            ' FOREIGN KEY (created_by) REFERENCES ',
            deletion_quote_name(v_schema), '.', deletion_quote_name(v_table),
            ' (', deletion_quote_name(v_column), ') ON DELETE SET NULL'
        );
        PREPARE dj_stmt FROM @dj_sql;
        EXECUTE dj_stmt;
        DEALLOCATE PREPARE dj_stmt;
        SET @dj_sql = NULL;
    END IF;
END$$
DELIMITER ;
