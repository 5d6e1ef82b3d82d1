-- deletion_reference_problem
-- Say why a reference cannot be declared like this.
--
-- Parameters  p_name                   the reference's name
--             p_child                  the table that refers
--             p_child_columns          its columns; NULL: they are none
--             p_parent                 the table referred to
--             p_parent_columns         its columns; NULL: they are none
--             p_discriminator_column   child column that tells which table is meant, or NULL
--             p_discriminator_value    its value that means this parent, or NULL
-- Returns     text; NULL: nothing is wrong
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_reference_problem(
    p_name text,
    p_child regclass,
    p_child_columns int2[],
    p_parent regclass,
    p_parent_columns int2[],
    p_discriminator_column text,
    p_discriminator_value text
) RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_reference_problem$
DECLARE
    v_discriminator pg_attribute;
BEGIN
    SELECT a.* INTO v_discriminator
    FROM pg_attribute AS a
    WHERE
        a.attrelid = p_child AND a.attname = p_discriminator_column AND a.attnum > 0
        AND NOT a.attisdropped;

    RETURN CASE
        WHEN deletion_is_ours(p_child) OR deletion_is_ours(p_parent)
            THEN 'a table belongs to deletion-jobs'
        WHEN p_child_columns IS NULL THEN 'p_child_columns are no columns of the child'
        WHEN p_parent_columns IS NULL THEN 'p_parent_columns are no columns of the parent'
        WHEN cardinality(p_child_columns) <> cardinality(p_parent_columns)
            THEN 'child and parent columns differ in number'
        WHEN EXISTS (
            SELECT 1
            FROM unnest(p_child_columns, p_parent_columns) AS k (child_column, parent_column)
            INNER JOIN pg_attribute AS c ON c.attrelid = p_child AND c.attnum = k.child_column
            INNER JOIN pg_attribute AS p ON p.attrelid = p_parent AND p.attnum = k.parent_column
            WHERE
                deletion_equality_of(p.atttypid, c.atttypid) IS NULL
                OR deletion_type_family(p.atttypid) IS NULL
                OR deletion_type_family(c.atttypid) IS NULL
                -- A moment is compared with one that has no zone by the session's zone.
                OR (deletion_type_family(p.atttypid) = 'timestamp with time zone')
                <> (deletion_type_family(c.atttypid) = 'timestamp with time zone')
        ) THEN 'child and parent columns cannot be compared'
        -- Texts that are one under the one collation and two under the other.
        WHEN EXISTS (
            SELECT 1
            FROM unnest(p_child_columns, p_parent_columns) AS k (child_column, parent_column)
            INNER JOIN pg_attribute AS c ON c.attrelid = p_child AND c.attnum = k.child_column
            INNER JOIN pg_attribute AS p ON p.attrelid = p_parent AND p.attnum = k.parent_column
            INNER JOIN pg_collation AS cl ON cl.oid = c.attcollation
            INNER JOIN pg_collation AS pl ON pl.oid = p.attcollation
            WHERE cl.oid <> pl.oid AND NOT (cl.collisdeterministic AND pl.collisdeterministic)
        ) THEN 'child and parent columns have different collations'
        -- Rows that two parents share must not go with one of them.
        WHEN NOT EXISTS (
            SELECT 1
            FROM pg_index AS i
            WHERE
                i.indrelid = p_parent AND i.indisunique AND i.indisvalid AND i.indimmediate
                AND i.indpred IS NULL AND i.indexprs IS NULL
                AND p_parent_columns @> (i.indkey::int2[])[0:i.indnkeyatts - 1]
        ) THEN 'the parent columns hold no unique key'
        WHEN EXISTS (
            SELECT 1
            FROM pg_constraint AS k
            WHERE k.conrelid = p_child AND k.contype = 'f' AND k.conname = p_name
        ) THEN 'the child has a foreign key of this name'
        WHEN (p_discriminator_column IS NULL) <> (p_discriminator_value IS NULL)
            THEN 'discriminator column and value go together'
        WHEN p_discriminator_column IS NULL THEN NULL
        WHEN v_discriminator.attnum IS NULL THEN 'the discriminator is no column of the child'
        WHEN v_discriminator.attnum = ANY (p_child_columns)
            THEN 'the discriminator is one of the child columns'
        WHEN deletion_key_text(
            p_discriminator_value,
            format_type(v_discriminator.atttypid, v_discriminator.atttypmod)
        ) IS NULL THEN 'the discriminator value is none of its column'
    END;
END;
$deletion_reference_problem$;

COMMENT ON FUNCTION
deletion_reference_problem(text, regclass, int2[], regclass, int2[], text, text) IS
'Say why a reference cannot be declared like this.';
REVOKE ALL ON FUNCTION
deletion_reference_problem(text, regclass, int2[], regclass, int2[], text, text) FROM PUBLIC;
