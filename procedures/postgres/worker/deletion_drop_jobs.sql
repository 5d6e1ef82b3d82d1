-- deletion_drop_jobs
-- Take some jobs' keys out of a run's frames and scratch rows.
--
-- Parameters  p_run_id   the run       p_jobs   the jobs
-- Errors      55P03 a caller holds the attempt of one
-- Writes      deletion_frames, deletion_walk_keys, deletion_walk_links     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_drop_jobs(
    p_run_id bigint,
    p_jobs bigint[]
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_drop_jobs$
BEGIN
    -- How their attempts ended is written before; a caller that holds one, to cancel it, may let go
    -- of it yet: then the run would end as done, and the job with it.
    IF EXISTS (
        SELECT 1
        FROM deletion_attempts AS a
        WHERE
            a.run_id = p_run_id AND a.job_id = ANY (p_jobs) AND a.outcome IS NULL
            AND a.cancel_requested_at IS NULL
    ) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'lock_not_available',
            MESSAGE = 'a caller holds the attempt of a job that has ended';
    END IF;

    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = p_run_id AND w.job_id = ANY (p_jobs);
    DELETE FROM deletion_walk_links AS l WHERE l.walk_id = p_run_id AND l.job_id = ANY (p_jobs);

    UPDATE deletion_frames AS f
    SET
        keys = (
            SELECT coalesce(jsonb_agg(k.value), '[]')
            FROM jsonb_array_elements(f.keys) AS k
            WHERE (k.value ->> 'j')::bigint <> ALL (p_jobs)
        ),
        -- What this frame left out may hang from a neighbour's row too: pass over everything again.
        edge_pos = 0,
        fetch_cursor = NULL,
        rows_at_pass = -1
    WHERE f.run_id = p_run_id;

    UPDATE deletion_frames AS f
    SET key_count = jsonb_array_length(f.keys)
    WHERE f.run_id = p_run_id;

    -- An emptied frame in the middle of the stack is popped by the walk; an empty stack ends it.
    DELETE FROM deletion_frames AS f
    WHERE
        f.run_id = p_run_id
        AND NOT EXISTS (
            SELECT 1 FROM deletion_frames AS g WHERE g.run_id = p_run_id AND g.key_count > 0
        );
END;
$deletion_drop_jobs$;

COMMENT ON FUNCTION deletion_drop_jobs(bigint, bigint[]) IS
'Take some jobs'' keys out of a run''s frames and scratch rows.';
REVOKE ALL ON FUNCTION deletion_drop_jobs(bigint, bigint[]) FROM PUBLIC;
