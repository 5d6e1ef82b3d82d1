-- Work a claimed run to its end, as run_deletion_jobs does.
CALL deletion_work(
    %(run_id)s, %(token)s, now() + interval '1 hour', current_setting('search_path'), NULL
)
