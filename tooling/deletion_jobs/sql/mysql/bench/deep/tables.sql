-- Ten levels: below a row of the first as many of the second as are wanted, and below each of
-- those one or two at every level, 61 rows in all. A copy of all rows stands aside, so that every
-- measurement begins with the same data.

CREATE TABLE bench_level_1 (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    note VARCHAR(200) NOT NULL
);

CREATE TABLE bench_level_2 (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    parent_id BIGINT UNSIGNED NOT NULL,
    note VARCHAR(200) NOT NULL,
    KEY bench_level_2_parent (parent_id),
    CONSTRAINT bench_level_2_parent FOREIGN KEY (parent_id)
    REFERENCES bench_level_1 (id) ON DELETE CASCADE
);

CREATE TABLE bench_level_3 (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    parent_id BIGINT UNSIGNED NOT NULL,
    note VARCHAR(200) NOT NULL,
    KEY bench_level_3_parent (parent_id),
    CONSTRAINT bench_level_3_parent FOREIGN KEY (parent_id)
    REFERENCES bench_level_2 (id) ON DELETE CASCADE
);

CREATE TABLE bench_level_4 (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    parent_id BIGINT UNSIGNED NOT NULL,
    note VARCHAR(200) NOT NULL,
    KEY bench_level_4_parent (parent_id),
    CONSTRAINT bench_level_4_parent FOREIGN KEY (parent_id)
    REFERENCES bench_level_3 (id) ON DELETE CASCADE
);

CREATE TABLE bench_level_5 (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    parent_id BIGINT UNSIGNED NOT NULL,
    note VARCHAR(200) NOT NULL,
    KEY bench_level_5_parent (parent_id),
    CONSTRAINT bench_level_5_parent FOREIGN KEY (parent_id)
    REFERENCES bench_level_4 (id) ON DELETE CASCADE
);

CREATE TABLE bench_level_6 (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    parent_id BIGINT UNSIGNED NOT NULL,
    note VARCHAR(200) NOT NULL,
    KEY bench_level_6_parent (parent_id),
    CONSTRAINT bench_level_6_parent FOREIGN KEY (parent_id)
    REFERENCES bench_level_5 (id) ON DELETE CASCADE
);

CREATE TABLE bench_level_7 (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    parent_id BIGINT UNSIGNED NOT NULL,
    note VARCHAR(200) NOT NULL,
    KEY bench_level_7_parent (parent_id),
    CONSTRAINT bench_level_7_parent FOREIGN KEY (parent_id)
    REFERENCES bench_level_6 (id) ON DELETE CASCADE
);

CREATE TABLE bench_level_8 (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    parent_id BIGINT UNSIGNED NOT NULL,
    note VARCHAR(200) NOT NULL,
    KEY bench_level_8_parent (parent_id),
    CONSTRAINT bench_level_8_parent FOREIGN KEY (parent_id)
    REFERENCES bench_level_7 (id) ON DELETE CASCADE
);

CREATE TABLE bench_level_9 (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    parent_id BIGINT UNSIGNED NOT NULL,
    note VARCHAR(200) NOT NULL,
    KEY bench_level_9_parent (parent_id),
    CONSTRAINT bench_level_9_parent FOREIGN KEY (parent_id)
    REFERENCES bench_level_8 (id) ON DELETE CASCADE
);

CREATE TABLE bench_level_10 (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    parent_id BIGINT UNSIGNED NOT NULL,
    note VARCHAR(200) NOT NULL,
    KEY bench_level_10_parent (parent_id),
    CONSTRAINT bench_level_10_parent FOREIGN KEY (parent_id)
    REFERENCES bench_level_9 (id) ON DELETE CASCADE
);

