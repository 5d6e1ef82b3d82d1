-- Checks first, before anything changes.
DO $guard$
BEGIN
    IF coalesce(current_schema(), 'pg_') LIKE 'pg\_%' THEN
        RAISE EXCEPTION 'the search_path names no schema that exists';
    END IF;

    IF current_setting('server_version_num')::integer < 150000 THEN
        RAISE EXCEPTION 'PostgreSQL % is too old: it takes 15 or newer',
            current_setting('server_version');
    END IF;

    IF to_regclass(quote_ident(current_schema()) || '.deletion_jobs') IS NOT NULL THEN
        RAISE EXCEPTION 'deletion-jobs is installed in the schema % already', current_schema();
    END IF;
END;
$guard$;
