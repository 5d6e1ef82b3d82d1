-- deletion_fence
-- Take a run's row for a step, if the run is still the caller's.
--
-- Parameters  p_run_id, p_token   the run, as it was claimed
-- Returns     the run's row, locked until the step commits
-- Errors      JD010 another worker has taken the run's jobs
-- Writes      deletion_runs                        Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_fence(
    p_run_id bigint,
    p_token uuid
) RETURNS deletion_runs
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_fence$
DECLARE
    v_run deletion_runs;
BEGIN
    UPDATE deletion_runs AS r
    SET step_count = r.step_count + 1, last_step_at = clock_timestamp()
    WHERE
        r.ctid = deletion_run_place(p_run_id)
        AND r.run_id = p_run_id AND r.token = p_token AND r.ended_at IS NULL
    RETURNING r.* INTO v_run;

    -- Whoever was waited for has written the row anew, and it lies elsewhere.
    IF NOT FOUND THEN
        UPDATE deletion_runs AS r
        SET step_count = r.step_count + 1, last_step_at = clock_timestamp()
        WHERE r.run_id = p_run_id AND r.token = p_token AND r.ended_at IS NULL
        RETURNING r.* INTO v_run;
    END IF;

    IF NOT FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'JD010',
            MESSAGE = format('run_deletion_jobs: the run is no longer ours (%s)', p_run_id);
    END IF;

    RETURN v_run;
END;
$deletion_fence$;

COMMENT ON FUNCTION deletion_fence(bigint, uuid) IS
'Take a run''s row for a step, if the run is still the caller''s.';
REVOKE ALL ON FUNCTION deletion_fence(bigint, uuid) FROM PUBLIC;
