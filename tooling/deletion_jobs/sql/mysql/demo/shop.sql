-- The demo's shop, as its owner might have made it: nothing in it knows of deletion-jobs.

CREATE TABLE users (
    id BIGINT UNSIGNED PRIMARY KEY,
    name VARCHAR(200) NOT NULL
);

CREATE TABLE customers (
    id BIGINT UNSIGNED PRIMARY KEY,
    name VARCHAR(200) NOT NULL,
    closed_at DATETIME(6)
);

CREATE TABLE addresses (
    id BIGINT UNSIGNED PRIMARY KEY,
    customer_id BIGINT UNSIGNED NOT NULL,
    street VARCHAR(200) NOT NULL,
    KEY addresses_customer (customer_id),
    CONSTRAINT addresses_customer FOREIGN KEY (customer_id)
    REFERENCES customers (id) ON DELETE CASCADE
);

-- An order needs its address: inside a deletion that only sets the order of work.
CREATE TABLE orders (
    id BIGINT UNSIGNED PRIMARY KEY,
    customer_id BIGINT UNSIGNED NOT NULL,
    address_id BIGINT UNSIGNED NOT NULL,
    ordered_at DATETIME(6) NOT NULL,
    KEY orders_customer (customer_id),
    KEY orders_address (address_id),
    CONSTRAINT orders_customer FOREIGN KEY (customer_id)
    REFERENCES customers (id) ON DELETE CASCADE,
    CONSTRAINT orders_address FOREIGN KEY (address_id)
    REFERENCES addresses (id) ON DELETE RESTRICT
);

CREATE TABLE order_items (
    order_id BIGINT UNSIGNED NOT NULL,
    position INT NOT NULL,
    product VARCHAR(200) NOT NULL,
    price DECIMAL(10, 2) NOT NULL,
    PRIMARY KEY (order_id, position),
    CONSTRAINT order_items_order FOREIGN KEY (order_id)
    REFERENCES orders (id) ON DELETE CASCADE
);

CREATE TABLE payments (
    id BIGINT UNSIGNED PRIMARY KEY,
    order_id BIGINT UNSIGNED NOT NULL,
    amount DECIMAL(10, 2) NOT NULL,
    KEY payments_order (order_id),
    CONSTRAINT payments_order FOREIGN KEY (order_id)
    REFERENCES orders (id) ON DELETE CASCADE
);

-- What a customer has written stays, without its author.
CREATE TABLE reviews (
    id BIGINT UNSIGNED PRIMARY KEY,
    customer_id BIGINT UNSIGNED,
    stars INT NOT NULL,
    KEY reviews_customer (customer_id),
    CONSTRAINT reviews_customer FOREIGN KEY (customer_id)
    REFERENCES customers (id) ON DELETE SET NULL
);

-- No ON DELETE here: a rule will say that tickets go with their customer.
CREATE TABLE tickets (
    id BIGINT UNSIGNED PRIMARY KEY,
    customer_id BIGINT UNSIGNED NOT NULL,
    subject VARCHAR(200) NOT NULL,
    KEY tickets_customer (customer_id),
    CONSTRAINT tickets_customer FOREIGN KEY (customer_id) REFERENCES customers (id)
);

CREATE TABLE ticket_messages (
    id BIGINT UNSIGNED PRIMARY KEY,
    ticket_id BIGINT UNSIGNED NOT NULL,
    body VARCHAR(200) NOT NULL,
    KEY ticket_messages_ticket (ticket_id),
    CONSTRAINT ticket_messages_ticket FOREIGN KEY (ticket_id)
    REFERENCES tickets (id) ON DELETE CASCADE
);

-- The law keeps invoices, and so their customers.
CREATE TABLE invoices (
    id BIGINT UNSIGNED PRIMARY KEY,
    customer_id BIGINT UNSIGNED NOT NULL,
    amount DECIMAL(10, 2) NOT NULL,
    KEY invoices_customer (customer_id),
    CONSTRAINT invoices_customer FOREIGN KEY (customer_id)
    REFERENCES customers (id) ON DELETE RESTRICT
);

-- No foreign key at all: the subject is a customer where subject_type says so.
CREATE TABLE audit_log (
    id BIGINT UNSIGNED PRIMARY KEY,
    subject_type VARCHAR(200) NOT NULL,
    subject_id BIGINT UNSIGNED NOT NULL,
    entry VARCHAR(200) NOT NULL,
    KEY audit_log_subject (subject_id, subject_type)
);

-- The numbers from 1 to 12000 make all rows below.
CREATE TABLE numbers (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY
);

SET SESSION cte_max_recursion_depth = 12000;

INSERT INTO numbers (id)
WITH RECURSIVE counted (n) AS (
    SELECT 1
    UNION ALL
    SELECT n + 1 FROM counted WHERE n < 12000
)

SELECT n FROM counted;

INSERT INTO users (id, name)
SELECT n.id, concat('agent ', n.id) FROM numbers AS n WHERE n.id <= 12;

-- Every third customer has closed the account, customer 2 among them: a large one.
INSERT INTO customers (id, name, closed_at)
SELECT n.id, concat('customer ', n.id), if(n.id % 3 = 2, '2026-01-01 00:00:00', NULL)
FROM numbers AS n
WHERE n.id <= 4000;

INSERT INTO addresses (id, customer_id, street)
SELECT n.id, (n.id - 1) % 4000 + 1, concat(n.id, ' Elm Street')
FROM numbers AS n
WHERE n.id <= 6000;

INSERT INTO orders (id, customer_id, address_id, ordered_at)
SELECT
    n.id,
    if(n.id <= 3000, 2, (n.id - 1) % 4000 + 1),
    if(n.id <= 3000, 2, (n.id - 1) % 4000 + 1),
    timestampadd(MINUTE, n.id, '2025-01-01 00:00:00')
FROM numbers AS n;

INSERT INTO order_items (order_id, position, product, price)
SELECT o.id, i.id, concat('product ', i.id), i.id * 10
FROM orders AS o
CROSS JOIN numbers AS i
WHERE i.id <= 3;

INSERT INTO payments (id, order_id, amount)
SELECT o.id, o.id, 60 FROM orders AS o;

INSERT INTO reviews (id, customer_id, stars)
SELECT n.id, (n.id * 7) % 4000 + 1, n.id % 5 + 1
FROM numbers AS n
WHERE n.id <= 8000;

INSERT INTO tickets (id, customer_id, subject)
SELECT n.id, (n.id * 3) % 4000 + 1, concat('question ', n.id)
FROM numbers AS n
WHERE n.id <= 4000;

INSERT INTO ticket_messages (id, ticket_id, body)
SELECT n.id, (n.id - 1) % 4000 + 1, concat('message ', n.id)
FROM numbers AS n;

-- Two of the closed accounts, 5 and 1001, have an invoice; the others' are of open accounts.
INSERT INTO invoices (id, customer_id, amount)
SELECT n.id, n.id, 60
FROM numbers AS n
WHERE n.id <= 4000 AND (n.id % 9 = 0 OR n.id IN (5, 1001));

INSERT INTO audit_log (id, subject_type, subject_id, entry)
SELECT n.id, if(n.id % 5 = 0, 'product', 'customer'), n.id % 4000 + 1, concat('entry ', n.id)
FROM numbers AS n
WHERE n.id <= 10000;

DROP TABLE numbers;

-- As InnoDB would do in a moment.
ANALYZE TABLE customers, addresses, orders, order_items, payments, reviews, tickets,
ticket_messages, invoices, audit_log;
