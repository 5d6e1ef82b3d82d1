-- deletion_remove_circle
-- Remove a row with all that hangs from it at once: lock them, look once more, delete.
--
-- Parameters  p_walk   the walk                    p_key   a row of its present frame
-- Returns     the walk; its rows_left is 0 where only a whole batch would hold the rows
-- Errors      JD006 rows are found and not changed; JD007 a trigger changes them while they go
-- Writes      the application's tables, deletion_receipts, deletion_walk_keys     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_remove_circle(
    p_walk deletion_cursor,
    p_key jsonb
) RETURNS deletion_cursor
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_remove_circle$
DECLARE
    v_walk deletion_cursor := p_walk;
    v_run deletion_runs := p_walk.run;
    -- Contention may have halved the batch: rows that cannot be parted go by the setting.
    v_limit bigint := greatest(v_run.batch_rows, deletion_setting_int('batch_rows'));
    v_rows_of text;
    v_sql text;
    v_locked bigint := 0;
    v_gone bigint := 0;
    v_rows bigint;
    v_node_no integer;
    v_by_job jsonb;
    v_table text;
BEGIN
    v_rows_of := deletion_find_circle(v_run, p_walk.frame, p_key, v_limit);

    IF v_rows_of IS NULL THEN
        RETURN v_walk;
    END IF;

    FOR v_sql IN
        SELECT s.sql_text
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = v_run.plan_id AND s.kind = 'lock_circle'
            AND EXISTS (
                SELECT 1
                FROM deletion_walk_keys AS w
                WHERE
                    w.walk_id = v_run.run_id AND w.node_no = s.node_no AND w.fate = 'delete'
            )
        ORDER BY s.node_no
    LOOP
        EXECUTE v_sql INTO v_rows USING v_run.run_id;
        v_locked := v_locked + v_rows;
    END LOOP;

    IF v_locked > p_walk.rows_left AND p_walk.rows_left < v_run.batch_rows THEN
        v_walk.rows_left := 0;
        RETURN v_walk;
    END IF;

    -- Under the lock no foreign key can gain a row: what is found now is what goes.
    IF v_locked = 0
        OR deletion_find_circle(v_run, p_walk.frame, p_key, v_limit) IS DISTINCT FROM v_rows_of
    THEN
        RETURN v_walk;
    END IF;

    SELECT s.sql_text INTO STRICT v_sql
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = v_run.plan_id AND s.kind = 'remove_circle';

    BEGIN
        FOR v_node_no, v_by_job, v_rows IN EXECUTE v_sql USING v_run.run_id LOOP
            SELECT s.table_name INTO v_table
            FROM deletion_plan_steps AS s
            WHERE
                s.plan_id = v_run.plan_id AND s.kind = 'lock_circle' AND s.node_no = v_node_no;
            PERFORM deletion_add_receipts(
                v_run.run_id, ARRAY[v_table], 'delete', ARRAY[v_by_job]
            );
            PERFORM deletion_uncount(v_run.run_id, v_table, (
                SELECT jsonb_agg(w.keys || jsonb_build_object('j', w.job_id))
                FROM deletion_walk_keys AS w
                WHERE
                    w.walk_id = v_run.run_id AND w.node_no = v_node_no AND w.fate = 'delete'
            )) WHERE v_run.state ? 'set';
            v_gone := v_gone + v_rows;
        END LOOP;
    EXCEPTION
        WHEN triggered_data_change_violation THEN
            RAISE EXCEPTION USING
                ERRCODE = 'JD007',
                MESSAGE = format(
                    'rows that go in a circle are changed by a trigger while they go (%s)', sqlerrm
                );
    END;

    IF v_gone < v_locked THEN
        RAISE EXCEPTION USING
            ERRCODE = 'JD006',
            MESSAGE = format(
                'rows of %s are found and not changed (a trigger or a policy keeps them)', v_table
            );
    END IF;

    v_run.rows_changed := v_run.rows_changed + v_gone;
    v_walk.rows_left := greatest(0, v_walk.rows_left - v_gone);
    v_walk.run := v_run;
    RETURN v_walk;
END;
$deletion_remove_circle$;

COMMENT ON FUNCTION deletion_remove_circle(deletion_cursor, jsonb) IS
'Remove a row with all that hangs from it at once: lock them, look once more, delete.';
REVOKE ALL ON FUNCTION deletion_remove_circle(deletion_cursor, jsonb) FROM PUBLIC;
