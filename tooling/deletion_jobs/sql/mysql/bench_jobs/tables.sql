-- The tables of bench jobs: users with two orders each, four items, two payments and two events.
-- A copy of all rows stands aside, so that every measurement begins with the same data.

CREATE TABLE bench_users (
    id BIGINT NOT NULL PRIMARY KEY,
    name VARCHAR(100) NOT NULL
);

CREATE TABLE bench_user_orders (
    id BIGINT NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL,
    note VARCHAR(100) NOT NULL,
    CONSTRAINT bench_user_orders_user
    FOREIGN KEY (user_id) REFERENCES bench_users (id) ON DELETE CASCADE
);

CREATE TABLE bench_user_items (
    id BIGINT NOT NULL PRIMARY KEY,
    order_id BIGINT NOT NULL,
    product VARCHAR(100) NOT NULL,
    CONSTRAINT bench_user_items_order
    FOREIGN KEY (order_id) REFERENCES bench_user_orders (id) ON DELETE CASCADE
);

CREATE TABLE bench_user_payments (
    id BIGINT NOT NULL PRIMARY KEY,
    order_id BIGINT NOT NULL,
    amount DECIMAL(10, 2) NOT NULL,
    CONSTRAINT bench_user_payments_order
    FOREIGN KEY (order_id) REFERENCES bench_user_orders (id) ON DELETE CASCADE
);

CREATE TABLE bench_user_events (
    id BIGINT NOT NULL PRIMARY KEY,
    user_id BIGINT NOT NULL,
    what VARCHAR(100) NOT NULL,
    CONSTRAINT bench_user_events_user
    FOREIGN KEY (user_id) REFERENCES bench_users (id) ON DELETE CASCADE
);

CREATE TABLE bench_all_users LIKE bench_users;
CREATE TABLE bench_all_user_orders LIKE bench_user_orders;
CREATE TABLE bench_all_user_items LIKE bench_user_items;
CREATE TABLE bench_all_user_payments LIKE bench_user_payments;
CREATE TABLE bench_all_user_events LIKE bench_user_events;

DELIMITER $$
-- Scattered: rows of one user lie anywhere in their tables, as those of years of use do.
CREATE PROCEDURE bench_fill(IN p_users INT, IN p_scattered BOOLEAN)
BEGIN
    SET SESSION cte_max_recursion_depth = 100000000;

    INSERT INTO bench_all_users (id, name)
    WITH RECURSIVE number (n) AS (
        SELECT 1 UNION ALL SELECT number.n + 1 FROM number WHERE number.n < p_users
    )

    SELECT number.n, concat('user ', number.n) FROM number;

    INSERT INTO bench_all_user_orders (id, user_id, note)
    WITH RECURSIVE number (n) AS (
        SELECT 1 UNION ALL SELECT number.n + 1 FROM number WHERE number.n < p_users * 2
    )

    SELECT
        row_number() OVER (ORDER BY if(p_scattered, sha2(number.n, 224), NULL), number.n),
        (number.n + 1) DIV 2,
        concat('leave it at the door ', number.n)
    FROM number;

    INSERT INTO bench_all_user_items (id, order_id, product)
    WITH RECURSIVE number (n) AS (
        SELECT 1 UNION ALL SELECT number.n + 1 FROM number WHERE number.n < p_users * 4
    )

    SELECT
        row_number() OVER (ORDER BY if(p_scattered, sha2(number.n, 224), NULL), number.n),
        (number.n + 1) DIV 2,
        concat('product ', number.n)
    FROM number;

    INSERT INTO bench_all_user_payments (id, order_id, amount)
    WITH RECURSIVE number (n) AS (
        SELECT 1 UNION ALL SELECT number.n + 1 FROM number WHERE number.n < p_users * 2
    )

    SELECT
        row_number() OVER (ORDER BY if(p_scattered, sha2(number.n, 224), NULL), number.n),
        number.n,
        82.5
    FROM number;

    INSERT INTO bench_all_user_events (id, user_id, what)
    WITH RECURSIVE number (n) AS (
        SELECT 1 UNION ALL SELECT number.n + 1 FROM number WHERE number.n < p_users * 2
    )

    SELECT
        row_number() OVER (ORDER BY if(p_scattered, sha2(number.n, 224), NULL), number.n),
        (number.n + 1) DIV 2,
        concat('signed in ', number.n)
    FROM number;
    COMMIT;
END$$

CREATE PROCEDURE bench_restore()
BEGIN
    -- The copies hold no orphans: looking for each row's parent is a quarter of the time.
    SET SESSION foreign_key_checks = 0;
    TRUNCATE bench_user_events;
    TRUNCATE bench_user_payments;
    TRUNCATE bench_user_items;
    TRUNCATE bench_user_orders;
    TRUNCATE bench_users;
    TRUNCATE deletion_receipts;
    TRUNCATE deletion_attempts;
    TRUNCATE deletion_runs;
    TRUNCATE deletion_jobs;
    INSERT INTO bench_users SELECT u.* FROM bench_all_users AS u ORDER BY u.id;
    INSERT INTO bench_user_orders SELECT o.* FROM bench_all_user_orders AS o ORDER BY o.id;
    INSERT INTO bench_user_items SELECT i.* FROM bench_all_user_items AS i ORDER BY i.id;
    INSERT INTO bench_user_payments SELECT p.* FROM bench_all_user_payments AS p ORDER BY p.id;
    INSERT INTO bench_user_events SELECT e.* FROM bench_all_user_events AS e ORDER BY e.id;
    SET SESSION foreign_key_checks = 1;
    COMMIT;
END$$

-- One job a user, asked for one by one as applications do; all in one transaction.
CREATE PROCEDURE bench_enqueue(IN p_first INT, IN p_last INT)
BEGIN
    DECLARE v_id INT DEFAULT p_first;
    DECLARE v_job_id BIGINT UNSIGNED;

    START TRANSACTION;

    WHILE v_id <= p_last DO
        CALL enqueue_deletion('bench_users', v_id, 'benchmark', TRUE, NULL, NULL, v_job_id);
        SET v_id = v_id + 1;
    END WHILE;

    COMMIT;
END$$

-- The same rows of deletion_jobs, by nothing but INSERT.
CREATE PROCEDURE bench_insert(IN p_first INT, IN p_last INT)
BEGIN
    DECLARE v_id INT DEFAULT p_first;

    START TRANSACTION;

    WHILE v_id <= p_last DO
        INSERT INTO deletion_jobs (entity_table, entity_pk, reason, hard_delete)
        VALUES ('bench_users', v_id, 'benchmark', TRUE);
        SET v_id = v_id + 1;
    END WHILE;

    COMMIT;
END$$

-- The bare engine: its own cascade over sets of users, without any bookkeeping.
CREATE PROCEDURE bench_sets(IN p_first INT, IN p_last INT, IN p_set_size INT)
BEGIN
    DECLARE v_from INT DEFAULT p_first;

    WHILE v_from <= p_last DO
        DELETE FROM bench_users
        WHERE id BETWEEN v_from AND least(v_from + p_set_size - 1, p_last);
        COMMIT;
        SET v_from = v_from + p_set_size;
    END WHILE;
END$$
DELIMITER ;
