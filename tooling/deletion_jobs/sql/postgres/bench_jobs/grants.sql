-- What the owner of deletion-jobs needs on the tables that jobs may reach.
GRANT SELECT, UPDATE, DELETE
ON bench_users, bench_user_orders, bench_user_items, bench_user_payments, bench_user_events
TO deletion_jobs_owner;
