-- deletion_mind_holds
-- Look whether rows are held that a run could reach; a hold that is new sends it back to its check.
--
-- Parameters  p_run   the run, fenced
-- Returns     jsonb: NULL where nothing is held on the plan's tables; an array of the held rows
--             that are there; or, as text, what the step answers at once: more (the run has to
--             climb from them first), ended (a hold's row is not found: its jobs have failed)
-- Writes      deletion_runs, deletion_walk_keys, deletion_holds, deletion_attempts, deletion_jobs;
--             locks deletion_holds                 Commits  no
-- Execute     the owner only
--
-- What the step then deletes is held against these rows: whichever way one went, by a move under
-- the run's rows, a trigger or an action of the engine, the step is rolled back.

CREATE OR REPLACE FUNCTION deletion_mind_holds(p_run deletion_runs)
RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_mind_holds$
DECLARE
    v_newest bigint;
    v_rows jsonb;
    v_lost bigint[];
    v_error text;
BEGIN
    -- Until this step commits no hold comes, and one that is coming is waited for.
    LOCK TABLE deletion_holds IN ROW SHARE MODE;
    v_newest := deletion_newest_hold(p_run.plan_id);

    IF v_newest IS NULL THEN
        RETURN NULL;
    END IF;

    v_rows := deletion_held_rows(p_run.plan_id);
    v_lost := ARRAY(
        SELECT (k.value ->> 'j')::bigint - (1::bigint << 62)
        FROM jsonb_array_elements(v_rows) AS k
        WHERE k.value ? 'lost'
    );

    -- The row may have another key now, and be any: nothing that could reach it goes.
    IF v_lost <> '{}' THEN
        v_error := deletion_hold_error(v_lost) || ' (no row is found by the key that was held: '
            'release the hold, or release it and hold the row by its key of now)';
        PERFORM deletion_settle(p_run.run_id, NULL, 'failed', v_error, TRUE, NULL);
        PERFORM deletion_end_run(p_run.run_id, 'failed', v_error);
        RETURN to_jsonb('ended'::text);
    END IF;

    -- From now on its absence means that its key was changed, or that somebody else removed it.
    UPDATE deletion_holds AS h
    SET row_seen_at = clock_timestamp()
    WHERE h.hold_id IN (
        SELECT d.hold_id
        FROM jsonb_array_elements(v_rows) AS k
        INNER JOIN deletion_holds AS d
            ON d.hold_id = (k.value ->> 'j')::bigint - (1::bigint << 62)
        WHERE d.row_seen_at IS NULL
        FOR UPDATE OF d SKIP LOCKED
    );

    -- A step that was rolled back may have met a row that moved: climb once more.
    IF
        v_newest <= coalesce((p_run.state ->> 'held')::bigint, 0)
        AND p_run.retries <= coalesce((p_run.state ->> 'held_retries')::integer, 0)
    THEN
        RETURN v_rows;
    END IF;

    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = p_run.run_id;
    PERFORM deletion_seed_climb(p_run.run_id, v_rows);
    UPDATE deletion_runs AS r
    SET
        phase = 'check',
        state = coalesce(r.state, '{}') || jsonb_build_object(
            'stage', 'holds', 'held', v_newest, 'held_retries', r.retries,
            'is_back', r.phase = 'advance'
        )
    WHERE r.run_id = p_run.run_id;
    RETURN to_jsonb('more'::text);
END;
$deletion_mind_holds$;

COMMENT ON FUNCTION deletion_mind_holds(deletion_runs) IS
'Look whether rows are held that a run could reach; a hold that is new sends it to its check.';
REVOKE ALL ON FUNCTION deletion_mind_holds(deletion_runs) FROM PUBLIC;
