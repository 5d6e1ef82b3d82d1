-- Leave no work of the fill behind.
VACUUM (FREEZE, ANALYZE) deletion_jobs, deletion_attempts
