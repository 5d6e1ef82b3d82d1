-- A table that refers to itself: a tree where every node has p_fan children, a chain where it has
-- one. A copy of all rows stands aside, so that every measurement begins with the same data.

CREATE TABLE bench_nodes (
    id bigint PRIMARY KEY,
    parent_id bigint REFERENCES bench_nodes (id) ON DELETE CASCADE,
    note text NOT NULL
);

CREATE INDEX bench_nodes_parent ON bench_nodes (parent_id);

-- Autovacuum would work for one measurement and against the next.
ALTER TABLE bench_nodes SET (autovacuum_enabled = FALSE);

CREATE TABLE bench_all_nodes (LIKE bench_nodes);

CREATE VIEW vw_bench_left AS
SELECT
    'bench_nodes' AS table_name,
    count(*) AS rows_left,
    coalesce(sum(id), 0)::text AS key_sum
FROM bench_nodes;

-- Node 1 is to be deleted; 2 to 6 warm caches and plans; 7 to 26 must stay. The nodes below them
-- are numbered root by root, level by level; number n has the key n + 26, or, scattered, the cube
-- of n modulo p_prime, plus 26. Cubes differ where p_prime is larger than n and one less than a
-- multiple of three, and lie anywhere; multiples would put cousins in a row.
CREATE PROCEDURE bench_fill(p_nodes bigint, p_other_nodes bigint, p_prime bigint, p_fan bigint)
LANGUAGE plpgsql
AS $bench_fill$
DECLARE
    v_all bigint := p_nodes + 25 * p_other_nodes;
BEGIN
    INSERT INTO bench_all_nodes (id, parent_id, note)
    SELECT r.id, NULL, 'root ' || r.id
    FROM generate_series(1, 26) AS r (id);

    INSERT INTO bench_all_nodes (id, parent_id, note)
    SELECT
        26 + CASE p_prime WHEN 0 THEN n.n ELSE n.n * n.n % p_prime * n.n % p_prime END,
        CASE
            WHEN i.place <= p_fan THEN r.root
            WHEN p_prime = 0 THEN 26 + u.n
            ELSE 26 + u.n * u.n % p_prime * u.n % p_prime
        END,
        'leave it at the door ' || n.n
    FROM generate_series(1, v_all) AS n (n)
    CROSS JOIN LATERAL (
        SELECT CASE WHEN n.n <= p_nodes THEN 1 ELSE 2 + (n.n - p_nodes - 1) / p_other_nodes END
    ) AS r (root)
    -- Counted from 1 below each root.
    CROSS JOIN LATERAL (
        SELECT CASE WHEN n.n <= p_nodes THEN n.n ELSE (n.n - p_nodes - 1) % p_other_nodes + 1 END
    ) AS i (place)
    -- The parent's number.
    CROSS JOIN LATERAL (SELECT n.n - i.place + (i.place - 1) / p_fan) AS u (n);
END;
$bench_fill$;

CREATE PROCEDURE bench_restore()
LANGUAGE plpgsql
AS $bench_restore$
BEGIN
    TRUNCATE bench_nodes;
    INSERT INTO bench_nodes SELECT n.* FROM bench_all_nodes AS n ORDER BY n.id;
END;
$bench_restore$;

-- What somebody who knows the table would write: find all nodes with their depth, then delete them
-- by key, the deepest first, each commit at most p_batch_rows of them.
CREATE PROCEDURE bench_by_hand(p_root_id bigint, p_batch_rows integer)
LANGUAGE plpgsql
AS $bench_by_hand$
DECLARE
    v_nodes bigint[];
    v_first integer := 1;
BEGIN
    -- A level of the search has no statistics: a scan of the whole table would be chosen for each.
    SET LOCAL enable_hashjoin = off;
    SET LOCAL enable_mergejoin = off;
    v_nodes := ARRAY(
        WITH RECURSIVE below (id, depth) AS (
            SELECT p_root_id, 0
            UNION ALL
            SELECT n.id, b.depth + 1
            FROM below AS b
            INNER JOIN bench_nodes AS n ON n.parent_id = b.id
        )

        SELECT b.id FROM below AS b ORDER BY b.depth DESC, b.id
    );

    WHILE v_first <= cardinality(v_nodes) LOOP
        DELETE FROM bench_nodes AS n
        WHERE n.id = ANY(v_nodes[v_first : v_first + p_batch_rows - 1]);
        COMMIT;
        v_first := v_first + p_batch_rows;
    END LOOP;
END;
$bench_by_hand$;

-- The engine's own cascade: one statement, one transaction.
CREATE PROCEDURE bench_native(p_root_id bigint, p_batch_rows integer)
LANGUAGE plpgsql
AS $bench_native$
BEGIN
    DELETE FROM bench_nodes AS n WHERE n.id = p_root_id;
END;
$bench_native$;
