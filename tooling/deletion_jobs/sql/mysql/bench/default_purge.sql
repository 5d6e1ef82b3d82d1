-- Back to what it is by default.
SET GLOBAL innodb_purge_rseg_truncate_frequency = 128
