-- deletion_plan_cycle
-- Find the references of a closure by which its tables refer to each other in a circle.
--
-- Parameters  p_closure      the closure's tables
--             p_references   rows of deletion_references_to, as a jsonb array
-- Returns     one row a reference that lasts until the child is gone and lies on a circle; a single
--             reference of a table to itself is none: a row has one parent by it
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_plan_cycle(
    p_closure oid[],
    p_references jsonb
) RETURNS TABLE (child_oid oid, reference_name text)
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_plan_cycle$
WITH RECURSIVE reference AS (
    SELECT r.*
    FROM jsonb_to_recordset(p_references) AS r (
        child_oid oid, parent_oid oid, reference_name text, action text
    )
    WHERE r.action IN ('cascade', 'restrict') AND r.child_oid = ANY (p_closure)
),

ranked AS (
    SELECT r.table_oid, r.table_rank
    FROM deletion_plan_ranks(p_closure, (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'c', r.child_oid::bigint, 'p', r.parent_oid::bigint, 'lasting', TRUE
        )), '[]')
        FROM reference AS r
    )) AS r
),

lasting AS (
    SELECT r.child_oid, r.parent_oid, r.reference_name
    FROM reference AS r
    INNER JOIN ranked AS c ON c.table_oid = r.child_oid AND c.table_rank IS NULL
    WHERE r.child_oid <> r.parent_oid
),

-- Every table above a circle is without a rank as well; only what leads back is in one.
below (parent_oid, met_oid) AS (
    SELECT l.parent_oid, l.child_oid
    FROM lasting AS l
    UNION
    SELECT b.parent_oid, l.child_oid
    FROM below AS b
    INNER JOIN lasting AS l ON l.parent_oid = b.met_oid
),

circular AS (
    SELECT l.child_oid, l.reference_name
    FROM lasting AS l
    INNER JOIN below AS b ON b.parent_oid = l.child_oid AND b.met_oid = l.parent_oid
)

SELECT c.child_oid, c.reference_name FROM circular AS c
UNION
SELECT r.child_oid, r.reference_name
FROM reference AS r
WHERE
    r.child_oid = r.parent_oid
    AND (
        EXISTS (SELECT 1 FROM circular AS c WHERE c.child_oid = r.child_oid)
        OR (
            SELECT count(*) FROM reference AS s
            WHERE s.child_oid = r.child_oid AND s.parent_oid = r.child_oid
        ) > 1
    );
$deletion_plan_cycle$;

COMMENT ON FUNCTION deletion_plan_cycle(oid[], jsonb) IS
'The references of a closure by which its tables refer to each other in a circle.';
REVOKE ALL ON FUNCTION deletion_plan_cycle(oid[], jsonb) FROM PUBLIC;
