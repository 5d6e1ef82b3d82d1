-- deletion_plan_edge
-- Describe a reference of a plan, with the conditions that its statements are made of.
--
-- Parameters  p_reference   a row of deletion_references_to, as jsonb
--             p_parent      the parent's node      p_child   the child's node
-- Returns     jsonb: parent, child, reference, action, index, self, and as SQL text
--             on_frame   child row c hangs from frame row f
--             on_parent  child row c hangs from parent row t
--             found      row t of the child table is still where frame row f found it
--             expands    TRUE: a frame may hold several levels of it
--             only_found TRUE: roots that were not there have no such children
--             plain      TRUE: an indexed foreign key of single whole numbers
--             set_columns  the SET list of an UPDATE;  columns  the frame columns p1.. of the child
--             default      of what sets a default: values, the columns then, v1.. of v, from row c;
--                          differs: v from c; misses: one of v is NULL that may not be; is_set:
--                          none is; match: t is the parent; match_root: m, a root that is not
--                          there. NULL: known only when they are set
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_plan_edge(
    p_reference jsonb,
    p_parent jsonb,
    p_child jsonb
) RETURNS jsonb
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_plan_edge$
WITH pair AS (
    SELECT
        x.ordinality AS i,
        p ->> 'f' AS frame_column,
        p ->> 'name' AS parent_name,
        p ->> 'type' AS parent_type,
        quote_ident(a.attname) AS child_name,
        format_type(b.type_oid, b.type_modifier) AS child_type,
        coalesce(x.operator::oid, deletion_equality_of(pa.atttypid, a.atttypid)) AS operator,
        deletion_equality(deletion_equality_of(a.atttypid, a.atttypid), FALSE) AS own_eq,
        CASE
            WHEN cl.collname <> 'default' THEN format(' COLLATE %I.%I', cn.nspname, cl.collname)
        END AS own_collate,
        -- Two collations would leave open which one compares; where both are exact, either does, and
        -- the child's has the index.
        CASE
            WHEN pa.attcollation <> a.attcollation
                THEN format(' COLLATE %I.%I', cn.nspname, cl.collname)
            ELSE ''
        END AS child_collate,
        deletion_type_family(pa.atttypid) IS NOT NULL
        AND deletion_type_family(a.atttypid) IS NOT NULL
        -- A moment is compared with one that has no zone by whatever zone the session is in.
        AND (b.type_oid = 'timestamptz'::regtype) = (
            (SELECT o.type_oid FROM deletion_base_type(pa.atttypid, -1) AS o)
            = 'timestamptz'::regtype
        )
        AND (
            pa.attcollation = a.attcollation
            OR coalesce(cl.collisdeterministic AND pl.collisdeterministic, FALSE)
        ) AS is_exact,
        -- A default may come with a collation of its own.
        CASE
            WHEN a.attcollation <> 0 THEN format(' COLLATE %I.%I', cn.nspname, cl.collname) ELSE ''
        END AS column_collate,
        p_reference -> 'set_columns' @> to_jsonb(a.attnum) AS is_set,
        a.attnotnull OR coalesce(y.typnotnull, FALSE) AS is_required,
        coalesce(pg_get_expr(g.adbin, g.adrelid), pg_get_expr(y.typdefaultbin, 0), 'NULL')
        AS default_text,
        -- A number from a sequence would be used up by a look at it.
        a.attidentity <> '' OR EXISTS (
            SELECT 1
            FROM regexp_matches(
                coalesce(g.adbin, y.typdefaultbin)::text, 'funcid (\d+)', 'g'
            ) AS m (found)
            INNER JOIN pg_proc AS o ON o.oid = m.found[1]::oid
            WHERE o.provolatile = 'v'
        ) AS is_volatile
    FROM
        ROWS FROM (
            jsonb_array_elements_text(p_reference -> 'child_columns'),
            jsonb_array_elements_text(p_reference -> 'parent_columns'),
            jsonb_array_elements_text(coalesce(nullif(p_reference -> 'operators', 'null'), '[]'))
        ) WITH ORDINALITY AS x (child_column, parent_column, operator, ordinality)
    INNER JOIN pg_attribute AS a
        ON a.attrelid = (p_child ->> 'oid')::oid AND a.attnum = x.child_column::int2
    CROSS JOIN LATERAL deletion_base_type(a.atttypid, a.atttypmod) AS b
    INNER JOIN pg_attribute AS pa
        ON pa.attrelid = (p_parent ->> 'oid')::oid AND pa.attnum = x.parent_column::int2
    INNER JOIN pg_type AS y ON y.oid = a.atttypid
    -- A partition that has the reference alone has defaults of its own as well.
    LEFT JOIN pg_attribute AS da
        ON
            da.attrelid = coalesce(p_reference ->> 'child_part', p_child ->> 'oid')::oid
            AND da.attname = a.attname
    LEFT JOIN pg_attrdef AS g
        ON g.adrelid = da.attrelid AND g.adnum = da.attnum AND a.attgenerated = ''
    LEFT JOIN pg_collation AS cl ON cl.oid = a.attcollation
    LEFT JOIN pg_namespace AS cn ON cn.oid = cl.collnamespace
    LEFT JOIN pg_collation AS pl ON pl.oid = pa.attcollation
    INNER JOIN jsonb_array_elements(p_parent -> 'columns') AS p
        ON (p ->> 'attnum')::int2 = x.parent_column::int2
),

