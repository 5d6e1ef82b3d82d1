-- Fresh statistics: those of an empty table would choose other plans.
ANALYZE TABLE deletion_jobs, deletion_attempts
