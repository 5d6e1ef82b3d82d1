-- Work a claimed run to its end, as run_deletion_jobs does.
CALL deletion_work(%(run_id)s, %(token)s, timestampadd(HOUR, 1, utc_timestamp(6)))
