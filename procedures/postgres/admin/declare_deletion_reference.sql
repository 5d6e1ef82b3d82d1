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

CREATE OR REPLACE PROCEDURE declare_deletion_reference(
    p_name text,
    p_child_table text DEFAULT NULL,
    p_child_columns jsonb DEFAULT NULL,
    p_parent_table text DEFAULT NULL,
    p_parent_columns jsonb DEFAULT NULL,
    p_action text DEFAULT NULL,
    p_discriminator_column text DEFAULT NULL,
    p_discriminator_value text DEFAULT NULL
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $declare_deletion_reference$
DECLARE
    c_verb CONSTANT text := 'declare_deletion_reference';
    v_child regclass;
    v_parent regclass;
    v_what text;
BEGIN
    v_what := CASE
        WHEN coalesce(p_name, '') = '' THEN 'p_name is NULL or empty'
        WHEN length(p_name) > 64 THEN 'p_name is longer than 64 characters'
        WHEN p_action IS NULL THEN NULL
        WHEN p_action NOT IN ('cascade', 'set_null', 'set_default', 'restrict', 'keep')
            THEN 'no such action'
        WHEN p_child_table IS NULL OR p_parent_table IS NULL THEN 'a table is NULL'
    END;

    IF v_what IS NOT NULL THEN
        PERFORM deletion_raise('JD002', c_verb, v_what, coalesce(p_action, p_name));
    END IF;

    IF p_action IS NOT NULL THEN
        v_child := deletion_find_table(p_child_table, c_verb);
        v_parent := deletion_find_table(p_parent_table, c_verb);
        v_what := deletion_reference_problem(
            p_name, v_child, deletion_columns(v_child, p_child_columns), v_parent,
            deletion_columns(v_parent, p_parent_columns), p_discriminator_column,
            p_discriminator_value
        );
    END IF;

    IF v_what IS NOT NULL THEN
        PERFORM deletion_raise('JD002', c_verb, v_what, p_name);
    END IF;

    -- A rule is about the reference as it was: it goes where the child is another one.
    DELETE FROM deletion_rules AS r
    USING deletion_references AS d
    WHERE
        d.reference_name = p_name AND r.reference_name = p_name
        AND r.child_schema = d.child_schema AND r.child_table = d.child_table
        AND NOT EXISTS (
            SELECT 1
            FROM pg_class AS c
            INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
            WHERE
                c.oid = v_child AND n.nspname = d.child_schema AND c.relname = d.child_table
        );

    DELETE FROM deletion_references AS d WHERE d.reference_name = p_name;

    INSERT INTO deletion_references (
        reference_name, child_schema, child_table, child_columns, parent_schema, parent_table,
        parent_columns, discriminator_column, discriminator_value, action
    )
    SELECT
        p_name, cn.nspname, c.relname, p_child_columns, pn.nspname, p.relname,
        p_parent_columns, p_discriminator_column, p_discriminator_value, p_action
    FROM pg_class AS c
    INNER JOIN pg_namespace AS cn ON cn.oid = c.relnamespace
    INNER JOIN pg_class AS p ON p.oid = v_parent
    INNER JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
    WHERE c.oid = v_child;
END;
$declare_deletion_reference$;

COMMENT ON PROCEDURE
declare_deletion_reference(text, text, jsonb, text, jsonb, text, text, text) IS
'Declare that columns point at another table, where the catalog has no foreign key for it.';
REVOKE ALL ON PROCEDURE
declare_deletion_reference(text, text, jsonb, text, jsonb, text, text, text) FROM PUBLIC;
