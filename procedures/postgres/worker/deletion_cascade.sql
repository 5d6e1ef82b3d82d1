-- deletion_cascade
-- Delete rows that hang from a frame, and let the engine delete what hangs from them.
--
-- Parameters  p_run     the run, of one job        p_frame       the frame
--             p_step    the plan's fetch step      p_limit       most rows of the step's table;
--             0: none
--             p_row_ids   where the rows lie, as deletion_take_found gives them; NULL: the next ones
--             p_rows_left   most rows of all tables
-- Returns     p_seen, the rows of the step's table that were found; p_gone, those deleted; p_rows, the
--             rows of all tables. NULL: nothing was deleted, since the plan has no such statements or
--             it would have been more than p_rows_left
-- Writes      the application's tables, deletion_receipts     Commits  no
-- Execute     the owner only
--
-- No row is locked or counted beforehand: the engine deletes under its own locks, and tells
-- afterwards of each table how many rows the transaction has deleted.

CREATE OR REPLACE FUNCTION deletion_cascade(
    p_run deletion_runs,
    p_frame deletion_frames,
    p_step deletion_plan_steps,
    p_limit bigint,
    p_row_ids tid[],
    p_rows_left bigint,
    OUT p_seen bigint,
    OUT p_gone bigint,
    OUT p_rows bigint
)
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_cascade$
DECLARE
    v_sql text;
    v_tables text[];
    v_tallies text[];
    v_counts bigint[] := ARRAY[]::bigint[];
    v_count bigint;
BEGIN
    IF p_limit = 0 THEN
        RETURN;
    END IF;

    SELECT
        min(s.sql_text) FILTER (
            WHERE s.kind = CASE WHEN p_row_ids IS NULL THEN 'cascade_one' ELSE 'cascade_found_one' END
        ),
        array_agg(s.table_name ORDER BY s.edge_no) FILTER (WHERE s.kind = 'tally'),
        array_agg(s.sql_text ORDER BY s.edge_no) FILTER (WHERE s.kind = 'tally')
    INTO v_sql, v_tables, v_tallies
    FROM deletion_plan_steps AS s
    WHERE
        s.plan_id = p_run.plan_id
        AND (s.edge_no = p_step.edge_no OR s.parent_node_no = p_step.node_no);

    -- On a replica the engine's own triggers rest.
    IF v_sql IS NULL OR current_setting('session_replication_role') <> 'origin' THEN
        RETURN;
    END IF;

    FOR i IN 1 .. cardinality(v_tallies) LOOP
        EXECUTE v_tallies[i] INTO v_count;
        v_counts[i] := v_count;
    END LOOP;

    BEGIN
        IF p_row_ids IS NULL THEN
            EXECUTE v_sql INTO p_seen, p_gone USING p_frame.keys, p_limit;
        ELSE
            EXECUTE v_sql INTO p_seen, p_gone USING p_frame.keys, p_row_ids;
        END IF;

        p_rows := 0::bigint;

        FOR i IN 1 .. cardinality(v_tallies) LOOP
            EXECUTE v_tallies[i] INTO v_count;
            v_counts[i] := v_count - v_counts[i];
            p_rows := p_rows + v_counts[i];
        END LOOP;

        -- Without track_counts the engine counts nothing.
        IF v_counts[array_position(v_tables, p_step.table_name)] <> p_gone OR p_rows > p_rows_left THEN
            RAISE EXCEPTION USING ERRCODE = 'JD000', MESSAGE = 'deletion_cascade: taken back';
        END IF;
    EXCEPTION
        WHEN SQLSTATE 'JD000' THEN
            p_rows := NULL;
            RETURN;
    END;

    PERFORM deletion_add_receipts(
        p_run.run_id, array_agg(c.table_name), 'delete',
        array_agg(jsonb_build_object(p_frame.keys -> 0 ->> 'j', c.row_count))
    )
    FROM unnest(v_tables, v_counts) AS c (table_name, row_count)
    WHERE c.row_count > 0;
END;
$deletion_cascade$;

COMMENT ON FUNCTION deletion_cascade(
    deletion_runs, deletion_frames, deletion_plan_steps, bigint, tid[], bigint
) IS
'Delete rows that hang from a frame, and let the engine delete what hangs from them.';
REVOKE ALL ON FUNCTION deletion_cascade(
    deletion_runs, deletion_frames, deletion_plan_steps, bigint, tid[], bigint
) FROM PUBLIC;
