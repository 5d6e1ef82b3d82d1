-- The owner of deletion-jobs may work on the shop's tables; the shop's account may ask it to.
-- shop_app itself may delete nothing.
GRANT SELECT, UPDATE, DELETE
ON customers, addresses, orders, order_items, payments, reviews, tickets, ticket_messages,
invoices, audit_log
TO deletion_jobs_owner;

GRANT SELECT, INSERT, UPDATE ON customers TO shop_app;
GRANT deletion_jobs_app TO shop_app;
