-- deletion_scrub_objection
-- Say why a column cannot be set to a constant when a row is scrubbed.
--
-- Parameters  p_schema, p_table, p_column   the column
--             p_value                       the constant
--             p_is_nullable                 TRUE: the column may be NULL
--             p_text                        the constant as the column's type prints it
-- Returns     text; NULL: it can
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_scrub_objection;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_scrub_objection(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_column VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_value JSON,
    p_is_nullable BOOLEAN,
    p_text LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say why a column cannot be set to a constant when a row is scrubbed'
BEGIN
    DECLARE v_is_null BOOLEAN DEFAULT json_type(p_value) = 'NULL';

    RETURN CASE
        WHEN EXISTS (
            SELECT 1
            FROM information_schema.columns AS c
            WHERE
                c.table_schema = p_schema AND c.table_name = p_table AND c.column_name = p_column
                AND c.generation_expression <> ''
        ) THEN 'the column is generated'
        WHEN json_contains(deletion_table_key(p_schema, p_table), json_quote(p_column))
            THEN 'the column is part of the key'
        -- A reference is what detaches; another one would lead the row elsewhere.
        WHEN EXISTS (
            SELECT 1
            FROM information_schema.key_column_usage AS k
            WHERE
                k.referenced_table_name IS NOT NULL
                AND (
                    (
                        k.table_schema = p_schema AND k.table_name = p_table
                        AND k.column_name = p_column
                    )
                    OR (
                        k.referenced_table_schema = p_schema
                        AND k.referenced_table_name = p_table
                        AND k.referenced_column_name = p_column
                    )
                )
        ) OR EXISTS (
            SELECT 1
            FROM deletion_references AS d
            WHERE
                (
                    d.child_schema = p_schema AND d.child_table = p_table
                    AND (
                        json_contains(d.child_columns, json_quote(p_column))
                        OR d.discriminator_column = p_column
                    )
                )
                OR (
                    d.parent_schema = p_schema AND d.parent_table = p_table
                    AND json_contains(d.parent_columns, json_quote(p_column))
                )
        ) THEN 'the column belongs to a reference'
        WHEN v_is_null AND NOT p_is_nullable THEN 'the column cannot be NULL'
        WHEN NOT v_is_null AND p_text IS NULL THEN 'the column does not take the value'
        WHEN NOT v_is_null AND EXISTS (
            SELECT 1
            FROM information_schema.statistics AS i
            WHERE
                i.table_schema = p_schema AND i.table_name = p_table AND i.non_unique = 0
            GROUP BY i.index_name
            HAVING count(*) = 1 AND max(i.column_name = p_column)
        ) THEN 'the column is unique: two rows cannot hold the value'
    END;
END$$
DELIMITER ;
