-- deletion_untie
-- Search a finished walk, for a moment, for rows that a circle keeps which nothing opens.
--
-- Parameters  p_run     the run, fenced
--             p_stage   place: from the roots down; peel: of what that left, from below
-- Returns     boolean, TRUE where the stage has ended
-- Writes      deletion_walk_keys, deletion_walk_links     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_untie(
    p_run deletion_runs,
    p_stage text
) RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_untie$
DECLARE
    v_until timestamptz := clock_timestamp()
    + make_interval(secs => deletion_setting_int('batch_ms') / 1000.0);
    v_taken bigint;
BEGIN
    LOOP
        v_taken := CASE
            WHEN p_stage = 'place' THEN deletion_place(p_run.run_id, p_run.plan_id)
            ELSE deletion_peel(p_run.run_id)
        END;

        IF v_taken = 0 THEN
            RETURN TRUE;
        ELSIF clock_timestamp() >= v_until THEN
            RETURN FALSE;
        END IF;
    END LOOP;
END;
$deletion_untie$;

COMMENT ON FUNCTION deletion_untie(deletion_runs, text) IS
'Search a finished walk, for a moment, for rows that a circle keeps which nothing opens.';
REVOKE ALL ON FUNCTION deletion_untie(deletion_runs, text) FROM PUBLIC;
