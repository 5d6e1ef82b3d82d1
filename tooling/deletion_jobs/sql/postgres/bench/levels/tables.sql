-- Three levels: a customer, orders, and below each order ten items and a payment.
-- A copy of all rows stands aside, so that every measurement begins with the same data.

CREATE TABLE bench_customers (
    id bigint PRIMARY KEY,
    name text NOT NULL
);

CREATE TABLE bench_orders (
    id bigint PRIMARY KEY,
    customer_id bigint NOT NULL REFERENCES bench_customers (id) ON DELETE CASCADE,
    ordered_at timestamptz NOT NULL,
    note text NOT NULL
);

CREATE INDEX bench_orders_customer ON bench_orders (customer_id, id);

CREATE TABLE bench_order_items (
    id bigint PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES bench_orders (id) ON DELETE CASCADE,
    product text NOT NULL,
    price numeric(10, 2) NOT NULL
);

CREATE INDEX bench_order_items_order ON bench_order_items (order_id);

CREATE TABLE bench_payments (
    id bigint PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES bench_orders (id) ON DELETE CASCADE,
    amount numeric(10, 2) NOT NULL
);

CREATE INDEX bench_payments_order ON bench_payments (order_id);

-- Autovacuum would work for one measurement and against the next.
ALTER TABLE bench_customers SET (autovacuum_enabled = FALSE);
ALTER TABLE bench_orders SET (autovacuum_enabled = FALSE);
ALTER TABLE bench_order_items SET (autovacuum_enabled = FALSE);
ALTER TABLE bench_payments SET (autovacuum_enabled = FALSE);

CREATE TABLE bench_all_customers (LIKE bench_customers);
CREATE TABLE bench_all_orders (LIKE bench_orders);
CREATE TABLE bench_all_order_items (LIKE bench_order_items);
CREATE TABLE bench_all_payments (LIKE bench_payments);

CREATE VIEW vw_bench_left AS
SELECT
    'bench_customers' AS table_name,
    count(*) AS rows_left,
    coalesce(sum(id), 0)::text AS key_sum
FROM bench_customers
UNION ALL
SELECT 'bench_orders', count(*), coalesce(sum(id), 0)::text FROM bench_orders
UNION ALL
SELECT 'bench_order_items', count(*), coalesce(sum(id), 0)::text FROM bench_order_items
UNION ALL
SELECT 'bench_payments', count(*), coalesce(sum(id), 0)::text FROM bench_payments;

-- Customer 1 is to be deleted; 2 to 6 warm caches and plans; 7 to 26 must stay. Rows are numbered
-- in the order of their parents' keys; number n has the key (n - 1) * p_step modulo all of them,
-- plus 1: with the step 1 this is n, with a large prime neighbours lie far apart.
CREATE PROCEDURE bench_fill(p_orders bigint, p_other_orders bigint, p_step bigint)
LANGUAGE plpgsql
AS $bench_fill$
DECLARE
    v_all bigint := p_orders + 25 * p_other_orders;
BEGIN
    INSERT INTO bench_all_customers (id, name)
    SELECT c.id, 'customer ' || c.id
    FROM generate_series(1, 26) AS c (id);

    INSERT INTO bench_all_orders (id, customer_id, ordered_at, note)
    SELECT
        (n.n - 1) * p_step % v_all + 1,
        CASE WHEN n.n <= p_orders THEN 1 ELSE 2 + (n.n - p_orders - 1) / p_other_orders END,
        timestamptz '2026-01-01 00:00:00+00' + n.n * interval '1 minute',
        'leave it at the door ' || n.n
    FROM generate_series(1, v_all) AS n (n);

    INSERT INTO bench_all_order_items (id, order_id, product, price)
    SELECT
        (n.n - 1) * p_step % (v_all * 10) + 1,
        (n.n - 1) / 10 + 1,
        'product ' || (n.n - 1) % 10 + 1,
        ((n.n - 1) % 10 + 1) * 1.5
    FROM generate_series(1, v_all * 10) AS n (n);

    INSERT INTO bench_all_payments (id, order_id, amount)
    SELECT (n.n - 1) * p_step % v_all + 1, n.n, 82.5
    FROM generate_series(1, v_all) AS n (n);
END;
$bench_fill$;

CREATE PROCEDURE bench_restore()
LANGUAGE plpgsql
AS $bench_restore$
BEGIN
    TRUNCATE bench_customers, bench_orders, bench_order_items, bench_payments;
    INSERT INTO bench_customers SELECT c.* FROM bench_all_customers AS c ORDER BY c.id;
    INSERT INTO bench_orders SELECT o.* FROM bench_all_orders AS o ORDER BY o.id;
    INSERT INTO bench_order_items SELECT i.* FROM bench_all_order_items AS i ORDER BY i.id;
    INSERT INTO bench_payments SELECT p.* FROM bench_all_payments AS p ORDER BY p.id;
END;
$bench_restore$;

-- What somebody who knows the tables would write: the orders in key order, each batch of them
-- with all that hangs from it, children first, each commit at most p_batch_rows rows.
CREATE PROCEDURE bench_by_hand(p_customer_id bigint, p_batch_rows integer)
LANGUAGE plpgsql
AS $bench_by_hand$
DECLARE
    v_orders bigint[];
    v_last bigint := 0;
BEGIN
    LOOP
        v_orders := ARRAY(
            SELECT o.id
            FROM bench_orders AS o
            WHERE o.customer_id = p_customer_id AND o.id > v_last
            ORDER BY o.id
            LIMIT greatest(p_batch_rows / 12, 1)
        );
        EXIT WHEN cardinality(v_orders) = 0;
        v_last := v_orders[cardinality(v_orders)];

        DELETE FROM bench_order_items AS i
        WHERE i.ctid = ANY(ARRAY(
            SELECT d.ctid FROM bench_order_items AS d WHERE d.order_id = ANY(v_orders)
        ));
        DELETE FROM bench_payments AS p
        WHERE p.ctid = ANY(ARRAY(
            SELECT d.ctid FROM bench_payments AS d WHERE d.order_id = ANY(v_orders)
        ));
        DELETE FROM bench_orders AS o WHERE o.id = ANY(v_orders);
        COMMIT;
    END LOOP;

    DELETE FROM bench_customers AS c WHERE c.id = p_customer_id;
END;
$bench_by_hand$;

-- The engine's own cascade: one statement, one transaction.
CREATE PROCEDURE bench_native(p_customer_id bigint, p_batch_rows integer)
LANGUAGE plpgsql
AS $bench_native$
BEGIN
    DELETE FROM bench_customers AS c WHERE c.id = p_customer_id;
END;
$bench_native$;
