-- The key to the application's users as it is now.
SELECT
    k.confrelid::regclass::text AS users_table,
    a.attname::text AS users_column
FROM pg_constraint AS k
INNER JOIN pg_attribute AS a
    ON k.confrelid = a.attrelid AND k.confkey[1] = a.attnum
WHERE
    k.conrelid = to_regclass('deletion_jobs') AND k.conname = 'fk_dj_user' AND k.contype = 'f'
