-- deletion_see_holds
-- After a step: see that the held rows of its plan are all still there, the same and unmarked.
--
-- Parameters  p_run    the run, as the step began   p_held   the held rows before it
-- Errors      40001 the step took one: it is rolled back, and the run climbs from them once more;
--             JD006 it did so although it had climbed: the job is blocked
-- Writes      deletion_runs                        Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_see_holds(
    p_run deletion_runs,
    p_held jsonb
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_see_holds$
DECLARE
    v_taken bigint[];
BEGIN
    -- What is deferred takes rows as well: now, and not behind this look.
    SET CONSTRAINTS ALL IMMEDIATE;

    -- Row by row: one that goes is not made good by one that comes. As sets, since holds may be many
    -- and a step joins by nothing but loops.
    v_taken := ARRAY(
        SELECT DISTINCT h.hold_id
        FROM (
            SELECT b.value -> 'j', b.value -> 'n', deletion_frame_hash(b.value), b.value -> 's'
            FROM jsonb_array_elements(p_held) AS b
            EXCEPT
            SELECT a.value -> 'j', a.value -> 'n', deletion_frame_hash(a.value), a.value -> 's'
            FROM jsonb_array_elements(deletion_held_rows(p_run.plan_id)) AS a
        ) AS t (hold_no, node_no, key_hash, mark)
        -- One that was let go meanwhile, or is over, forbids nothing any more.
        INNER JOIN deletion_holds AS h
            ON
                h.hold_id = t.hold_no::bigint - (1::bigint << 62)
                AND h.released_at IS NULL
                AND (h.held_until IS NULL OR h.held_until > clock_timestamp())
    );

    IF v_taken = '{}' THEN
        -- A later step that is rolled back climbs anew.
        UPDATE deletion_runs AS r
        SET state = r.state - 'held_retries'
        WHERE r.run_id = p_run.run_id AND p_run.state ->> 'held_retries' <> '0';
    ELSIF
        p_run.retries > 0
        AND p_run.retries <= coalesce((p_run.state ->> 'held_retries')::integer, 0)
    THEN
        -- No reference of the plan leads to it: a trigger, or an action of the engine.
        RAISE EXCEPTION USING
            ERRCODE = 'JD006',
            MESSAGE = substr(deletion_hold_error(v_taken), length('JD006: ') + 1);
    ELSE
        RAISE EXCEPTION USING
            ERRCODE = 'serialization_failure',
            MESSAGE = 'a row that is held was on the way';
    END IF;
END;
$deletion_see_holds$;

COMMENT ON FUNCTION deletion_see_holds(deletion_runs, jsonb) IS
'After a step: see that the held rows of its plan are all still there, the same and unmarked.';
REVOKE ALL ON FUNCTION deletion_see_holds(deletion_runs, jsonb) FROM PUBLIC;
