-- One level: a parent with as many children as are wanted. A copy of all rows stands aside, so that
-- every measurement begins with the same data.

CREATE TABLE bench_parents (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    name VARCHAR(200) NOT NULL
);

CREATE TABLE bench_children (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    parent_id BIGINT UNSIGNED NOT NULL,
    note VARCHAR(200) NOT NULL,
    KEY bench_children_parent (parent_id),
    CONSTRAINT bench_children_parent FOREIGN KEY (parent_id)
    REFERENCES bench_parents (id) ON DELETE CASCADE
);

CREATE TABLE bench_all_parents (PRIMARY KEY (id)) AS SELECT * FROM bench_parents;
CREATE TABLE bench_all_children (PRIMARY KEY (id)) AS SELECT * FROM bench_children;

CREATE VIEW vw_bench_left AS
SELECT
    'bench_parents' AS table_name,
    count(*) AS rows_left,
    cast(coalesce(sum(id), 0) AS CHAR) AS key_sum
FROM bench_parents
UNION ALL
SELECT 'bench_children', count(*), cast(coalesce(sum(id), 0) AS CHAR) FROM bench_children;

DELIMITER $$

-- Parent 1 is to be deleted; 2 to 6 warm caches and plans; 7 to 26 must stay. Children are numbered
-- parent by parent; number n has the key (n - 1) * p_step modulo all of them, plus 1: with the
-- step 1 this is n, with a large prime neighbours lie far apart.
CREATE PROCEDURE bench_fill(IN p_children BIGINT, IN p_other_children BIGINT, IN p_step BIGINT)
MODIFIES SQL DATA
SQL SECURITY INVOKER
BEGIN
    DECLARE v_all BIGINT DEFAULT p_children + 25 * p_other_children;

    SET SESSION cte_max_recursion_depth = 100000000;

    INSERT INTO bench_all_parents (id, name)
    WITH RECURSIVE numbers (n) AS (
        SELECT 1
        UNION ALL
        SELECT n + 1 FROM numbers WHERE n < 26
    )

    SELECT n, concat('parent ', n) FROM numbers;

    INSERT INTO bench_all_children (id, parent_id, note)
    WITH RECURSIVE numbers (n) AS (
        SELECT 1
        UNION ALL
        SELECT n + 1 FROM numbers WHERE n < v_all
    )

    SELECT
        (n - 1) * p_step % v_all + 1 AS id,
        if(n <= p_children, 1, 2 + (n - p_children - 1) DIV p_other_children),
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
    TRUNCATE TABLE bench_children;
    TRUNCATE TABLE bench_parents;
    INSERT INTO bench_parents SELECT * FROM bench_all_parents ORDER BY id;
    INSERT INTO bench_children SELECT * FROM bench_all_children ORDER BY id;
    SET SESSION foreign_key_checks = 1;
END$$

-- What somebody who knows the tables would write: the children in key order, each commit at most
-- p_batch_rows of them.
CREATE PROCEDURE bench_by_hand(IN p_parent_id BIGINT UNSIGNED, IN p_batch_rows INT)
MODIFIES SQL DATA
SQL SECURITY INVOKER
BEGIN
    DECLARE v_after BIGINT UNSIGNED DEFAULT 0;
    DECLARE v_last BIGINT UNSIGNED;

    SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;

    batches: LOOP
        SELECT max(b.id) INTO v_last
        FROM (
            SELECT c.id
            FROM bench_children AS c
            WHERE c.parent_id = p_parent_id AND c.id > v_after
            ORDER BY c.id
            LIMIT p_batch_rows
        ) AS b;

        IF v_last IS NULL THEN
            LEAVE batches;
        END IF;

        START TRANSACTION;
        DELETE FROM bench_children
        WHERE parent_id = p_parent_id AND id > v_after AND id <= v_last;
        COMMIT;
        SET v_after = v_last;
    END LOOP;

    START TRANSACTION;
    DELETE FROM bench_parents WHERE id = p_parent_id;
    COMMIT;
END$$

-- The engine's own cascade: one statement, one transaction.
CREATE PROCEDURE bench_native(IN p_parent_id BIGINT UNSIGNED, IN p_batch_rows INT)
MODIFIES SQL DATA
SQL SECURITY INVOKER
BEGIN
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    START TRANSACTION;
    DELETE FROM bench_parents WHERE id = p_parent_id;
    COMMIT;
END$$

DELIMITER ;
