-- deletion_soft_live
-- Write the condition that the row x of a table is not marked as deleted, or what marks it.
--
-- Parameters  p_schema, p_table   the table
--             p_is_value          TRUE: what the column is set to, where @dj_mark is the run's time
-- Returns     text; NULL: its rows cannot be marked
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_soft_live('shop', 'customer', FALSE);

DROP FUNCTION IF EXISTS deletion_soft_live;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_soft_live(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_is_value BOOLEAN
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the condition that the row x of a table is not marked as deleted, or what marks it'
BEGIN
    RETURN (
        SELECT CASE
            WHEN p_is_value THEN CASE s.kind
                WHEN 'timestamp' THEN 'CAST(@dj_mark AS DATETIME(6))'
                WHEN 'boolean' THEN 'TRUE'
                ELSE s.mark_value
            END
            ELSE concat('x.', deletion_quote_name(s.column_name), CASE s.kind
                WHEN 'timestamp' THEN ' IS NULL'
                WHEN 'boolean' THEN ' IS NOT TRUE'
                ELSE concat(
                    ' IS NULL OR x.', deletion_quote_name(s.column_name), ' <> ', s.mark_value
                )
            END)
        END
        FROM deletion_soft_columns AS s
        WHERE s.table_schema = p_schema AND s.table_name = p_table
    );
END$$
DELIMITER ;
