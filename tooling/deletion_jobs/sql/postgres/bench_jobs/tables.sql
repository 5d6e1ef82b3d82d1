-- The tables of bench jobs: users with two orders each, four items, two payments and two events.
-- A copy of all rows stands aside, so that every measurement begins with the same data.

CREATE TABLE bench_users (
    id bigint PRIMARY KEY,
    name text NOT NULL
);

CREATE TABLE bench_user_orders (
    id bigint PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES bench_users (id) ON DELETE CASCADE,
    note text NOT NULL
);

CREATE INDEX bench_user_orders_user ON bench_user_orders (user_id);

CREATE TABLE bench_user_items (
    id bigint PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES bench_user_orders (id) ON DELETE CASCADE,
    product text NOT NULL
);

CREATE INDEX bench_user_items_order ON bench_user_items (order_id);

CREATE TABLE bench_user_payments (
    id bigint PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES bench_user_orders (id) ON DELETE CASCADE,
    amount numeric(10, 2) NOT NULL
);

CREATE INDEX bench_user_payments_order ON bench_user_payments (order_id);

CREATE TABLE bench_user_events (
    id bigint PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES bench_users (id) ON DELETE CASCADE,
    what text NOT NULL
);

CREATE INDEX bench_user_events_user ON bench_user_events (user_id);

-- Autovacuum would work for one measurement and against the next.
ALTER TABLE bench_users SET (autovacuum_enabled = FALSE);
ALTER TABLE bench_user_orders SET (autovacuum_enabled = FALSE);
ALTER TABLE bench_user_items SET (autovacuum_enabled = FALSE);
ALTER TABLE bench_user_payments SET (autovacuum_enabled = FALSE);
ALTER TABLE bench_user_events SET (autovacuum_enabled = FALSE);

CREATE TABLE bench_all_users (LIKE bench_users);
CREATE TABLE bench_all_user_orders (LIKE bench_user_orders);
CREATE TABLE bench_all_user_items (LIKE bench_user_items);
CREATE TABLE bench_all_user_payments (LIKE bench_user_payments);
CREATE TABLE bench_all_user_events (LIKE bench_user_events);

-- Scattered: rows of one user lie anywhere in their tables, as those of years of use do.
CREATE PROCEDURE bench_fill(p_users integer, p_scattered boolean)
LANGUAGE plpgsql
AS $bench_fill$
BEGIN
    INSERT INTO bench_all_users (id, name)
    SELECT u.id, 'user ' || u.id
    FROM generate_series(1, p_users) AS u (id);

    INSERT INTO bench_all_user_orders (id, user_id, note)
    SELECT
        row_number() OVER (ORDER BY CASE WHEN p_scattered THEN md5(n.n::text) END, n.n),
        (n.n + 1) / 2,
        'leave it at the door ' || n.n
    FROM generate_series(1, p_users * 2) AS n (n);

    INSERT INTO bench_all_user_items (id, order_id, product)
    SELECT
        row_number() OVER (ORDER BY CASE WHEN p_scattered THEN md5(n.n::text) END, n.n),
        (n.n + 1) / 2,
        'product ' || n.n
    FROM generate_series(1, p_users * 4) AS n (n);

    INSERT INTO bench_all_user_payments (id, order_id, amount)
    SELECT
        row_number() OVER (ORDER BY CASE WHEN p_scattered THEN md5(n.n::text) END, n.n),
        n.n,
        82.5
    FROM generate_series(1, p_users * 2) AS n (n);

    INSERT INTO bench_all_user_events (id, user_id, what)
    SELECT
        row_number() OVER (ORDER BY CASE WHEN p_scattered THEN md5(n.n::text) END, n.n),
        (n.n + 1) / 2,
        'signed in ' || n.n
    FROM generate_series(1, p_users * 2) AS n (n);
END;
$bench_fill$;

CREATE PROCEDURE bench_restore()
LANGUAGE plpgsql
AS $bench_restore$
BEGIN
    TRUNCATE bench_users, bench_user_orders, bench_user_items, bench_user_payments,
    bench_user_events;
    TRUNCATE deletion_jobs, deletion_attempts, deletion_receipts, deletion_runs CASCADE;
    INSERT INTO bench_users SELECT u.* FROM bench_all_users AS u ORDER BY u.id;
    INSERT INTO bench_user_orders SELECT o.* FROM bench_all_user_orders AS o ORDER BY o.id;
    INSERT INTO bench_user_items SELECT i.* FROM bench_all_user_items AS i ORDER BY i.id;
    INSERT INTO bench_user_payments SELECT p.* FROM bench_all_user_payments AS p ORDER BY p.id;
    INSERT INTO bench_user_events SELECT e.* FROM bench_all_user_events AS e ORDER BY e.id;
END;
$bench_restore$;

-- One job a user, asked for one by one as applications do; all in one transaction.
CREATE PROCEDURE bench_enqueue(p_first integer, p_last integer)
LANGUAGE plpgsql
AS $bench_enqueue$
DECLARE
    v_job_id bigint;
BEGIN
    FOR v_id IN p_first .. p_last LOOP
        CALL enqueue_deletion(
            'bench_users', v_id::text, 'benchmark', TRUE, NULL, NULL, v_job_id
        );
    END LOOP;
END;
$bench_enqueue$;

-- The same rows of deletion_jobs, by nothing but INSERT.
CREATE PROCEDURE bench_insert(p_first integer, p_last integer)
LANGUAGE plpgsql
AS $bench_insert$
BEGIN
    FOR v_id IN p_first .. p_last LOOP
        INSERT INTO deletion_jobs (entity_table, entity_pk, reason, hard_delete)
        VALUES ('bench_users', v_id::text, 'benchmark', TRUE);
    END LOOP;
END;
$bench_insert$;

-- The bare engine: its own cascade over sets of users, without any bookkeeping.
CREATE PROCEDURE bench_sets(p_first integer, p_last integer, p_set_size integer)
LANGUAGE plpgsql
AS $bench_sets$
DECLARE
    v_from integer := p_first;
BEGIN
    WHILE v_from <= p_last LOOP
        DELETE FROM bench_users AS u
        WHERE u.id BETWEEN v_from AND least(v_from + p_set_size - 1, p_last);
        COMMIT;
        v_from := v_from + p_set_size;
    END LOOP;
END;
$bench_sets$;
