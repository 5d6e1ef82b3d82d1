-- How many rows are left in each table, and the sum of their keys.
SELECT
    'bench_customers' AS table_name,
    count(*) AS rows_left,
    coalesce(sum(id), 0)::text AS key_sum
FROM bench_customers
UNION ALL
SELECT 'bench_orders', count(*), coalesce(sum(id), 0)::text
FROM bench_orders
UNION ALL
SELECT 'bench_order_items', count(*), coalesce(sum(id), 0)::text
FROM bench_order_items
UNION ALL
SELECT 'bench_payments', count(*), coalesce(sum(id), 0)::text
FROM bench_payments
ORDER BY table_name
