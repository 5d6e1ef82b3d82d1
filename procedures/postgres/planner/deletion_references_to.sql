-- deletion_references_to
-- List the references that point at given tables, each with the action that rules leave it.
--
-- Parameters  p_parents   the tables that are pointed at
-- Returns     one row a reference: its tables, columns in order, comparison operators, action,
--             the columns that a SET NULL or SET DEFAULT changes, its supporting index, and the
--             partition that alone holds it (child_part) or is pointed at (parent_part)
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT * FROM deletion_references_to(ARRAY['users'::regclass]::oid[]);

CREATE OR REPLACE FUNCTION deletion_references_to(p_parents oid[])
RETURNS TABLE (
    child_oid oid,
    parent_oid oid,
    reference_name text,
    action text,
    is_declared boolean,
    child_columns int2[],
    parent_columns int2[],
    operators oid[],
    set_columns int2[],
    discriminator_column int2,
    discriminator_value text,
    index_name text,
    child_part oid,
    parent_part oid
)
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_references_to$
WITH from_catalog AS (
    SELECT
        k.conrelid AS child_oid,
        k.confrelid AS parent_oid,
        k.conname::text AS reference_name,
        CASE k.confdeltype
            WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set_null' WHEN 'd' THEN 'set_default'
            ELSE 'restrict'
        END AS action,
        FALSE AS is_declared,
        k.conkey AS child_columns,
        k.confkey AS parent_columns,
        k.conpfeqop AS operators,
        coalesce(k.confdelsetcols, k.conkey) AS set_columns,
        NULL::int2 AS discriminator_column,
        NULL::text AS discriminator_value
    FROM pg_constraint AS k
    -- Of a key on a partitioned table each partition has a copy.
    WHERE
        k.contype = 'f' AND k.conparentid = 0 AND k.confrelid IN (
            SELECT t.relid
            FROM unnest(p_parents) AS p (oid)
            CROSS JOIN LATERAL pg_partition_tree(p.oid) AS t
            UNION ALL
            SELECT p.oid FROM unnest(p_parents) AS p (oid)
        )
        -- Version 18 knows keys that are written down and not looked at: no row goes by them.
        AND coalesce(to_jsonb(k) ->> 'conenforced', 'true') = 'true'
),

declared AS (
    SELECT
        c.oid AS child_oid,
        p.oid AS parent_oid,
        d.reference_name::text AS reference_name,
        d.action::text AS action,
        TRUE AS is_declared,
        deletion_attnums(c.oid, d.child_columns) AS child_columns,
        deletion_attnums(p.oid, d.parent_columns) AS parent_columns,
        NULL::oid[] AS operators,
        deletion_attnums(c.oid, d.child_columns) AS set_columns,
        (deletion_attnums(c.oid, jsonb_build_array(d.discriminator_column)))[1]
        AS discriminator_column,
        d.discriminator_value::text AS discriminator_value
    FROM deletion_references AS d
    INNER JOIN pg_namespace AS cn ON cn.nspname = d.child_schema
    INNER JOIN pg_class AS c ON c.relnamespace = cn.oid AND c.relname = d.child_table
    INNER JOIN pg_namespace AS pn ON pn.nspname = d.parent_schema
    INNER JOIN pg_class AS p ON p.relnamespace = pn.oid AND p.relname = d.parent_table
    WHERE p.oid = ANY (p_parents)
),

every AS (
    SELECT f.* FROM from_catalog AS f
    UNION ALL
    SELECT d.* FROM declared AS d
),

ruled AS (
    SELECT e.*, coalesce(r.action, e.action) AS rule_action
    FROM every AS e
    INNER JOIN pg_class AS t ON t.oid = e.child_oid
    INNER JOIN pg_namespace AS n ON n.oid = t.relnamespace
    INNER JOIN pg_class AS p ON p.oid = e.parent_oid
    INNER JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
    LEFT JOIN deletion_rules AS r
        ON
            r.child_schema = n.nspname AND r.child_table = t.relname
            AND r.reference_name = e.reference_name
            AND (
                r.parent_table IS NULL
                OR (r.parent_schema = pn.nspname AND r.parent_table = p.relname)
            )
)

