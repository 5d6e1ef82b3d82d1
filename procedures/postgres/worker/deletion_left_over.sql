-- deletion_left_over
-- Decide what becomes of a frame some of whose rows could not be removed.
--
-- Parameters  p_walk   the walk, its frame holding what is left
--             p_step   the plan's remove step of that frame
-- Returns     the walk: another pass over the frame, or the frame below
-- Errors      JD006 nothing more can be done about the rows; JD007 rows of a run of several jobs
--             go in circles: each job goes on alone
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_left_over(
    p_walk deletion_cursor,
    p_step deletion_plan_steps
) RETURNS deletion_cursor
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_left_over$
DECLARE
    v_walk deletion_cursor := p_walk;
    v_run deletion_runs := p_walk.run;
    v_frame deletion_frames := p_walk.frame;
    v_next integer := (
        SELECT min(s.set_order)
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = v_run.plan_id
            AND s.set_order > coalesce((v_run.state ->> 'last')::integer, 0)
    );
BEGIN
    v_walk.locks := 0;

    IF v_run.rows_changed <= v_frame.rows_at_pass AND v_run.state ? 'careful' THEN
        v_walk := deletion_open_circle(v_walk);
        v_run := v_walk.run;
    END IF;

    IF v_run.rows_changed > v_frame.rows_at_pass OR v_walk.rows_left = 0 THEN
        -- Something went in this pass, so more may go in the next.
        v_frame.idle_passes := 0;
    ELSIF p_walk.has_waits AND v_frame.edge_no <> 0 THEN
        -- Rows wait for others that hang from elsewhere in the closure: those come first.
        RETURN deletion_pop(v_walk);
    ELSIF p_walk.has_waits AND NOT v_run.state ? 'set' THEN
        -- All that could go is gone: what still refers to rows of the closure survives, and is set.
        v_run.state := v_run.state || '{"set": true}';
        v_frame.idle_passes := 0;
    ELSIF v_run.state ? 'careful' AND NOT v_run.state ? 'together' THEN
        -- What is left goes in circles, or lies above one: in a run of one job it is that job's.
        IF NOT v_run.alone THEN
            RAISE EXCEPTION USING
                ERRCODE = 'JD007',
                MESSAGE = format(
                    'rows of %s go in a circle among several jobs: each goes on alone',
                    p_step.table_name
                );
        END IF;

        v_run.state := v_run.state || '{"together": true}';
        v_frame.idle_passes := 0;
    ELSIF v_next IS NOT NULL THEN
        -- No row that would not be found any more is left to be found.
        v_run.state := v_run.state || jsonb_build_object('last', v_next);
        v_frame.idle_passes := 0;
    ELSIF NOT v_frame.keys @? '$[*] ? (!exists(@.m))' THEN
        -- Roots that were gone before, and now all that hung from them.
        RETURN deletion_pop(v_walk);
    ELSIF v_frame.idle_passes = 0 THEN
        -- A child may have come between its reference's pass and the lock: look once more.
        v_frame.idle_passes := 1;
    ELSE
        PERFORM deletion_stuck(v_run, v_frame, p_step);
    END IF;

    v_frame.edge_pos := 0;
    v_frame.fetch_cursor := NULL;
    v_frame.rows_at_pass := v_run.rows_changed;
    v_walk.run := v_run;
    v_walk.frame := v_frame;
    RETURN v_walk;
END;
$deletion_left_over$;

COMMENT ON FUNCTION deletion_left_over(deletion_cursor, deletion_plan_steps) IS
'Decide what becomes of a frame some of whose rows could not be removed.';
REVOKE ALL ON FUNCTION deletion_left_over(deletion_cursor, deletion_plan_steps) FROM PUBLIC;
