-- What an application adds: an item of an order that may be about to go.
INSERT INTO bench_order_items (id, order_id, product, price)
VALUES (%(id)s, %(order)s, 'added meanwhile', 1)
