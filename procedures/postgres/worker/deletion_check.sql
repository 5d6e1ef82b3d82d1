-- deletion_check
-- Look, before the first row is touched, at whatever can be known to fail; a bounded step.
--
-- Parameters  p_run   the run, fenced
-- Returns     text: more, or ended where no job is left
-- Writes      deletion_runs, deletion_frames, deletion_walk_keys, deletion_walk_links,
--             deletion_soft_keys, deletion_attempts, deletion_jobs     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_check(p_run deletion_runs)
RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_check$
DECLARE
    v_error text;
    v_can_block boolean;
    v_stage text := p_run.state ->> 'stage';
    v_held jsonb;
    v_is_back boolean := coalesce((p_run.state ->> 'is_back')::boolean, FALSE);
BEGIN
    IF v_stage IS NULL THEN
        v_error := coalesce(
            deletion_missing_privilege(p_run.plan_id), deletion_missing_identity(p_run.plan_id),
            deletion_unindexed(p_run.plan_id), deletion_lost_hold()
        );

        IF v_error IS NOT NULL THEN
            PERFORM deletion_settle(p_run.run_id, NULL, 'failed', v_error, TRUE, NULL);
            PERFORM deletion_end_run(p_run.run_id, 'failed', v_error);
            RETURN 'ended';
        END IF;

        PERFORM deletion_find_roots(p_run);
        PERFORM deletion_spare_live(p_run);

        -- Held rows are few: what they hang from is looked at first.
        v_held := deletion_mind_holds(p_run);

        IF v_held IS NOT NULL THEN
            RETURN v_held #>> '{}';
        END IF;
    ELSIF v_stage = 'holds' THEN
        IF NOT deletion_check_holds(p_run) THEN
            RETURN 'more';
        END IF;
    ELSIF v_stage = 'walk' THEN
        IF NOT deletion_walk_on(p_run.run_id, p_run.plan_id) THEN
            RETURN 'more';
        END IF;

        PERFORM deletion_walk_verdict(p_run);
        v_stage := deletion_circle_stage(p_run, v_stage);
    ELSIF NOT deletion_untie(p_run, v_stage) THEN
        RETURN 'more';
    ELSE
        v_stage := deletion_circle_stage(p_run, v_stage);
    END IF;

    IF v_stage IN ('place', 'peel') THEN
        UPDATE deletion_runs AS r
        SET state = r.state || jsonb_build_object('stage', v_stage)
        WHERE r.run_id = p_run.run_id;
        RETURN 'more';
    END IF;

    IF v_stage IS NULL OR (v_stage = 'holds' AND NOT v_is_back) THEN
        SELECT p.can_block INTO v_can_block FROM deletion_plans AS p WHERE p.plan_id = p_run.plan_id;

        IF v_can_block THEN
            PERFORM deletion_seed_walk(p_run.run_id, f.keys)
            FROM deletion_frames AS f
            WHERE f.run_id = p_run.run_id;
            UPDATE deletion_runs AS r
            SET state = jsonb_strip_nulls(
                jsonb_build_object('stage', 'walk', 'held', r.state -> 'held')
            )
            WHERE r.run_id = p_run.run_id;
            RETURN 'more';
        END IF;
    END IF;

    IF
        NOT EXISTS (SELECT 1 FROM deletion_frames AS f WHERE f.run_id = p_run.run_id)
        -- Soft jobs that have begun have no frames.
        AND NOT (v_is_back AND NOT p_run.hard_delete AND EXISTS (
            SELECT 1 FROM deletion_attempts AS a WHERE a.run_id = p_run.run_id AND a.outcome IS NULL
        ))
    THEN
        -- Jobs may have gone back to come alone.
        PERFORM deletion_end_run(
            p_run.run_id,
            coalesce(max(a.outcome) FILTER (WHERE a.outcome = 'returned'), 'failed'),
            NULL
        )
        FROM deletion_attempts AS a
        WHERE a.run_id = p_run.run_id;
        RETURN 'ended';
    END IF;

    IF NOT p_run.hard_delete AND NOT v_is_back THEN
        PERFORM deletion_soft_start(p_run);
    END IF;

    UPDATE deletion_runs AS r
    SET
        phase = 'advance',
        state = CASE
            WHEN v_is_back THEN r.state - 'stage' - 'is_back'
            ELSE jsonb_strip_nulls(jsonb_build_object(
                'fan', p.fan_out,
                'held', r.state -> 'held',
                'careful', nullif(r.state ? 'careful' OR EXISTS (
                    SELECT 1
                    FROM deletion_plan_steps AS s
                    WHERE s.plan_id = p.plan_id AND s.kind = 'circle'
                ), FALSE),
                'together', r.state -> 'together'
            ))
        END
    FROM deletion_plans AS p
    WHERE r.run_id = p_run.run_id AND p.plan_id = r.plan_id;
    RETURN 'more';
END;
$deletion_check$;

COMMENT ON FUNCTION deletion_check(deletion_runs) IS
'Look, before the first row is touched, at whatever can be known to fail; a bounded step.';
REVOKE ALL ON FUNCTION deletion_check(deletion_runs) FROM PUBLIC;
