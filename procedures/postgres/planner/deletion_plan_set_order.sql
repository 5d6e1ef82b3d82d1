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
        r.parent_columns,
        CASE WHEN r.action IN ('set_null', 'set_default', 'scrub') THEN r.set_columns END
        AS set_columns
    FROM jsonb_array_elements(p_references) WITH ORDINALITY AS e
    CROSS JOIN LATERAL jsonb_to_record(e.value) AS r (
        child_oid oid, parent_oid oid, action text, child_columns jsonb, parent_columns jsonb,
        set_columns jsonb, discriminator_column jsonb
    )
),

set_table AS (
    SELECT DISTINCT r.child_oid AS table_oid
    FROM reference AS r
    WHERE r.in_closure AND r.set_columns IS NOT NULL
),

-- By what rows of the closure are found: their key, what they hang from, and what hangs from them;
-- also from what else the engine makes such a column.
telling AS (
    SELECT DISTINCT t.table_oid, c.value AS column_no
    FROM (
        SELECT s.table_oid, to_jsonb(CASE
            WHEN s.table_oid = p_closure[1] THEN p_key ELSE deletion_node_key(s.table_oid)
        END) AS columns
        FROM set_table AS s
        UNION ALL
        SELECT r.child_oid, r.child_columns FROM reference AS r WHERE r.action = 'cascade'
        UNION ALL
        SELECT r.parent_oid, r.parent_columns FROM reference AS r WHERE r.action <> 'keep'
        UNION ALL
        SELECT s.table_oid, jsonb_agg(d.refobjsubid)
        FROM set_table AS s
        INNER JOIN pg_attrdef AS g ON g.adrelid = s.table_oid
        INNER JOIN pg_depend AS d
            ON
                d.classid = 'pg_attrdef'::regclass AND d.objid = g.oid
                AND d.refclassid = 'pg_class'::regclass AND d.refobjid = g.adrelid
                AND d.refobjsubid <> g.adnum
        GROUP BY s.table_oid
    ) AS t
    CROSS JOIN LATERAL jsonb_array_elements(coalesce(nullif(t.columns, 'null'), '[]')) AS c
),

telling_set AS (
    SELECT r.no, r.action
    FROM reference AS r
    WHERE
        r.in_closure AND r.set_columns IS NOT NULL AND EXISTS (
            SELECT 1
            FROM telling AS t
            WHERE t.table_oid = r.child_oid AND r.set_columns @> t.column_no
        )
),

hides AS (
    SELECT
        e.no, o.no AS hidden_no,
        (o.action = 'scrub', jsonb_array_length(o.set_columns))
        > (e.action = 'scrub', jsonb_array_length(e.set_columns)) AS is_larger
    FROM reference AS e
    INNER JOIN reference AS o ON o.child_oid = e.child_oid AND o.no <> e.no
    WHERE
        e.set_columns IS NOT NULL AND o.set_columns IS NOT NULL
        AND (o.action = 'scrub' OR NOT e.set_columns @> o.child_columns)
        AND EXISTS (
            SELECT 1
            FROM jsonb_array_elements(e.set_columns) AS c
            WHERE o.child_columns @> c.value
        )
),

ordered (no, set_order) AS (
    SELECT t.no, 1 FROM telling_set AS t WHERE t.action <> 'set_default'
    UNION
    SELECT h.no, 1 FROM hides AS h
    UNION
    SELECT h.no, o.set_order + 1
    FROM ordered AS o
    INNER JOIN hides AS h ON h.hidden_no = o.no AND h.is_larger
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
                OR r.no IN (SELECT o.no FROM ordered AS o UNION ALL SELECT t.no FROM telling_set AS t)
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
