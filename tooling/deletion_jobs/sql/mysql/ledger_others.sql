SELECT count(*) AS others
FROM (
    SELECT y.migration_id FROM _yoyo_migration AS y
    UNION ALL
    SELECT l.migration_id FROM _yoyo_log AS l
) AS e
WHERE find_in_set(e.migration_id, %(ours)s) = 0
