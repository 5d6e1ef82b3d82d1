WITH unmarked AS (
    DELETE FROM _yoyo_migration AS y
    WHERE y.migration_id = %(migration_id)s
    RETURNING y.migration_hash, y.migration_id
)

INSERT INTO _yoyo_log (
    id, migration_hash, migration_id, operation, username, hostname, created_at_utc
)
SELECT
    gen_random_uuid()::text, u.migration_hash, u.migration_id, 'rollback', session_user,
    coalesce(host(inet_client_addr()), 'local'), clock_timestamp() AT TIME ZONE 'UTC'
FROM unmarked AS u;
