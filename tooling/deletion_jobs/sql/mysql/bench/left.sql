-- How many rows are left in each table, and the sum of their keys.
SELECT
    'bench_customers' AS table_name,
    count(*) AS rows_left,
    cast(coalesce(sum(id), 0) AS CHAR) AS key_sum
FROM bench_customers
UNION ALL
SELECT 'bench_orders', count(*), cast(coalesce(sum(id), 0) AS CHAR)
FROM bench_orders
UNION ALL
SELECT 'bench_order_items', count(*), cast(coalesce(sum(id), 0) AS CHAR)
FROM bench_order_items
UNION ALL
SELECT 'bench_payments', count(*), cast(coalesce(sum(id), 0) AS CHAR)
FROM bench_payments
ORDER BY table_name
