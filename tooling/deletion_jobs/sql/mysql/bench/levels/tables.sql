-- Three levels: a customer, orders, and below each order ten items and a payment.
-- A copy of all rows stands aside, so that every measurement begins with the same data.

CREATE TABLE bench_customers (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    name VARCHAR(200) NOT NULL
);

CREATE TABLE bench_orders (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    customer_id BIGINT UNSIGNED NOT NULL,
    ordered_at DATETIME NOT NULL,
    note VARCHAR(200) NOT NULL,
    KEY bench_orders_customer (customer_id),
    CONSTRAINT bench_orders_customer FOREIGN KEY (customer_id)
    REFERENCES bench_customers (id) ON DELETE CASCADE
);

CREATE TABLE bench_order_items (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    order_id BIGINT UNSIGNED NOT NULL,
    product VARCHAR(200) NOT NULL,
    price DECIMAL(10, 2) NOT NULL,
    KEY bench_order_items_order (order_id),
    CONSTRAINT bench_order_items_order FOREIGN KEY (order_id)
    REFERENCES bench_orders (id) ON DELETE CASCADE
);

CREATE TABLE bench_payments (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    order_id BIGINT UNSIGNED NOT NULL,
    amount DECIMAL(10, 2) NOT NULL,
    KEY bench_payments_order (order_id),
    CONSTRAINT bench_payments_order FOREIGN KEY (order_id)
    REFERENCES bench_orders (id) ON DELETE CASCADE
);

CREATE TABLE bench_all_customers (PRIMARY KEY (id)) AS SELECT * FROM bench_customers;
CREATE TABLE bench_all_orders (PRIMARY KEY (id)) AS SELECT * FROM bench_orders;
CREATE TABLE bench_all_order_items (PRIMARY KEY (id)) AS SELECT * FROM bench_order_items;
CREATE TABLE bench_all_payments (PRIMARY KEY (id)) AS SELECT * FROM bench_payments;

CREATE VIEW vw_bench_left AS
SELECT
    'bench_customers' AS table_name,
    count(*) AS rows_left,
    cast(coalesce(sum(id), 0) AS CHAR) AS key_sum
FROM bench_customers
UNION ALL
SELECT 'bench_orders', count(*), cast(coalesce(sum(id), 0) AS CHAR) FROM bench_orders
UNION ALL
SELECT 'bench_order_items', count(*), cast(coalesce(sum(id), 0) AS CHAR) FROM bench_order_items
UNION ALL
SELECT 'bench_payments', count(*), cast(coalesce(sum(id), 0) AS CHAR) FROM bench_payments;

DELIMITER $$

-- Customer 1 is to be deleted; 2 to 6 warm caches and plans; 7 to 26 must stay. Rows are numbered
-- in the order of their parents' keys; number n has the key (n - 1) * p_step modulo all of them,
-- plus 1: with the step 1 this is n, with a large prime neighbours lie far apart.
CREATE PROCEDURE bench_fill(IN p_orders BIGINT, IN p_other_orders BIGINT, IN p_step BIGINT)
MODIFIES SQL DATA
SQL SECURITY INVOKER
BEGIN
    DECLARE v_all BIGINT DEFAULT p_orders + 25 * p_other_orders;

    SET SESSION cte_max_recursion_depth = 100000000;

    INSERT INTO bench_all_customers (id, name)
    WITH RECURSIVE numbers (n) AS (
        SELECT 1
        UNION ALL
        SELECT n + 1 FROM numbers WHERE n < 26
    )

    SELECT n, concat('customer ', n) FROM numbers;

    INSERT INTO bench_all_orders (id, customer_id, ordered_at, note)
    WITH RECURSIVE numbers (n) AS (
        SELECT 1
        UNION ALL
        SELECT n + 1 FROM numbers WHERE n < v_all
    )

    SELECT
        (n - 1) * p_step % v_all + 1 AS id,
        if(n <= p_orders, 1, 2 + (n - p_orders - 1) DIV p_other_orders),
        timestampadd(MINUTE, n, '2026-01-01 00:00:00'),
        concat('leave it at the door ', n)
    FROM numbers
    ORDER BY id;

    INSERT INTO bench_all_order_items (id, order_id, product, price)
    WITH RECURSIVE numbers (n) AS (
        SELECT 1
        UNION ALL
        SELECT n + 1 FROM numbers WHERE n < v_all * 10
    )

    SELECT
        (n - 1) * p_step % (v_all * 10) + 1 AS id,
        (n - 1) DIV 10 + 1,
        concat('product ', (n - 1) % 10 + 1),
        ((n - 1) % 10 + 1) * 1.5
    FROM numbers
    ORDER BY id;

    INSERT INTO bench_all_payments (id, order_id, amount)
    SELECT (o.id - 1) * p_step % v_all + 1 AS id, o.id AS order_id, 82.5 AS amount
    FROM bench_all_orders AS o
    ORDER BY id;
