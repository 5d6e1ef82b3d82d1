-- deletion_recover
-- Take back the jobs of runs whose worker is gone, and those that finish had to leave.
--
-- Parameters  none
-- Returns     integer, the number of runs found lost
-- Writes      deletion_runs, deletion_attempts, deletion_jobs, deletion_frames,
--             deletion_soft_keys                   Commits  no
-- Execute     deletion_jobs_worker, deletion_jobs_operator

CREATE OR REPLACE FUNCTION deletion_recover()
RETURNS integer
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
-- Plans are kept, and made when these tables may still be empty.
SET jit = off
SET enable_seqscan = off
AS $deletion_recover$
DECLARE
    v_run deletion_runs;
    v_run_id bigint;
    v_jobs bigint[];
    v_lost integer := 0;
BEGIN
    FOR v_run IN
        SELECT r.* FROM deletion_runs AS r WHERE r.ended_at IS NULL ORDER BY r.run_id
        FOR UPDATE SKIP LOCKED
    LOOP
        -- Looked at under the row's lock: a worker's step holds that lock while it works.
        CONTINUE WHEN deletion_is_alive(v_run);
        v_jobs := ARRAY(SELECT a.job_id FROM deletion_attempts AS a WHERE a.run_id = v_run.run_id);
        -- A death counts only against a job that was alone and got nowhere: it may be the poison.
        PERFORM deletion_settle(
            v_run.run_id, NULL, 'lost', 'the worker''s session or its server was gone',
            v_run.alone AND v_run.rows_changed = 0, v_jobs
        );
        PERFORM deletion_end_run(v_run.run_id, 'lost', 'the worker''s session was gone');
        v_lost := v_lost + 1;
    END LOOP;

    FOR v_run_id IN
        SELECT r.run_id
        FROM deletion_runs AS r
        WHERE r.jobs_open > 0 AND r.ended_at IS NOT NULL
        ORDER BY r.run_id
        FOR UPDATE SKIP LOCKED
    LOOP
        -- Where even the outcome could not be written the job runs again and finds what is left.
        PERFORM deletion_settle(v_run_id, NULL, 'returned', NULL, FALSE, NULL);
        -- Somebody may have taken a job's row away, or given it a status, by hand.
        UPDATE deletion_runs AS r
        SET jobs_open = 0
        WHERE
            r.run_id = v_run_id
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_attempts AS a
                INNER JOIN deletion_jobs AS j ON j.id = a.job_id AND j.status = 'running'
                WHERE
                    a.run_id = v_run_id
                    AND a.attempt_no = (
                        SELECT max(b.attempt_no) FROM deletion_attempts AS b WHERE b.job_id = j.id
                    )
            );
    END LOOP;

    PERFORM deletion_drop_soft_keys();
    RETURN v_lost;
END;
$deletion_recover$;

COMMENT ON FUNCTION deletion_recover() IS
'Take back the jobs of runs whose worker is gone, and those that finish had to leave.';
REVOKE ALL ON FUNCTION deletion_recover() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_recover() TO deletion_jobs_worker, deletion_jobs_operator;
