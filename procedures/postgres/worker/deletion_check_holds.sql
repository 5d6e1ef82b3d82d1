-- deletion_check_holds
-- Go on with a run's climb from held rows, and fail the jobs that it leads to.
--
-- Parameters  p_run   the run, fenced
-- Returns     boolean, TRUE where the climb has ended
-- Writes      deletion_walk_keys, deletion_attempts, deletion_jobs, deletion_frames   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_check_holds(p_run deletion_runs)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_check_holds$
DECLARE
    v_job_id bigint;
    v_holds bigint[];
BEGIN
    IF NOT deletion_climb(p_run.run_id, p_run.plan_id) THEN
        RETURN FALSE;
    END IF;

    FOR v_job_id, v_holds IN
        SELECT h.job_id, h.holds
        FROM deletion_held_roots(p_run.run_id, p_run.plan_id, (
            SELECT coalesce(jsonb_agg(r.o), '[]')
            FROM (
                SELECT k.value AS o
                FROM deletion_frames AS f
                CROSS JOIN LATERAL jsonb_array_elements(f.keys) AS k
                WHERE f.run_id = p_run.run_id AND f.edge_no = 0
                UNION ALL
                -- Soft jobs that have begun have no frames: they keep their roots themselves.
                SELECT s.keys || jsonb_build_object('j', s.job_id)
                FROM deletion_attempts AS a
                INNER JOIN deletion_soft_keys AS s
                    ON s.job_id = a.job_id AND s.node_no = 0 AND s.edge_no = 0
                WHERE NOT p_run.hard_delete AND a.run_id = p_run.run_id AND a.outcome IS NULL
            ) AS r
        )) AS h
    LOOP
        PERFORM deletion_fail_jobs(p_run.run_id, ARRAY[v_job_id], deletion_hold_error(v_holds));
    END LOOP;

    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = p_run.run_id;
    RETURN TRUE;
END;
$deletion_check_holds$;

COMMENT ON FUNCTION deletion_check_holds(deletion_runs) IS
'Go on with a run''s climb from held rows, and fail the jobs that it leads to.';
REVOKE ALL ON FUNCTION deletion_check_holds(deletion_runs) FROM PUBLIC;
