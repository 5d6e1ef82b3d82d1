-- deletion_others_due
-- Say whether another job is due, for which a heavy run should make room.
--
-- Parameters  none
-- Returns     boolean
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_others_due()
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_others_due$
DECLARE
    v_now timestamptz := clock_timestamp();
BEGIN
    RETURN EXISTS (
        SELECT 1
        FROM deletion_jobs AS j
        WHERE j.status = 'pending' AND coalesce(j.scheduled_at, j.created_at) <= v_now
    );
END;
$deletion_others_due$;

COMMENT ON FUNCTION deletion_others_due() IS
'Whether another job is due, for which a heavy run should make room.';
REVOKE ALL ON FUNCTION deletion_others_due() FROM PUBLIC;
