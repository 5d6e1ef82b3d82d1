-- Ten levels: below a row of the first as many of the second as are wanted, and below each of
-- those one or two at every level, 61 rows in all. A copy of all rows stands aside, so that every
-- measurement begins with the same data.

CREATE TABLE bench_level_1 (
    id bigint PRIMARY KEY,
    note text NOT NULL
);

CREATE TABLE bench_level_2 (
    id bigint PRIMARY KEY,
    parent_id bigint NOT NULL REFERENCES bench_level_1 (id) ON DELETE CASCADE,
    note text NOT NULL
);

CREATE INDEX bench_level_2_parent ON bench_level_2 (parent_id, id);

CREATE TABLE bench_level_3 (
    id bigint PRIMARY KEY,
    parent_id bigint NOT NULL REFERENCES bench_level_2 (id) ON DELETE CASCADE,
    note text NOT NULL
);

CREATE INDEX bench_level_3_parent ON bench_level_3 (parent_id);

CREATE TABLE bench_level_4 (
    id bigint PRIMARY KEY,
    parent_id bigint NOT NULL REFERENCES bench_level_3 (id) ON DELETE CASCADE,
    note text NOT NULL
);

CREATE INDEX bench_level_4_parent ON bench_level_4 (parent_id);

CREATE TABLE bench_level_5 (
    id bigint PRIMARY KEY,
    parent_id bigint NOT NULL REFERENCES bench_level_4 (id) ON DELETE CASCADE,
    note text NOT NULL
);

CREATE INDEX bench_level_5_parent ON bench_level_5 (parent_id);

CREATE TABLE bench_level_6 (
    id bigint PRIMARY KEY,
    parent_id bigint NOT NULL REFERENCES bench_level_5 (id) ON DELETE CASCADE,
    note text NOT NULL
);

CREATE INDEX bench_level_6_parent ON bench_level_6 (parent_id);

CREATE TABLE bench_level_7 (
    id bigint PRIMARY KEY,
    parent_id bigint NOT NULL REFERENCES bench_level_6 (id) ON DELETE CASCADE,
    note text NOT NULL
);

CREATE INDEX bench_level_7_parent ON bench_level_7 (parent_id);

CREATE TABLE bench_level_8 (
    id bigint PRIMARY KEY,
    parent_id bigint NOT NULL REFERENCES bench_level_7 (id) ON DELETE CASCADE,
    note text NOT NULL
);

CREATE INDEX bench_level_8_parent ON bench_level_8 (parent_id);

CREATE TABLE bench_level_9 (
    id bigint PRIMARY KEY,
    parent_id bigint NOT NULL REFERENCES bench_level_8 (id) ON DELETE CASCADE,
    note text NOT NULL
);

CREATE INDEX bench_level_9_parent ON bench_level_9 (parent_id);

CREATE TABLE bench_level_10 (
    id bigint PRIMARY KEY,
    parent_id bigint NOT NULL REFERENCES bench_level_9 (id) ON DELETE CASCADE,
    note text NOT NULL
);

CREATE INDEX bench_level_10_parent ON bench_level_10 (parent_id);

-- Autovacuum would work for one measurement and against the next.
ALTER TABLE bench_level_1 SET (autovacuum_enabled = FALSE);
ALTER TABLE bench_level_2 SET (autovacuum_enabled = FALSE);
ALTER TABLE bench_level_3 SET (autovacuum_enabled = FALSE);
ALTER TABLE bench_level_4 SET (autovacuum_enabled = FALSE);
ALTER TABLE bench_level_5 SET (autovacuum_enabled = FALSE);
ALTER TABLE bench_level_6 SET (autovacuum_enabled = FALSE);
ALTER TABLE bench_level_7 SET (autovacuum_enabled = FALSE);
ALTER TABLE bench_level_8 SET (autovacuum_enabled = FALSE);
ALTER TABLE bench_level_9 SET (autovacuum_enabled = FALSE);
ALTER TABLE bench_level_10 SET (autovacuum_enabled = FALSE);

CREATE TABLE bench_all_level_1 (LIKE bench_level_1);
CREATE TABLE bench_all_level_2 (LIKE bench_level_2);
CREATE TABLE bench_all_level_3 (LIKE bench_level_3);
CREATE TABLE bench_all_level_4 (LIKE bench_level_4);
CREATE TABLE bench_all_level_5 (LIKE bench_level_5);
CREATE TABLE bench_all_level_6 (LIKE bench_level_6);
CREATE TABLE bench_all_level_7 (LIKE bench_level_7);
CREATE TABLE bench_all_level_8 (LIKE bench_level_8);
CREATE TABLE bench_all_level_9 (LIKE bench_level_9);
CREATE TABLE bench_all_level_10 (LIKE bench_level_10);

