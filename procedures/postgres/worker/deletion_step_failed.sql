-- deletion_step_failed
-- Decide what becomes of a run whose step was rolled back.
--
-- Parameters  p_run           the run, fenced
--             p_interrupted   TRUE: the worker's statement was cancelled
--             p_code, p_message   the error
-- Returns     text: retry, ended or interrupted
-- Writes      deletion_runs, deletion_attempts, deletion_jobs     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_step_failed(
    p_run deletion_runs,
    p_interrupted boolean,
    p_code text,
    p_message text
) RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_step_failed$
DECLARE
    -- Serialization failure, deadlock, lock timeout, and a row that somebody added meanwhile.
    v_passes boolean := p_code IN ('40001', '40P01', '55P03', '23503');
    v_error text := format('%s: %s', p_code, p_message);
    v_jobs bigint[];
    v_timeout interval := current_setting('statement_timeout')::interval;
BEGIN
    -- What takes longer than the session may would begin anew for ever, and nobody be told.
    IF
        p_interrupted
        AND p_run.rows_changed = 0
        AND v_timeout > '0'
        AND clock_timestamp() >= statement_timestamp() + v_timeout
        -- It had the whole call, and not what others had left of it.
        AND clock_timestamp() >= p_run.started_at + 0.8 * v_timeout
    THEN
        v_error := format(
            '57014: statement_timeout (%s) of %I ended the call before a row was changed',
            current_setting('statement_timeout'), session_user
        );
        v_passes := TRUE;
    ELSIF p_interrupted THEN
        PERFORM deletion_settle(p_run.run_id, NULL, 'returned', NULL, FALSE, NULL);
        PERFORM deletion_end_run(p_run.run_id, 'returned', 'the worker''s statement was cancelled');
        RETURN 'interrupted';
    END IF;

    IF v_passes AND NOT p_interrupted AND p_run.retries < 3 THEN
        UPDATE deletion_runs AS r
        SET retries = r.retries + 1, batch_rows = greatest(1, r.batch_rows / 2), error = v_error
        WHERE r.run_id = p_run.run_id;
        RETURN 'retry';
    END IF;

    IF NOT v_passes AND deletion_fresh_plan(p_run.entity_table, p_run.hard_delete)
        IS DISTINCT FROM p_run.plan_id
    THEN
        -- The statements met another catalog than they were written for.
        PERFORM deletion_settle(p_run.run_id, NULL, 'returned', NULL, FALSE, NULL);
        PERFORM deletion_end_run(
            p_run.run_id, 'returned', 'the catalog changed; the plan is compiled anew'
        );
    ELSIF NOT p_run.alone THEN
        -- One bad job must not fail its neighbours: each goes alone now.
        v_jobs := ARRAY(SELECT a.job_id FROM deletion_attempts AS a WHERE a.run_id = p_run.run_id);
        PERFORM deletion_settle(p_run.run_id, NULL, 'returned', v_error, FALSE, v_jobs);
        PERFORM deletion_end_run(p_run.run_id, 'returned', v_error);
    ELSIF v_passes THEN
        PERFORM deletion_settle(p_run.run_id, NULL, 'retry', v_error, TRUE, NULL);
        PERFORM deletion_end_run(p_run.run_id, 'retry', v_error);
    ELSE
        PERFORM deletion_settle(p_run.run_id, NULL, 'failed', v_error, TRUE, NULL);
        PERFORM deletion_end_run(p_run.run_id, 'failed', v_error);
    END IF;

    RETURN CASE WHEN p_interrupted THEN 'interrupted' ELSE 'ended' END;
END;
$deletion_step_failed$;

COMMENT ON FUNCTION deletion_step_failed(deletion_runs, boolean, text, text) IS
'Decide what becomes of a run whose step was rolled back.';
REVOKE ALL ON FUNCTION deletion_step_failed(deletion_runs, boolean, text, text) FROM PUBLIC;
