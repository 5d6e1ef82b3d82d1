-- How many rows are left of a customer and of its orders.
SELECT
    (SELECT count(*) FROM bench_customers AS c WHERE c.id = %(customer)s)
    + (SELECT count(*) FROM bench_orders AS o WHERE o.customer_id = %(customer)s) AS value
