-- Back to the installing user; the owner keeps no right to create.
DO $migration_release$
BEGIN
    PERFORM set_config('role', current_setting('deletion_jobs.installer'), TRUE);
    EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM deletion_jobs_owner', current_schema());
END;
$migration_release$;