discriminator AS (
    SELECT format(
        '%I %s CAST(%L AS %s)',
        a.attname,
        deletion_equality(deletion_equality_of(a.atttypid, a.atttypid), FALSE),
        p_reference ->> 'discriminator_value',
        format_type(a.atttypid, a.atttypmod)
    ) AS condition
    FROM pg_attribute AS a
    WHERE
        a.attrelid = (p_child ->> 'oid')::oid
        AND a.attnum = (p_reference ->> 'discriminator_column')::int2
),

part AS (
    -- Rows of the other partitions are pointed at by nobody, whatever values they hold.
    SELECT
        format('%s = ANY (%L::oid[])', p ->> 'f', t.oids) AS condition,
        format('tableoid = ANY (%L::oid[])', t.oids) AS parent_condition
    FROM (
        SELECT array_agg(r.relid::oid) AS oids
        FROM pg_partition_tree((p_reference ->> 'parent_part')::oid) AS r
        WHERE r.isleaf
    ) AS t
    INNER JOIN jsonb_array_elements(p_parent -> 'columns') AS p ON (p ->> 'attnum')::int2 = -6
    WHERE p_reference ->> 'parent_part' IS NOT NULL
),

own_row AS (
    -- A row that refers to itself is not its own child.
    SELECT
        string_agg(format('c.%s %s f.%s', k ->> 'name', k ->> 'eq', k ->> 'f'), ' AND ')
        AS in_frame,
        string_agg(format('c.%1$s %2$s t.%1$s', k ->> 'name', k ->> 'eq'), ' AND ') AS in_table
    FROM jsonb_array_elements(p_child -> 'columns') AS k
    WHERE (k ->> 'key')::boolean AND p_parent ->> 'oid' = p_child ->> 'oid'
)

