-- deletion_plan_set_order
-- Put references whose rows are set in such an order that none hides a row from another reference.
--
-- Parameters  p_references   rows of deletion_references_to, as a jsonb array
--             p_closure      the closure's tables, the target first
--             p_key          the target's key
-- Returns     jsonb: the same rows, each with "set_order": 0, or when it has its turn among those
--             that are set when nothing else can go; action restrict where no order would do
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- A row of the closure that is set in a column by which it is found would stay; one that stays and
-- is set in a column of another reference would not be set by that. So the first kind comes last,
-- and of the second that which does not scrub, or sets fewer columns. Where rows below those that
-- would be set wait for such a turn as well, rows that are about to go are there still when it
-- comes, and are not to be told from rows that stay; and what a default would make of a row of the
-- closure is not known. Either blocks.

CREATE OR REPLACE FUNCTION deletion_plan_set_order(
    p_references jsonb,
    p_closure oid[],
    p_key int2[]
) RETURNS jsonb
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_plan_set_order$
WITH RECURSIVE reference AS MATERIALIZED (
    SELECT
        e.ordinality AS no, e.value AS source, r.child_oid, r.parent_oid, r.action,
        r.child_oid = ANY (p_closure) AS in_closure,
        r.child_columns || coalesce(nullif(r.discriminator_column, 'null'), '[]') AS child_columns,
        r.parent_columns, nullif(r.discriminator_column, 'null') AS discriminator_column,
        r.discriminator_value, r.child_part,
        CASE WHEN r.action IN ('set_null', 'set_default', 'scrub') THEN r.set_columns END
        AS set_columns
    FROM jsonb_array_elements(p_references) WITH ORDINALITY AS e
    CROSS JOIN LATERAL jsonb_to_record(e.value) AS r (
        child_oid oid, parent_oid oid, action text, child_columns jsonb, parent_columns jsonb,
        set_columns jsonb, discriminator_column jsonb, discriminator_value text, child_part oid
    )
),

-- What changes where a row is set: with the columns what the engine generates from them.
set_reference AS MATERIALIZED (
    SELECT r.no, r.child_oid, r.in_closure, r.action, c.value AS column_no
    FROM reference AS r
    CROSS JOIN LATERAL jsonb_array_elements(r.set_columns) AS c
    UNION
    SELECT r.no, r.child_oid, r.in_closure, r.action, to_jsonb(g.adnum)
    FROM reference AS r
    INNER JOIN pg_attrdef AS g ON g.adrelid = r.child_oid
    INNER JOIN pg_depend AS d
        ON
            d.classid = 'pg_attrdef'::regclass AND d.objid = g.oid
            AND d.refclassid = 'pg_class'::regclass AND d.refobjid = g.adrelid
    WHERE r.set_columns @> to_jsonb(d.refobjsubid) AND d.refobjsubid <> g.adnum
),

-- By what rows of the closure are found: their key, and what hangs from them; by what they hang
-- from, with the discriminator, which two references tell apart by different values.
key_column AS (
    SELECT DISTINCT t.table_oid, c.value AS column_no
    FROM (
        SELECT s.table_oid, to_jsonb(CASE
            WHEN s.table_oid = p_closure[1] THEN p_key ELSE deletion_node_key(s.table_oid)
        END) AS columns
        FROM (
            SELECT DISTINCT x.child_oid AS table_oid FROM set_reference AS x WHERE x.in_closure
        ) AS s
        UNION ALL
        SELECT r.parent_oid, r.parent_columns FROM reference AS r WHERE r.action <> 'keep'
    ) AS t
    CROSS JOIN LATERAL jsonb_array_elements(coalesce(nullif(t.columns, 'null'), '[]')) AS c
),

