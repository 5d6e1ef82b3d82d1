-- stop_deletion_schedule
-- Let pg_cron start no more workers; a run that works at this moment is ended by pg_cron, and
-- its jobs are taken up by the next worker.
--
-- Writes      deletion_slots; jobs of pg_cron      Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL stop_deletion_schedule();

CREATE OR REPLACE PROCEDURE stop_deletion_schedule()
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path FROM CURRENT
AS $stop_deletion_schedule$
BEGIN
    PERFORM deletion_disarm_slots();
    PERFORM deletion_unschedule('{}');
END;
$stop_deletion_schedule$;

COMMENT ON PROCEDURE stop_deletion_schedule() IS 'Let pg_cron start no more workers.';
REVOKE ALL ON PROCEDURE stop_deletion_schedule() FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE stop_deletion_schedule() TO deletion_jobs_operator;
