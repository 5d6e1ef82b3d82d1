-- deletion_soft_problem
-- Say why a column cannot mark the rows of its table as deleted.
--
-- Parameters  p_table   the table                  p_column   the column
--             p_value   what an integer would be set to; NULL: nothing was given
-- Returns     text; NULL: it can
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_soft_problem('customer'::regclass, 'deleted_at', NULL);

CREATE OR REPLACE FUNCTION deletion_soft_problem(
    p_table oid,
    p_column text,
    p_value bigint
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_soft_problem$
SELECT CASE
    WHEN a.attnum IS NULL THEN 'no such column'
    WHEN a.kind IS NULL THEN 'column is no timestamp, boolean or integer'
    WHEN a.kind <> 'integer' AND p_value IS NOT NULL THEN 'only an integer is set to a value'
    WHEN a.kind = 'timestamp' AND a.attnotnull THEN 'column cannot be NULL: not deleted'
    WHEN a.attgenerated <> '' OR a.attidentity <> '' THEN 'column is generated'
    WHEN
        (a.atttypid = 'int2'::regtype AND p_value NOT BETWEEN -32768 AND 32767)
        OR (a.atttypid = 'int4'::regtype AND p_value NOT BETWEEN -2147483648 AND 2147483647)
        THEN 'column cannot hold the value'
    WHEN a.attnum = ANY (deletion_node_key(p_table)) OR EXISTS (
        SELECT 1
        FROM deletion_targets AS t
        WHERE
            t.table_schema = n.nspname AND t.table_name = c.relname
            AND t.key_columns ? a.attname::text
    ) THEN 'column is part of the key'
    WHEN EXISTS (
        SELECT 1
        FROM pg_constraint AS k
        WHERE
            k.contype = 'f'
            AND (
                (k.conrelid = p_table AND a.attnum = ANY (k.conkey))
                OR (k.confrelid = p_table AND a.attnum = ANY (k.confkey))
            )
    ) OR EXISTS (
        SELECT 1
        FROM deletion_references AS d
        WHERE
            (
                d.child_schema = n.nspname AND d.child_table = c.relname
                AND (d.child_columns ? a.attname::text OR d.discriminator_column = a.attname)
            )
            OR (
                d.parent_schema = n.nspname AND d.parent_table = c.relname
                AND d.parent_columns ? a.attname::text
            )
    ) THEN 'column is part of a reference'
END
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (
    SELECT x.*, deletion_soft_kind(x.atttypid) AS kind
    FROM pg_attribute AS x
    WHERE
        x.attrelid = c.oid AND x.attname = p_column AND x.attnum > 0 AND NOT x.attisdropped
) AS a ON TRUE
WHERE c.oid = p_table;
$deletion_soft_problem$;

COMMENT ON FUNCTION deletion_soft_problem(oid, text, bigint) IS
'Why a column cannot mark the rows of its table as deleted.';
REVOKE ALL ON FUNCTION deletion_soft_problem(oid, text, bigint) FROM PUBLIC;