CREATE VIEW vw_bench_left AS
SELECT
    'bench_level_1' AS table_name,
    count(*) AS rows_left,
    coalesce(sum(id), 0)::text AS key_sum
FROM bench_level_1
UNION ALL
SELECT 'bench_level_2', count(*), coalesce(sum(id), 0)::text FROM bench_level_2
UNION ALL
SELECT 'bench_level_3', count(*), coalesce(sum(id), 0)::text FROM bench_level_3
UNION ALL
SELECT 'bench_level_4', count(*), coalesce(sum(id), 0)::text FROM bench_level_4
UNION ALL
SELECT 'bench_level_5', count(*), coalesce(sum(id), 0)::text FROM bench_level_5
UNION ALL
SELECT 'bench_level_6', count(*), coalesce(sum(id), 0)::text FROM bench_level_6
UNION ALL
SELECT 'bench_level_7', count(*), coalesce(sum(id), 0)::text FROM bench_level_7
UNION ALL
SELECT 'bench_level_8', count(*), coalesce(sum(id), 0)::text FROM bench_level_8
UNION ALL
SELECT 'bench_level_9', count(*), coalesce(sum(id), 0)::text FROM bench_level_9
UNION ALL
SELECT 'bench_level_10', count(*), coalesce(sum(id), 0)::text FROM bench_level_10;

-- Row 1 is to be deleted; 2 to 6 warm caches and plans; 7 to 26 must stay. The children of a row
-- are numbered in the order of its key; number n has the key (n - 1) * p_step modulo all of its
-- level, plus 1: with the step 1 this is n, with a large prime neighbours lie far apart.
CREATE PROCEDURE bench_fill(p_units bigint, p_other_units bigint, p_step bigint)
LANGUAGE plpgsql
AS $bench_fill$
DECLARE
    v_all bigint := p_units + 25 * p_other_units;
BEGIN
    INSERT INTO bench_all_level_1 (id, note)
    SELECT n.n, 'root ' || n.n
    FROM generate_series(1, 26) AS n (n);

    INSERT INTO bench_all_level_2 (id, parent_id, note)
    SELECT
        (n.n - 1) * p_step % v_all + 1,
        CASE WHEN n.n <= p_units THEN 1 ELSE 2 + (n.n - p_units - 1) / p_other_units END,
        'leave it at the door ' || n.n
    FROM generate_series(1, v_all) AS n (n);

    INSERT INTO bench_all_level_3 (id, parent_id, note)
    SELECT
        (n.n - 1) * p_step % (v_all * 2) + 1,
        (n.n - 1) / 2 + 1,
        'leave it at the door ' || n.n
    FROM generate_series(1, v_all * 2) AS n (n);

    INSERT INTO bench_all_level_4 (id, parent_id, note)
    SELECT
        (n.n - 1) * p_step % (v_all * 2) + 1,
        n.n,
        'leave it at the door ' || n.n
    FROM generate_series(1, v_all * 2) AS n (n);

    INSERT INTO bench_all_level_5 (id, parent_id, note)
    SELECT
        (n.n - 1) * p_step % (v_all * 4) + 1,
        (n.n - 1) / 2 + 1,
        'leave it at the door ' || n.n
    FROM generate_series(1, v_all * 4) AS n (n);

    INSERT INTO bench_all_level_6 (id, parent_id, note)
    SELECT
        (n.n - 1) * p_step % (v_all * 4) + 1,
        n.n,
        'leave it at the door ' || n.n
    FROM generate_series(1, v_all * 4) AS n (n);

    INSERT INTO bench_all_level_7 (id, parent_id, note)
    SELECT
        (n.n - 1) * p_step % (v_all * 8) + 1,
        (n.n - 1) / 2 + 1,
        'leave it at the door ' || n.n
    FROM generate_series(1, v_all * 8) AS n (n);

    INSERT INTO bench_all_level_8 (id, parent_id, note)
    SELECT
        (n.n - 1) * p_step % (v_all * 8) + 1,
        n.n,
        'leave it at the door ' || n.n
    FROM generate_series(1, v_all * 8) AS n (n);

    INSERT INTO bench_all_level_9 (id, parent_id, note)
    SELECT
        (n.n - 1) * p_step % (v_all * 16) + 1,
        (n.n - 1) / 2 + 1,
        'leave it at the door ' || n.n
    FROM generate_series(1, v_all * 16) AS n (n);

    INSERT INTO bench_all_level_10 (id, parent_id, note)
    SELECT
        (n.n - 1) * p_step % (v_all * 16) + 1,
        n.n,
        'leave it at the door ' || n.n
    FROM generate_series(1, v_all * 16) AS n (n);
END;
$bench_fill$;

