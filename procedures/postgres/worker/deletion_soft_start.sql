-- deletion_soft_start
-- Turn a soft run's roots into what its jobs have to do; jobs that come back go on where they were.
--
-- Parameters  p_run   the run, fenced, its roots found
-- Writes      deletion_soft_keys, deletion_frames  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_soft_start(p_run deletion_runs)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_soft_start$
BEGIN
    -- What was noted by another plan, or for another wish of the same row, means nothing now.
    DELETE FROM deletion_soft_keys AS k
    USING deletion_attempts AS a
    WHERE
        a.run_id = p_run.run_id AND k.job_id = a.job_id
        AND (
            k.plan_id <> p_run.plan_id
            OR NOT EXISTS (
                SELECT 1
                FROM deletion_attempts AS b
                WHERE
                    b.job_id = a.job_id AND b.attempt_no = a.attempt_no - 1 AND NOT b.is_past
                    AND b.outcome IN ('sliced', 'returned', 'retry', 'lost')
            )
        );

    INSERT INTO deletion_soft_keys (job_id, node_no, key_hash, plan_id, edge_no, keys)
    SELECT
        (k.value ->> 'j')::bigint, 0, deletion_frame_hash(k.value), p_run.plan_id, 0, k.value - 'j'
    FROM deletion_frames AS f
    CROSS JOIN LATERAL jsonb_array_elements(f.keys) AS k
    WHERE
        f.run_id = p_run.run_id
        AND NOT EXISTS (
            SELECT 1 FROM deletion_soft_keys AS d WHERE d.job_id = (k.value ->> 'j')::bigint
        );

    DELETE FROM deletion_frames AS f WHERE f.run_id = p_run.run_id;
END;
$deletion_soft_start$;

COMMENT ON FUNCTION deletion_soft_start(deletion_runs) IS
'Turn a soft run''s roots into what its jobs have to do.';
REVOKE ALL ON FUNCTION deletion_soft_start(deletion_runs) FROM PUBLIC;
