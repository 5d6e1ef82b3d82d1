-- What the owner of deletion-jobs needs on the tables that jobs may reach.
GRANT SELECT, UPDATE, DELETE ON bench_claim_rows TO 'deletion_jobs_owner'@'localhost';