CREATE PROCEDURE bench_restore()
LANGUAGE plpgsql
AS $bench_restore$
BEGIN
    TRUNCATE bench_level_1, bench_level_2, bench_level_3, bench_level_4, bench_level_5,
        bench_level_6, bench_level_7, bench_level_8, bench_level_9, bench_level_10;
    INSERT INTO bench_level_1 SELECT l.* FROM bench_all_level_1 AS l ORDER BY l.id;
    INSERT INTO bench_level_2 SELECT l.* FROM bench_all_level_2 AS l ORDER BY l.id;
    INSERT INTO bench_level_3 SELECT l.* FROM bench_all_level_3 AS l ORDER BY l.id;
    INSERT INTO bench_level_4 SELECT l.* FROM bench_all_level_4 AS l ORDER BY l.id;
    INSERT INTO bench_level_5 SELECT l.* FROM bench_all_level_5 AS l ORDER BY l.id;
    INSERT INTO bench_level_6 SELECT l.* FROM bench_all_level_6 AS l ORDER BY l.id;
    INSERT INTO bench_level_7 SELECT l.* FROM bench_all_level_7 AS l ORDER BY l.id;
    INSERT INTO bench_level_8 SELECT l.* FROM bench_all_level_8 AS l ORDER BY l.id;
    INSERT INTO bench_level_9 SELECT l.* FROM bench_all_level_9 AS l ORDER BY l.id;
    INSERT INTO bench_level_10 SELECT l.* FROM bench_all_level_10 AS l ORDER BY l.id;
END;
$bench_restore$;

-- What somebody who knows the tables would write: the rows of level 2 in key order, each batch of
-- them with all that hangs from it, children first, each commit at most p_batch_rows rows.
CREATE PROCEDURE bench_by_hand(p_root_id bigint, p_batch_rows integer)
LANGUAGE plpgsql
AS $bench_by_hand$
DECLARE
    v_2 bigint[];
    v_3 bigint[];
    v_4 bigint[];
    v_5 bigint[];
    v_6 bigint[];
    v_7 bigint[];
    v_8 bigint[];
    v_9 bigint[];
    v_last bigint := 0;
BEGIN
    LOOP
        v_2 := ARRAY(
            SELECT l.id
            FROM bench_level_2 AS l
            WHERE l.parent_id = p_root_id AND l.id > v_last
            ORDER BY l.id
            LIMIT greatest(p_batch_rows / 61, 1)
        );
        EXIT WHEN cardinality(v_2) = 0;
        v_last := v_2[cardinality(v_2)];

        v_3 := ARRAY(SELECT l.id FROM bench_level_3 AS l WHERE l.parent_id = ANY(v_2));
        v_4 := ARRAY(SELECT l.id FROM bench_level_4 AS l WHERE l.parent_id = ANY(v_3));
        v_5 := ARRAY(SELECT l.id FROM bench_level_5 AS l WHERE l.parent_id = ANY(v_4));
        v_6 := ARRAY(SELECT l.id FROM bench_level_6 AS l WHERE l.parent_id = ANY(v_5));
        v_7 := ARRAY(SELECT l.id FROM bench_level_7 AS l WHERE l.parent_id = ANY(v_6));
        v_8 := ARRAY(SELECT l.id FROM bench_level_8 AS l WHERE l.parent_id = ANY(v_7));
        v_9 := ARRAY(SELECT l.id FROM bench_level_9 AS l WHERE l.parent_id = ANY(v_8));

        DELETE FROM bench_level_10 AS l
        WHERE l.ctid = ANY(ARRAY(
            SELECT d.ctid FROM bench_level_10 AS d WHERE d.parent_id = ANY(v_9)
        ));
        DELETE FROM bench_level_9 AS l WHERE l.id = ANY(v_9);
        DELETE FROM bench_level_8 AS l WHERE l.id = ANY(v_8);
        DELETE FROM bench_level_7 AS l WHERE l.id = ANY(v_7);
        DELETE FROM bench_level_6 AS l WHERE l.id = ANY(v_6);
        DELETE FROM bench_level_5 AS l WHERE l.id = ANY(v_5);
        DELETE FROM bench_level_4 AS l WHERE l.id = ANY(v_4);
        DELETE FROM bench_level_3 AS l WHERE l.id = ANY(v_3);
        DELETE FROM bench_level_2 AS l WHERE l.id = ANY(v_2);
        COMMIT;
    END LOOP;

    DELETE FROM bench_level_1 AS l WHERE l.id = p_root_id;
END;
$bench_by_hand$;

-- The engine's own cascade: one statement, one transaction.
CREATE PROCEDURE bench_native(p_root_id bigint, p_batch_rows integer)
LANGUAGE plpgsql
AS $bench_native$
BEGIN
    DELETE FROM bench_level_1 AS l WHERE l.id = p_root_id;
END;
$bench_native$;
