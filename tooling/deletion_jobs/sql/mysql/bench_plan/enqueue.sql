-- Ask for the deletion of a root.
CALL enqueue_deletion('bench_plan_001', %(id)s, 'benchmark', TRUE, NULL, NULL, @bench_job)
