-- What the owner of deletion-jobs needs on the tables that jobs may reach.
GRANT SELECT, UPDATE, DELETE ON bench_parents TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT, UPDATE, DELETE ON bench_children TO 'deletion_jobs_owner'@'localhost';
