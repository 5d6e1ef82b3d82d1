-- Fresh statistics: those of an empty table would choose other plans.
ANALYZE TABLE bench_users, bench_user_orders, bench_user_items, bench_user_payments,
bench_user_events, deletion_jobs
