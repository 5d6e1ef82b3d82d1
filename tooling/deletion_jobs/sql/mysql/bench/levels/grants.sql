-- What the owner of deletion-jobs needs on the tables that jobs may reach.
GRANT SELECT, UPDATE, DELETE ON bench_customers TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT, UPDATE, DELETE ON bench_orders TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT, UPDATE, DELETE ON bench_order_items TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT, UPDATE, DELETE ON bench_payments TO 'deletion_jobs_owner'@'localhost';
