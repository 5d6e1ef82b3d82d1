-- The key to the application's users as it is now.
SELECT
    if(
        k.referenced_table_schema = database(),
        k.referenced_table_name,
        concat(k.referenced_table_schema, '.', k.referenced_table_name)
    ) AS users_table,
    k.referenced_column_name AS users_column
FROM information_schema.key_column_usage AS k
WHERE
    k.table_schema = database()
    AND k.table_name = 'deletion_jobs'
    AND k.constraint_name = 'fk_dj_user'
    AND k.referenced_table_name IS NOT NULL