SELECT
    coalesce(pg_partition_root(e.child_oid)::oid, e.child_oid) AS child_oid,
    coalesce(pg_partition_root(e.parent_oid)::oid, e.parent_oid) AS parent_oid,
    -- Keys of several partitions may have one name.
    CASE
        WHEN count(*) OVER (
            PARTITION BY
                coalesce(pg_partition_root(e.child_oid)::oid, e.child_oid), e.reference_name
        ) > 1 THEN format('%s.%s', deletion_entity_name(e.child_oid), e.reference_name)
        ELSE e.reference_name
    END AS reference_name,
    CASE
        -- A column that cannot be NULL blocks as the engine would, but before anything is touched.
        WHEN e.rule_action IN ('set_null', 'scrub') AND EXISTS (
            SELECT 1
            FROM pg_attribute AS a
            INNER JOIN pg_type AS y ON y.oid = a.atttypid
            WHERE
                a.attrelid = e.child_oid AND a.attnum = ANY (e.set_columns)
                AND (a.attnotnull OR y.typnotnull)
        ) THEN 'restrict'
        -- The engine would change rows behind the column as well: unbounded, and uncounted.
        WHEN e.rule_action IN ('set_null', 'set_default', 'scrub') AND EXISTS (
            SELECT 1
            FROM (
                SELECT e.child_oid AS table_oid
                UNION
                SELECT x.relid::oid FROM pg_partition_tree(e.child_oid) AS x
            ) AS p
            INNER JOIN pg_constraint AS k ON k.confrelid = p.table_oid AND k.contype = 'f'
            WHERE
                k.confupdtype IN ('c', 'n', 'd')
                AND deletion_root_columns(p.table_oid, k.confkey)
                && deletion_root_columns(e.child_oid, e.set_columns)
        ) THEN 'restrict'
        ELSE e.rule_action
    END AS action,
    e.is_declared,
    -- A partition may number its columns in its own way.
    deletion_root_columns(e.child_oid, e.child_columns),
    deletion_root_columns(e.parent_oid, e.parent_columns),
    e.operators,
    deletion_root_columns(e.child_oid, e.set_columns),
    (deletion_root_columns(e.child_oid, ARRAY[e.discriminator_column]))[1],
    e.discriminator_value,
    (
        SELECT i.indexrelid::regclass::text
        FROM pg_index AS i
        WHERE
            i.indrelid = e.child_oid AND i.indisvalid AND i.indisready
            -- BRIN and GIN answer by bitmaps alone, which are made of far more than a batch.
            AND pg_index_has_property(i.indexrelid, 'index_scan')
            AND (
                i.indpred IS NULL
                -- What leaves out nothing but rows that refer to none leaves out none of ours.
                OR (
                    cardinality(e.child_columns) = 1 AND e.discriminator_column IS NULL
                    AND pg_get_expr(i.indpred, i.indrelid) = (
                        SELECT format('(%I IS NOT NULL)', a.attname)
                        FROM pg_attribute AS a
                        WHERE a.attrelid = e.child_oid AND a.attnum = e.child_columns[1]
                    )
                )
            )
            -- The index leads with the reference's columns, the discriminator among them or not.
            AND e.child_columns <@ (i.indkey::int2[])[
                0:cardinality(e.child_columns) - 1 + (e.discriminator_column IS NOT NULL)::int
            ]
            AND (i.indkey::int2[])[
                0:cardinality(e.child_columns) - 1 + (e.discriminator_column IS NOT NULL)::int
            ] <@ (e.child_columns || coalesce(e.discriminator_column, e.child_columns[1]))
        ORDER BY i.indnatts, i.indexrelid
        LIMIT 1
    ) AS index_name,
    CASE WHEN pg_partition_root(e.child_oid) <> e.child_oid THEN e.child_oid END AS child_part,
    CASE WHEN pg_partition_root(e.parent_oid) <> e.parent_oid THEN e.parent_oid END AS parent_part
FROM ruled AS e;
$deletion_references_to$;

COMMENT ON FUNCTION deletion_references_to(oid[]) IS
'The references that point at given tables, each with the action that rules leave it.';
REVOKE ALL ON FUNCTION deletion_references_to(oid[]) FROM PUBLIC;
