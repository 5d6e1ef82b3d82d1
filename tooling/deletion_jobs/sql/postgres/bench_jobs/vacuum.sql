-- Leave no work of the refill behind.
VACUUM (FREEZE, ANALYZE) bench_users, bench_user_orders, bench_user_items, bench_user_payments,
bench_user_events, deletion_jobs
