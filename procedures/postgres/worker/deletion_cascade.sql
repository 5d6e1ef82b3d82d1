-- deletion_cascade
-- Delete rows that deletion_sweep has found, let the engine delete what hangs from them, and count.
--
-- Parameters  p_run     the run, of one job        p_step   the plan's fetch step
--             p_remove   the statement that deletes the rows
--             p_jobs, p_keys, p_parents   the rows, as p_remove binds them
--             p_rows_left   most rows of all tables
-- Returns     p_gone, the number of rows deleted of the step's table; p_rows, of all tables
-- Errors      40001 others changed the rows meanwhile: the step is tried again, row by row
-- Writes      the application's tables, deletion_receipts     Commits  no
-- Execute     the owner only
--
-- Nothing was locked beforehand: the engine deletes under locks of its own, and tells afterwards
-- how many rows of each table the transaction has deleted.

CREATE OR REPLACE FUNCTION deletion_cascade(
    p_run deletion_runs,
    p_step deletion_plan_steps,
    p_remove text,
    p_jobs bigint[],
    p_keys bigint[],
    p_parents bigint[],
    p_rows_left bigint,
    OUT p_gone bigint,
    OUT p_rows bigint
)
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_cascade$
DECLARE
    v_tables text[];
    v_tallies text[];
    v_counts bigint[] := ARRAY[]::bigint[];
    v_count bigint;
BEGIN
    SELECT
        array_agg(s.table_name ORDER BY s.edge_no), array_agg(s.sql_text ORDER BY s.edge_no)
    INTO v_tables, v_tallies
    FROM deletion_plan_steps AS s
    WHERE
        s.plan_id = p_run.plan_id AND s.kind = 'tally'
        AND (s.edge_no = p_step.edge_no OR s.parent_node_no = p_step.node_no);

    FOR i IN 1 .. cardinality(v_tallies) LOOP
        EXECUTE v_tallies[i] INTO v_count;
        v_counts[i] := v_count;
    END LOOP;

    EXECUTE p_remove USING p_jobs, p_keys, p_parents;
    GET DIAGNOSTICS p_gone = ROW_COUNT;
    p_rows := 0::bigint;

    FOR i IN 1 .. cardinality(v_tallies) LOOP
        EXECUTE v_tallies[i] INTO v_count;
        v_counts[i] := v_count - v_counts[i];
        p_rows := p_rows + v_counts[i];
    END LOOP;

    -- What was added since they were counted may be too much for the batch; and a count that does
    -- not know our own rows is none.
    IF p_rows > p_rows_left OR v_counts[array_position(v_tables, p_step.table_name)] <> p_gone THEN
        RAISE EXCEPTION USING
            ERRCODE = 'serialization_failure',
            MESSAGE = format(
                'rows below %s changed while they were counted (%s deleted, at most %s)',
                p_step.table_name, p_rows, p_rows_left
            );
    END IF;

    PERFORM deletion_add_receipts(
        p_run.run_id, array_agg(c.table_name), 'delete',
        array_agg(jsonb_build_object(p_jobs[1], c.row_count))
    )
    FROM unnest(v_tables, v_counts) AS c (table_name, row_count)
    WHERE c.row_count > 0;
END;
$deletion_cascade$;

COMMENT ON FUNCTION deletion_cascade(
    deletion_runs, deletion_plan_steps, text, bigint[], bigint[], bigint[], bigint
) IS
'Delete rows that deletion_sweep has found, let the engine delete what hangs from them, and count.';
REVOKE ALL ON FUNCTION deletion_cascade(
    deletion_runs, deletion_plan_steps, text, bigint[], bigint[], bigint[], bigint
) FROM PUBLIC;
