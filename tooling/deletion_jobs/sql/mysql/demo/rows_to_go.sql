-- How many rows belong to closed accounts without an invoice: the end of the progress bar.
WITH going AS (
    SELECT c.id
    FROM customers AS c
    WHERE
        c.closed_at IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM invoices AS i WHERE i.customer_id = c.id)
)

SELECT
    (SELECT count(*) FROM going)
    + (SELECT count(*) FROM addresses AS a INNER JOIN going AS g ON g.id = a.customer_id)
    + (SELECT count(*) FROM orders AS o INNER JOIN going AS g ON g.id = o.customer_id)
    + (
        SELECT count(*)
        FROM order_items AS i
        INNER JOIN orders AS o ON o.id = i.order_id
        INNER JOIN going AS g ON g.id = o.customer_id
    )
    + (
        SELECT count(*)
        FROM payments AS p
        INNER JOIN orders AS o ON o.id = p.order_id
        INNER JOIN going AS g ON g.id = o.customer_id
    )
    + (SELECT count(*) FROM reviews AS r INNER JOIN going AS g ON g.id = r.customer_id)
    + (SELECT count(*) FROM tickets AS t INNER JOIN going AS g ON g.id = t.customer_id)
    + (
        SELECT count(*)
        FROM ticket_messages AS m
        INNER JOIN tickets AS t ON t.id = m.ticket_id
        INNER JOIN going AS g ON g.id = t.customer_id
    )
    + (
        SELECT count(*)
        FROM audit_log AS l
        INNER JOIN going AS g ON g.id = l.subject_id
        WHERE l.subject_type = 'customer'
    ) AS row_count
