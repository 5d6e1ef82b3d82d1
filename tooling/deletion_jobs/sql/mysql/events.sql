SELECT e.event_name AS event_name
FROM information_schema.events AS e
WHERE e.event_schema = database() AND e.event_name REGEXP '^deletion_jobs_worker_[0-9]+$'