SELECT jsonb_build_object(
    'parent', p_parent -> 'no',
    'child', p_child -> 'no',
    'reference', p_reference -> 'reference_name',
    -- The table as the reference's statements name it: the one partition that has it.
    'sql', coalesce(
        deletion_sql_table((p_reference ->> 'child_part')::oid), p_child ->> 'sql'
    ),
    'parts', coalesce((
        SELECT q.relkind = 'p' FROM pg_class AS q WHERE q.oid = (p_reference ->> 'child_part')::oid
    ), (p_child ->> 'parts')::boolean),
    'action', p_reference -> 'action',
    'index', p_reference -> 'index_name',
    'self', p_parent ->> 'oid' = p_child ->> 'oid',
    -- Rows of one table that hang from each other can go in one statement.
    'expands', p_parent ->> 'oid' = p_child ->> 'oid' AND p_reference ->> 'action' = 'cascade'
    AND p_reference ->> 'index_name' IS NOT NULL AND p_child ->> 'rows' = '*'
    AND coalesce(p_reference ->> 'child_part', p_reference ->> 'parent_part') IS NULL
    AND NOT EXISTS (
        SELECT 1
        FROM pg_constraint AS own
        WHERE
            own.conrelid = (p_child ->> 'oid')::oid AND own.confrelid = own.conrelid
            AND own.contype = 'f' AND own.confdeltype = 'r'
    ),
    'declared', (p_reference ->> 'is_declared')::boolean,
    -- Only a declared reference can hold rows of a root that is not there.
    'only_found', p_parent ->> 'no' = '0' AND NOT (p_reference ->> 'is_declared')::boolean,
    -- A foreign key between single whole numbers: its rows can be counted and deleted by arrays.
    'plain', NOT (p_reference ->> 'is_declared')::boolean AND count(*) = 1
    AND bool_and(
        pair.child_type IN ('smallint', 'integer', 'bigint')
        AND pair.parent_type IN ('smallint', 'integer', 'bigint')
        AND deletion_equality(pair.operator, FALSE) = 'OPERATOR(pg_catalog.=)'
    ) AND p_reference ->> 'index_name' IS NOT NULL
    AND coalesce(p_reference ->> 'child_part', p_reference ->> 'parent_part') IS NULL,
    'comparable', bool_and(pair.operator IS NOT NULL AND pair.is_exact),
    'single', count(*) = 1 AND p_reference ->> 'parent_part' IS NULL
    AND NOT (p_child ->> 'parts')::boolean,
    'child_column', min(pair.child_name),
    'frame_column', min(pair.frame_column),
    -- Sides exchanged: hashed lookups of the child's column among the frame's values.
    'any_eq', min(deletion_equality(pair.operator, TRUE)),
    'condition_c', coalesce((SELECT 'c.' || d.condition FROM discriminator AS d), 'TRUE'),
    'parent_columns', jsonb_agg(jsonb_build_object(
        'f', pair.frame_column, 'type', pair.parent_type
    ) ORDER BY pair.i),
    'columns', jsonb_agg(jsonb_build_object(
        'f', 'p' || pair.i, 'name', pair.child_name, 'type', pair.child_type,
        'collate', pair.own_collate
    ) ORDER BY pair.i),
    'on_frame', string_agg(format('f.%s%s %s c.%s', pair.frame_column, pair.child_collate,
        deletion_equality(pair.operator, FALSE), pair.child_name), ' AND ' ORDER BY pair.i)
    || coalesce((SELECT ' AND c.' || d.condition FROM discriminator AS d), '')
    || coalesce((SELECT ' AND NOT (' || o.in_frame || ')' FROM own_row AS o), '')
    || coalesce((SELECT ' AND f.' || s.condition FROM part AS s), ''),
    'on_parent', string_agg(format('t.%s%s %s c.%s', pair.parent_name, pair.child_collate,
        deletion_equality(pair.operator, FALSE), pair.child_name), ' AND ' ORDER BY pair.i)
    || coalesce((SELECT ' AND c.' || d.condition FROM discriminator AS d), '')
    || coalesce((SELECT ' AND NOT (' || o.in_table || ')' FROM own_row AS o), '')
    || coalesce((SELECT ' AND t.' || s.parent_condition FROM part AS s), ''),
    -- No condition for an index: a row is found by its key, where the parent may have a million others.
    'found', '(' || string_agg(format('t.%s %s f.p%s', pair.child_name, pair.own_eq, pair.i),
        ' AND ' ORDER BY pair.i)
    || coalesce((SELECT ' AND t.' || d.condition FROM discriminator AS d), '') || ') IS TRUE',
    'default', CASE
        WHEN
            p_reference ->> 'action' = 'set_default'
            AND NOT bool_or(pair.is_set AND pair.is_volatile)
            -- A trigger may give another value.
            AND NOT EXISTS (
                SELECT 1
                FROM (
                    SELECT (p_child ->> 'oid')::oid AS table_oid
                    UNION
                    SELECT q.relid::oid
                    FROM pg_partition_tree((p_child ->> 'oid')::oid::regclass) AS q
                ) AS p
                INNER JOIN pg_trigger AS g ON g.tgrelid = p.table_oid
                -- Bits of tgtype: for each row, before, on UPDATE.
                WHERE g.tgtype & 19 = 19
            )
            THEN jsonb_build_object(
                'values', string_agg(format(
                    'CAST(%s AS %s)%s AS v%s',
                    CASE WHEN pair.is_set THEN pair.default_text ELSE 'c.' || pair.child_name END,
                    pair.child_type, pair.column_collate, pair.i
                ), ', ' ORDER BY pair.i),
                'differs', string_agg(
                    format('c.%s IS DISTINCT FROM v.v%s', pair.child_name, pair.i),
                    ' OR ' ORDER BY pair.i
                ) FILTER (WHERE pair.is_set),
                'misses', coalesce(
                    string_agg(format('v.v%s IS NULL', pair.i), ' OR ' ORDER BY pair.i)
                    FILTER (WHERE pair.is_set AND pair.is_required), 'FALSE'
                ) || CASE
                    -- All or none of the columns have to be NULL.
                    WHEN EXISTS (
                        SELECT 1
                        FROM pg_constraint AS k
                        WHERE
                            k.conrelid = coalesce(
                                p_reference ->> 'child_part', p_child ->> 'oid'
                            )::oid
                            AND k.contype = 'f' AND k.confmatchtype = 'f'
                            AND k.conname = p_reference ->> 'reference_name'
                    ) THEN format(' OR num_nulls(%1$s) BETWEEN 1 AND %2$s - 1', string_agg(
                        'v.v' || pair.i, ', ' ORDER BY pair.i
                    ), count(*))
                    ELSE ''
                END,
                'is_set', string_agg(format('v.v%s IS NOT NULL', pair.i), ' AND ' ORDER BY pair.i),
                'match_root', string_agg(format('m.%s%s %s v.v%s', pair.frame_column,
                    pair.child_collate, deletion_equality(pair.operator, FALSE), pair.i),
                    ' AND ' ORDER BY pair.i),
                'match', string_agg(format('t.%s%s %s v.v%s', pair.parent_name, pair.child_collate,
                    deletion_equality(pair.operator, FALSE), pair.i), ' AND ' ORDER BY pair.i)
                || coalesce((SELECT ' AND t.' || s.parent_condition FROM part AS s), '')
            )
    END,
    'set_columns', (
        SELECT string_agg(format(
            '%I = %s',
            a.attname,
            CASE p_reference ->> 'action' WHEN 'set_default' THEN 'DEFAULT' ELSE 'NULL' END
        ), ', ' ORDER BY a.attnum)
        FROM jsonb_array_elements_text(p_reference -> 'set_columns') AS s
        INNER JOIN pg_attribute AS a
            ON a.attrelid = (p_child ->> 'oid')::oid AND a.attnum = s::int2
    ) || CASE
        WHEN p_reference ->> 'action' = 'scrub' THEN deletion_sql_scrub(
            (p_child ->> 'oid')::oid, p_reference ->> 'reference_name'
        )
        ELSE ''
    END
)
FROM pair;
$deletion_plan_edge$;

COMMENT ON FUNCTION deletion_plan_edge(jsonb, jsonb, jsonb) IS
'A reference of a plan, with the conditions that its statements are made of.';
REVOKE ALL ON FUNCTION deletion_plan_edge(jsonb, jsonb, jsonb) FROM PUBLIC;
