-- deletion_find_table
-- Find a table of the application by the name that somebody gave.
--
-- Parameters  p_name     the table as the catalog spells it, or its schema, a dot and the table
--             p_verb     the verb that was called
--             p_schema   OUT schema of the table
--             p_table    OUT the table
-- Errors      JD005 no such table; a system table, a view, or not in InnoDB
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     CALL deletion_find_table('customer', 'test', @dj_schema, @dj_table);

DROP PROCEDURE IF EXISTS deletion_find_table;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_find_table(
    IN p_name TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_verb VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find a table of the application by the name that somebody gave'
BEGIN
    DECLARE v_schema, v_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_type, v_engine VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SET v_schema = database(), v_table = p_name;

    -- A name may hold a dot itself; so the whole of it in our own schema comes first.
    IF locate('.', p_name) > 0 AND NOT EXISTS (
        SELECT 1
        FROM information_schema.tables AS t
        WHERE t.table_schema = v_schema AND t.table_name = v_table
    ) THEN
        SET v_schema = substring_index(p_name, '.', 1);
        SET v_table = substring(p_name, char_length(v_schema) + 2);
    END IF;

    -- The catalog may compare letters regardless of case, depending on the server.
    SELECT t.table_schema, t.table_name, t.table_type, t.engine
    INTO p_schema, p_table, v_type, v_engine
    FROM information_schema.tables AS t
    WHERE
        t.table_schema = v_schema
        AND t.table_name = v_table
        AND cast(t.table_schema AS BINARY) = cast(v_schema AS BINARY)
        AND cast(t.table_name AS BINARY) = cast(v_table AS BINARY);

    IF p_table IS NULL THEN
        CALL deletion_raise(
            'JD005',
            p_verb,
            'no such table that deletion_jobs_owner can see',
            p_name
        );
    ELSEIF p_schema IN ('mysql', 'information_schema', 'performance_schema', 'sys') THEN
        CALL deletion_raise('JD005', p_verb, 'table is a system table', p_name);
    ELSEIF v_type <> 'BASE TABLE' THEN
        CALL deletion_raise('JD005', p_verb, 'table is a view', p_name);
    ELSEIF v_engine <> 'InnoDB' THEN
        CALL deletion_raise('JD005', p_verb, 'table is not in InnoDB', p_name);
    END IF;
END$$
DELIMITER ;
