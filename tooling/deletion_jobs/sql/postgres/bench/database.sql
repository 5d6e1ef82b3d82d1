-- A database for the benchmark, on a server that was started for it.
CREATE DATABASE deletion_jobs_bench