CREATE TABLE bench_all_level_1 (PRIMARY KEY (id)) AS SELECT * FROM bench_level_1;
CREATE TABLE bench_all_level_2 (PRIMARY KEY (id)) AS SELECT * FROM bench_level_2;
CREATE TABLE bench_all_level_3 (PRIMARY KEY (id)) AS SELECT * FROM bench_level_3;
CREATE TABLE bench_all_level_4 (PRIMARY KEY (id)) AS SELECT * FROM bench_level_4;
CREATE TABLE bench_all_level_5 (PRIMARY KEY (id)) AS SELECT * FROM bench_level_5;
CREATE TABLE bench_all_level_6 (PRIMARY KEY (id)) AS SELECT * FROM bench_level_6;
CREATE TABLE bench_all_level_7 (PRIMARY KEY (id)) AS SELECT * FROM bench_level_7;
CREATE TABLE bench_all_level_8 (PRIMARY KEY (id)) AS SELECT * FROM bench_level_8;
CREATE TABLE bench_all_level_9 (PRIMARY KEY (id)) AS SELECT * FROM bench_level_9;
CREATE TABLE bench_all_level_10 (PRIMARY KEY (id)) AS SELECT * FROM bench_level_10;

CREATE VIEW vw_bench_left AS
SELECT
    'bench_level_1' AS table_name,
    count(*) AS rows_left,
    cast(coalesce(sum(id), 0) AS CHAR) AS key_sum
FROM bench_level_1
UNION ALL
SELECT 'bench_level_2', count(*), cast(coalesce(sum(id), 0) AS CHAR) FROM bench_level_2
UNION ALL
SELECT 'bench_level_3', count(*), cast(coalesce(sum(id), 0) AS CHAR) FROM bench_level_3
UNION ALL
SELECT 'bench_level_4', count(*), cast(coalesce(sum(id), 0) AS CHAR) FROM bench_level_4
UNION ALL
SELECT 'bench_level_5', count(*), cast(coalesce(sum(id), 0) AS CHAR) FROM bench_level_5
UNION ALL
SELECT 'bench_level_6', count(*), cast(coalesce(sum(id), 0) AS CHAR) FROM bench_level_6
UNION ALL
SELECT 'bench_level_7', count(*), cast(coalesce(sum(id), 0) AS CHAR) FROM bench_level_7
UNION ALL
SELECT 'bench_level_8', count(*), cast(coalesce(sum(id), 0) AS CHAR) FROM bench_level_8
UNION ALL
SELECT 'bench_level_9', count(*), cast(coalesce(sum(id), 0) AS CHAR) FROM bench_level_9
UNION ALL
SELECT 'bench_level_10', count(*), cast(coalesce(sum(id), 0) AS CHAR) FROM bench_level_10;

DELIMITER $$

