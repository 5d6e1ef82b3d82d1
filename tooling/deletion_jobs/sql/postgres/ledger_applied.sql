SELECT y.migration_id, y.applied_at_utc
FROM _yoyo_migration AS y
ORDER BY y.applied_at_utc, y.migration_id
