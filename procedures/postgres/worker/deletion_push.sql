-- deletion_push
-- Fetch a frame's worth of keys by one reference and make them the walk's present frame.
--
-- Parameters  p_walk   the walk                    p_step   the plan's fetch step
-- Returns     the walk
-- Writes      deletion_frames, deletion_walk_keys     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_push(
    p_walk deletion_cursor,
    p_step deletion_plan_steps
) RETURNS deletion_cursor
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_push$
DECLARE
    v_walk deletion_cursor := p_walk;
    v_frame deletion_frames := p_walk.frame;
    v_child deletion_frames;
    v_wide deletion_frames;
    v_run deletion_runs := p_walk.run;
    v_is_self boolean := p_step.node_no = v_frame.node_no AND NOT p_walk.has_waits;
    -- Rows changed for each key of such a frame, as seen so far in this run.
    v_fan_out float8 := (v_run.state -> 'fan' ->> p_step.node_no::text)::float8;
    -- Rows of one table that hang from each other have no fan-out that would tell of the next ones,
    -- and all that are on the stack are held in each step: few, and those below them page by page.
    v_limit integer := least(v_run.batch_rows, CASE
        WHEN v_is_self THEN
            greatest(1, least(p_walk.rows_left, greatest(100, v_run.batch_rows / 10)))
        WHEN v_fan_out IS NULL THEN 100
        -- Of rows that are locked, all that hangs from them was thought to fit: a few that are left
        -- over would be walked by themselves, and by then the locks are gone.
        ELSE greatest(1, floor(
            CASE WHEN p_walk.locks > 0 THEN 1 ELSE 0.85 END * v_run.batch_rows / (1 + v_fan_out)
        ))
    END);
    -- What deletion_sweep found at once is no place to read on from.
    v_last jsonb := CASE
        WHEN NOT v_frame.fetch_cursor ?| ARRAY['is_end', 'tips'] THEN v_frame.fetch_cursor
    END;
BEGIN
    PERFORM deletion_allow_hash(TRUE) WHERE p_step.index_name IS NULL;
    EXECUTE p_step.sql_text INTO v_child.keys, v_child.key_count
    USING v_frame.keys, v_limit, v_last, v_run.run_id;
    PERFORM deletion_allow_hash(FALSE) WHERE p_step.index_name IS NULL;

    -- Rows of the last page may get another key before they are held. Where their parent is there,
    -- the look before it goes finds them; where it is gone, only another page does.
    IF
        v_child.key_count = 0
        OR (v_child.key_count < v_limit AND NOT (
            v_frame.edge_no = 0 AND jsonb_path_exists(v_frame.keys, '$[*].m')
        ))
    THEN
        v_frame.edge_pos := p_step.edge_no;
        v_frame.fetch_cursor := NULL;
    ELSE
        -- Only plans in which rows have to wait for others read on; all else begins in front.
        -- What was found at once is still to be taken.
        v_frame.fetch_cursor := CASE
            WHEN p_walk.has_waits THEN v_child.keys -> -1
            WHEN v_frame.fetch_cursor ?| ARRAY['is_end', 'tips'] THEN v_frame.fetch_cursor
        END;
    END IF;

    v_walk.frame := v_frame;

    IF v_child.key_count > 0 THEN
        v_child.run_id := v_run.run_id;
        v_child.depth := v_frame.depth + 1;
        v_child.node_no := p_step.node_no;
        v_child.edge_no := p_step.edge_no;
        v_child.edge_pos := 0;
        v_child.rows_at_pass := v_run.rows_changed;
        v_child.idle_passes := 0;
        v_child.rows_here := 0;
        v_child.updated_at := clock_timestamp();

        -- No ring was there at the check: a long chain, or one that was closed since. From now on
        -- rows of the stack are not pushed again.
        IF v_child.depth >= 100000 AND NOT v_run.state ? 'careful' THEN
            v_run.state := v_run.state || '{"careful": true}';
            v_walk.run := v_run;
        END IF;

        PERFORM deletion_note_frame(v_run, v_child, TRUE);
        v_walk.below := v_walk.below || v_frame;

        -- A long list would be copied by each move.
        IF cardinality(v_walk.below) >= 50 THEN
            INSERT INTO deletion_frames SELECT (f).* FROM unnest(v_walk.below) AS f;
            v_walk.below := '{}';
        END IF;

        v_walk.frame := v_child;
        v_walk.locks := 0;

        -- A chain would be walked a row a frame: a narrow frame takes in what hangs from it; all
        -- that fits a batch, where as few hang from what the frame before took in.
        IF v_is_self AND v_child.key_count * 20 < v_limit THEN
            v_wide := deletion_expand(v_run, v_child, CASE
                WHEN v_frame.keys -> 0 ? 'l' THEN v_run.batch_rows ELSE v_limit
            END);

            IF v_wide.key_count > v_child.key_count THEN
                v_walk.frame := v_wide;
                RETURN v_walk;
            END IF;
        END IF;

        -- Children that fit this transaction are emptied under their parents' lock: then no
        -- second look is needed.
        IF NOT p_walk.has_waits AND v_child.key_count * (1 + v_fan_out) <= p_walk.rows_left THEN
            v_child := deletion_lock_frame(v_run.plan_id, v_child);

            -- All that were found are locked, so the frame below keeps its lock as well. Rows that
            -- hang from it in its own table may be some that it holds itself.
            IF v_child.run_id IS NOT NULL THEN
                v_walk.locks := 1 + CASE
                    WHEN
                        p_step.node_no <> v_frame.node_no
                        AND v_child.key_count = (v_walk.frame).key_count
                        THEN p_walk.locks
                    ELSE 0
                END;
                v_walk.frame := v_child;
            END IF;
        END IF;

        -- From here on a row that moves would leave its children behind, deleted.
        IF v_walk.locks = 0 THEN
            v_child := deletion_hold_frame(v_run.plan_id, v_walk.frame);
            v_walk.frame := CASE
                WHEN v_child.run_id IS NOT NULL THEN v_child ELSE v_walk.frame
            END;
        END IF;
    END IF;

    RETURN v_walk;
END;
$deletion_push$;

COMMENT ON FUNCTION deletion_push(deletion_cursor, deletion_plan_steps) IS
'Fetch a frame''s worth of keys by one reference and make them the walk''s present frame.';
REVOKE ALL ON FUNCTION deletion_push(deletion_cursor, deletion_plan_steps) FROM PUBLIC;
