-- deletion_arm_slots
-- Note that the workers' slots are armed.
--
-- Parameters  p_has_seconds   FALSE: the scheduler's shortest interval is a minute
-- Writes      deletion_slots                       Commits  no
-- Execute     deletion_jobs_operator
-- Example     SELECT deletion_arm_slots(TRUE);

CREATE OR REPLACE FUNCTION deletion_arm_slots(p_has_seconds boolean)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $deletion_arm_slots$
BEGIN
    PERFORM deletion_disarm_slots();

    INSERT INTO deletion_slots AS s (slot, armed_at, schedule)
    SELECT j.slot, clock_timestamp(), j.schedule
    FROM deletion_schedule_jobs(p_has_seconds) AS j
    WHERE j.slot IS NOT NULL
    ON CONFLICT (slot) DO UPDATE
    SET armed_at = excluded.armed_at, schedule = excluded.schedule;
END;
$deletion_arm_slots$;

COMMENT ON FUNCTION deletion_arm_slots(boolean) IS
'Note that the workers'' slots are armed.';
REVOKE ALL ON FUNCTION deletion_arm_slots(boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_arm_slots(boolean) TO deletion_jobs_operator;
