-- deletion_soft_mark
-- Mark the next rows of soft jobs, within the batch, and begin to look below them.
--
-- Parameters  p_run     the run, its state and rows_changed as they are now
--             p_jobs    its jobs that are still wanted
--             p_left    rows that this transaction may still change
-- Returns     the run; its state has soft where something may hang from the rows; NULL: no row is
--             left
-- Errors      JD006 rows are found and hold no mark when they were marked
-- Writes      the application's table, deletion_marks, deletion_receipts, deletion_soft_keys
-- Commits     no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_soft_mark(
    p_run deletion_runs,
    p_jobs bigint[],
    p_left bigint
) RETURNS deletion_runs
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_soft_mark$
DECLARE
    v_run deletion_runs := p_run;
    v_step deletion_plan_steps;
    v_taken deletion_frames;
    v_frame jsonb;
    v_keys jsonb;
    v_rows bigint;
    v_by_job jsonb;
    v_unchanged bigint;
BEGIN
    v_taken := deletion_soft_take(p_run, p_jobs, p_left);
    v_frame := v_taken.keys;

    IF v_frame IS NULL THEN
        RETURN NULL;
    END IF;

    SELECT s.* INTO STRICT v_step
    FROM deletion_plan_steps AS s
    WHERE
        s.plan_id = p_run.plan_id AND s.edge_no = v_taken.edge_no AND s.kind IN ('mark', 'pass');

    EXECUTE v_step.sql_text INTO v_keys, v_rows, v_by_job, v_unchanged
    USING v_frame, p_run.started_at;

    IF v_unchanged > 0 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'JD006',
            MESSAGE = format(
                'rows of %s are found and not marked (a trigger or a policy keeps them)',
                v_step.table_name
            );
    END IF;

    PERFORM deletion_add_receipts(
        p_run.run_id, ARRAY[v_step.table_name], 'mark', ARRAY[v_by_job]
    );
    v_run.rows_changed := v_run.rows_changed + v_rows;
    v_run.state := v_run.state || jsonb_build_object('at', v_step.table_name);

    IF NOT v_step.is_leaf THEN
        -- Of a root that is gone what declared references tie to its key is still marked.
        v_keys := v_keys || coalesce((
            SELECT jsonb_agg(e.value) FROM jsonb_array_elements(v_frame) AS e WHERE e.value ? 'm'
        ), '[]');
        v_run.state := v_run.state || jsonb_build_object('soft', jsonb_build_object(
            'node', v_step.node_no, 'keys', v_keys, 'edge', 0
        ));
        -- Rows that have moved away, or are gone, are done with.
        v_frame := (
            SELECT coalesce(jsonb_agg(e.value), '[]')
            FROM jsonb_array_elements(v_frame) AS e
            WHERE
                jsonb_array_length(v_frame) > jsonb_array_length(v_keys)
                AND e.value ->> 'j' || ' ' || deletion_frame_hash(e.value)::text <> ALL (ARRAY(
                    SELECT h.value ->> 'j' || ' ' || deletion_frame_hash(h.value)::text
                    FROM jsonb_array_elements(v_keys) AS h
                ))
        );
    END IF;

    PERFORM deletion_soft_done(v_step.node_no, v_frame);
    RETURN v_run;
END;
$deletion_soft_mark$;

COMMENT ON FUNCTION deletion_soft_mark(deletion_runs, bigint[], bigint) IS
'Mark the next rows of soft jobs, within the batch, and begin to look below them.';
REVOKE ALL ON FUNCTION deletion_soft_mark(deletion_runs, bigint[], bigint) FROM PUBLIC;
