WITH marked AS (
    INSERT INTO _yoyo_migration (migration_hash, migration_id, applied_at_utc)
    VALUES (
        encode(sha256(convert_to(%(migration_id)s, 'UTF8')), 'hex'),
        %(migration_id)s,
        clock_timestamp() AT TIME ZONE 'UTC'
    )
    ON CONFLICT (migration_hash) DO NOTHING
    RETURNING migration_hash, migration_id, applied_at_utc
)

INSERT INTO _yoyo_log (
    id, migration_hash, migration_id, operation, username, hostname, created_at_utc
)
SELECT
    gen_random_uuid()::text, m.migration_hash, m.migration_id, 'apply', session_user,
    coalesce(host(inet_client_addr()), 'local'), m.applied_at_utc
FROM marked AS m;
