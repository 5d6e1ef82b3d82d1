-- deletion_plan_shared
-- Mark the references whose rows are set in columns that say more than what they refer to.
--
-- Parameters  p_references   rows of deletion_references_to, as a jsonb array
--             p_closure      the closure's tables, the target first
--             p_key          the target's key
-- Returns     jsonb: the same rows, "shared" TRUE where rows of the closure are found by a column
--             that the reference sets; their action restrict where rows below these wait for one
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- A row of the closure that was set so would not be found any more: such columns are set when
-- nothing else can go. Where rows wait for that which hang below the very rows that would be set,
-- those are not gone by then, and cannot be told from rows that stay: what stays blocks.

CREATE OR REPLACE FUNCTION deletion_plan_shared(
    p_references jsonb,
    p_closure oid[],
    p_key int2[]
) RETURNS jsonb
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_plan_shared$
WITH RECURSIVE reference AS MATERIALIZED (
    SELECT e.ordinality AS no, e.value AS source, r.*, r.child_oid = ANY (p_closure) AS in_closure
    FROM jsonb_array_elements(p_references) WITH ORDINALITY AS e
    CROSS JOIN LATERAL jsonb_to_record(e.value) AS r (
        child_oid oid, parent_oid oid, action text, child_columns jsonb, parent_columns jsonb,
        set_columns jsonb, discriminator_column jsonb
    )
),

set_column AS (
    SELECT r.no, r.child_oid, c.value AS column_no
    FROM reference AS r
    CROSS JOIN LATERAL jsonb_array_elements(r.set_columns) AS c
    WHERE r.in_closure AND r.action IN ('set_null', 'set_default', 'scrub')
),

-- By what a row is found: its key, what it hangs from, and what hangs from it.
telling AS (
    SELECT DISTINCT t.table_oid, c.value AS column_no
    FROM (
        SELECT s.child_oid AS table_oid, to_jsonb(CASE
            WHEN s.child_oid = p_closure[1] THEN p_key ELSE deletion_node_key(s.child_oid)
        END) AS columns
        FROM (SELECT DISTINCT x.child_oid FROM set_column AS x) AS s
        UNION ALL
        SELECT r.child_oid, r.child_columns || coalesce(
            nullif(r.discriminator_column, 'null'), '[]'
        )
        FROM reference AS r
        WHERE r.action = 'cascade'
        UNION ALL
        SELECT r.parent_oid, r.parent_columns
        FROM reference AS r
        WHERE r.action <> 'keep'
    ) AS t
    CROSS JOIN LATERAL jsonb_array_elements(coalesce(nullif(t.columns, 'null'), '[]')) AS c
),

shared AS (
    SELECT DISTINCT s.no
    FROM set_column AS s
    INNER JOIN telling AS t ON t.table_oid = s.child_oid AND t.column_no = s.column_no
),

below (no, table_oid) AS (
    SELECT s.no, r.child_oid
    FROM shared AS s
    INNER JOIN reference AS r ON r.no = s.no
    UNION
    SELECT b.no, r.child_oid
    FROM below AS b
    INNER JOIN reference AS r
        ON r.parent_oid = b.table_oid AND r.in_closure AND r.action <> 'keep'
),

stacked AS (
    SELECT DISTINCT b.no
    FROM below AS b
    INNER JOIN reference AS r ON r.parent_oid = b.table_oid
    INNER JOIN shared AS s ON s.no = r.no
)

SELECT coalesce(jsonb_agg(
    r.source
    || CASE WHEN k.no IS NOT NULL THEN '{"action": "restrict"}' ELSE '{}' END::jsonb
    || jsonb_build_object('shared', s.no IS NOT NULL AND k.no IS NULL)
    ORDER BY r.no
), '[]')
FROM reference AS r
LEFT JOIN shared AS s ON s.no = r.no
LEFT JOIN stacked AS k ON k.no = r.no;
$deletion_plan_shared$;

COMMENT ON FUNCTION deletion_plan_shared(jsonb, oid[], int2[]) IS
'Mark the references whose rows are set in columns that say more than what they refer to.';
REVOKE ALL ON FUNCTION deletion_plan_shared(jsonb, oid[], int2[]) FROM PUBLIC;
