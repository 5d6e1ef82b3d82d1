-- No checkpoint in the middle of a measurement.
ALTER SYSTEM SET max_wal_size = '4GB';
