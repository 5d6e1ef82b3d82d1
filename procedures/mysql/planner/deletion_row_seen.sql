-- deletion_row_seen
-- Say whether a table has a row of a key.
--
-- Parameters  p_schema, p_table   the table
--             p_columns   the columns of the key, a JSON array of names
--             p_pk        their value, in canonical form
--             p_is_seen   OUT TRUE where it has; of a row that somebody is changing: where it
--                         had it before
-- Errors      the engine's, where the owner may not read the table
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     CALL deletion_row_seen('shop', 'invoice', '["id"]', '42', @dj_rows);

DROP PROCEDURE IF EXISTS deletion_row_seen;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_row_seen(
    IN p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_columns JSON,
    IN p_pk TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_is_seen BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say whether a table has a row of a key'
BEGIN
    DECLARE v_columns JSON DEFAULT deletion_columns(p_schema, p_table, p_columns);
    DECLARE v_key JSON DEFAULT json_array();
    DECLARE v_column JSON;
    DECLARE v_sql LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_pos INT DEFAULT 0;

    WHILE v_pos < json_length(v_columns) DO
        SET v_column = json_extract(v_columns, concat('$[', v_pos, ']'));
        SET v_pos = v_pos + 1;
        SET v_key = json_array_append(v_key, '$', deletion_column_frame(
            v_column ->> '$.name', v_column ->> '$.type', v_column ->> '$.text.charset',
            v_column ->> '$.text.collation', concat('h', v_pos)
        ));
    END WHILE;

    SET v_sql = concat(
        'SELECT COUNT(*) INTO @dj_rows\n',
        deletion_sql_found(v_key, concat(
            deletion_quote_name(p_schema), '.', deletion_quote_name(p_table), ' AS x'
        ))
    );
    SET @dj_frame = json_array(json_object(
        'j', 0, 'pk', p_pk, 'k', CASE WHEN json_valid(p_pk) THEN cast(p_pk AS JSON) END
    ));

    BEGIN
        -- Somebody is changing it: what was committed last is what may have to be found again.
        DECLARE EXIT HANDLER FOR 3572
        BEGIN
            SET @dj_sql = v_sql;
            PREPARE dj_stmt FROM @dj_sql;
            EXECUTE dj_stmt USING @dj_frame;
            DEALLOCATE PREPARE dj_stmt;
        END;

        -- A snapshot of the caller's may be older than the last step: what is there now, under a
        -- lock; never waited for, since every step waits for this call.
        SET @dj_sql = concat(v_sql, '\nFOR SHARE OF x NOWAIT');
        PREPARE dj_stmt FROM @dj_sql;
        EXECUTE dj_stmt USING @dj_frame;
        DEALLOCATE PREPARE dj_stmt;
    END;

    SET p_is_seen = @dj_rows > 0;
END$$
DELIMITER ;
