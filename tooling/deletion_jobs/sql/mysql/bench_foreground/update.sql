-- What an application changes: a note of an order that stays.
UPDATE bench_orders SET note = %(note)s WHERE id = %(order)s
