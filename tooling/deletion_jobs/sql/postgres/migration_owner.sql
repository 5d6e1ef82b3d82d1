-- From here on the objects belong to the owner, who may create them only now.
DO $migration_owner$
BEGIN
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO deletion_jobs_owner', current_schema());
END;
$migration_owner$;

SET LOCAL ROLE deletion_jobs_owner;
