-- deletion_unschedule
-- Take this installation's jobs out of pg_cron, but for some.
--
-- Parameters  p_keep   names of the jobs that stay, unless somebody has switched them off
-- Errors      42501 who calls may not work in the name of deletion_jobs_worker
-- Writes      jobs of pg_cron                      Commits  no
-- Execute     deletion_jobs_operator
-- Example     SELECT deletion_unschedule('{}');

CREATE OR REPLACE FUNCTION deletion_unschedule(p_keep text[])
RETURNS void
LANGUAGE plpgsql
VOLATILE
-- The role can be changed to the worker's, who owns the jobs, by an invoker alone.
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_unschedule$
DECLARE
    v_role text := current_setting('role');
    v_prefix text := deletion_schedule_name('');
BEGIN
    -- Without the right, nothing can have been scheduled either.
    IF NOT EXISTS (SELECT 1 FROM pg_extension AS e WHERE e.extname = 'pg_cron')
        OR NOT has_schema_privilege('deletion_jobs_worker', 'cron', 'USAGE') THEN
        RETURN;
    END IF;

    IF NOT pg_has_role('deletion_jobs_worker', CASE
        WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER'
    END) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'insufficient_privilege',
            MESSAGE = format('%I is no operator: GRANT deletion_jobs_operator TO %1$I', current_user),
            DETAIL = 'The jobs of pg_cron belong to deletion_jobs_worker.';
    END IF;

    PERFORM set_config('role', 'deletion_jobs_worker', TRUE);
    EXECUTE
        'SELECT count(cron.unschedule(j.jobid)) FROM ('
        '    SELECT c.jobid FROM cron.job AS c'
        '    WHERE left(c.jobname, length($1)) = $1 AND c.username = current_user'
        '    AND (c.jobname <> ALL ($2) OR NOT c.active)'
        ') AS j'
    USING v_prefix, p_keep;
    PERFORM set_config('role', v_role, TRUE);
END;
$deletion_unschedule$;

COMMENT ON FUNCTION deletion_unschedule(text[]) IS
'Take this installation''s jobs out of pg_cron, but for some.';
REVOKE ALL ON FUNCTION deletion_unschedule(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_unschedule(text[]) TO deletion_jobs_operator;