-- Row 1 is to be deleted; 2 to 6 warm caches and plans; 7 to 26 must stay. The children of a row
-- are numbered in the order of its key; number n has the key (n - 1) * p_step modulo all of its
-- level, plus 1: with the step 1 this is n, with a large prime neighbours lie far apart.
CREATE PROCEDURE bench_fill(IN p_units BIGINT, IN p_other_units BIGINT, IN p_step BIGINT)
MODIFIES SQL DATA
SQL SECURITY INVOKER
BEGIN
    DECLARE v_all BIGINT DEFAULT p_units + 25 * p_other_units;

    SET SESSION cte_max_recursion_depth = 100000000;

    INSERT INTO bench_all_level_1 (id, note)
    WITH RECURSIVE numbers (n) AS (
        SELECT 1
        UNION ALL
        SELECT n + 1 FROM numbers WHERE n < 26
    )

    SELECT n, concat('root ', n) FROM numbers;

    INSERT INTO bench_all_level_2 (id, parent_id, note)
    WITH RECURSIVE numbers (n) AS (
        SELECT 1
        UNION ALL
        SELECT n + 1 FROM numbers WHERE n < v_all
    )

    SELECT
        (n - 1) * p_step % v_all + 1 AS id,
        if(n <= p_units, 1, 2 + (n - p_units - 1) DIV p_other_units),
        concat('leave it at the door ', n)
    FROM numbers
    ORDER BY id;

    INSERT INTO bench_all_level_3 (id, parent_id, note)
    WITH RECURSIVE numbers (n) AS (
        SELECT 1
        UNION ALL
        SELECT n + 1 FROM numbers WHERE n < v_all * 2
    )

    SELECT
        (n - 1) * p_step % (v_all * 2) + 1 AS id,
        (n - 1) DIV 2 + 1,
        concat('leave it at the door ', n)
    FROM numbers
    ORDER BY id;

    INSERT INTO bench_all_level_4 (id, parent_id, note)
    WITH RECURSIVE numbers (n) AS (
        SELECT 1
        UNION ALL
        SELECT n + 1 FROM numbers WHERE n < v_all * 2
    )

    SELECT
        (n - 1) * p_step % (v_all * 2) + 1 AS id,
        n,
        concat('leave it at the door ', n)
    FROM numbers
    ORDER BY id;

    INSERT INTO bench_all_level_5 (id, parent_id, note)
    WITH RECURSIVE numbers (n) AS (
        SELECT 1
        UNION ALL
        SELECT n + 1 FROM numbers WHERE n < v_all * 4
    )

    SELECT
        (n - 1) * p_step % (v_all * 4) + 1 AS id,
        (n - 1) DIV 2 + 1,
        concat('leave it at the door ', n)
    FROM numbers
    ORDER BY id;

    INSERT INTO bench_all_level_6 (id, parent_id, note)
    WITH RECURSIVE numbers (n) AS (
        SELECT 1
        UNION ALL
        SELECT n + 1 FROM numbers WHERE n < v_all * 4
    )

    SELECT
        (n - 1) * p_step % (v_all * 4) + 1 AS id,
        n,
        concat('leave it at the door ', n)
    FROM numbers
    ORDER BY id;

    INSERT INTO bench_all_level_7 (id, parent_id, note)
    WITH RECURSIVE numbers (n) AS (
        SELECT 1
        UNION ALL
        SELECT n + 1 FROM numbers WHERE n < v_all * 8
    )

    SELECT
        (n - 1) * p_step % (v_all * 8) + 1 AS id,
        (n - 1) DIV 2 + 1,
        concat('leave it at the door ', n)
    FROM numbers
    ORDER BY id;

    INSERT INTO bench_all_level_8 (id, parent_id, note)
    WITH RECURSIVE numbers (n) AS (
        SELECT 1
        UNION ALL
        SELECT n + 1 FROM numbers WHERE n < v_all * 8
    )

    SELECT
        (n - 1) * p_step % (v_all * 8) + 1 AS id,
        n,
        concat('leave it at the door ', n)
    FROM numbers
    ORDER BY id;

    INSERT INTO bench_all_level_9 (id, parent_id, note)
    WITH RECURSIVE numbers (n) AS (
        SELECT 1
        UNION ALL
        SELECT n + 1 FROM numbers WHERE n < v_all * 16
    )

    SELECT
        (n - 1) * p_step % (v_all * 16) + 1 AS id,
        (n - 1) DIV 2 + 1,
        concat('leave it at the door ', n)
    FROM numbers
    ORDER BY id;

    INSERT INTO bench_all_level_10 (id, parent_id, note)
    WITH RECURSIVE numbers (n) AS (
        SELECT 1
        UNION ALL
        SELECT n + 1 FROM numbers WHERE n < v_all * 16
    )

    SELECT
        (n - 1) * p_step % (v_all * 16) + 1 AS id,
        n,
        concat('leave it at the door ', n)
    FROM numbers
    ORDER BY id;
END$$

