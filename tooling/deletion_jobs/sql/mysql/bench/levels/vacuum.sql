-- Fresh statistics: those of an empty table would choose other plans.
ANALYZE TABLE bench_customers, bench_orders, bench_order_items, bench_payments
