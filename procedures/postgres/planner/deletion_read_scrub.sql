-- deletion_read_scrub
-- Read what a rule scrubs, strictly: columns of a table, each with a constant or NULL.
--
-- Parameters  p_table     the table                p_scrub   a JSON object, column to value
-- Returns     one row: scrub, each value as its type prints it; problem, why it cannot be
-- Writes      nothing, and reads no row of the table     Commits  no
-- Execute     the owner only
-- Example     SELECT * FROM deletion_read_scrub('invoice'::regclass, '{"name": "gone"}');

CREATE OR REPLACE FUNCTION deletion_read_scrub(
    p_table oid,
    p_scrub jsonb
) RETURNS TABLE (scrub jsonb, problem text)
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_read_scrub$
BEGIN
    IF jsonb_typeof(p_scrub) IS DISTINCT FROM 'object' OR p_scrub = '{}' THEN
        RETURN QUERY SELECT NULL::jsonb, 'what to scrub is no object of columns';
        RETURN;
    END IF;

    RETURN QUERY
    WITH wanted AS (
        SELECT
            e.key AS column_name, e.value, a.attnum, a.attrelid, a.attgenerated, a.attidentity,
            a.attnotnull OR y.typnotnull AS is_required,
            deletion_column_text(e.value, format_type(a.atttypid, a.atttypmod)) AS value_text,
            -- What the engine makes from the column.
            ARRAY(
                SELECT g.attnum
                FROM pg_attribute AS g
                INNER JOIN pg_attrdef AS f ON f.adrelid = g.attrelid AND f.adnum = g.attnum
                INNER JOIN pg_depend AS d
                    ON
                        d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid
                        AND d.refclassid = 'pg_class'::regclass AND d.refobjid = g.attrelid
                        AND d.refobjsubid = a.attnum
                WHERE g.attrelid = a.attrelid AND g.attgenerated <> '' AND g.attnum <> a.attnum
            ) AS made
        FROM jsonb_each(p_scrub) AS e
        LEFT JOIN pg_attribute AS a
            ON
                a.attrelid = p_table AND a.attname = e.key
                AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_type AS y ON y.oid = a.atttypid
    ),

    judged AS (
        SELECT w.*, CASE
            WHEN w.attnum IS NULL THEN 'there is no such column'
            WHEN w.attgenerated <> '' OR w.attidentity = 'a' THEN 'the column is generated'
            WHEN w.attnum = ANY (deletion_node_key(p_table)) THEN 'the column is part of the key'
            -- A reference is what detaches; another one would lead the row elsewhere.
            WHEN EXISTS (
                SELECT 1
                FROM pg_constraint AS k
                WHERE
                    k.contype = 'f'
                    AND (
                        k.conrelid = p_table AND w.attnum = ANY (k.conkey)
                        OR k.confrelid = p_table AND w.attnum = ANY (k.confkey)
                    )
            ) OR EXISTS (
                SELECT 1
                FROM deletion_references AS d
                INNER JOIN pg_class AS c ON c.oid = p_table
                INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
                WHERE
                    (d.child_schema, d.child_table) = (n.nspname, c.relname)
                    AND (d.child_columns ? w.column_name OR d.discriminator_column = w.column_name)
                    OR (d.parent_schema, d.parent_table) = (n.nspname, c.relname)
                    AND d.parent_columns ? w.column_name
            ) THEN 'the column belongs to a reference'
            WHEN w.made && deletion_node_key(p_table) THEN 'a column of the key is made from it'
            WHEN EXISTS (
                SELECT 1
                FROM pg_constraint AS k
                WHERE
                    k.contype = 'f'
                    AND (
                        k.conrelid = p_table AND w.made && k.conkey
                        OR k.confrelid = p_table AND w.made && k.confkey
                    )
            ) OR EXISTS (
                SELECT 1
                FROM deletion_references AS d
                INNER JOIN pg_class AS c ON c.oid = p_table
                INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
                INNER JOIN pg_attribute AS g ON g.attrelid = p_table AND g.attnum = ANY (w.made)
                WHERE
                    (d.child_schema, d.child_table) = (n.nspname, c.relname)
                    AND (d.child_columns ? g.attname::text OR d.discriminator_column = g.attname)
                    OR (d.parent_schema, d.parent_table) = (n.nspname, c.relname)
                    AND d.parent_columns ? g.attname::text
            ) THEN 'a column of a reference is made from it'
            WHEN w.value = 'null' AND w.is_required THEN 'the column cannot be NULL'
            WHEN w.value <> 'null' AND w.value_text IS NULL THEN 'the column does not take the value'
            WHEN w.value <> 'null' AND EXISTS (
                SELECT 1
                FROM pg_index AS i
                WHERE
                    i.indrelid = p_table AND i.indisunique AND i.indnkeyatts = 1
                    AND i.indkey[0] = w.attnum
            ) THEN 'the column is unique: two rows cannot hold the value'
            WHEN w.value <> 'null' AND EXISTS (
                SELECT 1
                FROM pg_index AS i
                WHERE
                    i.indrelid = p_table AND i.indisunique
                    AND (
                        w.made && (i.indkey::int2[])
                        OR i.indexprs IS NOT NULL AND EXISTS (
                            SELECT 1
                            FROM pg_depend AS d
                            WHERE
                                d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                                AND d.refclassid = 'pg_class'::regclass AND d.refobjid = p_table
                                AND d.refobjsubid = ANY (w.made || w.attnum)
                        )
                    )
            ) THEN 'what is unique is made from it'
        END AS objection
        FROM wanted AS w
    )

    SELECT
        jsonb_object_agg(j.column_name, j.value_text),
        min(format('%s (%s)', j.objection, j.column_name))
        FILTER (WHERE j.objection IS NOT NULL)
    FROM judged AS j;
END;
$deletion_read_scrub$;

COMMENT ON FUNCTION deletion_read_scrub(oid, jsonb) IS
'Read what a rule scrubs, strictly: columns of a table, each with a constant or NULL.';
REVOKE ALL ON FUNCTION deletion_read_scrub(oid, jsonb) FROM PUBLIC;
