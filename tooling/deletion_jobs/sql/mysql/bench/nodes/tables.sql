-- A table that refers to itself: a tree where every node has p_fan children, a chain where it has
-- one. A copy of all rows stands aside, so that every measurement begins with the same data.

CREATE TABLE bench_nodes (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    parent_id BIGINT UNSIGNED NULL,
    note VARCHAR(200) NOT NULL,
    KEY bench_nodes_parent (parent_id),
    CONSTRAINT bench_nodes_parent FOREIGN KEY (parent_id)
    REFERENCES bench_nodes (id) ON DELETE CASCADE
);

CREATE TABLE bench_all_nodes (PRIMARY KEY (id)) AS SELECT * FROM bench_nodes;

CREATE VIEW vw_bench_left AS
SELECT
    'bench_nodes' AS table_name,
    count(*) AS rows_left,
    cast(coalesce(sum(id), 0) AS CHAR) AS key_sum
FROM bench_nodes;

DELIMITER $$

-- Node 1 is to be deleted; 2 to 6 warm caches and plans; 7 to 26 must stay. The nodes below them
-- are numbered root by root, level by level; number n has the key n + 26, or, scattered, the cube
-- of n modulo p_prime, plus 26. Cubes differ where p_prime is larger than n and one less than a
-- multiple of three, and lie anywhere; multiples would put cousins in a row.
CREATE PROCEDURE bench_fill(
    IN p_nodes BIGINT, IN p_other_nodes BIGINT, IN p_prime BIGINT, IN p_fan BIGINT
)
MODIFIES SQL DATA
SQL SECURITY INVOKER
BEGIN
    DECLARE v_all BIGINT DEFAULT p_nodes + 25 * p_other_nodes;

    SET SESSION cte_max_recursion_depth = 100000000;

    INSERT INTO bench_all_nodes (id, parent_id, note)
    WITH RECURSIVE numbers (n) AS (
        SELECT 1
        UNION ALL
        SELECT n + 1 FROM numbers WHERE n < 26
    )

    SELECT n, NULL, concat('root ', n) FROM numbers;

    INSERT INTO bench_all_nodes (id, parent_id, note)
    WITH RECURSIVE numbers (n) AS (
        SELECT 1
        UNION ALL
        SELECT n + 1 FROM numbers WHERE n < v_all
    ),

    -- Places are counted from 1 below each root.
    places (n, root, place) AS (
        SELECT
            n,
            if(n <= p_nodes, 1, 2 + (n - p_nodes - 1) DIV p_other_nodes),
            if(n <= p_nodes, n, (n - p_nodes - 1) % p_other_nodes + 1)
        FROM numbers
    ),

    parents (n, root, place, parent) AS (
        SELECT n, root, place, n - place + (place - 1) DIV p_fan
        FROM places
    )

    SELECT
        26 + if(p_prime = 0, n, n * n % p_prime * n % p_prime) AS id,
        CASE
            WHEN place <= p_fan THEN root
            WHEN p_prime = 0 THEN 26 + parent
            ELSE 26 + parent * parent % p_prime * parent % p_prime
        END,
        concat('leave it at the door ', n)
    FROM parents
    ORDER BY id;
END$$

CREATE PROCEDURE bench_restore()
MODIFIES SQL DATA
SQL SECURITY INVOKER
BEGIN
    -- In the order of the keys a child may come before its parent.
    SET SESSION foreign_key_checks = 0;
    TRUNCATE TABLE bench_nodes;
    INSERT INTO bench_nodes SELECT * FROM bench_all_nodes ORDER BY id;
    SET SESSION foreign_key_checks = 1;
END$$

-- What somebody who knows the table would write: find all nodes with their depth, then delete them
-- by key, the deepest first, each commit at most p_batch_rows of them. Within a batch the engine
-- may take a parent before its child, and would cascade: such children are detached before.
CREATE PROCEDURE bench_by_hand(IN p_root_id BIGINT UNSIGNED, IN p_batch_rows INT)
MODIFIES SQL DATA
SQL SECURITY INVOKER
BEGIN
    DECLARE v_first BIGINT DEFAULT 1;
    DECLARE v_last BIGINT;
    DECLARE v_count BIGINT;
    DECLARE v_levels INT;

    SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;
    SET SESSION cte_max_recursion_depth = 100000000;

    DROP TEMPORARY TABLE IF EXISTS bench_doomed;
    CREATE TEMPORARY TABLE bench_doomed (
        place BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
        id BIGINT UNSIGNED NOT NULL,
        depth INT NOT NULL
    );
    INSERT INTO bench_doomed (id, depth)
    WITH RECURSIVE below (id, depth) AS (
        SELECT p_root_id, 0
        UNION ALL
        SELECT n.id, b.depth + 1
        FROM below AS b
        INNER JOIN bench_nodes AS n ON n.parent_id = b.id
    )

    SELECT id, depth FROM below ORDER BY depth DESC, id;
    SET v_count = row_count();

    WHILE v_first <= v_count DO
        SET v_last = v_first + p_batch_rows - 1;
        SELECT count(DISTINCT d.depth) INTO v_levels
        FROM bench_doomed AS d
        WHERE d.place BETWEEN v_first AND v_last;

        START TRANSACTION;

        IF v_levels > 1 THEN
            UPDATE bench_doomed AS d
            STRAIGHT_JOIN bench_nodes AS n ON n.id = d.id
            SET n.parent_id = NULL
            WHERE d.place BETWEEN v_first AND v_last;
        END IF;

        DELETE n
        FROM bench_doomed AS d
        STRAIGHT_JOIN bench_nodes AS n ON n.id = d.id
        WHERE d.place BETWEEN v_first AND v_last;

        COMMIT;
        SET v_first = v_last + 1;
    END WHILE;

    DROP TEMPORARY TABLE bench_doomed;
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
    DELETE FROM bench_nodes WHERE id = p_root_id;
    COMMIT;
END$$

DELIMITER ;
