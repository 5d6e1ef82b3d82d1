-- deletion_quote_path
-- Quote the name that plans show of a table, for use in a statement.
--
-- Parameters  p_table_name   the table, in other schemas after its schema and a dot
-- Returns     text: schema and table in backticks
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_quote_path('customer');

DROP FUNCTION IF EXISTS deletion_quote_path;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_quote_path(
    p_table_name VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS VARCHAR(270) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Quote the name that plans show of a table, for use in a statement'
BEGIN
    -- A dot in a name of our own schema is told from one behind a schema by what there is.
    IF locate('.', p_table_name) = 0 OR EXISTS (
        SELECT 1
        FROM information_schema.tables AS t
        WHERE t.table_schema = database() AND t.table_name = p_table_name
    ) THEN
        RETURN concat(deletion_quote_name(database()), '.', deletion_quote_name(p_table_name));
    END IF;

    RETURN concat(
        deletion_quote_name(substring_index(p_table_name, '.', 1)),
        '.',
        deletion_quote_name(substring(p_table_name, locate('.', p_table_name) + 1))
    );
END$$
DELIMITER ;
