-- One level: a parent with as many children as are wanted. A copy of all rows stands aside, so that
-- every measurement begins with the same data.

CREATE TABLE bench_parents (
    id bigint PRIMARY KEY,
    name text NOT NULL
);

CREATE TABLE bench_children (
    id bigint PRIMARY KEY,
    parent_id bigint NOT NULL REFERENCES bench_parents (id) ON DELETE CASCADE,
    note text NOT NULL
);

CREATE INDEX bench_children_parent ON bench_children (parent_id, id);

-- Autovacuum would work for one measurement and against the next.
ALTER TABLE bench_parents SET (autovacuum_enabled = FALSE);
ALTER TABLE bench_children SET (autovacuum_enabled = FALSE);

CREATE TABLE bench_all_parents (LIKE bench_parents);
CREATE TABLE bench_all_children (LIKE bench_children);

CREATE VIEW vw_bench_left AS
SELECT
    'bench_parents' AS table_name,
    count(*) AS rows_left,
    coalesce(sum(id), 0)::text AS key_sum
FROM bench_parents
UNION ALL
SELECT 'bench_children', count(*), coalesce(sum(id), 0)::text FROM bench_children;

-- Parent 1 is to be deleted; 2 to 6 warm caches and plans; 7 to 26 must stay. Children are numbered
-- parent by parent; number n has the key (n - 1) * p_step modulo all of them, plus 1: with the
-- step 1 this is n, with a large prime neighbours lie far apart.
CREATE PROCEDURE bench_fill(p_children bigint, p_other_children bigint, p_step bigint)
LANGUAGE plpgsql
AS $bench_fill$
DECLARE
    v_all bigint := p_children + 25 * p_other_children;
BEGIN
    INSERT INTO bench_all_parents (id, name)
    SELECT p.id, 'parent ' || p.id
    FROM generate_series(1, 26) AS p (id);

    INSERT INTO bench_all_children (id, parent_id, note)
    SELECT
        (n.n - 1) * p_step % v_all + 1,
        CASE
            WHEN n.n <= p_children THEN 1
            ELSE 2 + (n.n - p_children - 1) / p_other_children
        END,
        'leave it at the door ' || n.n
    FROM generate_series(1, v_all) AS n (n);
END;
$bench_fill$;

CREATE PROCEDURE bench_restore()
LANGUAGE plpgsql
AS $bench_restore$
BEGIN
    TRUNCATE bench_parents, bench_children;
    INSERT INTO bench_parents SELECT p.* FROM bench_all_parents AS p ORDER BY p.id;
    INSERT INTO bench_children SELECT c.* FROM bench_all_children AS c ORDER BY c.id;
END;
$bench_restore$;

-- What somebody who knows the tables would write: the children in key order, each commit at most
-- p_batch_rows of them.
CREATE PROCEDURE bench_by_hand(p_parent_id bigint, p_batch_rows integer)
LANGUAGE plpgsql
AS $bench_by_hand$
DECLARE
    v_after bigint := 0;
    v_last bigint;
BEGIN
    LOOP
        SELECT max(b.id) INTO v_last
        FROM (
            SELECT c.id
            FROM bench_children AS c
            WHERE c.parent_id = p_parent_id AND c.id > v_after
            ORDER BY c.id
            LIMIT p_batch_rows
        ) AS b;
        EXIT WHEN v_last IS NULL;

        DELETE FROM bench_children AS c
        WHERE c.parent_id = p_parent_id AND c.id > v_after AND c.id <= v_last;
        COMMIT;
        v_after := v_last;
    END LOOP;

    DELETE FROM bench_parents AS p WHERE p.id = p_parent_id;
END;
$bench_by_hand$;

-- The engine's own cascade: one statement, one transaction.
CREATE PROCEDURE bench_native(p_parent_id bigint, p_batch_rows integer)
LANGUAGE plpgsql
AS $bench_native$
BEGIN
    DELETE FROM bench_parents AS p WHERE p.id = p_parent_id;
END;
$bench_native$;
