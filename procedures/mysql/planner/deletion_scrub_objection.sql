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
    DECLARE v_made JSON DEFAULT json_array();
    DECLARE v_from JSON DEFAULT json_array(p_column);
    DECLARE v_count INT DEFAULT -1;

    -- What the engine makes from the column, and from that again.
    WHILE json_length(v_made) > v_count DO
        SET v_count = json_length(v_made);
        SET v_made = (
            SELECT coalesce(json_arrayagg(c.column_name), json_array())
            FROM information_schema.columns AS c
            WHERE
                c.table_schema = p_schema
                AND c.table_name = p_table
                AND c.generation_expression <> ''
                AND EXISTS (
                    SELECT 1
                    FROM json_table(v_from, '$[*]' COLUMNS (  -- noqa: CP02
                        name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'  -- noqa: PRS,LT05
                    )) AS k
                    WHERE locate(deletion_quote_name(k.name), c.generation_expression) > 0
                )
        );
        SET v_from = json_merge_preserve(json_array(p_column), v_made);
    END WHILE;

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
        WHEN json_overlaps(coalesce(deletion_table_key(p_schema, p_table), json_array()), v_made)
            THEN 'a column of the key is made from it'
        WHEN EXISTS (
            SELECT 1
            FROM information_schema.key_column_usage AS k
            WHERE
                k.referenced_table_name IS NOT NULL
                AND (
                    (
                        k.table_schema = p_schema AND k.table_name = p_table
                        AND json_contains(v_made, json_quote(k.column_name))
                    )
                    OR (
                        k.referenced_table_schema = p_schema
                        AND k.referenced_table_name = p_table
                        AND json_contains(v_made, json_quote(k.referenced_column_name))
                    )
                )
        ) OR EXISTS (
            SELECT 1
            FROM deletion_references AS d
            WHERE
                (
                    d.child_schema = p_schema AND d.child_table = p_table
                    AND json_overlaps(
                        v_made, json_array_append(d.child_columns, '$', d.discriminator_column)
                    )
                )
                OR (
                    d.parent_schema = p_schema AND d.parent_table = p_table
                    AND json_overlaps(v_made, d.parent_columns)
                )
        ) THEN 'a column of a reference is made from it'
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
        -- Of an expression the server names no column.
        WHEN NOT v_is_null AND EXISTS (
            SELECT 1
            FROM information_schema.statistics AS i
            WHERE
                i.table_schema = p_schema
                AND i.table_name = p_table
                AND i.non_unique = 0
                AND (
                    json_contains(v_made, json_quote(i.column_name))
                    OR EXISTS (
                        SELECT 1
                        FROM json_table(v_from, '$[*]' COLUMNS (  -- noqa: CP02
                            name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'  -- noqa: PRS,LT05
                        )) AS k
                        WHERE locate(deletion_quote_name(k.name), i.expression) > 0
                    )
                )
        ) THEN 'what is unique is made from it'
    END;
END$$
DELIMITER ;
