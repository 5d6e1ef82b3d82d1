-- At 1 purge takes finished transactions off the history list at once, so that its length tells
-- what is left to do; by default it does so every 128th time, and an idle server never.
SET GLOBAL innodb_purge_rseg_truncate_frequency = %(value)s
