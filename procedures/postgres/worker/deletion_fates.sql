-- deletion_fates
-- Sum up a walk: how many rows of each table would be deleted, set, kept, or are in the way.
--
-- Parameters  p_walk_id   the walk                 p_plan_id   its plan
-- Returns     table_name, action, reference_name (of what blocks or is kept), row_count
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_fates(
    p_walk_id bigint,
    p_plan_id bigint
) RETURNS TABLE (table_name text, action text, reference_name text, row_count bigint)
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_fates$
WITH node AS (
    SELECT DISTINCT s.node_no, s.table_name FROM deletion_plan_steps AS s WHERE s.plan_id = p_plan_id
),

-- A row counts once: one that is deleted not where it would be set as well, one that two references
-- set as receipts do, for the action that comes first by name; one that is held is not deleted.
final AS (
    SELECT
        w.node_no,
        CASE
            WHEN bool_or(w.fate = 'held') THEN 'held'
            WHEN bool_or(w.keys ? 'm') THEN 'root_not_found'
            ELSE min(w.fate)
        END AS fate
    FROM deletion_walk_keys AS w
    WHERE w.walk_id = p_walk_id AND w.fate NOT IN ('restrict', 'keep')
    GROUP BY w.node_no, w.key_hash
)

SELECT n.table_name, f.fate, NULL::text, CASE WHEN f.fate = 'root_not_found' THEN 0 ELSE count(*) END
FROM final AS f
INNER JOIN node AS n ON n.node_no = f.node_no
GROUP BY n.table_name, f.fate
UNION ALL
SELECT b.table_name, 'restrict', b.reference_name, b.row_count
FROM deletion_blocking(p_walk_id, p_plan_id) AS b
UNION ALL
SELECT s.table_name, 'keep', s.reference_name, count(*)
FROM deletion_walk_keys AS w
INNER JOIN deletion_plan_steps AS s
    ON s.plan_id = p_plan_id AND s.edge_no = w.edge_no AND s.kind = 'fetch_more'
WHERE
    w.walk_id = p_walk_id AND w.fate = 'keep'
    AND NOT EXISTS (
        SELECT 1
        FROM deletion_walk_keys AS d
        WHERE
            d.walk_id = w.walk_id AND d.job_id = w.job_id AND d.node_no = w.node_no
            AND d.fate = 'delete' AND d.key_hash = w.key_hash
        OFFSET 0
    )
GROUP BY s.table_name, s.reference_name
ORDER BY 1, 2, 3;
$deletion_fates$;

COMMENT ON FUNCTION deletion_fates(bigint, bigint) IS
'How many rows of each table a walk would delete, set, keep, or finds in the way.';
REVOKE ALL ON FUNCTION deletion_fates(bigint, bigint) FROM PUBLIC;
