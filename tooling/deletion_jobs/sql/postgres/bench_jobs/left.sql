-- How many rows are left in each table.
SELECT 'bench_users' AS table_name, count(*) AS rows_left FROM bench_users
UNION ALL
SELECT 'bench_user_orders', count(*) FROM bench_user_orders
UNION ALL
SELECT 'bench_user_items', count(*) FROM bench_user_items
UNION ALL
SELECT 'bench_user_payments', count(*) FROM bench_user_payments
UNION ALL
SELECT 'bench_user_events', count(*) FROM bench_user_events
