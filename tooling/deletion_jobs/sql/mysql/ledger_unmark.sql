INSERT INTO _yoyo_log (
    id, migration_hash, migration_id, operation, username, hostname, created_at_utc
)
SELECT
    uuid(), m.migration_hash, m.migration_id, 'rollback',
    substring_index(user(), '@', 1), substring_index(user(), '@', -1), utc_timestamp()
FROM _yoyo_migration AS m
WHERE m.migration_id = %(migration_id)s;
DELETE FROM _yoyo_migration WHERE migration_id = %(migration_id)s;
