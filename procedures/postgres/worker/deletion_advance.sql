-- deletion_advance
-- Walk on: as many moves of the stack as fit the run's batch, in the caller's transaction.
--
-- Parameters  p_run   the run, fenced
-- Returns     boolean, TRUE where the stack is empty: the jobs' rows are gone
-- Writes      the application's tables, deletion_frames, deletion_receipts, deletion_runs
-- Commits     no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_advance(p_run deletion_runs)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_advance$
DECLARE
    v_walk deletion_cursor;
    v_step deletion_plan_steps;
    v_frame deletion_frames;
    v_started timestamptz := clock_timestamp();
    v_until timestamptz;
BEGIN
    v_walk.run := p_run;
    v_walk.rows_left := p_run.batch_rows;
    v_walk.has_waits := p_run.state ? 'careful' OR (
        SELECT p.has_waits FROM deletion_plans AS p WHERE p.plan_id = p_run.plan_id
    );
    v_walk.locks := 0;
    v_walk.below := '{}';
    PERFORM deletion_hold_frames(p_run);
    PERFORM deletion_note_stack(p_run)
    WHERE p_run.state ? 'careful' AND NOT EXISTS (
        SELECT 1
        FROM deletion_walk_keys AS w
        WHERE w.walk_id = p_run.run_id AND w.node_no = 0 AND w.fate = 'stack' AND w.edge_no = 0
    );
    -- As long as it took to hold a deep stack the step works on: else it would do little more.
    v_until := clock_timestamp() + greatest(
        make_interval(secs => deletion_setting_int('batch_ms') / 1000.0),
        clock_timestamp() - v_started
    );
    v_walk := deletion_load_frame(v_walk);

    -- Roots that go in this transaction with all below them are locked first: then no reference that
    -- was emptied has to be looked at once more.
    IF
        (v_walk.frame).edge_no = 0 AND (v_walk.frame).edge_pos = 0 AND (v_walk.frame).rows_here = 0
        AND NOT v_walk.has_waits
        AND (v_walk.frame).key_count * (1 + (p_run.state -> 'fan' ->> '0')::float8) <= v_walk.rows_left
    THEN
        v_frame := deletion_lock_frame(p_run.plan_id, v_walk.frame);

        IF v_frame.run_id IS NOT NULL THEN
            v_walk.locks := 1;
            v_walk.frame := v_frame;
        END IF;
    END IF;

    WHILE (v_walk.frame).run_id IS NOT NULL LOOP
        -- The next reference of the frame's table that has something to do in this phase.
        SELECT s.* INTO v_step
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_run.plan_id AND s.parent_node_no = (v_walk.frame).node_no
            AND s.edge_no > (v_walk.frame).edge_pos
            AND (
                s.kind = 'drain'
                OR (s.kind = 'set' AND (
                    NOT s.waits
                    OR (v_walk.run).state ? 'set'
                    AND s.set_order <= coalesce(((v_walk.run).state ->> 'last')::integer, 0)
                ))
                OR (
                    s.kind = CASE
                        WHEN p_run.state ? 'careful' THEN 'fetch_beyond'
                        WHEN v_walk.has_waits THEN 'fetch_more'
                        ELSE 'fetch'
                    END
                    AND s.action = 'cascade' AND NOT s.is_leaf
                )
            )
        ORDER BY s.edge_no
        LIMIT 1;

        IF FOUND AND v_step.kind IN ('drain', 'set') THEN
            EXIT WHEN v_walk.rows_left = 0;
            v_walk := deletion_change(v_walk, v_step);
        ELSIF FOUND THEN
            -- A frame whose rows would not fit what is left of the batch begins the next one.
            EXIT WHEN v_walk.rows_left < p_run.batch_rows / 2
                AND (v_walk.run).state -> 'fan' ? v_step.node_no::text;
            v_walk := deletion_sweep(v_walk, v_step);
        ELSE
            -- The frame goes in one transaction: what is left of this one may be too little.
            EXIT WHEN v_walk.rows_left < (v_walk.frame).key_count;
            v_walk := deletion_remove(v_walk);
        END IF;

        EXIT WHEN clock_timestamp() >= v_until;
    END LOOP;

    PERFORM deletion_save_walk(v_walk);
    RETURN (v_walk.frame).run_id IS NULL;
END;
$deletion_advance$;

COMMENT ON FUNCTION deletion_advance(deletion_runs) IS
'Walk on: as many moves of the stack as fit the run''s batch.';
REVOKE ALL ON FUNCTION deletion_advance(deletion_runs) FROM PUBLIC;
