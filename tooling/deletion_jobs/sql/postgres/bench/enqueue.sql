-- Ask for the deletion of a customer.
CALL enqueue_deletion('bench_customers', %(customer)s, 'benchmark', TRUE, NULL, NULL, NULL)
