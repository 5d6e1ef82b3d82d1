-- Rows of jobs and attempts that this session has read and not yet reported.
SELECT coalesce(sum(coalesce(t.seq_tup_read, 0) + coalesce(t.idx_tup_fetch, 0)), 0) AS value
FROM pg_stat_xact_user_tables AS t
WHERE t.schemaname = current_schema() AND t.relname IN ('deletion_jobs', 'deletion_attempts')
