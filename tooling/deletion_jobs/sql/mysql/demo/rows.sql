-- How many rows each table of the shop holds.
SELECT 'users' AS table_name, count(*) AS row_count FROM users
UNION ALL
SELECT 'customers', count(*) FROM customers
UNION ALL
SELECT 'addresses', count(*) FROM addresses
UNION ALL
SELECT 'orders', count(*) FROM orders
UNION ALL
SELECT 'order_items', count(*) FROM order_items
UNION ALL
SELECT 'payments', count(*) FROM payments
UNION ALL
SELECT 'reviews', count(*) FROM reviews
UNION ALL
SELECT 'tickets', count(*) FROM tickets
UNION ALL
SELECT 'ticket_messages', count(*) FROM ticket_messages
UNION ALL
SELECT 'invoices', count(*) FROM invoices
UNION ALL
SELECT 'audit_log', count(*) FROM audit_log
