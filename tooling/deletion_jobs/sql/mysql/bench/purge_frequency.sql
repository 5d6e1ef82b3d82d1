-- How often purge takes finished transactions off the history list.
SELECT @@GLOBAL.innodb_purge_rseg_truncate_frequency AS value