overlap AS MATERIALIZED (
    SELECT DISTINCT s.no, o.no AS other_no, o.action AS other_action
    FROM set_reference AS s
    INNER JOIN reference AS r ON r.no = s.no
    INNER JOIN reference AS o
        ON o.child_oid = s.child_oid AND o.no <> s.no AND o.child_columns @> s.column_no
    -- No row is of both, nor of two partitions where neither holds the other.
    WHERE
        NOT coalesce(
            r.discriminator_column = o.discriminator_column
            AND NOT deletion_same_value(
                r.child_oid, (r.discriminator_column #>> '{}')::int2, r.discriminator_value,
                o.discriminator_value
            ), FALSE
        )
        AND (
            r.child_part IS NULL OR o.child_part IS NULL
            OR o.child_part IN (SELECT a.relid FROM pg_partition_ancestors(r.child_part) AS a)
            OR r.child_part IN (SELECT a.relid FROM pg_partition_ancestors(o.child_part) AS a)
        )
),

telling_set AS (
    SELECT s.no, s.action
    FROM set_reference AS s
    INNER JOIN key_column AS k ON k.table_oid = s.child_oid AND k.column_no = s.column_no
    WHERE s.in_closure
    UNION
    SELECT s.no, s.action
    FROM overlap AS v
    INNER JOIN set_reference AS s ON s.no = v.no AND s.in_closure
    WHERE v.other_action = 'cascade'
),

hides AS (
    SELECT
        e.no, o.no AS hidden_no, o.action = 'scrub' AS is_scrub, e.action = 'scrub' AS scrubs,
        jsonb_array_length(o.set_columns) > jsonb_array_length(e.set_columns) AS is_wider
    FROM overlap AS v
    INNER JOIN reference AS e ON e.no = v.no
    INNER JOIN reference AS o ON o.no = v.other_no
    WHERE
        o.set_columns IS NOT NULL
        AND (o.action = 'scrub' OR NOT e.set_columns @> o.set_columns)
        -- What a default would make of a row of the closure blocks: see below.
        AND e.no NOT IN (SELECT t.no FROM telling_set AS t WHERE t.action = 'set_default')
        AND o.no NOT IN (SELECT t.no FROM telling_set AS t WHERE t.action = 'set_default')
),

ordered (no, set_order) AS (
    SELECT t.no, 1 FROM telling_set AS t WHERE t.action <> 'set_default'
    UNION
    SELECT h.no, 1 FROM hides AS h
    UNION
    -- Later than what it hides, unless that hides it as well, and sets no more. Where several hide
    -- each other in a circle no order is right, and any that ends will do.
    SELECT h.no, o.set_order + 1
    FROM ordered AS o
    INNER JOIN hides AS h ON h.hidden_no = o.no
    WHERE
        o.set_order < 10
        AND CASE
            WHEN h.is_scrub <> h.scrubs THEN h.is_scrub
            ELSE h.is_wider OR NOT EXISTS (
                SELECT 1 FROM hides AS b WHERE b.no = h.hidden_no AND b.hidden_no = h.no
            )
        END
),

below (no, table_oid) AS (
    SELECT r.no, r.child_oid
    FROM (SELECT DISTINCT o.no FROM ordered AS o) AS s
    INNER JOIN reference AS r ON r.no = s.no AND r.in_closure
    UNION
    SELECT b.no, r.child_oid
    FROM below AS b
    INNER JOIN reference AS r
        ON
            r.parent_oid = b.table_oid AND r.in_closure
            AND (
                r.action IN ('cascade', 'restrict')
                OR r.no IN (SELECT o.no FROM ordered AS o)
                OR r.no IN (SELECT t.no FROM telling_set AS t)
            )
),

blocking AS (
    SELECT t.no FROM telling_set AS t WHERE t.action = 'set_default'
    UNION
    SELECT b.no
    FROM below AS b
    INNER JOIN reference AS r ON r.parent_oid = b.table_oid
    INNER JOIN ordered AS o ON o.no = r.no
)

SELECT coalesce(jsonb_agg(
    r.source || CASE
        WHEN r.no IN (SELECT b.no FROM blocking AS b) THEN '{"action": "restrict", "set_order": 0}'
        ELSE jsonb_build_object('set_order', coalesce(o.set_order, 0))
    END ORDER BY r.no
), '[]')
FROM reference AS r
LEFT JOIN (
    SELECT x.no, max(x.set_order) AS set_order
    FROM ordered AS x
    GROUP BY x.no
) AS o ON o.no = r.no;
$deletion_plan_set_order$;

COMMENT ON FUNCTION deletion_plan_set_order(jsonb, oid[], int2[]) IS
'Put references whose rows are set in an order in which none hides a row from another reference.';
REVOKE ALL ON FUNCTION deletion_plan_set_order(jsonb, oid[], int2[]) FROM PUBLIC;
