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
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_drop_soft_keys$
BEGIN
    -- Kept as a prepared plan, where a function in SQL is planned anew in every transaction. So each
    -- look is one that can be answered by a key alone, whatever the statistics say: a job by its
    -- number, then its notes by their job.
    WITH RECURSIVE noted (job_id) AS (
        SELECT min(k.job_id) FROM deletion_soft_keys AS k
        UNION ALL
        SELECT (SELECT min(k.job_id) FROM deletion_soft_keys AS k WHERE k.job_id > n.job_id)
        FROM noted AS n
        WHERE n.job_id IS NOT NULL
    ),

    ended AS MATERIALIZED (
        SELECT e.id
        FROM noted AS n
        CROSS JOIN LATERAL (
            SELECT j.id
            FROM deletion_jobs AS j
            WHERE
                j.id = n.job_id AND j.status <> 'running'
                AND (j.status <> 'pending' OR j.hard_delete)
            -- What a caller holds waits for the next time.
            FOR UPDATE SKIP LOCKED
        ) AS e
    )

    DELETE FROM deletion_soft_keys AS k
    WHERE k.ctid = ANY (ARRAY(
        SELECT d.row_id
        FROM ended AS e
        CROSS JOIN LATERAL (
            SELECT s.ctid AS row_id FROM deletion_soft_keys AS s WHERE s.job_id = e.id OFFSET 0
        ) AS d
        LIMIT 20000
    ));
END;
$deletion_drop_soft_keys$;

COMMENT ON FUNCTION deletion_drop_soft_keys() IS
'Drop, some at a time, what soft jobs have noted that nobody goes on with.';
REVOKE ALL ON FUNCTION deletion_drop_soft_keys() FROM PUBLIC;
