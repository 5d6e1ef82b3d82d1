-- The calls of pt-archiver, children first: a table, and which of its rows hang from the roots.
SELECT 1 AS place, 'bench_order_items' AS table_name, concat(
    'order_id IN (SELECT id FROM bench_orders WHERE customer_id IN (', %(roots)s, '))'
) AS row_condition
UNION ALL
SELECT 2, 'bench_payments', concat(
    'order_id IN (SELECT id FROM bench_orders WHERE customer_id IN (', %(roots)s, '))'
)
UNION ALL
SELECT 3, 'bench_orders', concat('customer_id IN (', %(roots)s, ')')
UNION ALL
SELECT 4, 'bench_customers', concat('id IN (', %(roots)s, ')')
ORDER BY place
