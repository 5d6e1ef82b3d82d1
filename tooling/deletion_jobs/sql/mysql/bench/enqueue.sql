-- Ask for the deletion of a row.
CALL enqueue_deletion(%(table)s, %(key)s, 'benchmark', TRUE, NULL, NULL, @job_id)
