-- Take back the roles' rights in this schema, and drop those that an installation has made and
-- that nothing else uses: no other object, database or member.
DO $drop_roles$
DECLARE
    v_role name;
BEGIN
    FOR v_role IN
        SELECT r.rolname
        FROM pg_roles AS r
        WHERE r.rolname IN (
            'deletion_jobs_owner', 'deletion_jobs_app', 'deletion_jobs_operator',
            'deletion_jobs_reader', 'deletion_jobs_worker'
        )
        ORDER BY r.rolname
    LOOP
        EXECUTE format('REVOKE ALL ON SCHEMA %I FROM %I', current_schema(), v_role);

        CONTINUE WHEN coalesce(shobj_description(to_regrole(v_role::text), 'pg_authid'), '')
            NOT LIKE 'made by deletion-jobs:%';
        CONTINUE WHEN EXISTS (
            SELECT 1
            FROM pg_auth_members AS m
            WHERE m.roleid = to_regrole(v_role::text) AND pg_get_userbyid(m.member) <> current_user
        );

        BEGIN
            EXECUTE format('DROP ROLE %I', v_role);
        EXCEPTION
            WHEN dependent_objects_still_exist THEN
                RAISE WARNING 'role % stays: something else depends on it', v_role;
            WHEN insufficient_privilege THEN
                RAISE WARNING 'role % stays: dropping it is left to a DBA', v_role;
        END;
    END LOOP;
END;
$drop_roles$;
