-- What the owner of deletion-jobs needs on the tables that jobs may reach.
GRANT SELECT, UPDATE, DELETE ON bench_level_1 TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT, UPDATE, DELETE ON bench_level_2 TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT, UPDATE, DELETE ON bench_level_3 TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT, UPDATE, DELETE ON bench_level_4 TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT, UPDATE, DELETE ON bench_level_5 TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT, UPDATE, DELETE ON bench_level_6 TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT, UPDATE, DELETE ON bench_level_7 TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT, UPDATE, DELETE ON bench_level_8 TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT, UPDATE, DELETE ON bench_level_9 TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT, UPDATE, DELETE ON bench_level_10 TO 'deletion_jobs_owner'@'localhost';
