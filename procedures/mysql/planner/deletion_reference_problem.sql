-- deletion_reference_problem
-- Say why a reference cannot be declared like this.
--
-- Parameters  p_name                   the reference's name
--             p_child_schema           schema of the table that refers
--             p_child_table            that table
--             p_child_columns          its columns; NULL: they are none
--             p_parent_schema          schema of the table referred to
--             p_parent_table           that table
--             p_parent_columns         its columns; NULL: they are none
--             p_discriminator_column   child column that tells which table is meant, or NULL
--             p_discriminator_value    its value that means this parent, or NULL
-- Returns     text; NULL: nothing is wrong
-- Writes      nothing                              Commits  no
-- Execute     the owner only

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
DROP FUNCTION IF EXISTS deletion_reference_problem;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_reference_problem(
    p_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_child_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_child_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_child_columns JSON,
    p_parent_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_parent_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_parent_columns JSON,
    p_discriminator_column TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_discriminator_value TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say why a reference cannot be declared like this'
BEGIN
    DECLARE v_children JSON
        DEFAULT deletion_columns(p_child_schema, p_child_table, p_child_columns);
    DECLARE v_parents JSON
        DEFAULT deletion_columns(p_parent_schema, p_parent_table, p_parent_columns);
    DECLARE v_tells JSON DEFAULT deletion_columns(
        p_child_schema, p_child_table, json_array(p_discriminator_column)
    );

    RETURN CASE
        WHEN
            deletion_is_ours(p_child_schema, p_child_table)
            OR deletion_is_ours(p_parent_schema, p_parent_table)
            THEN 'a table belongs to deletion-jobs'
        WHEN v_children IS NULL THEN 'p_child_columns are no columns of the child'
        WHEN v_parents IS NULL THEN 'p_parent_columns are no columns of the parent'
        WHEN json_length(v_children) <> json_length(v_parents)
            THEN 'child and parent columns differ in number'
        WHEN EXISTS (
            SELECT 1
            FROM json_table(
                v_children, '$[*]' COLUMNS (
                    pos INT PATH '$.pos',
                    type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.type'
                )
            ) AS c
            INNER JOIN json_table(
                v_parents, '$[*]' COLUMNS (
                    pos INT PATH '$.pos',
                    type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.type'
                )
            ) AS p ON p.pos = c.pos
            WHERE
                coalesce(deletion_type_family(c.type), 'none')
                <> coalesce(deletion_type_family(p.type), 'other')
                -- A TIMESTAMP is compared with a DATETIME by the session's zone.
                OR (c.type LIKE 'timestamp%') <> (p.type LIKE 'timestamp%')
        ) THEN 'child and parent columns cannot be compared'
        -- Texts that are one under the one collation and two under the other.
        WHEN
            json_extract(v_children, '$[*].text.collation')
            <> json_extract(v_parents, '$[*].text.collation')
            THEN 'child and parent columns have different collations'
        -- Rows that two parents share must not go with one of them.
        WHEN NOT EXISTS (
            SELECT 1
            FROM information_schema.statistics AS i
            WHERE i.table_schema = p_parent_schema AND i.table_name = p_parent_table
            GROUP BY i.index_name
            HAVING
                max(i.non_unique) = 0
                AND count(i.sub_part) = 0
                AND sum(coalesce(json_contains(p_parent_columns, json_quote(i.column_name)), 0))
                = count(*)
        ) THEN 'the parent columns hold no unique key'
        WHEN EXISTS (
            SELECT 1
            FROM information_schema.referential_constraints AS k
            WHERE
                k.constraint_schema = p_child_schema AND k.table_name = p_child_table
                AND k.constraint_name = p_name
        ) THEN 'the child has a foreign key of this name'
        WHEN (p_discriminator_column IS NULL) <> (p_discriminator_value IS NULL)
            THEN 'discriminator column and value go together'
        WHEN p_discriminator_column IS NULL THEN NULL
        WHEN v_tells IS NULL THEN 'the discriminator is no column of the child'
        WHEN json_contains(p_child_columns, json_quote(p_discriminator_column))
            THEN 'the discriminator is one of the child columns'
        -- A text without a length is no key, but it tells rows apart.
        WHEN json_unquote(json_extract(v_tells, '$[0].type')) LIKE '%text' THEN NULL
        WHEN deletion_key_text(
            p_discriminator_value,
            json_unquote(json_extract(v_tells, '$[0].type')),
            json_unquote(json_extract(v_tells, '$[0].text.charset'))
        ) IS NULL THEN 'the discriminator value is none of its column'
    END;
END$$
DELIMITER ;
