-- deletion_advance_run
-- Do one step of a run that is past its check: walk on, or end it when all is done or time is up.
--
-- Parameters  p_run     the run, fenced
--             p_until   when the worker's call should end
-- Returns     text: more or ended
-- Writes      the application's tables, all tables of a run, deletion_plans     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_advance_run(
    p_run deletion_runs,
    p_until timestamptz
) RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_advance_run$
DECLARE
    v_cancelled bigint[];
    v_is_empty boolean;
    v_held jsonb;
    v_run deletion_runs;
    v_now timestamptz;
    v_lead interval;
    v_slice interval := make_interval(secs => deletion_setting_int('slice_ms') / 1000.0);
    v_is_over boolean;
BEGIN
    v_cancelled := ARRAY(
        SELECT a.job_id
        FROM deletion_attempts AS a
        WHERE a.run_id = p_run.run_id AND a.outcome IS NULL AND a.cancel_requested_at IS NOT NULL
    );

    IF v_cancelled <> '{}' THEN
        PERFORM deletion_settle(p_run.run_id, v_cancelled, 'cancelled', NULL, FALSE, NULL);
        PERFORM deletion_drop_jobs(p_run.run_id, v_cancelled);
    END IF;

    -- Everything was compared at the claim; a long run looks again at all of it now and then.
    IF NOT deletion_guard(p_run.plan_id, p_run.step_count % 20 = 0) THEN
        PERFORM deletion_settle(p_run.run_id, NULL, 'returned', NULL, FALSE, NULL);
        PERFORM deletion_end_run(
            p_run.run_id, 'returned', 'the catalog changed; the plan is compiled anew'
        );
        RETURN 'ended';
    END IF;

    v_held := deletion_mind_holds(p_run);

    IF jsonb_typeof(v_held) = 'string' THEN
        RETURN v_held #>> '{}';
    END IF;

    IF p_run.hard_delete THEN
        IF p_run.rows_changed = 0 THEN
            PERFORM deletion_spare_live(p_run);
        END IF;

        v_is_empty := deletion_advance(p_run);
    ELSE
        v_is_empty := deletion_soft_advance(p_run);
    END IF;

    PERFORM deletion_see_holds(p_run, v_held) WHERE v_held <> '[]';
    PERFORM deletion_see_partitions(p_run.plan_id);

    IF v_is_empty THEN
        PERFORM deletion_settle(p_run.run_id, NULL, 'done', NULL, FALSE, NULL);
        PERFORM deletion_end_run(p_run.run_id, 'done', NULL);
        PERFORM deletion_keep_fan_out(p_run.run_id, p_run.plan_id);
        RETURN 'ended';
    END IF;

    SELECT r.* INTO STRICT v_run
    FROM deletion_runs AS r
    WHERE r.ctid = deletion_run_place(p_run.run_id) AND r.run_id = p_run.run_id;
    v_now := clock_timestamp();

    IF p_run.rows_changed = 0 AND v_run.rows_changed > 0 AND v_now > p_run.started_at + '1 s' THEN
        v_run.state := v_run.state
        || jsonb_build_object('lead_us', 1000000 * extract(epoch FROM v_now - p_run.started_at));
        UPDATE deletion_runs AS r SET state = v_run.state WHERE r.run_id = p_run.run_id;
    END IF;

    v_lead := make_interval(secs => coalesce((v_run.state ->> 'lead_us')::float8, 0) / 1000000);

    v_is_over := v_now >= p_until;

    -- Not in each step: jobs that were claimed stay in the index of what is due as long as an old
    -- snapshot is open somewhere. Nor before the answer counts, or it would be late then.
    IF
        NOT v_is_over
        AND v_run.rows_changed > 0
        AND v_now >= p_run.started_at + 2 * v_lead
        AND v_now > p_run.started_at + v_slice
        AND (v_now > (v_run.state ->> 'looked_at')::timestamptz + v_slice) IS NOT FALSE
    THEN
        v_is_over := deletion_others_due();
        UPDATE deletion_runs AS r
        SET state = v_run.state || jsonb_build_object('looked_at', v_now)
        WHERE r.ctid = deletion_run_place(p_run.run_id) AND r.run_id = p_run.run_id;
    END IF;

    -- A run that has changed nothing yet is still on its way down: dissolved now, it would begin
    -- at its roots again and never arrive where a chain is deep or its check was long. As long as
    -- it took to come there it works, or a large job would be checked again for every batch.
    IF
        deletion_setting('paused_reason') IS NOT NULL
        OR (v_is_over AND v_run.rows_changed > 0 AND v_now >= p_run.started_at + 2 * v_lead)
    THEN
        PERFORM deletion_slice(p_run.run_id);
        RETURN 'ended';
    END IF;

    RETURN 'more';
END;
$deletion_advance_run$;

COMMENT ON FUNCTION deletion_advance_run(deletion_runs, timestamptz) IS
'Do one step of a run that is past its check: walk on, or end it when all is done or time is up.';
REVOKE ALL ON FUNCTION deletion_advance_run(deletion_runs, timestamptz) FROM PUBLIC;
