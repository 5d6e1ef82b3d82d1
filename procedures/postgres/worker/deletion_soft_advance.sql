-- deletion_soft_advance
-- Mark on: as many rows as fit the run's batch, in the caller's transaction.
--
-- Parameters  p_run   the run, fenced
-- Returns     boolean, TRUE where the jobs have marked all that they reach
-- Writes      the application's tables, deletion_marks, deletion_receipts, deletion_soft_keys,
--             deletion_runs                        Commits  no
-- Execute     the owner only
--
-- From the roots down: a row is looked at, and marked where it can be, while it is held where it
-- was found; only then is noted what hangs from it. So nothing is marked below a row that has moved
-- away.

CREATE OR REPLACE FUNCTION deletion_soft_advance(p_run deletion_runs)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_soft_advance$
DECLARE
    v_run deletion_runs := p_run;
    v_next deletion_runs;
    v_until timestamptz := clock_timestamp()
    + make_interval(secs => deletion_setting_int('batch_ms') / 1000.0);
    v_jobs bigint[] := ARRAY(
        SELECT a.job_id
        FROM deletion_attempts AS a
        WHERE a.run_id = p_run.run_id AND a.outcome IS NULL
    );
    v_left bigint := p_run.batch_rows;
    v_is_over boolean := FALSE;
    v_swept bigint;
BEGIN
    LOOP
        IF v_run.state ? 'soft' THEN
            v_run := deletion_soft_spread(v_run, v_jobs);
        ELSE
            EXIT WHEN v_left = 0;
            v_next := deletion_soft_mark(v_run, v_jobs, v_left);
            v_is_over := v_next.run_id IS NULL;
            EXIT WHEN v_is_over;
            v_left := v_left - (v_next.rows_changed - v_run.rows_changed);
            v_run := v_next;
        END IF;

        EXIT WHEN clock_timestamp() >= v_until;
    END LOOP;

    -- All is marked: what was noted goes, as bounded as the rest.
    IF v_is_over THEN
        DELETE FROM deletion_soft_keys AS k
        WHERE k.ctid = ANY (ARRAY(
            SELECT d.ctid FROM deletion_soft_keys AS d WHERE d.job_id = ANY (v_jobs) LIMIT 20000
        ));
        GET DIAGNOSTICS v_swept = ROW_COUNT;
        v_is_over := v_swept < 20000;
    END IF;

    UPDATE deletion_runs AS r
    SET
        rows_changed = v_run.rows_changed,
        state = v_run.state,
        -- Contention halves the batch at once; it comes back slowly.
        batch_rows = least(
            deletion_setting_int('batch_rows'), r.batch_rows + greatest(1, r.batch_rows / 8)
        ),
        retries = 0
    WHERE r.ctid = deletion_run_place(p_run.run_id) AND r.run_id = p_run.run_id;

    RETURN v_is_over;
END;
$deletion_soft_advance$;

COMMENT ON FUNCTION deletion_soft_advance(deletion_runs) IS
'Mark on: as many rows as fit the run''s batch.';
REVOKE ALL ON FUNCTION deletion_soft_advance(deletion_runs) FROM PUBLIC;
