-- declare_deletion_reference
-- Declare that columns point at another table, where the catalog has no foreign key for it.
--
-- Parameters  p_name                   the reference's name; again: changes it
--             p_child_table            the table that refers
--             p_child_columns          its columns, a JSON array
--             p_parent_table           the table referred to
--             p_parent_columns         the columns of a unique key of it, in the same order
--             p_action                 cascade, set_null, set_default, restrict or keep;
--                                      NULL: forget the reference
--             p_discriminator_column   child column that tells which table is meant, or NULL
--             p_discriminator_value    its value that means this parent, or NULL
-- Errors      JD002 what does not fit; JD005 no such table
-- Writes      deletion_references (one row), deletion_rules     Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL declare_deletion_reference('comment_post', 'comment', '["about_id"]',
--             'post', '["id"]', 'cascade', 'about_type', 'Post');

DROP PROCEDURE IF EXISTS declare_deletion_reference;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE declare_deletion_reference(
    IN p_name TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_child_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_child_columns JSON,
    IN p_parent_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_parent_columns JSON,
    IN p_action TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_discriminator_column TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_discriminator_value TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Declare that columns point at another table, where the catalog has no foreign key for it'
BEGIN
    DECLARE v_child_schema, v_child_table VARCHAR(64)
        CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_parent_schema, v_parent_table VARCHAR(64)
        CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_what VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_own JSON;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

    SET v_what = CASE
        WHEN coalesce(p_name, '') = '' THEN 'p_name is NULL or empty'
        WHEN char_length(p_name) > 64 THEN 'p_name is longer than 64 characters'
        WHEN p_action IS NULL THEN NULL
        WHEN p_action NOT IN ('cascade', 'set_null', 'set_default', 'restrict', 'keep')
            THEN 'no such action'
        WHEN p_child_table IS NULL OR p_parent_table IS NULL THEN 'a table is NULL'
    END;

    IF v_what IS NOT NULL THEN
        CALL deletion_raise(
            'JD002', 'declare_deletion_reference', v_what, coalesce(p_action, p_name)
        );
    END IF;

    IF p_action IS NOT NULL THEN
        CALL deletion_find_table(
            p_child_table, 'declare_deletion_reference', v_child_schema, v_child_table
        );
        CALL deletion_find_table(
            p_parent_table, 'declare_deletion_reference', v_parent_schema, v_parent_table
        );
        SET v_what = deletion_reference_problem(
            p_name,
            v_child_schema,
            v_child_table,
            p_child_columns,
            v_parent_schema,
            v_parent_table,
            p_parent_columns,
            p_discriminator_column,
            p_discriminator_value
        );
    END IF;

    IF v_what IS NOT NULL THEN
        CALL deletion_raise('JD002', 'declare_deletion_reference', v_what, p_name);
    END IF;

    -- A rule is about the reference as it was: it goes where the child is another one.
    DELETE r
    FROM deletion_rules AS r
    INNER JOIN deletion_references AS d
        ON
            d.reference_name = r.reference_name
            AND d.child_schema = r.child_schema
            AND d.child_table = r.child_table
    WHERE
        d.reference_name = p_name
        AND (
            v_child_table IS NULL
            OR d.child_schema <> v_child_schema
            OR d.child_table <> v_child_table
        );

    IF p_action IS NULL THEN
        DELETE FROM deletion_references AS d WHERE d.reference_name = p_name;
    ELSE
        REPLACE INTO deletion_references (
            reference_name, child_schema, child_table, child_columns, parent_schema, parent_table,
            parent_columns, discriminator_column, discriminator_value, action
        )
        VALUES (
            p_name, v_child_schema, v_child_table, p_child_columns, v_parent_schema, v_parent_table,
            p_parent_columns, p_discriminator_column, p_discriminator_value, p_action
        );
    END IF;
    CALL deletion_widen_session(v_own);
END$$
DELIMITER ;
