-- start_deletion_schedule
-- Let pg_cron start the workers: as many as the setting workers, every tick_seconds.
--
-- Again: takes over what has changed in the settings. Before pg_cron 1.5, which knows no seconds,
-- workers start once a minute; they work until nothing is due and no longer than run_seconds.
--
-- Errors      0A000 pg_cron is not installed in this database; 42501 the worker may not use it
-- Writes      deletion_slots; jobs of pg_cron named deletion_jobs:<database>:<schema>:<slot>
--             Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL start_deletion_schedule();

CREATE OR REPLACE PROCEDURE start_deletion_schedule()
LANGUAGE plpgsql
-- The role can be changed to the worker's, in whose name the jobs run, by an invoker alone.
SECURITY INVOKER
SET search_path FROM CURRENT
AS $start_deletion_schedule$
DECLARE
    v_role text := current_setting('role');
    v_version text := (SELECT e.extversion FROM pg_extension AS e WHERE e.extname = 'pg_cron');
    v_has_seconds boolean := ARRAY[1, 5]
        <= string_to_array(substring(v_version FROM '^[0-9]+[.][0-9]+'), '.')::integer[];
    v_job record;
BEGIN
    IF v_version IS NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'feature_not_supported',
            MESSAGE = 'start_deletion_schedule: pg_cron is not installed in this database',
            -- Asked for here, since the setting is not shown to our owner.
            DETAIL = deletion_schedule_advice((
                SELECT s.setting FROM pg_settings AS s WHERE s.name = 'cron.database_name'
            )),
            HINT = 'Without it `deletion-jobs work`, or any scheduler that is at hand, can CALL'
                ' run_deletion_jobs.';
    END IF;

    IF NOT has_schema_privilege('deletion_jobs_worker', 'cron', 'USAGE') THEN
        GRANT USAGE ON SCHEMA cron TO deletion_jobs_worker;
    END IF;

    PERFORM deletion_arm_slots(v_has_seconds);
    PERFORM deletion_unschedule(
        ARRAY(SELECT j.job_name FROM deletion_schedule_jobs(v_has_seconds) AS j)
    );

    FOR v_job IN
        SELECT j.job_name, j.schedule, j.command FROM deletion_schedule_jobs(v_has_seconds) AS j
    LOOP
        PERFORM set_config('role', 'deletion_jobs_worker', TRUE);
        -- Dynamic, since this is installed where there is no pg_cron.
        EXECUTE 'SELECT cron.schedule($1, $2, $3)'
        USING v_job.job_name, v_job.schedule, v_job.command;
        PERFORM set_config('role', v_role, TRUE);
    END LOOP;
END;
$start_deletion_schedule$;

COMMENT ON PROCEDURE start_deletion_schedule() IS
'Let pg_cron start the workers: as many as the setting workers, every tick_seconds.';
REVOKE ALL ON PROCEDURE start_deletion_schedule() FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE start_deletion_schedule() TO deletion_jobs_operator;
