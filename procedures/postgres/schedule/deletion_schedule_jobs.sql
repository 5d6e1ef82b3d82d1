-- deletion_schedule_jobs
-- List what the scheduler should start, as the settings say.
--
-- Parameters  p_has_seconds   FALSE: the scheduler's shortest interval is a minute
-- Returns     job_name, slot (NULL: no worker), schedule, command: one bare CALL for a worker
-- Writes      nothing                              Commits  no
-- Execute     deletion_jobs_operator
-- Example     SELECT * FROM deletion_schedule_jobs(TRUE);

CREATE OR REPLACE FUNCTION deletion_schedule_jobs(p_has_seconds boolean)
RETURNS TABLE (job_name text, slot integer, schedule text, command text)
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $deletion_schedule_jobs$
SELECT
    deletion_schedule_name(s.slot::text),
    s.slot,
    CASE
        WHEN p_has_seconds THEN format('%s seconds', deletion_setting_int('tick_seconds'))
        ELSE '* * * * *'
    END,
    format('CALL %I.run_deletion_jobs(%s, NULL)', n.nspname, s.slot)
FROM generate_series(1, deletion_setting_int('workers')::integer) AS s (slot)
INNER JOIN pg_class AS c ON c.oid = 'deletion_jobs'::regclass
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
UNION ALL
-- Nothing else purges them, and a tick of 10 seconds leaves 8,640 a day; a policy of pg_cron
-- shows the worker no other role's, and is meant to, where the role's own setting forbids it.
SELECT
    deletion_schedule_name('run_details'),
    NULL,
    '17 3 * * *',
    'SET row_security = on; DELETE FROM cron.job_run_details'
    ' WHERE coalesce(end_time, start_time) < now() - interval ''1 day''';
$deletion_schedule_jobs$;

COMMENT ON FUNCTION deletion_schedule_jobs(boolean) IS
'List what the scheduler should start, as the settings say.';
REVOKE ALL ON FUNCTION deletion_schedule_jobs(boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_schedule_jobs(boolean) TO deletion_jobs_operator;
