-- What the owner of deletion-jobs needs on the tables that jobs may reach.
GRANT SELECT, UPDATE, DELETE ON bench_users TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT, UPDATE, DELETE ON bench_user_orders TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT, UPDATE, DELETE ON bench_user_items TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT, UPDATE, DELETE ON bench_user_payments TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT, UPDATE, DELETE ON bench_user_events TO 'deletion_jobs_owner'@'localhost';
