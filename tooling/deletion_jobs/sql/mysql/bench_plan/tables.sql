-- The tables of bench plan, made by bench_generate from three numbers and nothing else:
-- bench_plan_001 is the root, every other table refers to earlier ones, some also to themselves.
-- No circle but those of one table, and every reference cascades.

CREATE TABLE bench_edges (
    child INT NOT NULL,
    parent INT NOT NULL,
    PRIMARY KEY (child, parent)
);

DELIMITER $$

CREATE PROCEDURE bench_generate(IN p_tables INT, IN p_keys INT, IN p_self INT)
MODIFIES SQL DATA
SQL SECURITY INVOKER
BEGIN
    DECLARE v_turn INT DEFAULT 0;
    DECLARE v_left INT DEFAULT p_keys - p_self - (p_tables - 1);
    DECLARE v_child INT DEFAULT 1;
    DECLARE v_parent INT;

    INSERT INTO bench_edges (child, parent)
    WITH RECURSIVE number (n) AS (
        SELECT 1 UNION ALL SELECT number.n + 1 FROM number WHERE number.n < p_self
    )

    SELECT number.n * (p_tables DIV p_self), number.n * (p_tables DIV p_self) FROM number;

    -- A tree with four children a table, so that the root reaches all of them.
    INSERT INTO bench_edges (child, parent)
    WITH RECURSIVE number (n) AS (
        SELECT 2 UNION ALL SELECT number.n + 1 FROM number WHERE number.n < p_tables
    )

    SELECT number.n, (number.n - 2) DIV 4 + 1 FROM number;

    -- The rest goes from each table in turn to one that it does not refer to yet, and that is no
    -- lower than its parent in the tree: MySQL's own cascade ends at 15 levels.
    WHILE v_left > 0 DO
        SET v_child = 3 + v_turn % (p_tables - 2);
        SET v_parent = 1 + (v_child * 7 + v_turn DIV (p_tables - 2)) % ((v_child - 2) DIV 4 + 1);
        SET v_turn = v_turn + 1;
        INSERT IGNORE INTO bench_edges (child, parent) VALUES (v_child, v_parent);
        SET v_left = v_left - row_count();
    END WHILE;

    SET v_child = 1;

    WHILE v_child <= p_tables DO
        CALL bench_create(v_child);
        SET v_child = v_child + 1;
    END WHILE;
END$$

-- A table with a column, a key and an index for each reference; NULL only where it is to itself.
CREATE PROCEDURE bench_create(IN p_child INT)
MODIFIES SQL DATA
SQL SECURITY INVOKER
BEGIN
    DECLARE v_name VARCHAR(64) DEFAULT concat('bench_plan_', lpad(p_child, 3, '0'));

    SET SESSION group_concat_max_len = 1000000;

    SELECT concat(
        'CREATE TABLE ', v_name, ' (id BIGINT NOT NULL PRIMARY KEY, note VARCHAR(100) NOT NULL',
        coalesce(group_concat(
            ', parent_', lpad(e.parent, 3, '0'), ' BIGINT',
            if(e.parent = e.child, ' NULL', ' NOT NULL'),
            ', KEY ', v_name, '_', lpad(e.parent, 3, '0'), ' (parent_', lpad(e.parent, 3, '0'),
            '), CONSTRAINT ', v_name, '_', lpad(e.parent, 3, '0'),
            ' FOREIGN KEY (parent_', lpad(e.parent, 3, '0'),
            ') REFERENCES bench_plan_', lpad(e.parent, 3, '0'), ' (id) ON DELETE CASCADE'
            ORDER BY e.parent
            SEPARATOR ''
        ), ''),
        ')'
    )
    INTO @bench_text
    FROM bench_edges AS e
    WHERE e.child = p_child;

    PREPARE bench_statement FROM @bench_text;
    EXECUTE bench_statement;
    DEALLOCATE PREPARE bench_statement;
END$$

-- A row with this key in each of the first p_tables tables, below the row with the same key in
-- every other table that it refers to.
CREATE PROCEDURE bench_fill(IN p_id BIGINT, IN p_tables INT)
MODIFIES SQL DATA
SQL SECURITY INVOKER
BEGIN
    DECLARE v_child INT DEFAULT 1;

    START TRANSACTION;

    WHILE v_child <= p_tables DO
        SELECT concat(
            'INSERT INTO bench_plan_', lpad(v_child, 3, '0'), ' (id, note',
            coalesce(group_concat(', parent_', lpad(e.parent, 3, '0') SEPARATOR ''), ''),
            ') VALUES (', p_id, ', ''a row''', repeat(concat(', ', p_id), count(*)), ')'
        )
        INTO @bench_text
        FROM bench_edges AS e
        WHERE e.child = v_child AND e.parent <> v_child;

        PREPARE bench_statement FROM @bench_text;
        EXECUTE bench_statement;
        DEALLOCATE PREPARE bench_statement;
        SET v_child = v_child + 1;
    END WHILE;

    COMMIT;
END$$

-- The engine's own cascade: one statement, one transaction.
CREATE PROCEDURE bench_native(IN p_id BIGINT)
MODIFIES SQL DATA
SQL SECURITY INVOKER
BEGIN
    DELETE FROM bench_plan_001 WHERE id = p_id;
END$$

-- Count the rows with a key, in all tables together.
CREATE PROCEDURE bench_rows(IN p_id BIGINT)
READS SQL DATA
SQL SECURITY INVOKER
BEGIN
    DECLARE v_child INT DEFAULT 1;
    DECLARE v_rows BIGINT DEFAULT 0;

    WHILE v_child <= (SELECT max(e.child) FROM bench_edges AS e) DO
        SET @bench_text = concat(
            'SELECT count(*) INTO @bench_count FROM bench_plan_', lpad(v_child, 3, '0'),
            ' WHERE id = ', p_id
        );
        PREPARE bench_statement FROM @bench_text;
        EXECUTE bench_statement;
        DEALLOCATE PREPARE bench_statement;
        SET v_rows = v_rows + @bench_count;
        SET v_child = v_child + 1;
    END WHILE;

    SELECT v_rows AS value;
END$$

DELIMITER ;
