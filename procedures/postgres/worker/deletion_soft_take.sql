-- deletion_soft_take
-- Take rows that soft jobs have met and not dealt with, all found by the same reference.
--
-- Parameters  p_run     the run                    p_jobs   its jobs that are still wanted
--             p_limit   most rows to take
-- Returns     a frame, its edge_no and keys filled; NULL where nothing is left
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_soft_take(
    p_run deletion_runs,
    p_jobs bigint[],
    p_limit bigint
) RETURNS deletion_frames
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_soft_take$
DECLARE
    v_frame deletion_frames;
    v_limit bigint;
BEGIN
    SELECT k.edge_no INTO v_frame.edge_no
    FROM deletion_soft_keys AS k
    WHERE k.job_id + 0 = ANY (p_jobs) AND NOT k.is_done
    -- Parents first, where they can be: so restore_deletion takes back what is marked.
    ORDER BY k.job_id + 0, k.edge_no
    LIMIT 1;

    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    -- What hangs from these rows is read at once: fewer where there may be something.
    v_limit := (
        SELECT CASE WHEN s.is_leaf THEN p_limit ELSE least(p_limit, 500) END
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_run.plan_id AND s.edge_no = v_frame.edge_no
            AND s.kind IN ('mark', 'pass')
    );

    SELECT jsonb_agg(t.keys || jsonb_build_object('j', t.job_id)) INTO v_frame.keys
    FROM (
        SELECT k.job_id, k.keys
        FROM deletion_soft_keys AS k
        WHERE
            k.job_id + 0 = ANY (p_jobs) AND k.edge_no = v_frame.edge_no AND NOT k.is_done
        LIMIT v_limit
    ) AS t;

    RETURN v_frame;
END;
$deletion_soft_take$;

COMMENT ON FUNCTION deletion_soft_take(deletion_runs, bigint[], bigint) IS
'Take rows that soft jobs have met and not dealt with, all found by the same reference.';
REVOKE ALL ON FUNCTION deletion_soft_take(deletion_runs, bigint[], bigint) FROM PUBLIC;