CREATE PROCEDURE bench_restore()
MODIFIES SQL DATA
SQL SECURITY INVOKER
BEGIN
    -- The copies hold no orphans: looking for each row's parent is a quarter of the time.
    SET SESSION foreign_key_checks = 0;
    TRUNCATE TABLE bench_level_10;
    TRUNCATE TABLE bench_level_9;
    TRUNCATE TABLE bench_level_8;
    TRUNCATE TABLE bench_level_7;
    TRUNCATE TABLE bench_level_6;
    TRUNCATE TABLE bench_level_5;
    TRUNCATE TABLE bench_level_4;
    TRUNCATE TABLE bench_level_3;
    TRUNCATE TABLE bench_level_2;
    TRUNCATE TABLE bench_level_1;
    INSERT INTO bench_level_1 SELECT * FROM bench_all_level_1 ORDER BY id;
    INSERT INTO bench_level_2 SELECT * FROM bench_all_level_2 ORDER BY id;
    INSERT INTO bench_level_3 SELECT * FROM bench_all_level_3 ORDER BY id;
    INSERT INTO bench_level_4 SELECT * FROM bench_all_level_4 ORDER BY id;
    INSERT INTO bench_level_5 SELECT * FROM bench_all_level_5 ORDER BY id;
    INSERT INTO bench_level_6 SELECT * FROM bench_all_level_6 ORDER BY id;
    INSERT INTO bench_level_7 SELECT * FROM bench_all_level_7 ORDER BY id;
    INSERT INTO bench_level_8 SELECT * FROM bench_all_level_8 ORDER BY id;
    INSERT INTO bench_level_9 SELECT * FROM bench_all_level_9 ORDER BY id;
    INSERT INTO bench_level_10 SELECT * FROM bench_all_level_10 ORDER BY id;
    SET SESSION foreign_key_checks = 1;
END$$

