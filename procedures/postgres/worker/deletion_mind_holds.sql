-- deletion_mind_holds
-- Look whether rows are held that a run could reach; a hold that is new sends it back to its check.
--
-- Parameters  p_run   the run, fenced
-- Returns     bigint, the number of held rows that are there; NULL: nothing is held on the plan's
--             tables; -1: the run has to climb from the held rows first
-- Writes      deletion_runs, deletion_walk_keys; locks deletion_holds     Commits  no
-- Execute     the owner only
--
-- What the step then deletes is held against that number: whichever way a held row went, by a move
-- under the run's rows, a trigger or an action of the engine, the step is rolled back.

CREATE OR REPLACE FUNCTION deletion_mind_holds(p_run deletion_runs)
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_mind_holds$
DECLARE
    v_newest bigint;
BEGIN
    -- Until this step commits no hold comes, and one that is coming is waited for.
    LOCK TABLE deletion_holds IN ROW SHARE MODE;
    v_newest := deletion_newest_hold(p_run.plan_id);

    IF v_newest IS NULL THEN
        RETURN NULL;
    END IF;

    -- A step that was rolled back may have met a row that moved: climb once more.
    IF
        v_newest <= coalesce((p_run.state ->> 'held')::bigint, 0)
        AND p_run.retries <= coalesce((p_run.state ->> 'held_retries')::integer, 0)
    THEN
        RETURN jsonb_array_length(deletion_held_rows(p_run.plan_id));
    END IF;

    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = p_run.run_id;
    PERFORM deletion_seed_climb(p_run.run_id, deletion_held_rows(p_run.plan_id));
    UPDATE deletion_runs AS r
    SET
        phase = 'check',
        state = coalesce(r.state, '{}') || jsonb_build_object(
            'stage', 'holds', 'held', v_newest, 'held_retries', r.retries,
            'is_back', r.phase = 'advance'
        )
    WHERE r.run_id = p_run.run_id;
    RETURN -1;
END;
$deletion_mind_holds$;

COMMENT ON FUNCTION deletion_mind_holds(deletion_runs) IS
'Look whether rows are held that a run could reach; a hold that is new sends it to its check.';
REVOKE ALL ON FUNCTION deletion_mind_holds(deletion_runs) FROM PUBLIC;
