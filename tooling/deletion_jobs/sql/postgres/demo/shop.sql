-- The demo's shop, as its owner might have made it: nothing in it knows of deletion-jobs.

CREATE TABLE users (
    id bigint PRIMARY KEY,
    name text NOT NULL
);

CREATE TABLE customers (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    closed_at timestamptz
);

CREATE TABLE addresses (
    id bigint PRIMARY KEY,
    customer_id bigint NOT NULL,
    street text NOT NULL,
    CONSTRAINT addresses_customer FOREIGN KEY (customer_id)
    REFERENCES customers (id) ON DELETE CASCADE
);

CREATE INDEX addresses_customer ON addresses (customer_id);

-- An order needs its address: inside a deletion that only sets the order of work.
CREATE TABLE orders (
    id bigint PRIMARY KEY,
    customer_id bigint NOT NULL,
    address_id bigint NOT NULL,
    ordered_at timestamptz NOT NULL,
    CONSTRAINT orders_customer FOREIGN KEY (customer_id)
    REFERENCES customers (id) ON DELETE CASCADE,
    CONSTRAINT orders_address FOREIGN KEY (address_id)
    REFERENCES addresses (id) ON DELETE RESTRICT
);

CREATE INDEX orders_customer ON orders (customer_id);
CREATE INDEX orders_address ON orders (address_id);

CREATE TABLE order_items (
    order_id bigint NOT NULL,
    position integer NOT NULL,
    product text NOT NULL,
    price numeric(10, 2) NOT NULL,
    PRIMARY KEY (order_id, position),
    CONSTRAINT order_items_order FOREIGN KEY (order_id)
    REFERENCES orders (id) ON DELETE CASCADE
);

CREATE TABLE payments (
    id bigint PRIMARY KEY,
    order_id bigint NOT NULL,
    amount numeric(10, 2) NOT NULL,
    CONSTRAINT payments_order FOREIGN KEY (order_id)
    REFERENCES orders (id) ON DELETE CASCADE
);

CREATE INDEX payments_order ON payments (order_id);

-- What a customer has written stays, without its author.
CREATE TABLE reviews (
    id bigint PRIMARY KEY,
    customer_id bigint,
    stars integer NOT NULL,
    CONSTRAINT reviews_customer FOREIGN KEY (customer_id)
    REFERENCES customers (id) ON DELETE SET NULL
);

CREATE INDEX reviews_customer ON reviews (customer_id);

-- No ON DELETE here: a rule will say that tickets go with their customer.
CREATE TABLE tickets (
    id bigint PRIMARY KEY,
    customer_id bigint NOT NULL,
    subject text NOT NULL,
    CONSTRAINT tickets_customer FOREIGN KEY (customer_id) REFERENCES customers (id)
);

CREATE INDEX tickets_customer ON tickets (customer_id);

CREATE TABLE ticket_messages (
    id bigint PRIMARY KEY,
    ticket_id bigint NOT NULL,
    body text NOT NULL,
    CONSTRAINT ticket_messages_ticket FOREIGN KEY (ticket_id)
    REFERENCES tickets (id) ON DELETE CASCADE
);

CREATE INDEX ticket_messages_ticket ON ticket_messages (ticket_id);

-- The law keeps invoices, and so their customers.
CREATE TABLE invoices (
    id bigint PRIMARY KEY,
    customer_id bigint NOT NULL,
    amount numeric(10, 2) NOT NULL,
    CONSTRAINT invoices_customer FOREIGN KEY (customer_id)
    REFERENCES customers (id) ON DELETE RESTRICT
);

CREATE INDEX invoices_customer ON invoices (customer_id);

-- No foreign key at all: the subject is a customer where subject_type says so.
CREATE TABLE audit_log (
    id bigint PRIMARY KEY,
    subject_type text NOT NULL,
    subject_id bigint NOT NULL,
    entry text NOT NULL
);

CREATE INDEX audit_log_subject ON audit_log (subject_id, subject_type);

INSERT INTO users (id, name)
SELECT n.id, 'agent ' || n.id FROM generate_series(1, 12) AS n (id);

-- Every third customer has closed the account, customer 2 among them: a large one.
INSERT INTO customers (id, name, closed_at)
SELECT
    n.id,
    'customer ' || n.id,
    CASE WHEN n.id % 3 = 2 THEN timestamptz '2026-01-01 00:00:00+00' END
FROM generate_series(1, 4000) AS n (id);

INSERT INTO addresses (id, customer_id, street)
SELECT n.id, (n.id - 1) % 4000 + 1, n.id || ' Elm Street'
FROM generate_series(1, 6000) AS n (id);

INSERT INTO orders (id, customer_id, address_id, ordered_at)
SELECT
    n.id,
    CASE WHEN n.id <= 3000 THEN 2 ELSE (n.id - 1) % 4000 + 1 END,
    CASE WHEN n.id <= 3000 THEN 2 ELSE (n.id - 1) % 4000 + 1 END,
    timestamptz '2025-01-01 00:00:00+00' + n.id * interval '1 minute'
FROM generate_series(1, 12000) AS n (id);

INSERT INTO order_items (order_id, position, product, price)
SELECT o.id, i.position, 'product ' || i.position, i.position * 10
FROM orders AS o
CROSS JOIN generate_series(1, 3) AS i (position);

INSERT INTO payments (id, order_id, amount)
SELECT o.id, o.id, 60 FROM orders AS o;

INSERT INTO reviews (id, customer_id, stars)
SELECT n.id, (n.id * 7) % 4000 + 1, n.id % 5 + 1
FROM generate_series(1, 8000) AS n (id);

INSERT INTO tickets (id, customer_id, subject)
SELECT n.id, (n.id * 3) % 4000 + 1, 'question ' || n.id
FROM generate_series(1, 4000) AS n (id);

INSERT INTO ticket_messages (id, ticket_id, body)
SELECT n.id, (n.id - 1) % 4000 + 1, 'message ' || n.id
FROM generate_series(1, 12000) AS n (id);

-- Two of the closed accounts, 5 and 1001, have an invoice; the others' are of open accounts.
INSERT INTO invoices (id, customer_id, amount)
SELECT n.id, n.id, 60
FROM generate_series(1, 4000) AS n (id)
WHERE n.id % 9 = 0 OR n.id IN (5, 1001);

INSERT INTO audit_log (id, subject_type, subject_id, entry)
SELECT
    n.id,
    CASE WHEN n.id % 5 = 0 THEN 'product' ELSE 'customer' END,
    n.id % 4000 + 1,
    'entry ' || n.id
FROM generate_series(1, 10000) AS n (id);

-- As autovacuum would do in a minute.
ANALYZE;