-- What somebody who knows the tables would write: the rows of level 2 in key order, each batch of
-- them with all that hangs from it, children first, each commit at most p_batch_rows rows.
CREATE PROCEDURE bench_by_hand(IN p_root_id BIGINT UNSIGNED, IN p_batch_rows INT)
MODIFIES SQL DATA
SQL SECURITY INVOKER
BEGIN
    DECLARE v_parents INT DEFAULT greatest(floor(p_batch_rows / 61), 1);
    DECLARE v_after BIGINT UNSIGNED DEFAULT 0;
    DECLARE v_last BIGINT UNSIGNED;

    SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;

    batches: LOOP
        SELECT max(b.id) INTO v_last
        FROM (
            SELECT l.id
            FROM bench_level_2 AS l
            WHERE l.parent_id = p_root_id AND l.id > v_after
            ORDER BY l.id
            LIMIT v_parents
        ) AS b;

        IF v_last IS NULL THEN
            LEAVE batches;
        END IF;

        START TRANSACTION;

        DELETE l10
        FROM bench_level_2 AS l2
        STRAIGHT_JOIN bench_level_3 AS l3 ON l3.parent_id = l2.id
        STRAIGHT_JOIN bench_level_4 AS l4 ON l4.parent_id = l3.id
        STRAIGHT_JOIN bench_level_5 AS l5 ON l5.parent_id = l4.id
        STRAIGHT_JOIN bench_level_6 AS l6 ON l6.parent_id = l5.id
        STRAIGHT_JOIN bench_level_7 AS l7 ON l7.parent_id = l6.id
        STRAIGHT_JOIN bench_level_8 AS l8 ON l8.parent_id = l7.id
        STRAIGHT_JOIN bench_level_9 AS l9 ON l9.parent_id = l8.id
        STRAIGHT_JOIN bench_level_10 AS l10 ON l10.parent_id = l9.id
        WHERE l2.parent_id = p_root_id AND l2.id > v_after AND l2.id <= v_last;

        DELETE l9
        FROM bench_level_2 AS l2
        STRAIGHT_JOIN bench_level_3 AS l3 ON l3.parent_id = l2.id
        STRAIGHT_JOIN bench_level_4 AS l4 ON l4.parent_id = l3.id
        STRAIGHT_JOIN bench_level_5 AS l5 ON l5.parent_id = l4.id
        STRAIGHT_JOIN bench_level_6 AS l6 ON l6.parent_id = l5.id
        STRAIGHT_JOIN bench_level_7 AS l7 ON l7.parent_id = l6.id
        STRAIGHT_JOIN bench_level_8 AS l8 ON l8.parent_id = l7.id
        STRAIGHT_JOIN bench_level_9 AS l9 ON l9.parent_id = l8.id
        WHERE l2.parent_id = p_root_id AND l2.id > v_after AND l2.id <= v_last;

        DELETE l8
        FROM bench_level_2 AS l2
        STRAIGHT_JOIN bench_level_3 AS l3 ON l3.parent_id = l2.id
        STRAIGHT_JOIN bench_level_4 AS l4 ON l4.parent_id = l3.id
        STRAIGHT_JOIN bench_level_5 AS l5 ON l5.parent_id = l4.id
        STRAIGHT_JOIN bench_level_6 AS l6 ON l6.parent_id = l5.id
        STRAIGHT_JOIN bench_level_7 AS l7 ON l7.parent_id = l6.id
        STRAIGHT_JOIN bench_level_8 AS l8 ON l8.parent_id = l7.id
        WHERE l2.parent_id = p_root_id AND l2.id > v_after AND l2.id <= v_last;

        DELETE l7
        FROM bench_level_2 AS l2
        STRAIGHT_JOIN bench_level_3 AS l3 ON l3.parent_id = l2.id
        STRAIGHT_JOIN bench_level_4 AS l4 ON l4.parent_id = l3.id
        STRAIGHT_JOIN bench_level_5 AS l5 ON l5.parent_id = l4.id
        STRAIGHT_JOIN bench_level_6 AS l6 ON l6.parent_id = l5.id
        STRAIGHT_JOIN bench_level_7 AS l7 ON l7.parent_id = l6.id
        WHERE l2.parent_id = p_root_id AND l2.id > v_after AND l2.id <= v_last;

        DELETE l6
        FROM bench_level_2 AS l2
        STRAIGHT_JOIN bench_level_3 AS l3 ON l3.parent_id = l2.id
        STRAIGHT_JOIN bench_level_4 AS l4 ON l4.parent_id = l3.id
        STRAIGHT_JOIN bench_level_5 AS l5 ON l5.parent_id = l4.id
        STRAIGHT_JOIN bench_level_6 AS l6 ON l6.parent_id = l5.id
        WHERE l2.parent_id = p_root_id AND l2.id > v_after AND l2.id <= v_last;

        DELETE l5
        FROM bench_level_2 AS l2
        STRAIGHT_JOIN bench_level_3 AS l3 ON l3.parent_id = l2.id
        STRAIGHT_JOIN bench_level_4 AS l4 ON l4.parent_id = l3.id
        STRAIGHT_JOIN bench_level_5 AS l5 ON l5.parent_id = l4.id
        WHERE l2.parent_id = p_root_id AND l2.id > v_after AND l2.id <= v_last;

        DELETE l4
        FROM bench_level_2 AS l2
        STRAIGHT_JOIN bench_level_3 AS l3 ON l3.parent_id = l2.id
        STRAIGHT_JOIN bench_level_4 AS l4 ON l4.parent_id = l3.id
        WHERE l2.parent_id = p_root_id AND l2.id > v_after AND l2.id <= v_last;

        DELETE l3
        FROM bench_level_2 AS l2
        STRAIGHT_JOIN bench_level_3 AS l3 ON l3.parent_id = l2.id
        WHERE l2.parent_id = p_root_id AND l2.id > v_after AND l2.id <= v_last;

        DELETE FROM bench_level_2
        WHERE parent_id = p_root_id AND id > v_after AND id <= v_last;

        COMMIT;
        SET v_after = v_last;
    END LOOP;

    START TRANSACTION;
    DELETE FROM bench_level_1 WHERE id = p_root_id;
    COMMIT;
END$$

-- The engine's own cascade: one statement, one transaction.
CREATE PROCEDURE bench_native(IN p_root_id BIGINT UNSIGNED, IN p_batch_rows INT)
MODIFIES SQL DATA
SQL SECURITY INVOKER
BEGIN
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    START TRANSACTION;
    DELETE FROM bench_level_1 WHERE id = p_root_id;
    COMMIT;
END$$

DELIMITER ;
