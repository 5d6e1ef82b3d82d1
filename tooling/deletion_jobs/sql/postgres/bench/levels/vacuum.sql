-- Leave no work of the refill behind.
VACUUM (FREEZE, ANALYZE) bench_customers, bench_orders, bench_order_items, bench_payments
