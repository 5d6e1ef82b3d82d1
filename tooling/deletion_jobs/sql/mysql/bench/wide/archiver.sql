-- The calls of pt-archiver, children first: a table, and which of its rows hang from the roots.
SELECT 1 AS place, 'bench_children' AS table_name, concat(
    'parent_id IN (', %(roots)s, ')'
) AS row_condition
UNION ALL
SELECT 2, 'bench_parents', concat('id IN (', %(roots)s, ')')
ORDER BY place
