-- deletion_detach_problem
-- Say why rows cannot be taken off a reference by setting its columns NULL.
--
-- Parameters  p_schema, p_table   the table that refers
--             p_reference         the reference
-- Returns     text; NULL: they can
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_detach_problem;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_detach_problem(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_reference VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say why rows cannot be taken off a reference by setting its columns NULL'
BEGIN
    RETURN (
        SELECT concat('a column of the reference cannot be NULL (', min(c.column_name), ')')
        FROM information_schema.columns AS c
        WHERE
            c.table_schema = p_schema
            AND c.table_name = p_table
            AND c.is_nullable = 'NO'
            AND (
                EXISTS (
                    SELECT 1
                    FROM information_schema.key_column_usage AS k
                    WHERE
                        k.constraint_schema = p_schema AND k.table_name = p_table
                        AND k.constraint_name = p_reference AND k.column_name = c.column_name
                        AND k.referenced_table_name IS NOT NULL
                )
                OR EXISTS (
                    SELECT 1
                    FROM deletion_references AS d
                    WHERE
                        d.reference_name = p_reference AND d.child_schema = p_schema
                        AND d.child_table = p_table
                        AND json_contains(d.child_columns, json_quote(c.column_name))
                )
            )
    );
END$$
DELIMITER ;
