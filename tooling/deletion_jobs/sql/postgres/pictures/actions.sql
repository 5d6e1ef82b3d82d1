-- A shop in which each action has a reference of its own.
CREATE TABLE customer (id bigint PRIMARY KEY, name text);
CREATE TABLE purchase (
    id bigint PRIMARY KEY,
    customer_id bigint CONSTRAINT purchase_customer REFERENCES customer ON DELETE CASCADE
);
CREATE TABLE line (
    id bigint PRIMARY KEY,
    purchase_id bigint CONSTRAINT line_purchase REFERENCES purchase ON DELETE CASCADE
);
CREATE TABLE review (
    id bigint PRIMARY KEY,
    customer_id bigint CONSTRAINT review_customer REFERENCES customer ON DELETE SET NULL
);
CREATE TABLE invoice (
    id bigint PRIMARY KEY,
    buyer text,
    customer_id bigint CONSTRAINT invoice_customer REFERENCES customer
);
CREATE TABLE claim (
    id bigint PRIMARY KEY,
    customer_id bigint CONSTRAINT claim_customer REFERENCES customer ON DELETE RESTRICT
);
CREATE TABLE audit_log (id bigint PRIMARY KEY, customer_id bigint);
CREATE INDEX ON purchase (customer_id);
CREATE INDEX ON line (purchase_id);
CREATE INDEX ON review (customer_id);
CREATE INDEX ON invoice (customer_id);
CREATE INDEX ON claim (customer_id);
CREATE INDEX ON audit_log (customer_id);
INSERT INTO customer VALUES (1, 'Ada'), (2, 'Grace');
INSERT INTO purchase SELECT n, 1 + n % 2 FROM generate_series(1, 6) AS n;
INSERT INTO line SELECT n, 1 + n % 6 FROM generate_series(1, 18) AS n;
INSERT INTO review VALUES (1, 1), (2, 1), (3, 2);
INSERT INTO invoice VALUES (1, 'Ada', 1), (2, 'Grace', 2);
INSERT INTO claim VALUES (1, 2), (2, 2);
INSERT INTO audit_log VALUES (1, 1), (2, 1), (3, 2);
CALL register_deletion_target('customer', NULL, NULL);
CALL set_deletion_rule('invoice', 'invoice_customer', 'scrub', '{"buyer": "erased"}');
CALL declare_deletion_reference(
    'audit_customer', 'audit_log', '["customer_id"]', 'customer', '["id"]', 'keep', NULL, NULL
);
GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO deletion_jobs_owner;
CALL compile_deletion_plan('customer');
