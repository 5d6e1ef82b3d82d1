-- deletion_disarm_slots
-- Note that no worker's slot is armed.
--
-- Writes      deletion_slots                       Commits  no
-- Execute     deletion_jobs_operator
-- Example     SELECT deletion_disarm_slots();

CREATE OR REPLACE FUNCTION deletion_disarm_slots()
RETURNS void
LANGUAGE sql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $deletion_disarm_slots$
UPDATE deletion_slots AS s SET armed_at = NULL, schedule = NULL WHERE s.armed_at IS NOT NULL;
$deletion_disarm_slots$;

COMMENT ON FUNCTION deletion_disarm_slots() IS 'Note that no worker''s slot is armed.';
REVOKE ALL ON FUNCTION deletion_disarm_slots() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_disarm_slots() TO deletion_jobs_operator;
