-- deletion_drop_soft_keys
-- Drop, some at a time, what soft jobs have noted that nobody goes on with.
--
-- Parameters  none
-- Writes      deletion_soft_keys; locks deletion_jobs     Commits  no
-- Execute     the owner only
--
-- A job that was cut into slices keeps its notes; then it may be cancelled, or wanted for good.

CREATE OR REPLACE FUNCTION deletion_drop_soft_keys()
RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_drop_soft_keys$
-- A look at the index for each job.
WITH RECURSIVE noted (job_id) AS (
    SELECT min(k.job_id) FROM deletion_soft_keys AS k
    UNION ALL
    SELECT (SELECT min(k.job_id) FROM deletion_soft_keys AS k WHERE k.job_id > n.job_id)
    FROM noted AS n
    WHERE n.job_id IS NOT NULL
),

ended AS MATERIALIZED (
    SELECT j.id
    FROM noted AS n
    INNER JOIN deletion_jobs AS j ON j.id = n.job_id
    WHERE j.status <> 'running' AND (j.status <> 'pending' OR j.hard_delete)
    -- What a caller holds waits for the next time.
    FOR UPDATE OF j SKIP LOCKED
)

DELETE FROM deletion_soft_keys AS k
WHERE k.ctid = ANY (ARRAY(
    SELECT d.ctid
    FROM ended AS e
    INNER JOIN deletion_soft_keys AS d ON d.job_id = e.id
    LIMIT 20000
));
$deletion_drop_soft_keys$;

COMMENT ON FUNCTION deletion_drop_soft_keys() IS
'Drop, some at a time, what soft jobs have noted that nobody goes on with.';
REVOKE ALL ON FUNCTION deletion_drop_soft_keys() FROM PUBLIC;
