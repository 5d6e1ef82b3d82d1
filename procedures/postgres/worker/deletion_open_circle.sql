-- deletion_open_circle
-- Get on where the present frame's rows wait for rows that wait for them.
--
-- Parameters  p_walk   the walk, its frame holding what is left
-- Returns     the walk; where nothing was changed, it was of no use
-- Errors      JD007 rows of a run of several jobs go in circles: each job goes on alone
-- Writes      the application's tables, deletion_receipts     Commits  no
-- Execute     the owner only
--
-- Rows that the check placed before the frame's rows lose the reference by which they would go
-- before these: they stay reachable by the one that they were placed by. In tables where it placed
-- none so, rows on the stack do, and stay reachable by the one they were found by. Where that
-- cannot help, or nothing else goes on any more, rows that cannot be parted go together. Either is
-- done in a run of one job: another's only way to a row might be lost.

CREATE OR REPLACE FUNCTION deletion_open_circle(p_walk deletion_cursor)
RETURNS deletion_cursor
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_open_circle$
DECLARE
    v_walk deletion_cursor := p_walk;
    v_run deletion_runs := p_walk.run;
    v_sql text;
    v_rows bigint;
    v_key jsonb;
    v_gone bytea[] := ARRAY[]::bytea[];
BEGIN
    FOR v_sql IN
        SELECT s.sql_text
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = v_run.plan_id
            AND (
                (s.kind = 'break' AND s.parent_node_no = (p_walk.frame).node_no)
                OR (
                    s.kind = 'break_own' AND s.edge_no = (p_walk.frame).edge_no
                    AND v_run.state ? 'together'
                )
            )
        ORDER BY s.step_no
    LOOP
        EXIT WHEN v_walk.rows_left = 0;
        EXECUTE v_sql INTO v_rows USING (p_walk.frame).keys, v_walk.rows_left, v_run.run_id;
        v_run.rows_changed := v_run.rows_changed + v_rows;
        v_walk.rows_left := v_walk.rows_left - v_rows;
    END LOOP;

    v_walk.run := v_run;

    IF v_run.rows_changed > (p_walk.run).rows_changed AND v_run.job_count > 1 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'JD007',
            MESSAGE = 'rows go in a circle among several jobs: each goes on alone';
    END IF;

    IF v_run.rows_changed > (p_walk.run).rows_changed OR NOT v_run.state ? 'together' THEN
        RETURN v_walk;
    END IF;

    FOR v_key IN SELECT k.value FROM jsonb_array_elements((p_walk.frame).keys) AS k LOOP
        EXIT WHEN v_walk.rows_left = 0;
        CONTINUE WHEN v_key ? 'm' OR deletion_frame_hash(v_key) = ANY (v_gone);
        v_rows := v_walk.rows_left;
        v_walk := deletion_remove_circle(v_walk, v_key);

        IF v_walk.rows_left < v_rows THEN
            v_gone := v_gone || ARRAY(
                SELECT w.key_hash
                FROM deletion_walk_keys AS w
                WHERE
                    w.walk_id = v_run.run_id AND w.fate = 'delete'
                    AND w.node_no = (p_walk.frame).node_no
            );
        END IF;
    END LOOP;

    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = v_run.run_id AND w.fate <> 'stack';
    RETURN v_walk;
END;
$deletion_open_circle$;

COMMENT ON FUNCTION deletion_open_circle(deletion_cursor) IS
'Get on where the present frame''s rows wait for rows that wait for them.';
REVOKE ALL ON FUNCTION deletion_open_circle(deletion_cursor) FROM PUBLIC;
