-- What an application adds: an order of a customer, one that stays or the one that goes.
INSERT INTO bench_orders (id, customer_id, ordered_at, note)
VALUES (%(id)s, %(customer)s, current_timestamp, 'placed meanwhile')
