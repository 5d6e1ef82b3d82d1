-- What the owner of deletion-jobs needs on the tables that jobs may reach.
GRANT SELECT, UPDATE, DELETE
ON bench_customers, bench_orders, bench_order_items, bench_payments
TO deletion_jobs_owner;
