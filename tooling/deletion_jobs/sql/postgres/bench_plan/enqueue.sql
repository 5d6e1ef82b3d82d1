-- Ask for the deletion of a root.
CALL enqueue_deletion('bench_plan_001', %(id)s::text, 'benchmark', TRUE, NULL, NULL, NULL)
