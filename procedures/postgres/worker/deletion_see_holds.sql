-- deletion_see_holds
-- After a step: see that the held rows of its plan are all still there.
--
-- Parameters  p_plan_id   the plan                 p_held   their number before the step
-- Errors      40001 the step took one: it is rolled back, and the run climbs from them once more
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_see_holds(
    p_plan_id bigint,
    p_held bigint
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_see_holds$
BEGIN
    IF jsonb_array_length(deletion_held_rows(p_plan_id)) < p_held THEN
        RAISE EXCEPTION USING
            ERRCODE = 'serialization_failure',
            MESSAGE = 'a row that is held was on the way';
    END IF;
END;
$deletion_see_holds$;

COMMENT ON FUNCTION deletion_see_holds(bigint, bigint) IS
'After a step: see that the held rows of its plan are all still there.';
REVOKE ALL ON FUNCTION deletion_see_holds(bigint, bigint) FROM PUBLIC;
