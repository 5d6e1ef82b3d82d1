-- What an application reads: the items of an order.
SELECT i.id, i.product, i.price FROM bench_order_items AS i WHERE i.order_id = %(order)s
