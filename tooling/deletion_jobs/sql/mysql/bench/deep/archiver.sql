-- The calls of pt-archiver, children first: a table, and which of its rows hang from the roots.
WITH RECURSIVE levels (level, row_condition) AS (
    SELECT 2, cast(concat('parent_id IN (', %(roots)s, ')') AS CHAR(2000))
    UNION ALL
    SELECT
        level + 1,
        concat('parent_id IN (SELECT id FROM bench_level_', level, ' WHERE ', row_condition, ')')
    FROM levels
    WHERE level < 10
)

SELECT level, concat('bench_level_', level) AS table_name, row_condition
FROM levels
UNION ALL
SELECT 1, 'bench_level_1', concat('id IN (', %(roots)s, ')')
ORDER BY level DESC
