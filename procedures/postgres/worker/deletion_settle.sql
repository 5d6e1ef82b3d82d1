-- deletion_settle
-- End the attempts of a run's jobs: write how each ended, then carry it over to the jobs.
--
-- Parameters  p_run_id   the run
--             p_jobs     the jobs; NULL: all whose attempt is open
--             p_outcome  done, failed, retry, sliced, returned or lost
--             p_error    what went wrong; NULL: nothing
--             p_counted  TRUE: the attempt counts towards max_attempts
--             p_alone    the jobs that shall be claimed alone next time
-- Returns     integer, the number of attempts ended
-- Writes      deletion_attempts, deletion_jobs, deletion_runs     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_settle(
    p_run_id bigint,
    p_jobs bigint[],
    p_outcome text,
    p_error text,
    p_counted boolean,
    p_alone bigint[]
) RETURNS integer
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_settle$
DECLARE
    v_ended integer;
    v_carried integer;
BEGIN
    -- Never wait for a caller: an attempt that a cancel holds open is settled by recovery.
    WITH open AS MATERIALIZED (
        SELECT a.job_id, a.attempt_no
        FROM deletion_attempts AS a
        WHERE
            a.run_id = p_run_id AND a.outcome IS NULL
            AND (p_jobs IS NULL OR a.job_id = ANY (p_jobs))
        FOR UPDATE SKIP LOCKED
    )

    UPDATE deletion_attempts AS a
    SET
        outcome = CASE
            -- A cancelled job's keys were skipped: it is never done, whatever became of the rest.
            WHEN a.cancel_requested_at IS NOT NULL AND p_outcome <> 'failed' THEN 'cancelled'
            ELSE p_outcome
        END,
        error = p_error,
        ended_at = clock_timestamp(),
        is_counted = p_counted,
        alone_next = coalesce(a.job_id = ANY (p_alone), FALSE)
    FROM open AS o
    WHERE a.job_id = o.job_id AND a.attempt_no = o.attempt_no;

    GET DIAGNOSTICS v_ended = ROW_COUNT;
    v_carried := deletion_carry_over(p_run_id);
    UPDATE deletion_runs AS r
    SET jobs_open = r.jobs_open - v_carried
    WHERE r.run_id = p_run_id;
    RETURN v_ended;
END;
$deletion_settle$;

COMMENT ON FUNCTION deletion_settle(bigint, bigint[], text, text, boolean, bigint[]) IS
'End the attempts of a run''s jobs: write how each ended, then carry it over to the jobs.';
REVOKE ALL ON FUNCTION deletion_settle(bigint, bigint[], text, text, boolean, bigint[]) FROM PUBLIC;