END$$

CREATE PROCEDURE bench_restore()
MODIFIES SQL DATA
SQL SECURITY INVOKER
BEGIN
    -- The copies hold no orphans: looking for each row's parent is a quarter of the time.
    SET SESSION foreign_key_checks = 0;
    TRUNCATE TABLE bench_payments;
    TRUNCATE TABLE bench_order_items;
    TRUNCATE TABLE bench_orders;
    TRUNCATE TABLE bench_customers;
    INSERT INTO bench_customers SELECT * FROM bench_all_customers ORDER BY id;
    INSERT INTO bench_orders SELECT * FROM bench_all_orders ORDER BY id;
    INSERT INTO bench_order_items SELECT * FROM bench_all_order_items ORDER BY id;
    INSERT INTO bench_payments SELECT * FROM bench_all_payments ORDER BY id;
    SET SESSION foreign_key_checks = 1;
END$$

-- What somebody who knows the tables would write: the orders in key order, each batch of them
-- with all that hangs from it, children first, each commit at most p_batch_rows rows.
CREATE PROCEDURE bench_by_hand(IN p_customer_id BIGINT UNSIGNED, IN p_batch_rows INT)
MODIFIES SQL DATA
SQL SECURITY INVOKER
BEGIN
    DECLARE v_orders INT DEFAULT greatest(floor(p_batch_rows / 12), 1);
    DECLARE v_after BIGINT UNSIGNED DEFAULT 0;
    DECLARE v_last BIGINT UNSIGNED;

    SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;

    batches: LOOP
        SELECT max(b.id) INTO v_last
        FROM (
            SELECT o.id
            FROM bench_orders AS o
            WHERE o.customer_id = p_customer_id AND o.id > v_after
            ORDER BY o.id
            LIMIT v_orders
        ) AS b;

        IF v_last IS NULL THEN
            LEAVE batches;
        END IF;

        START TRANSACTION;

        DELETE i
        FROM bench_orders AS o
        STRAIGHT_JOIN bench_order_items AS i ON i.order_id = o.id
        WHERE o.customer_id = p_customer_id AND o.id > v_after AND o.id <= v_last;

        DELETE p
        FROM bench_orders AS o
        STRAIGHT_JOIN bench_payments AS p ON p.order_id = o.id
        WHERE o.customer_id = p_customer_id AND o.id > v_after AND o.id <= v_last;

        DELETE FROM bench_orders
        WHERE customer_id = p_customer_id AND id > v_after AND id <= v_last;

        COMMIT;
        SET v_after = v_last;
    END LOOP;

    START TRANSACTION;
    DELETE FROM bench_customers WHERE id = p_customer_id;
    COMMIT;
END$$

-- The engine's own cascade: one statement, one transaction.
CREATE PROCEDURE bench_native(IN p_customer_id BIGINT UNSIGNED, IN p_batch_rows INT)
MODIFIES SQL DATA
SQL SECURITY INVOKER
BEGIN
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    START TRANSACTION;
    DELETE FROM bench_customers WHERE id = p_customer_id;
    COMMIT;
END$$

DELIMITER ;
