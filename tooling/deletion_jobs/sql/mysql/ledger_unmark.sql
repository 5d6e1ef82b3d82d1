START TRANSACTION;
INSERT INTO _yoyo_log (
    id, migration_hash, migration_id, operation, username, hostname, created_at_utc
)
SELECT
    uuid(), sha2(%(migration_id)s, 256), %(migration_id)s, 'rollback',
    substring_index(user(), '@', 1), substring_index(user(), '@', -1), utc_timestamp()
FROM (SELECT 1 AS one) AS o
WHERE
    EXISTS (SELECT 1 FROM _yoyo_migration AS m WHERE m.migration_id = %(migration_id)s)
    OR EXISTS (
        SELECT 1
        FROM _yoyo_log AS l
        WHERE l.migration_id = %(migration_id)s AND l.operation = 'begin'
    );
DELETE FROM _yoyo_migration WHERE migration_id = %(migration_id)s;
DELETE FROM _yoyo_log WHERE migration_id = %(migration_id)s AND operation = 'begin';
COMMIT;
