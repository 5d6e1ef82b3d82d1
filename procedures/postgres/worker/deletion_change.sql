-- deletion_change
-- Delete, or set, rows that hang from the present frame by one reference, within the batch.
--
-- Parameters  p_walk   the walk                    p_step   the plan's drain or set step
-- Returns     the walk
-- Errors      JD006 the rows' default is the very key that is deleted; JD007 as deletion_give_up
-- Writes      the application's table, deletion_receipts     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_change(
    p_walk deletion_cursor,
    p_step deletion_plan_steps
) RETURNS deletion_cursor
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_change$
DECLARE
    v_walk deletion_cursor := p_walk;
    v_run deletion_runs := p_walk.run;
    v_frame deletion_frames := p_walk.frame;
    v_rows bigint;
    v_by_job jsonb;
    v_still bigint;
    v_was jsonb;
    v_sql text := p_step.sql_text;
    v_taken record;
    -- A frame with many rows below it: each batch from the start would be read again and again.
    v_is_wide boolean := p_step.kind = 'drain' AND p_walk.locks = 0 AND (
        v_frame.fetch_cursor IS NOT NULL OR v_frame.rows_here >= 4 * v_run.batch_rows
    ) AND EXISTS (
        SELECT 1
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = v_run.plan_id AND s.edge_no = p_step.edge_no AND s.kind = 'find'
    );
    v_is_one boolean := p_step.kind = 'drain' AND v_run.job_count = 1 AND p_walk.locks = 0;
BEGIN
    IF p_step.action = 'set_default' AND p_step.waits THEN
        v_walk := deletion_give_up(p_walk, p_step);

        IF v_walk.rows_left < p_walk.rows_left THEN
            -- There may be more of them.
            RETURN v_walk;
        END IF;
    END IF;

    PERFORM deletion_allow_hash(TRUE) WHERE p_step.index_name IS NULL;

    IF v_is_wide THEN
        v_taken := deletion_take_found(v_frame, p_step, p_walk.rows_left);
        v_frame := v_taken.p_frame;
        v_walk.frame := v_frame;

        IF v_taken.p_row_ids IS NULL THEN
            PERFORM deletion_allow_hash(FALSE) WHERE p_step.index_name IS NULL;
            RETURN v_walk;
        END IF;
    END IF;

    IF v_is_wide OR v_is_one THEN
        SELECT s.sql_text INTO STRICT v_sql
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = v_run.plan_id AND s.edge_no = p_step.edge_no
            AND s.kind = 'drain' || CASE WHEN v_is_wide THEN '_found' ELSE '' END
            || CASE WHEN v_is_one THEN '_one' ELSE '' END;
    END IF;

    IF v_is_one THEN
        IF v_is_wide THEN
            EXECUTE v_sql USING v_frame.keys, v_taken.p_row_ids;
        ELSE
            EXECUTE v_sql USING v_frame.keys, p_walk.rows_left;
        END IF;

        GET DIAGNOSTICS v_rows = ROW_COUNT;
        v_by_job := CASE WHEN v_rows > 0 THEN jsonb_build_object(v_frame.keys -> 0 ->> 'j', v_rows) END;
        v_still := 0;
    ELSIF v_is_wide THEN
        EXECUTE v_sql INTO v_rows, v_by_job, v_still USING v_frame.keys, v_taken.p_row_ids;
    ELSE
        EXECUTE v_sql INTO v_rows, v_by_job, v_still, v_was USING v_frame.keys, p_walk.rows_left;
    END IF;

    PERFORM deletion_allow_hash(FALSE) WHERE p_step.index_name IS NULL;

    IF p_step.kind = 'drain' AND v_still > 0 THEN
        -- Somebody changed these rows while the statement waited for them: they are still there.
        v_walk.locks := 0;
    ELSIF v_still > 0 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'JD006',
            MESSAGE = format(
                '%s rows of %s have the deleted key as their default (%s)',
                v_still, p_step.table_name, p_step.reference_name
            );
    END IF;

    PERFORM deletion_add_receipts(
        v_run.run_id, ARRAY[p_step.table_name],
        CASE p_step.kind WHEN 'drain' THEN 'delete' ELSE p_step.action END, ARRAY[v_by_job]
    );

    PERFORM deletion_add_receipts(
        v_run.run_id, ARRAY[p_step.table_name], w.key, ARRAY[w.value]
    )
    FROM jsonb_each(v_was) AS w;

    IF v_rows < p_walk.rows_left AND NOT v_is_wide THEN
        v_frame.edge_pos := p_step.edge_no;
    END IF;

    v_frame.rows_here := v_frame.rows_here + v_rows;
    v_run.rows_changed := v_run.rows_changed + v_rows;
    v_walk.rows_left := v_walk.rows_left - v_rows;
    v_walk.run := v_run;
    v_walk.frame := v_frame;
    RETURN v_walk;
END;
$deletion_change$;

COMMENT ON FUNCTION deletion_change(deletion_cursor, deletion_plan_steps) IS
'Delete, or set, rows that hang from the present frame by one reference.';
REVOKE ALL ON FUNCTION deletion_change(deletion_cursor, deletion_plan_steps) FROM PUBLIC;
