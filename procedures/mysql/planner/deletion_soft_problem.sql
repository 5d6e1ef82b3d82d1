-- deletion_soft_problem
-- Say why a column cannot mark the rows of its table as deleted.
--
-- Parameters  p_schema, p_table, p_column   the column
--             p_value   what an integer would be set to; NULL: nothing was given
-- Returns     text; NULL: it can
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_soft_problem('shop', 'customer', 'deleted_at', NULL);

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP FUNCTION IF EXISTS deletion_soft_problem;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_soft_problem(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_column VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_value BIGINT
) RETURNS TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say why a column cannot mark the rows of its table as deleted'
BEGIN
    DECLARE v_type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_nullable, v_is_set BOOLEAN;
    DECLARE v_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    -- The catalog compares names regardless of case.
    SELECT
        c.column_type, c.is_nullable = 'YES',
        c.extra LIKE '%GENERATED%' AND c.extra NOT LIKE '%DEFAULT_GENERATED%'
        OR c.extra LIKE '%VIRTUAL%' OR c.extra LIKE '%STORED%' OR c.extra LIKE '%auto_increment%'
        OR c.extra LIKE '%on update%'
    INTO v_type, v_is_nullable, v_is_set
    FROM information_schema.columns AS c
    WHERE
        c.table_schema = p_schema AND c.table_name = p_table
        AND cast(c.column_name AS BINARY) = cast(p_column AS BINARY);

    SET v_kind = deletion_soft_kind(v_type);

    RETURN CASE
        WHEN v_type IS NULL THEN 'no such column'
        WHEN v_kind IS NULL THEN 'column is no timestamp, boolean or integer'
        WHEN v_kind = 'timestamp' AND p_value IS NOT NULL THEN 'only an integer is set to a value'
        WHEN v_kind = 'timestamp' AND NOT v_is_nullable THEN 'column cannot be NULL: not deleted'
        WHEN v_is_set THEN 'column is generated'
        WHEN
            p_value IS NOT NULL
            AND (
                (p_value < 0 AND v_type LIKE '%unsigned%')
                OR p_value NOT BETWEEN
                -pow(2, CASE regexp_substr(v_type, '^[a-z]+') WHEN 'tinyint' THEN 7
                    WHEN 'smallint' THEN 15 WHEN 'mediumint' THEN 23 WHEN 'int' THEN 31
                    ELSE 63 END)
                AND pow(2, (CASE regexp_substr(v_type, '^[a-z]+') WHEN 'tinyint' THEN 7
                    WHEN 'smallint' THEN 15 WHEN 'mediumint' THEN 23 WHEN 'int' THEN 31
                    ELSE 63 END) + (v_type LIKE '%unsigned%')) - 1
            ) THEN 'column cannot hold the value'
        WHEN
            -- The primary key names rows; where there is none, a unique key without NULLs.
            EXISTS (
                SELECT 1
                FROM information_schema.statistics AS i
                WHERE
                    i.table_schema = p_schema AND i.table_name = p_table
                    AND i.column_name = p_column AND i.non_unique = 0 AND i.nullable <> 'YES'
                    AND (
                        i.index_name = 'PRIMARY'
                        OR NOT EXISTS (
                            SELECT 1
                            FROM information_schema.statistics AS k
                            WHERE
                                k.table_schema = p_schema AND k.table_name = p_table
                                AND k.index_name = 'PRIMARY'
                        )
                    )
            )
            OR EXISTS (
                SELECT 1
                FROM deletion_targets AS t
                WHERE
                    t.table_schema = p_schema AND t.table_name = p_table
                    AND json_contains(t.key_columns, json_quote(p_column))
            ) THEN 'column is part of the key'
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
                        k.referenced_table_schema = p_schema AND k.referenced_table_name = p_table
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
        ) THEN 'column is part of a reference'
    END;
END$$
DELIMITER ;
