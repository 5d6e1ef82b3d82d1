SELECT
    current_setting('server_version_num')::integer AS version_number,
    current_setting('server_version') AS version,
    current_database()::text AS database_name,
    CASE WHEN current_schema() NOT LIKE 'pg\_%' THEN current_schema()::text END AS schema_name,
    current_user::text AS user_name,
    current_schema() IS NOT NULL
    AND has_schema_privilege(current_schema(), 'CREATE WITH GRANT OPTION') AS may_create,
    r.rolsuper OR r.rolcreaterole AS may_make_roles,
    (
        SELECT coalesce(array_agg(n.role_name), '{}')
        FROM unnest(ARRAY[
            'deletion_jobs_owner', 'deletion_jobs_app', 'deletion_jobs_operator',
            'deletion_jobs_reader', 'deletion_jobs_worker'
        ]) AS n (role_name)
        WHERE to_regrole(n.role_name) IS NULL
    ) AS missing_roles,
    to_regrole('deletion_jobs_owner') IS NULL
    OR pg_has_role(current_user, to_regrole('deletion_jobs_owner'), 'MEMBER')
    OR r.rolcreaterole AS may_become_owner,
    pg_is_in_recovery() AS is_standby
FROM pg_roles AS r
WHERE r.rolname = current_user
