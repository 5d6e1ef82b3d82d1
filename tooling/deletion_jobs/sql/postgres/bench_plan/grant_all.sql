-- What the owner of deletion-jobs needs on the generated tables.
DO $grant_all$
BEGIN
    EXECUTE (
        SELECT format(
            'GRANT SELECT, UPDATE, DELETE ON %s TO deletion_jobs_owner',
            string_agg(format('%I', c.relname), ', ')
        )
        FROM pg_class AS c
        WHERE
            c.relnamespace = current_schema()::regnamespace
            AND c.relkind = 'r'
            AND c.relname LIKE 'bench\_plan\_%'
    );
END;
$grant_all$
