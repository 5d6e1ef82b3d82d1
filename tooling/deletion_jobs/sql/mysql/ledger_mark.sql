START TRANSACTION;
INSERT INTO _yoyo_log (
    id, migration_hash, migration_id, operation, username, hostname, created_at_utc
)
SELECT
    uuid(), sha2(%(migration_id)s, 256), %(migration_id)s, 'apply',
    substring_index(user(), '@', 1), substring_index(user(), '@', -1), utc_timestamp()
FROM (SELECT 1 AS one) AS o
WHERE NOT EXISTS (
    SELECT 1 FROM _yoyo_migration AS m WHERE m.migration_hash = sha2(%(migration_id)s, 256)
);
INSERT IGNORE INTO _yoyo_migration (migration_hash, migration_id, applied_at_utc)
VALUES (sha2(%(migration_id)s, 256), %(migration_id)s, utc_timestamp());
DELETE FROM _yoyo_log WHERE migration_id = %(migration_id)s AND operation = 'begin';
COMMIT;
