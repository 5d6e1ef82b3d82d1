-- deletion_blocking
-- Count the rows that block a walk's jobs: found behind a restrict reference, and not removed.
--
-- Parameters  p_walk_id   a walk that has ended    p_plan_id   its plan
-- Returns     one row a job and reference
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_blocking(
    p_walk_id bigint,
    p_plan_id bigint
) RETURNS TABLE (job_id bigint, table_name text, reference_name text, row_count bigint)
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_blocking$
SELECT w.job_id, s.table_name, s.reference_name, count(*)
FROM deletion_walk_keys AS w
INNER JOIN deletion_plan_steps AS s
    ON s.plan_id = p_plan_id AND s.edge_no = w.edge_no AND s.kind = 'fetch'
WHERE
    w.walk_id = p_walk_id AND w.fate = 'restrict'
    AND NOT EXISTS (
        SELECT 1
        FROM deletion_walk_keys AS d
        WHERE
            d.walk_id = w.walk_id AND d.job_id = w.job_id AND d.node_no = w.node_no
            AND d.key_hash = w.key_hash AND d.fate = 'delete'
        OFFSET 0
    )
GROUP BY w.job_id, s.table_name, s.reference_name;
$deletion_blocking$;

COMMENT ON FUNCTION deletion_blocking(bigint, bigint) IS
'Count the rows that block a walk''s jobs.';
REVOKE ALL ON FUNCTION deletion_blocking(bigint, bigint) FROM PUBLIC;
