-- roles.sql
-- Make the roles that are missing, and let the owner create its objects in this schema.
--
-- Run by the installing user, before the first table. A DBA may make the roles beforehand: what
-- exists is left as it is. A role made here says so in its comment, so that only these are
-- dropped again.

DO $roles$
DECLARE
    c_roles CONSTANT text[] := ARRAY[
        'deletion_jobs_owner', 'deletion_jobs_app', 'deletion_jobs_operator',
        'deletion_jobs_reader', 'deletion_jobs_worker'
    ];
    c_texts CONSTANT text[] := ARRAY[
        'owns the objects and holds the rights on application tables; nobody logs in as it',
        'may enqueue and cancel deletions and read the contract''s views',
        'may retry, preview, run, pause and schedule deletions and read all views',
        'may read all views',
        'runs the loop; may log in, as pg_cron demands, but has no password'
    ];
    v_role text;
    v_may_set text := CASE WHEN current_setting('server_version_num')::integer >= 160000
        THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    FOREACH v_role IN ARRAY c_roles LOOP
        CONTINUE WHEN to_regrole(v_role) IS NOT NULL;

        BEGIN
            EXECUTE format(
                'CREATE ROLE %I %s',
                v_role, CASE v_role WHEN 'deletion_jobs_worker' THEN 'LOGIN' ELSE 'NOLOGIN' END
            );
            EXECUTE format(
                'COMMENT ON ROLE %I IS %L',
                v_role,
                'made by deletion-jobs: ' || c_texts[array_position(c_roles, v_role)]
            );

            IF v_role = 'deletion_jobs_worker' THEN
                -- A policy must raise an error instead of hiding rows from a deletion, and a
                -- timeout meant for an application's statements would end the whole loop.
                EXECUTE format('ALTER ROLE %I SET row_security = off', v_role);
                EXECUTE format('ALTER ROLE %I SET statement_timeout = 0', v_role);
            END IF;
        EXCEPTION
            -- Roles belong to the whole server: an installation beside this one was first.
            WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END LOOP;

    IF NOT pg_has_role('deletion_jobs_owner', v_may_set) THEN
        EXECUTE format('GRANT deletion_jobs_owner TO %I', current_user);
    END IF;

    -- What only a DBA with more rights can give is left to him: it is needed for a part alone.
    BEGIN
        -- An operator arms the schedule in the worker's name, who then owns the jobs of pg_cron.
        IF NOT pg_has_role('deletion_jobs_operator', 'deletion_jobs_worker', 'MEMBER') THEN
            GRANT deletion_jobs_worker TO deletion_jobs_operator;
        END IF;
    EXCEPTION
        WHEN insufficient_privilege THEN
            RAISE WARNING 'left to a superuser: GRANT deletion_jobs_worker TO'
                ' deletion_jobs_operator;';
        WHEN unique_violation THEN
            NULL;
    END;

    BEGIN
        -- Without it nobody sees whether a session that holds the lock of another role's run is
        -- still in its call.
        IF NOT pg_has_role('deletion_jobs_owner', 'pg_read_all_stats', 'USAGE') THEN
            GRANT pg_read_all_stats TO deletion_jobs_owner;
        END IF;
    EXCEPTION
        WHEN insufficient_privilege THEN
            RAISE WARNING 'left to a superuser: GRANT pg_read_all_stats TO deletion_jobs_owner;';
        WHEN unique_violation THEN
            NULL;
    END;

    FOREACH v_role IN ARRAY c_roles LOOP
        CONTINUE WHEN has_schema_privilege(v_role, current_schema(), 'USAGE')
            AND v_role <> 'deletion_jobs_owner';
        EXECUTE format(
            'GRANT %s ON SCHEMA %I TO %I',
            CASE v_role WHEN 'deletion_jobs_owner' THEN 'USAGE, CREATE' ELSE 'USAGE' END,
            current_schema(), v_role
        );
    END LOOP;
END;
$roles$;
