-- What the owner of deletion-jobs needs on the generated tables.
GRANT SELECT, UPDATE, DELETE ON * TO 'deletion_jobs_owner'@'localhost'
