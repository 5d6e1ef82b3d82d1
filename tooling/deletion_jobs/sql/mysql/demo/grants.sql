-- The owner of deletion-jobs may work on the shop's tables; the shop's account may ask it to.
-- shop_app itself may delete nothing.
GRANT SELECT, UPDATE, DELETE ON customers TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT, UPDATE, DELETE ON addresses TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT, UPDATE, DELETE ON orders TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT, UPDATE, DELETE ON order_items TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT, UPDATE, DELETE ON payments TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT, UPDATE, DELETE ON reviews TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT, UPDATE, DELETE ON tickets TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT, UPDATE, DELETE ON ticket_messages TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT, UPDATE, DELETE ON invoices TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT, UPDATE, DELETE ON audit_log TO 'deletion_jobs_owner'@'localhost';

GRANT SELECT, INSERT, UPDATE ON customers TO shop_app;
GRANT 'deletion_jobs_app' TO shop_app;
SET DEFAULT ROLE ALL TO shop_app;
