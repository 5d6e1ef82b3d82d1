SELECT
    count(*) AS entries,
    coalesce(sum(find_in_set(e.migration_id, %(ours)s) = 0), 0) AS others
FROM (
    SELECT y.migration_id FROM _yoyo_migration AS y
    UNION ALL
    SELECT l.migration_id FROM _yoyo_log AS l
) AS e
