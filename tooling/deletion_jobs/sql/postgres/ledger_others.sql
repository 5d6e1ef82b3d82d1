SELECT
    count(*) AS entries,
    count(*) FILTER (
        WHERE e.migration_id NOT IN (SELECT unnest(string_to_array(%(ours)s, ',')))
    ) AS others
FROM (
    SELECT y.migration_id FROM _yoyo_migration AS y
    UNION ALL
    SELECT l.migration_id FROM _yoyo_log AS l
) AS e
