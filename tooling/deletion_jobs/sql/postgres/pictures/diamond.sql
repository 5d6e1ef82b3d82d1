-- Parcels hang from a customer in two ways.
CREATE TABLE customer (id bigint PRIMARY KEY);
CREATE TABLE address (
    id bigint PRIMARY KEY,
    customer_id bigint CONSTRAINT address_customer REFERENCES customer ON DELETE CASCADE
);
CREATE TABLE purchase (
    id bigint PRIMARY KEY,
    customer_id bigint CONSTRAINT purchase_customer REFERENCES customer ON DELETE CASCADE
);
CREATE TABLE parcel (
    id bigint PRIMARY KEY,
    address_id bigint CONSTRAINT parcel_address REFERENCES address ON DELETE CASCADE,
    purchase_id bigint CONSTRAINT parcel_purchase REFERENCES purchase ON DELETE CASCADE
);
CREATE INDEX ON address (customer_id);
CREATE INDEX ON purchase (customer_id);
CREATE INDEX ON parcel (address_id);
CREATE INDEX ON parcel (purchase_id);
INSERT INTO customer VALUES (1);
INSERT INTO address VALUES (1, 1), (2, 1);
INSERT INTO purchase VALUES (1, 1), (2, 1), (3, 1);
INSERT INTO parcel VALUES (1, 1, 1), (2, 1, 2), (3, 2, 3), (4, NULL, 3);
CALL register_deletion_target('customer', NULL, NULL);
GRANT SELECT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO deletion_jobs_owner;
CALL compile_deletion_plan('customer');
