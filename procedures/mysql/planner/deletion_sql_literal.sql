-- deletion_sql_literal
-- Write the condition that a column holds a value.
--
-- Parameters  p_schema, p_table, p_column   the column
--             p_value                       the value as text
-- Returns     text, without the name of a row before the column; NULL: no value of its type
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_sql_literal('shop', 'note', 'about', 'customer');

DROP FUNCTION IF EXISTS deletion_sql_literal;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_literal(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_column VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_value LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the condition that a column holds a value'
BEGIN
    DECLARE v_type, v_text LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_charset, v_family VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT c.column_type, c.character_set_name
    INTO v_type, v_charset
    FROM information_schema.columns AS c
    WHERE c.table_schema = p_schema AND c.table_name = p_table AND c.column_name = p_column;

    SET v_family = deletion_type_family(v_type);
    SET v_text = deletion_key_text(p_value, v_type, v_charset);

    RETURN concat(deletion_quote_name(p_column), ' = ', CASE
        WHEN v_family = 'number' THEN v_text
        WHEN v_family = 'bytes' THEN concat('X\'', v_text, '\'')
        WHEN v_family IS NOT NULL THEN quote(v_text)
        -- A text without a length is no key, but it does for telling rows apart.
        WHEN v_type LIKE '%text' THEN quote(p_value)
    END);
END$$
DELIMITER ;
