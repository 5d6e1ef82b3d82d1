-- deletion_schedule_advice
-- Say what has to be done so that pg_cron starts the workers of this database.
--
-- Parameters  p_cron_database   the database that pg_cron lives in, where the caller may see it
-- Returns     text: lines for postgresql.conf, and the SQL that follows
-- Writes      nothing                              Commits  no
-- Execute     deletion_jobs_operator
-- Example     SELECT deletion_schedule_advice(NULL);

CREATE OR REPLACE FUNCTION deletion_schedule_advice(p_cron_database text)
RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $deletion_schedule_advice$
BEGIN
    IF p_cron_database = current_database() THEN
        RETURN 'Here a superuser runs: CREATE EXTENSION pg_cron;';
    ELSIF p_cron_database IS NOT NULL THEN
        -- In the worker's own name: for another's only a superuser may schedule.
        RETURN format(
            'pg_cron lives in the database %s (before 1.5 it takes ''* * * * *'' and no seconds).'
            ' There, as its owner: GRANT USAGE ON SCHEMA cron TO deletion_jobs_worker;'
            ' GRANT EXECUTE ON FUNCTION cron.schedule_in_database(text, text, text, text, text,'
            ' boolean) TO deletion_jobs_worker; SET ROLE deletion_jobs_worker; %s RESET ROLE;',
            p_cron_database,
            (
                SELECT string_agg(
                    CASE
                        WHEN j.slot IS NULL
                            THEN format(
                                'SELECT cron.schedule(%L, %L, %L);',
                                j.job_name, j.schedule, j.command
                            )
                        ELSE format(
                            'SELECT cron.schedule_in_database(%L, %L, %L, %L);',
                            j.job_name, j.schedule, j.command, current_database()
                        )
                    END, ' ' ORDER BY j.slot
                )
                FROM deletion_schedule_jobs(TRUE) AS j
            )
        );
    END IF;

    RETURN format(
        'Set, in postgresql.conf or by the parameters of a managed server,'
        ' shared_preload_libraries = ''pg_cron'' and cron.database_name = ''%s''; restart the'
        ' server; then CREATE EXTENSION pg_cron;',
        current_database()
    );
END;
$deletion_schedule_advice$;

COMMENT ON FUNCTION deletion_schedule_advice(text) IS
'Say what has to be done so that pg_cron starts the workers of this database.';
REVOKE ALL ON FUNCTION deletion_schedule_advice(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_schedule_advice(text) TO deletion_jobs_operator;
