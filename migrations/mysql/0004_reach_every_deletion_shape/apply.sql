-- 0004_reach_every_deletion_shape: apply
-- Reach every deletion shape on MySQL.
--
-- Plain SQL for mysql; deletion-jobs sends the same text. Generated from the files
-- named by the markers: edit those, then run deletion-jobs migrations write.

-- >>> tooling/deletion_jobs/sql/mysql/migration_begin.sql
-- Routines keep the settings of the session that makes them; the session gets its own back.
SET @dj_sql_mode = @@SESSION.sql_mode;
SET @dj_time_zone = @@SESSION.time_zone;
SET @dj_lock_wait_timeout = @@SESSION.lock_wait_timeout;
SET NAMES utf8mb4 COLLATE utf8mb4_0900_ai_ci;
SET SESSION sql_mode
= 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,'
'ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION';
SET SESSION time_zone = '+00:00';
SET SESSION lock_wait_timeout = 2;
-- <<<

-- Every statement can be run again: here DDL commits.

-- Circles: what the planner notes of a reference. Nothing is in its work table between two plans.
SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.columns AS c
        WHERE
            c.table_schema = database() AND c.table_name = 'deletion_plan_edges'
            AND c.column_name = 'break_list'
    ),
    'DO 0',
    'ALTER TABLE deletion_plan_edges '
    'ADD COLUMN is_circular BOOLEAN NOT NULL DEFAULT FALSE '
    'COMMENT ''True where tables refer to each other in a circle by it'' AFTER set_list, '
    'ADD COLUMN break_list TEXT NULL '
    'COMMENT ''What an UPDATE of child row c may set NULL to let its parent go first'' '
    'AFTER is_circular'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

-- === schema/mysql/tables/deletion_plan_edges.sql 843667a7e19c28c3c0958cf8e861c3a5c1ca5d18291881d03efc413f42aebe89  -- noqa: LT05

-- >>> procedures/mysql/planner/deletion_sql_keyless.sql
-- deletion_sql_keyless
-- Write a statement on child rows that have no key by which each could be told from the others.
--
-- Parameters  p_plan_id, p_edge_no   the reference
--             p_kind                 see below
-- Returns     text
--             fetch         binds the frame and a limit
--             fetch_more    binds a row that is not read, the frame and a limit; says that it
--                           answers less than the limit: there is no place to go on from
--             parent_row    binds one row of the frame; its values come into @dj_k1 and so on
--             change_rows   binds a limit; deletes, or sets, rows that hang from that row
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_keyless;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_keyless(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write a statement on child rows that have no key by which each could be told from the others'  -- noqa: LT05
BEGIN
    DECLARE v_parent JSON;
    DECLARE v_table, v_on_frame, v_on_row, v_set, v_names, v_into, v_plain
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT
        p.frame_columns, concat(n.sql_name, ' AS c', deletion_sql_index(e.index_name)),
        e.on_frame, e.set_list, concat(n.sql_name, ' AS c')
    INTO v_parent, v_table, v_on_frame, v_set, v_plain
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    IF p_kind IN ('fetch', 'fetch_more') THEN
        RETURN concat(
            'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', q.j, \'k1\', q.k1)), ',
            'JSON_ARRAY()),\n    LEAST(COUNT(*), 9999)\nINTO @dj_answer, @dj_rows\nFROM (\n',
            '    SELECT t.j, CONCAT(',
            p_edge_no, ', \':\', ROW_NUMBER() OVER (), \':\', UUID()) AS k1\n    FROM ',
            if(p_kind = 'fetch', '', 'JSON_TABLE(?, \'$\' COLUMNS (k INT PATH \'$.k\')) AS a\n    STRAIGHT_JOIN '),  -- noqa: LT05
            deletion_sql_frame(v_parent, 'j BIGINT UNSIGNED PATH \'$.j\', m INT PATH \'$.m\', '),
            '\n    STRAIGHT_JOIN ', v_table, ' ON ', v_on_frame, '\n    LIMIT ?\n) AS q'
        );
    END IF;

    IF p_kind = 'parent_row' THEN
        SET v_names = replace(deletion_sql_list(v_parent, 'order', ', '), 'q.', 't.');
        SET v_into = replace(deletion_sql_list(v_parent, 'order', ', '), 'q.', '@dj_');
        RETURN concat(
            'SELECT t.m, ', v_names, '\nINTO @dj_m, ', v_into,
            '\nFROM JSON_TABLE(?, \'$\' COLUMNS (',
            'm INT PATH \'$.m\', ', deletion_sql_list(v_parent, 'frame', ', '), ')) AS t'
        );
    END IF;

    -- A DELETE with a limit is of one table alone, and takes no hint: the parent's values stand in
    -- variables.
    SET v_on_row = regexp_replace(v_on_frame, '\\bt[.]([kum][0-9]*)\\b', '@dj_$1');
    RETURN concat(
        if(v_set IS NULL, 'DELETE FROM ', 'UPDATE '), v_plain,
        coalesce(concat('\nSET ', replace(v_set, 'x.`', 'c.`')), ''),
        '\nWHERE ', v_on_row, '\nLIMIT ?'
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_fetch.sql
-- deletion_sql_fetch
-- Write the statement that finds the child rows of a frame by one reference.
--
-- Parameters  p_plan_id, p_edge_no   the reference
--             p_more   TRUE: in order of the child's key, and from after the row that was read last
-- Returns     text; binds (for more: the row read last, {} at first), the frame, and a limit;
--             answers the child frame in @dj_answer and its number of keys in @dj_rows
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_fetch;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_fetch(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_more BOOLEAN
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that finds the child rows of a frame by one reference'
BEGIN
    DECLARE v_parent, v_child, v_keys, v_pointers JSON;
    DECLARE v_table, v_on_frame, v_first LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT
        p.frame_columns, n.frame_columns AS child_frame_columns, e.frame_columns AS pointer_columns,
        concat(n.sql_name, ' AS c', deletion_sql_index(e.index_name)), e.on_frame
    INTO v_parent, v_child, v_pointers, v_table, v_on_frame
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p
        ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    IF json_length(v_child) = 0 THEN
        RETURN deletion_sql_keyless(p_plan_id, p_edge_no, if(p_more, 'fetch_more', 'fetch'));
    END IF;

    SET v_keys = deletion_key_part(v_child);
    SET v_child = json_merge_preserve(v_child, v_pointers);
    SET v_first = 'j BIGINT UNSIGNED PATH \'$.j\', m INT PATH \'$.m\', ';

    RETURN concat(
        'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', q.j, ',
        deletion_sql_list(v_child, 'object', ', '), ')), JSON_ARRAY()), COUNT(*)\n',
        'INTO @dj_answer, @dj_rows\nFROM (\n    ',
        -- The chosen rows are put in order of their key, in which they will be locked.
        if(p_more, '', concat('SELECT q.* FROM (\n    ')),
        'SELECT t.j, ', deletion_sql_list(v_child, 'answer', ', '),
        '\n    FROM ',
        if(p_more, concat(
            'JSON_TABLE(?, \'$\' COLUMNS (', deletion_sql_list(v_keys, 'frame', ', '),
            ')) AS a\n    STRAIGHT_JOIN '
        ), ''),
        deletion_sql_frame(v_parent, v_first),
        '\n    STRAIGHT_JOIN ', v_table, ' ON ', v_on_frame,
        if(p_more, concat(
            '\n    WHERE ', deletion_sql_after(v_keys),
            '\n    ORDER BY ', deletion_sql_list(v_keys, 'sort', ', ')
        ), ''),
        '\n    LIMIT ?',
        if(p_more, '', concat(
            '\n    ) AS q ORDER BY ', deletion_sql_list(v_keys, 'order', ', '),
            ' LIMIT 18446744073709551615'
        )),
        '\n) AS q'
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_levels.sql
-- deletion_sql_levels
-- Write a statement for a frame that holds several levels of rows that refer to each other.
--
-- Parameters  p_plan_id, p_edge_no   the self-reference
--             p_kind                 see below
-- Returns     text; answers in @dj_answer and @dj_rows as other statements do
--             expand         binds a frame of one level and a limit; it, with what hangs from it
--             fetch_levels   binds the frame twice and a limit; its children that it does not hold
--             look_levels    binds the frame twice; how many of its rows have children outside
--             remove_level   binds the frame and a level; deletes the rows of that level
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_levels;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_levels(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write a statement for a frame that holds several levels of rows that refer to each other'
BEGIN
    DECLARE v_columns, v_keys, v_parent JSON;
    DECLARE v_job VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT 'j BIGINT UNSIGNED PATH \'$.j\', ';
    DECLARE v_node_no INT;
    DECLARE v_child, v_row, v_on_frame, v_found, v_beyond, v_below, v_first, v_hangs
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT
        n.node_no, n.frame_columns, json_merge_preserve(n.frame_columns, e.frame_columns),
        deletion_key_part(n.frame_columns),
        concat(n.sql_name, ' AS c', deletion_sql_index(e.index_name)),
        concat(n.sql_name, ' AS x', n.key_index), e.on_frame,
        concat(
            deletion_sql_list(deletion_key_part(n.frame_columns), 'found', ' AND '),
            ' AND ', e.found_by
        )
    INTO v_node_no, v_parent, v_columns, v_keys, v_child, v_row, v_on_frame, v_found
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    SET v_beyond = concat(
        ' AND NOT EXISTS (SELECT 1 FROM ', deletion_sql_frame(v_keys, ''), ' WHERE ',
        deletion_sql_list(v_keys, 'own', ' AND '), ')'
    );

    SET v_hangs = (
        SELECT group_concat('a.p', p.pos, ' = b.', f.f ORDER BY p.pos SEPARATOR ' AND ')
        FROM deletion_plan_edges AS e
        CROSS JOIN json_table(e.parent_columns, '$[*]' COLUMNS (  -- noqa: CP02
            pos FOR ORDINALITY,  -- noqa: PRS
            name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
        )) AS p
        INNER JOIN json_table(v_parent, '$[*]' COLUMNS (  -- noqa: CP02
            f VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.f',  -- noqa: PRS
            name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.column'
        )) AS f ON f.name = p.name
        WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no
    );

    IF p_kind = 'expand' THEN
        SET v_first = replace(deletion_sql_list(v_columns, 'order', ', '), 'q.', 't.');
        RETURN concat(
            'WITH RECURSIVE d (j, l, m, ',
            replace(deletion_sql_list(v_columns, 'order', ', '), 'q.', ''), ') AS (\n',
            '    SELECT t.j, 0, CAST(NULL AS SIGNED), ', v_first,
            '\n    FROM ', deletion_sql_frame(v_columns, v_job),
            '\n    UNION ALL\n    SELECT t.j, t.l + 1, t.m, ',
            deletion_sql_list(v_columns, 'answer', ', '),
            '\n    FROM d AS t\n    STRAIGHT_JOIN ', v_child, ' ON ', v_on_frame,
            '\n    LIMIT ?\n)\n',
            'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', q.j, \'l\', q.l, ',
            deletion_sql_list(v_columns, 'object', ', '), ')), JSON_ARRAY()),\n',
            '    IF(EXISTS (SELECT 1 FROM d AS a STRAIGHT_JOIN d AS b ON ', v_hangs,
            ' WHERE a.l = 0), 0, COUNT(*))\n',
            'INTO @dj_answer, @dj_rows\n',
            -- A row of the first level may hang from another one of the frame: it would go late.
            'FROM (\n    SELECT t.*, ROW_NUMBER() OVER (PARTITION BY t.j, ',
            replace(deletion_sql_list(v_keys, 'order', ', '), 'q.', 't.'),
            ' ORDER BY t.l) AS place\n    FROM d AS t\n) AS q\nWHERE q.place = 1'
        );
    ELSEIF p_kind = 'fetch_levels' THEN
        RETURN concat(
            'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', q.j, ',
            deletion_sql_list(v_columns, 'object', ', '), ')), JSON_ARRAY()), COUNT(*)\n',
            'INTO @dj_answer, @dj_rows\nFROM (\n    SELECT t.j, ',
            deletion_sql_list(v_columns, 'answer', ', '),
            '\n    FROM ', deletion_sql_frame(v_parent, concat(v_job, 'm INT PATH \'$.m\', ')),
            '\n    STRAIGHT_JOIN ', v_child, ' ON ', v_on_frame, v_beyond, '\n    LIMIT ?\n) AS q'
        );
    ELSEIF p_kind = 'look_levels' THEN
        SELECT group_concat(
            'EXISTS (SELECT 1 FROM ', n.sql_name, ' AS c',
            coalesce(deletion_sql_index(e.index_name), ''), ' WHERE ', e.on_parent,
            if(e.edge_no = p_edge_no, v_beyond, ''), ')'
            ORDER BY e.edge_no SEPARATOR '\n    OR '
        )
        INTO v_below
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
        WHERE e.plan_id = p_plan_id AND e.parent_node_no = v_node_no;
        RETURN concat(
            'SELECT NULL, COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM ',
            deletion_sql_frame(v_columns, ''), '\nSTRAIGHT_JOIN ', v_row, ' ON ', v_found,
            '\nWHERE ', v_below
        );
    END IF;

    RETURN concat(
        'DELETE ', deletion_sql_hint(p_plan_id, v_node_no), 'x\nFROM ',
        deletion_sql_frame(v_columns, 'l INT PATH \'$.l\', '),
        '\nSTRAIGHT_JOIN ', v_row, ' ON ', v_found, ' AND t.l = ?'
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_hint.sql
-- deletion_sql_hint
-- Write the hint that lets rows of a table go that refer to themselves.
--
-- Parameters  p_plan_id, p_node_no   the table
-- Returns     text, with a blank after it; empty where the engine deletes such rows by itself
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- The engine refuses them under a key that restricts (1451), and gets lost under several that
-- cascade. Rows are locked and seen to be childless before they go, so nothing is left to its keys;
-- the hint ends with the statement.

DROP FUNCTION IF EXISTS deletion_sql_hint;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_hint(
    p_plan_id BIGINT UNSIGNED,
    p_node_no INT
) RETURNS VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the hint that lets rows of a table go that refer to themselves'
BEGIN
    RETURN if(
        EXISTS (
            SELECT 1
            FROM deletion_plan_edges AS e
            WHERE
                e.plan_id = p_plan_id
                AND e.parent_node_no = p_node_no
                AND e.child_node_no = p_node_no
                AND (e.is_refused OR e.is_circular)
        ),
        '/*+ SET_VAR(foreign_key_checks = OFF) */ ',
        ''
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_rows.sql
-- deletion_sql_rows
-- Write one of the statements that act on the very rows of a frame.
--
-- Parameters  p_plan_id   the plan
--             p_edge_no   the reference that the rows were found by; 0: the target's own rows
--             p_kind      hold, lock, look, free, remove, remove_now, left or set
-- Returns     text; binds the frame; hold, lock, look, free and left answer a number of its rows in
--             @dj_rows; free, and lock where a reference is set or followed by rows without
--             children, answer the rows too, in @dj_answer, and left answers them as they are now
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- Three statements, so that the second sees what was committed while the first waited for locks: no
-- key that the engine knows can point at a row once it is locked.

DROP FUNCTION IF EXISTS deletion_sql_rows;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_rows(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write one of the statements that act on the very rows of a frame'
BEGIN
    DECLARE v_node_no INT DEFAULT 0;
    DECLARE v_keys, v_columns JSON;
    DECLARE v_answer, v_frame, v_table, v_found, v_set, v_childless, v_locks, v_aliases LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';  -- noqa: LT05
    DECLARE v_answers BOOLEAN DEFAULT p_kind = 'free';

    IF p_edge_no > 0 THEN
        SELECT
            e.child_node_no, e.found_by, e.set_list, e.frame_columns,
            v_answers OR (p_kind = 'lock' AND (e.is_leaf OR e.action <> 'cascade'))
        INTO v_node_no, v_found, v_set, v_keys, v_answers
        FROM deletion_plan_edges AS e
        WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;
    END IF;

    SELECT
        concat(n.sql_name, ' AS x', n.key_index),
        concat(
            deletion_sql_list(deletion_key_part(n.frame_columns), 'found', ' AND '),
            if(p_edge_no = 0, ' AND t.m IS NULL', concat(' AND ', v_found))
        ),
        deletion_sql_frame(
            if(
                p_edge_no = 0,
                deletion_key_part(n.frame_columns),
                json_merge_preserve(deletion_key_part(n.frame_columns), v_keys)
            ),
            concat(
                if(v_answers, 'o JSON PATH \'$\', ', ''),
                if(p_kind = 'left', 'j BIGINT UNSIGNED PATH \'$.j\', ', ''),
                if(p_edge_no = 0, 'm INT PATH \'$.m\', ', '')
            )
        ),
        if(p_edge_no = 0, n.frame_columns, json_merge_preserve(n.frame_columns, v_keys))
    INTO v_table, v_found, v_frame, v_columns
    FROM deletion_plan_nodes AS n
    WHERE n.plan_id = p_plan_id AND n.node_no = v_node_no;

    IF p_kind IN ('look', 'free') THEN
        SELECT coalesce(group_concat(
            '\n    AND NOT EXISTS (SELECT 1 FROM ', n.sql_name, ' AS c',
            coalesce(deletion_sql_index(e.index_name), ''), ' WHERE ', e.on_parent, ')'
            ORDER BY e.edge_no SEPARATOR ''
        ), '')
        INTO v_childless
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
        WHERE e.plan_id = p_plan_id AND e.parent_node_no = v_node_no;
    ELSEIF p_kind = 'lock' THEN
        CALL deletion_sql_locks(p_plan_id, v_node_no, v_locks, v_aliases);
    END IF;

    SET v_answer = CASE
        WHEN v_answers THEN 'COALESCE(JSON_ARRAYAGG(t.o), JSON_ARRAY())'
        -- What references point at may have changed since the row was found.
        WHEN p_kind = 'left' THEN concat(
            'COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', t.j, ',
            deletion_sql_list(v_columns, 'found_object', ', '), ')), JSON_ARRAY())'
        )
        ELSE 'NULL'
    END;

    RETURN CASE
        WHEN p_kind IN ('remove', 'remove_now') THEN concat(
            'DELETE ', deletion_sql_hint(p_plan_id, v_node_no), 'x\nFROM ', v_frame,
            '\nSTRAIGHT_JOIN ', v_table, ' ON ', v_found
        )
        WHEN p_kind = 'set' THEN concat(
            'UPDATE ', v_frame, '\nSTRAIGHT_JOIN ', v_table, ' ON ', v_found, '\nSET ', v_set
        )
        ELSE concat(
            'SELECT ', v_answer, ', COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM ', v_frame,
            '\nSTRAIGHT_JOIN ', v_table, ' ON ', v_found,
            if(p_kind IN ('look', 'free'), concat('\nWHERE TRUE', v_childless), ''),
            CASE p_kind
                -- Weaker than a lock: others may still add children to the rows.
                WHEN 'hold' THEN '\nFOR SHARE OF x'
                WHEN 'lock' THEN concat(v_locks, '\nFOR UPDATE OF x', v_aliases)
                ELSE ''
            END
        )
    END;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_cycle.sql
-- deletion_sql_cycle
-- Write the statement that finds rows of a walk that go in a circle by a self-reference.
--
-- Parameters  p_plan_id, p_edge_no   the self-reference
-- Returns     text; binds the walk; answers in @dj_answer each job of such
--             rows with the number of rows in its largest circle
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- A row has one parent by the reference, so a circle is entered by another reference, or is the
-- root's own: climbing from the rows found otherwise, one that meets itself again is in a circle.
-- A row that refers to itself is none: it goes in one statement with itself.

DROP FUNCTION IF EXISTS deletion_sql_cycle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_cycle(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that finds rows of a walk that go in a circle by a self-reference'
BEGIN
    DECLARE v_node_no, v_pos INT DEFAULT 0;
    DECLARE v_keys, v_child, v_parent JSON;
    DECLARE v_table, v_above, v_discriminator, v_name, v_other
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_start, v_starts, v_next, v_names, v_step, v_met, v_is_set, v_own
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';

    SELECT
        n.node_no, concat(n.sql_name, ' AS x', n.key_index),
        concat(n.sql_name, ' AS x', deletion_sql_index(
            deletion_unique_index(n.table_schema, n.table_name, e.parent_columns)
        )),
        deletion_key_part(n.frame_columns), e.child_columns, e.parent_columns,
        coalesce(concat(' AND x.', e.discriminator), '')
    INTO
        v_node_no, v_table, v_above, v_keys, v_child, v_parent, v_discriminator
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    WHILE v_pos < json_length(v_child) DO
        SET v_name = deletion_quote_name(
            json_unquote(json_extract(v_parent, concat('$[', v_pos, ']')))
        );
        SET v_other = deletion_quote_name(
            json_unquote(json_extract(v_child, concat('$[', v_pos, ']')))
        );
        SET v_names = concat(v_names, ', s', v_pos, ', a', v_pos);
        SET v_starts = concat(v_starts, ', up.s', v_pos);
        SET v_start = concat(v_start, ', x.', v_name, ', x.', v_other);
        SET v_own = concat(v_own, if(v_pos = 0, '', ' AND '), 'x.', v_other, ' = x.', v_name);
        SET v_next = concat(v_next, ', up.s', v_pos);
        SET v_step = concat(v_step, ' AND x.', v_name, ' = up.a', v_pos);
        SET v_met = concat(v_met, if(v_pos = 0, '', ' AND '), 'up.a', v_pos, ' = up.s', v_pos);
        SET v_next = concat(v_next, ', x.', v_other);
        SET v_is_set = concat(v_is_set, ' AND x.', v_other, ' IS NOT NULL');
        SET v_pos = v_pos + 1;
    END WHILE;

    RETURN concat(
        'WITH RECURSIVE up (j', v_names, ') AS (\n    SELECT w.job_id', v_start,
        '\n    FROM deletion_walk_keys AS w\n',
        '    STRAIGHT_JOIN JSON_TABLE(w.`keys`, \'$\' COLUMNS (',
        deletion_sql_list(v_keys, 'frame', ', '), ')) AS t\n    STRAIGHT_JOIN ', v_table, ' ON ',
        deletion_sql_list(v_keys, 'found', ' AND '), v_is_set, v_discriminator,
        ' AND NOT (', v_own, ')',
        '\n    WHERE w.walk_id = ? AND w.node_no = ', v_node_no,
        ' AND w.fate = \'delete\' AND w.edge_no <> ', p_edge_no,
        '\n    UNION DISTINCT\n    SELECT up.j', v_next,
        '\n    FROM up\n    STRAIGHT_JOIN ', v_above,
        ' ON TRUE', v_step, v_is_set, v_discriminator, '\n    WHERE NOT (', v_met, ')\n)\n\n',
        'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', q.j, \'n\', q.n)), JSON_ARRAY()),\n',
        '    COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM (\n    SELECT g.j, MAX(g.n) AS n\n',
        '    FROM (\n',
        '        SELECT up.j, COUNT(*) AS n, MAX(', v_met, ') AS is_met\n        FROM up\n',
        '        GROUP BY up.j', v_starts,
        '\n    ) AS g\n    WHERE g.is_met\n    GROUP BY g.j\n) AS q'
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_circle.sql
-- deletion_sql_circle
-- Write a statement that a walk needs where rows refer to each other in a circle.
--
-- Parameters  p_plan_id, p_edge_no   the reference; 0: the target's own rows
--             p_kind                 see below
-- Returns     text
--             fetch_beyond   as fetch_more, without rows that are on the stack: binds the row read
--                            last, the frame, the walk of the stack, and a limit
--             break          binds the frame, the walk and a limit: children of the frame that are
--                            on the stack lose the reference
--             break_own      binds the frame and a limit: the frame's own rows lose references that
--                            would keep their parents
--             lock_circle    binds a walk: its rows of the table are locked; their number is in
--                            @dj_rows
--             remove_circle  binds a walk: its rows of the table go
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_circle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_circle(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write a statement that a walk needs where rows refer to each other in a circle'
BEGIN
    DECLARE v_node_no INT DEFAULT 0;
    DECLARE v_keys, v_parent, v_pointers JSON;
    DECLARE v_table, v_child, v_own, v_on_frame, v_found, v_set, v_discriminator, v_stack, v_kept,
        v_locks, v_aliases, v_rows LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT
        e.child_node_no, p.frame_columns, e.frame_columns AS pointer_columns, e.on_frame,
        e.found_by, e.break_list, concat(n.sql_name, ' AS c', deletion_sql_index(e.index_name)),
        coalesce(concat(' AND c.', e.discriminator), '')
    INTO v_node_no, v_parent, v_pointers, v_on_frame, v_found, v_set, v_child, v_discriminator
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    SELECT
        deletion_key_part(n.frame_columns), concat(n.sql_name, ' AS x', n.key_index),
        concat(n.sql_name, ' AS c', n.key_index)
    INTO v_keys, v_table, v_own
    FROM deletion_plan_nodes AS n
    WHERE n.plan_id = p_plan_id AND n.node_no = v_node_no;

    -- Every key that such a walk has on its stack is among its scratch rows.
    SET v_stack = concat(
        'EXISTS (SELECT 1 FROM deletion_walk_keys AS w WHERE w.walk_id = ? AND w.job_id = 0',
        ' AND w.node_no = ', v_node_no, ' AND w.fate = \'keep\'',
        ' AND w.key_hash = deletion_key_hash(JSON_OBJECT(',
        replace(deletion_sql_list(v_keys, 'found_object', ', '), 'x.`', 'c.`'), '))'
    );

    IF p_kind = 'fetch_beyond' THEN
        RETURN replace(
            deletion_sql_fetch(p_plan_id, p_edge_no, TRUE),
            '\n    ORDER BY ', concat('\n    AND NOT ', v_stack, ')\n    ORDER BY ')
        );
    ELSEIF p_kind = 'break' THEN
        SET v_pointers = json_merge_preserve(v_keys, v_pointers);
        RETURN concat(
            'UPDATE (\n    SELECT ', deletion_sql_list(v_pointers, 'raw', ', '),
            '\n    FROM ', deletion_sql_frame(v_parent, 'm INT PATH \'$.m\', '),
            '\n    STRAIGHT_JOIN ', v_child, ' ON ', v_on_frame,
            '\n    WHERE ', v_stack, ' AND w.edge_no <> ', p_edge_no, ')\n    LIMIT ?\n) AS q\n',
            'STRAIGHT_JOIN ', v_own, ' ON ', deletion_sql_list(v_pointers, 'back', ' AND '),
            v_discriminator, '\nSET ', v_set
        );
    ELSEIF p_kind = 'break_own' THEN
        SELECT
            group_concat(DISTINCT e.break_list SEPARATOR ', '),
            group_concat('(', (
                SELECT group_concat(
                    'x.', deletion_quote_name(k.name), ' IS NOT NULL' SEPARATOR ' AND '
                )
                FROM json_table(e.child_columns, '$[*]' COLUMNS (  -- noqa: CP02
                    name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'  -- noqa: PRS,LT05
                )) AS k
            ), ')' SEPARATOR ' OR ')
        INTO v_set, v_kept
        FROM deletion_plan_edges AS e
        WHERE
            e.plan_id = p_plan_id
            AND e.child_node_no = v_node_no
            AND e.action = 'restrict'
            AND e.break_list IS NOT NULL;
        SET v_pointers = json_merge_preserve(v_keys, coalesce(v_pointers, json_array()));
        RETURN concat(
            'UPDATE (\n    SELECT ',
            replace(deletion_sql_list(v_pointers, 'raw', ', '), 'c.`', 'x.`'),
            '\n    FROM ', deletion_sql_frame(v_pointers, 'm INT PATH \'$.m\', '),
            '\n    STRAIGHT_JOIN ', v_table, ' ON ', deletion_sql_list(v_keys, 'found', ' AND '),
            coalesce(concat(' AND ', v_found), ' AND t.m IS NULL'),
            '\n    WHERE ', v_kept, '\n    LIMIT ?\n) AS q\nSTRAIGHT_JOIN ', v_own, ' ON ',
            deletion_sql_list(v_pointers, 'back', ' AND '),
            coalesce(v_discriminator, ''), '\nSET ', v_set
        );
    END IF;

    SET v_rows = concat(
        'FROM deletion_walk_keys AS w FORCE INDEX (PRIMARY)\n',
        'STRAIGHT_JOIN JSON_TABLE(w.`keys`, \'$\' COLUMNS (',
        deletion_sql_list(v_keys, 'frame', ', '), ')) AS t\nSTRAIGHT_JOIN ', v_table, ' ON ',
        deletion_sql_list(v_keys, 'found', ' AND ')
    );
    SET v_kept = concat(
        '\nWHERE w.walk_id = ? AND w.job_id > 0 AND w.node_no = ', v_node_no,
        ' AND w.fate = \'delete\''
    );

    IF p_kind = 'lock_circle' THEN
        CALL deletion_sql_locks(p_plan_id, v_node_no, v_locks, v_aliases);
        RETURN concat(
            'SELECT NULL, COUNT(*)\nINTO @dj_answer, @dj_rows\n', v_rows, v_locks, v_kept,
            '\nFOR UPDATE OF x', v_aliases
        );
    END IF;

    -- All that refers to the rows is locked, known and goes in the same transaction: the engine,
    -- which looks row by row, would find no first one. The hint ends with the statement.
    RETURN concat('DELETE /*+ SET_VAR(foreign_key_checks = OFF) */ x\n', v_rows, v_kept);
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_plan_node.sql
-- deletion_plan_node
-- Add a table to a plan.
--
-- Parameters  p_plan_id             the plan
--             p_schema, p_table     the table
--             p_key                 JSON array of the columns that name its rows
--             p_in_closure          TRUE: its rows are removed
-- Writes      deletion_plan_nodes                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_node;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_node(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_key JSON,
    IN p_in_closure BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Add a table to a plan'
BEGIN
    DECLARE v_node_no INT DEFAULT (
        SELECT coalesce(max(n.node_no) + 1, 0)
        FROM deletion_plan_nodes AS n
        WHERE n.plan_id = p_plan_id
    );

    INSERT INTO deletion_plan_nodes (
        plan_id, node_no, table_schema, table_name, sql_name, display_name, key_columns, key_index,
        in_closure, is_expanded
    )
    VALUES (
        p_plan_id, v_node_no, p_schema, p_table,
        concat(deletion_quote_name(p_schema), '.', deletion_quote_name(p_table)),
        deletion_entity_name(p_schema, p_table), p_key,
        coalesce(deletion_sql_index(deletion_unique_index(p_schema, p_table, p_key)), ''),
        p_in_closure, NOT p_in_closure
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_plan_problem.sql
-- deletion_plan_problem
-- Say why a table of a plan cannot take part.
--
-- Parameters  p_plan_id   the plan
--             p_error     OUT the first table that cannot, and why; NULL: all can
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_problem;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_problem(
    IN p_plan_id BIGINT UNSIGNED,
    OUT p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say why a table of a plan cannot take part'
BEGIN
    SELECT q.problem
    INTO p_error
    FROM (
        SELECT
            n.node_no,
            concat(n.display_name, ' ', CASE
                WHEN t.table_name IS NULL THEN 'is gone, or deletion_jobs_owner has no right on it'
                WHEN t.table_type <> 'BASE TABLE' THEN 'is no ordinary table'
                WHEN t.engine <> 'InnoDB' THEN 'is not in InnoDB'
                WHEN t.create_options LIKE '%partitioned%' THEN 'is partitioned'
                -- Rows that others hang from have to be told apart.
                WHEN n.key_columns IS NULL AND EXISTS (
                    SELECT 1
                    FROM deletion_plan_edges AS e
                    WHERE e.plan_id = n.plan_id AND e.parent_node_no = n.node_no
                ) THEN 'has no primary key and no unique key without NULLs'
                WHEN EXISTS (
                    SELECT 1
                    FROM json_table(n.key_columns, '$[*]' COLUMNS (  -- noqa: CP02
                        name VARCHAR(64) CHARACTER SET utf8mb4 PATH '$'  -- noqa: PRS
                    )) AS k
                    LEFT JOIN information_schema.columns AS c
                        ON
                            c.table_schema = n.table_schema
                            AND c.table_name = n.table_name
                            AND c.column_name = k.name
                    WHERE c.column_name IS NULL OR deletion_type_family(c.column_type) IS NULL
                ) THEN 'has a key that is gone, or of a type that does not compare exactly'
            END) AS problem
        FROM deletion_plan_nodes AS n
        LEFT JOIN information_schema.tables AS t
            ON t.table_schema = n.table_schema AND t.table_name = n.table_name
        WHERE n.plan_id = p_plan_id
    ) AS q
    WHERE q.problem IS NOT NULL
    ORDER BY q.node_no
    LIMIT 1;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_plan_cycle.sql
-- deletion_plan_cycle
-- Mark the references of a plan by which its tables refer to each other in a circle.
--
-- Parameters  p_plan_id   the plan, its tables ranked
-- Writes      deletion_plan_edges                  Commits  no
-- Execute     the owner only
--
-- A single reference of a table to itself is no circle: a row has one parent by it.

DROP PROCEDURE IF EXISTS deletion_plan_cycle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_cycle(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Mark the references of a plan by which its tables refer to each other in a circle'
BEGIN
    -- Every table above a circle is without a rank as well; only what leads back is in one.
    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        WITH RECURSIVE lasting AS (
            SELECT e.parent_node_no, e.child_node_no, e.reference_name
            FROM deletion_plan_edges AS e
            INNER JOIN deletion_plan_nodes AS c
                ON
                    c.plan_id = e.plan_id
                    AND c.node_no = e.child_node_no
                    AND c.in_closure
                    AND c.table_rank IS NULL
            WHERE
                e.plan_id = p_plan_id
                AND e.action IN ('cascade', 'restrict')
                AND e.parent_node_no <> e.child_node_no
        ),

        below (parent_node_no, met_node_no) AS (
            SELECT f.parent_node_no, f.child_node_no
            FROM lasting AS f
            UNION DISTINCT
            SELECT b.parent_node_no, f.child_node_no
            FROM below AS b
            INNER JOIN lasting AS f ON f.parent_node_no = b.met_node_no
        )

        SELECT f.parent_node_no, f.child_node_no, f.reference_name
        FROM lasting AS f
        INNER JOIN below AS b
            ON b.parent_node_no = f.child_node_no AND b.met_node_no = f.parent_node_no
    ) AS q
        ON
            q.parent_node_no = e.parent_node_no
            AND q.child_node_no = e.child_node_no
            AND q.reference_name = e.reference_name
    SET e.is_circular = TRUE
    WHERE e.plan_id = p_plan_id;

    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        SELECT o.child_node_no
        FROM deletion_plan_edges AS o
        WHERE o.plan_id = p_plan_id AND o.action IN ('cascade', 'restrict')
        GROUP BY o.child_node_no
        HAVING max(o.is_circular) OR sum(o.parent_node_no = o.child_node_no) > 1
    ) AS q ON q.child_node_no = e.child_node_no
    SET e.is_circular = TRUE
    WHERE
        e.plan_id = p_plan_id
        AND e.parent_node_no = e.child_node_no
        AND e.action IN ('cascade', 'restrict');
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_break_columns.sql
-- deletion_break_columns
-- Find which columns may be set NULL to let a parent go first, where rows go in a circle.
--
-- Parameters  p_plan_id   the plan, its circles marked
-- Writes      deletion_plan_edges: break_list; NULL: there are none     Commits  no
-- Execute     the owner only
--
-- They are nullable, pointed at by nobody, and no part of another reference that cascades, since by
-- that the row may have been found.

DROP PROCEDURE IF EXISTS deletion_break_columns;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_break_columns(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find which columns may be set NULL to let a parent go first, where rows go in a circle'
BEGIN
    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        SELECT
            o.parent_node_no, o.child_node_no, o.reference_name,
            group_concat(  -- noqa: CP01
                'c.', deletion_quote_name(k.name), ' = NULL' ORDER BY k.pos SEPARATOR ', '
            ) AS break_list
        FROM deletion_plan_edges AS o
        CROSS JOIN json_table(o.child_columns, '$[*]' COLUMNS (  -- noqa: CP02
            pos FOR ORDINALITY,  -- noqa: PRS
            name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
        )) AS k
        INNER JOIN information_schema.columns AS c
            ON
                c.table_schema = o.child_schema
                AND c.table_name = o.child_table
                AND c.column_name = k.name
        WHERE
            o.plan_id = p_plan_id
            AND o.action IN ('cascade', 'restrict')
            AND (o.is_circular OR o.parent_node_no = o.child_node_no)
            AND c.is_nullable = 'YES'
            AND c.extra NOT LIKE '%GENERATED%'
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_plan_edges AS s
                WHERE
                    s.plan_id = o.plan_id
                    AND (
                        (
                            s.parent_node_no = o.child_node_no
                            AND json_contains(s.parent_columns, json_quote(k.name))
                        )
                        OR (
                            s.child_node_no = o.child_node_no
                            AND s.reference_name <> o.reference_name
                            AND s.action = 'cascade'
                            AND json_contains(s.child_columns, json_quote(k.name))
                        )
                    )
            )
        GROUP BY o.parent_node_no, o.child_node_no, o.reference_name
    ) AS q
        ON
            q.parent_node_no = e.parent_node_no
            AND q.child_node_no = e.child_node_no
            AND q.reference_name = e.reference_name
    SET e.break_list = q.break_list
    WHERE e.plan_id = p_plan_id;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_plan_edges.sql
-- deletion_plan_edges
-- Number a plan's references in the order of work, and mark what each of them means for the run.
--
-- Parameters  p_plan_id   the plan, its tables ranked and described
-- Writes      deletion_plan_edges                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_edges;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_edges(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Number a plan''s references in the order of work, and mark what each of them means for the run'  -- noqa: LT05
BEGIN
    DECLARE v_concerned, v_entered, v_above, v_parents, v_sets JSON;
    DECLARE v_edge_no, v_count INT DEFAULT 0;
    DECLARE v_is_closed BOOLEAN DEFAULT EXISTS (
        SELECT 1
        FROM deletion_plan_edges AS e
        WHERE e.plan_id = p_plan_id AND e.is_circular AND e.break_list IS NULL
    );

    -- References of one table stand together: those that cascade, children first, then those that
    -- are set, then those that only block.
    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        SELECT
            o.parent_node_no, o.child_schema, o.child_table, o.reference_name,
            row_number() OVER (
                ORDER BY
                    o.parent_node_no,
                    CASE o.action WHEN 'cascade' THEN 0 WHEN 'restrict' THEN 2 ELSE 1 END,
                    n.table_rank IS NULL, n.table_rank, n.display_name, o.reference_name
            ) AS new_no
        FROM deletion_plan_edges AS o
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = o.plan_id AND n.node_no = o.child_node_no
        WHERE o.plan_id = p_plan_id
    ) AS q
        ON
            q.parent_node_no = e.parent_node_no
            AND q.child_schema = e.child_schema
            AND q.child_table = e.child_table
            AND q.reference_name = e.reference_name
    SET e.edge_no = q.new_no
    WHERE e.plan_id = p_plan_id;

    -- Tables whose rows the check must know: those behind which something could block, and all
    -- tables on the way from the target to them.
    WITH RECURSIVE concerned (node_no) AS (
        SELECT e.parent_node_no
        FROM deletion_plan_edges AS e
        WHERE
            e.plan_id = p_plan_id
            AND (
                e.action = 'restrict'
                -- A circle that is not open anywhere.
                OR (e.is_circular AND v_is_closed)
            )
        UNION DISTINCT
        SELECT e.child_node_no
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no AND n.in_closure
        WHERE e.plan_id = p_plan_id AND e.action = 'restrict'
        UNION DISTINCT
        SELECT e.parent_node_no
        FROM concerned AS c
        INNER JOIN deletion_plan_edges AS e
            ON e.plan_id = p_plan_id AND e.child_node_no = c.node_no AND e.action = 'cascade'
    )

    SELECT json_arrayagg(c.node_no) INTO v_concerned FROM concerned AS c;

    -- Of a table that refers to itself the rows that something else leads to: a row has one parent
    -- by that reference, so a circle is met by climbing from them, or there is none.
    WITH RECURSIVE entered (node_no, is_above) AS (
        SELECT e.child_node_no, FALSE
        FROM deletion_plan_edges AS e
        WHERE
            e.plan_id = p_plan_id
            AND e.action = 'cascade'
            AND e.parent_node_no = e.child_node_no
            AND NOT e.is_circular
        UNION DISTINCT
        SELECT e.parent_node_no, TRUE
        FROM entered AS n
        INNER JOIN deletion_plan_edges AS e
            ON
                e.plan_id = p_plan_id
                AND e.child_node_no = n.node_no
                AND e.action = 'cascade'
                AND e.parent_node_no <> e.child_node_no
    )

    SELECT json_arrayagg(n.node_no), json_arrayagg(if(n.is_above, n.node_no, NULL))
    INTO v_entered, v_above
    FROM entered AS n;

    SELECT json_arrayagg(e.parent_node_no)
    INTO v_parents
    FROM deletion_plan_edges AS e
    WHERE e.plan_id = p_plan_id;

    -- Rows with two references to set are changed twice and counted once.
    SELECT json_arrayagg(q.child_node_no)
    INTO v_sets
    FROM (
        SELECT e.child_node_no
        FROM deletion_plan_edges AS e
        WHERE e.plan_id = p_plan_id AND e.action IN ('set_null', 'set_default')
        GROUP BY e.child_node_no
        HAVING count(*) > 1
    ) AS q;

    UPDATE deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    SET
        e.waits = e.action <> 'cascade' AND n.in_closure,
        e.is_leaf = e.action = 'cascade' AND NOT json_contains(v_parents, cast(n.node_no AS JSON)),
        e.in_check = e.action = 'restrict' OR (
            e.action = 'cascade'
            AND (
                coalesce(json_contains(v_concerned, cast(n.node_no AS JSON)), FALSE)
                OR coalesce(json_contains(
                    if(e.parent_node_no = e.child_node_no, v_above, v_entered),
                    cast(n.node_no AS JSON)
                ), FALSE)
            )
        ),
        e.is_once = e.action IN ('set_null', 'set_default')
        AND coalesce(json_contains(v_sets, cast(n.node_no AS JSON)), FALSE),
        e.index_name = deletion_edge_index(
            e.child_schema, e.child_table, e.child_columns, e.discriminator_column
        )
    WHERE e.plan_id = p_plan_id;

    SET v_count = (SELECT count(*) FROM deletion_plan_edges AS e WHERE e.plan_id = p_plan_id);

    WHILE v_edge_no < v_count DO
        SET v_edge_no = v_edge_no + 1;
        CALL deletion_plan_edge(p_plan_id, v_edge_no);
    END WHILE;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_plan_graph.sql
-- deletion_plan_graph
-- Read the catalog from a target on: the tables and references of its plan, in order.
--
-- Parameters  p_plan_id, p_entity_table   the plan and its target
--             p_code, p_error             OUT why the plan cannot be run; NULL: it can
-- Writes      deletion_plan_nodes, deletion_plan_edges     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_graph;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_graph(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_code CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read the catalog from a target on: the tables and references of its plan, in order'
BEGIN
    DECLARE v_node_no INT DEFAULT 0;
    DECLARE v_schema, v_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_key JSON;

    SELECT t.table_schema, t.table_name, t.key_columns
    INTO v_schema, v_table, v_key
    FROM deletion_targets AS t
    WHERE t.entity_table = p_entity_table;

    CALL deletion_plan_node(p_plan_id, v_schema, v_table, v_key, TRUE);

    WHILE v_node_no IS NOT NULL DO
        CALL deletion_references_to(p_plan_id, v_node_no);
        -- A table's rows go with their parents' where a reference to those cascades.
        CALL deletion_plan_children(p_plan_id, v_node_no, TRUE);
        UPDATE deletion_plan_nodes AS n
        SET n.is_expanded = TRUE
        WHERE n.plan_id = p_plan_id AND n.node_no = v_node_no;
        SET v_node_no = (
            SELECT min(n.node_no)
            FROM deletion_plan_nodes AS n
            WHERE n.plan_id = p_plan_id AND NOT n.is_expanded
        );
    END WHILE;

    DELETE FROM deletion_plan_edges WHERE plan_id = p_plan_id AND action = 'keep';
    CALL deletion_plan_children(p_plan_id, NULL, FALSE);

    UPDATE deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON
            n.plan_id = e.plan_id
            AND n.table_schema = e.child_schema
            AND n.table_name = e.child_table
    SET e.child_node_no = n.node_no
    WHERE e.plan_id = p_plan_id;

    CALL deletion_plan_problem(p_plan_id, p_error);

    IF p_error IS NULL THEN
        CALL deletion_plan_ranks(p_plan_id);
        CALL deletion_plan_cycle(p_plan_id);
        CALL deletion_break_columns(p_plan_id);
    ELSE
        SET p_code = 'JD005';
    END IF;

    IF p_error IS NULL THEN
        CALL deletion_plan_columns(p_plan_id);
        CALL deletion_plan_edges(p_plan_id);
        SELECT concat(
            'columns of different types: ',
            group_concat(e.reference_name SEPARATOR ', ')  -- noqa: CP01
        )
        INTO p_error
        FROM deletion_plan_edges AS e
        WHERE e.plan_id = p_plan_id AND e.on_frame IS NULL;
        SET p_code = if(p_error IS NULL, NULL, 'JD005');
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_write_plan.sql
-- deletion_write_plan
-- Store a compiled plan: each step with its finished SQL.
--
-- Parameters  p_plan_id   the plan, its references numbered and described
-- Writes      deletion_plan_steps                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_write_plan;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_write_plan(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Store a compiled plan: each step with its finished SQL'
BEGIN
    DECLARE v_edge_no, v_count, v_step_no INT DEFAULT 0;
    DECLARE v_waits BOOLEAN;

    SET v_count = (SELECT count(*) FROM deletion_plan_edges AS e WHERE e.plan_id = p_plan_id);
    -- Where foreign keys alone lead on, and no row waits for another, what is emptied under its
    -- parents' lock stays empty: no second look is needed (remove_now).
    SET v_waits = coalesce((
        SELECT max(e.waits OR e.is_circular)
        FROM deletion_plan_edges AS e
        WHERE e.plan_id = p_plan_id
    ), FALSE);

    INSERT INTO deletion_plan_steps (
        plan_id, step_no, kind, node_no, edge_no, table_name, is_leaf, waits, in_check, index_name,
        sql_text
    )
    SELECT
        p_plan_id, k.step_no, k.kind, 0, 0, n.display_name, FALSE, FALSE, FALSE, 'key',
        CASE k.kind
            WHEN 'guard' THEN deletion_sql_guard(p_plan_id)
            WHEN 'roots' THEN deletion_sql_roots(p_plan_id)
            ELSE deletion_sql_rows(p_plan_id, 0, k.kind)
        END
    FROM deletion_plan_nodes AS n
    CROSS JOIN json_table(
        '["guard", "roots", "hold", "lock", "look", "free", "remove", "remove_now", "left"]',
        '$[*]' COLUMNS (  -- noqa: CP02
            step_no FOR ORDINALITY,  -- noqa: PRS
            kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
        )
    ) AS k
    WHERE
        n.plan_id = p_plan_id
        AND n.node_no = 0
        AND (
            k.kind <> 'remove_now'
            OR NOT (
                v_waits
                OR EXISTS (
                    SELECT 1
                    FROM deletion_plan_edges AS b
                    WHERE
                        b.plan_id = p_plan_id
                        AND b.parent_node_no = 0
                        AND (b.action <> 'cascade' OR b.is_declared)
                )
            )
        );

    WHILE v_edge_no < v_count DO
        SET v_edge_no = v_edge_no + 1;
        SET v_step_no = (
            SELECT max(s.step_no) FROM deletion_plan_steps AS s WHERE s.plan_id = p_plan_id
        );

        INSERT INTO deletion_plan_steps (
            plan_id, step_no, kind, node_no, parent_node_no, edge_no, table_name, reference_name,
            action, is_leaf, waits, in_check, index_name, sql_text
        )
        SELECT
            p_plan_id,
            v_step_no + row_number() OVER (ORDER BY k.place),
            k.kind, e.child_node_no, e.parent_node_no, e.edge_no, n.display_name, e.reference_name,
            e.action, e.is_leaf, e.waits, e.in_check, e.index_name,
            CASE k.kind
                WHEN 'parent_row' THEN deletion_sql_keyless(p_plan_id, e.edge_no, k.kind)
                WHEN 'change_rows' THEN deletion_sql_keyless(p_plan_id, e.edge_no, k.kind)
                WHEN 'fetch' THEN deletion_sql_fetch(p_plan_id, e.edge_no, FALSE)
                WHEN 'fetch_more' THEN deletion_sql_fetch(p_plan_id, e.edge_no, TRUE)
                WHEN 'drain' THEN deletion_sql_drain(p_plan_id, e.edge_no)
                WHEN 'expand' THEN deletion_sql_levels(p_plan_id, e.edge_no, k.kind)
                WHEN 'fetch_levels' THEN deletion_sql_levels(p_plan_id, e.edge_no, k.kind)
                WHEN 'look_levels' THEN deletion_sql_levels(p_plan_id, e.edge_no, k.kind)
                WHEN 'remove_level' THEN deletion_sql_levels(p_plan_id, e.edge_no, k.kind)
                WHEN 'count' THEN deletion_sql_sweep(p_plan_id, e.edge_no, k.kind)
                WHEN 'sweep' THEN deletion_sql_sweep(p_plan_id, e.edge_no, k.kind)
                WHEN 'cycle' THEN deletion_sql_cycle(p_plan_id, e.edge_no)
                WHEN 'size' THEN concat(
                    'SELECT COUNT(*) INTO @dj_rows FROM (SELECT 1 FROM ', n.sql_name, ' LIMIT ?) AS q'  -- noqa: LT05
                )
                ELSE deletion_sql_rows(p_plan_id, e.edge_no, k.kind)
            END
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
        INNER JOIN json_table(
            '["fetch", "fetch_more", "size", "cycle", "drain", "count", "sweep", "hold", "lock",
            "look", "free", "remove", "remove_now", "left", "set", "expand", "fetch_levels",
            "look_levels", "remove_level", "parent_row", "change_rows"]',
            '$[*]' COLUMNS (  -- noqa: CP02
                place FOR ORDINALITY,  -- noqa: PRS
                kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
            )
        ) AS k
            ON CASE
                WHEN k.kind IN ('fetch', 'fetch_more') THEN TRUE
                WHEN k.kind = 'size' THEN e.index_name IS NULL
                WHEN k.kind IN ('parent_row', 'change_rows') THEN
                    n.key_columns IS NULL AND e.action <> 'restrict'
                WHEN n.key_columns IS NULL THEN FALSE
                WHEN k.kind = 'cycle' THEN
                    NOT e.is_circular
                    AND e.action IN ('cascade', 'restrict')
                    AND e.child_node_no = e.parent_node_no
                WHEN k.kind = 'set' THEN e.action IN ('set_null', 'set_default')
                WHEN k.kind = 'lock' THEN e.action <> 'restrict'
                WHEN k.kind = 'remove' THEN e.action = 'cascade'
                -- Rows that are set before they go have to be known one by one.
                WHEN k.kind = 'drain' THEN e.is_leaf AND NOT EXISTS (
                    SELECT 1
                    FROM deletion_plan_edges AS w
                    WHERE
                        w.plan_id = e.plan_id
                        AND w.child_node_no = e.child_node_no
                        AND w.waits
                        AND w.action <> 'restrict'
                )
                WHEN k.kind IN ('expand', 'fetch_levels', 'look_levels', 'remove_level') THEN
                    e.action = 'cascade'
                    AND e.parent_node_no = e.child_node_no
                    AND e.index_name IS NOT NULL
                    AND NOT v_waits
                WHEN k.kind IN ('count', 'sweep') THEN
                    e.is_leaf AND NOT e.is_declared AND e.index_name IS NOT NULL AND NOT v_waits
                WHEN k.kind = 'remove_now' THEN
                    e.action = 'cascade' AND NOT e.is_leaf AND NOT v_waits AND NOT EXISTS (
                        SELECT 1
                        FROM deletion_plan_edges AS b
                        WHERE
                            b.plan_id = e.plan_id
                            AND b.parent_node_no = e.child_node_no
                            AND (b.action <> 'cascade' OR b.is_declared)
                    )
                -- What has no children is not looked at again before it goes.
                ELSE e.action = 'cascade' AND NOT e.is_leaf
            END
        WHERE e.plan_id = p_plan_id AND e.edge_no = v_edge_no;
    END WHILE;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_write_circles.sql
-- deletion_write_circles
-- Store the further steps of a plan whose rows may refer to each other in a circle.
--
-- Parameters  p_plan_id   the plan, its references numbered and described
-- Writes      deletion_plan_steps                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_write_circles;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_write_circles(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Store the further steps of a plan whose rows may refer to each other in a circle'
BEGIN
    DECLARE v_step_no INT DEFAULT (
        SELECT max(s.step_no) FROM deletion_plan_steps AS s WHERE s.plan_id = p_plan_id
    );

    INSERT INTO deletion_plan_steps (
        plan_id, step_no, kind, node_no, parent_node_no, edge_no, table_name, reference_name,
        action, is_leaf, waits, in_check, index_name, sql_text
    )
    SELECT
        p_plan_id, v_step_no + row_number() OVER (ORDER BY e.edge_no, k.place),
        k.kind, n.node_no, e.parent_node_no, e.edge_no, n.display_name, e.reference_name,
        e.action, FALSE, FALSE, FALSE, e.index_name,
        if(
            k.kind IN ('circle', 'loose'),
            NULL,
            deletion_sql_circle(p_plan_id, e.edge_no, k.kind)
        )
    FROM (
        SELECT
            r.edge_no, r.parent_node_no, r.child_node_no, r.reference_name, r.action, r.index_name,
            r.is_leaf, r.is_circular, r.break_list,
            row_number() OVER (
                PARTITION BY r.child_node_no ORDER BY r.action <> 'cascade', r.edge_no
            ) AS place
        FROM deletion_plan_edges AS r
        WHERE r.plan_id = p_plan_id
        UNION ALL
        SELECT 0, NULL, 0, NULL, NULL, 'key', FALSE, FALSE, NULL, 0
    ) AS e
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = p_plan_id AND n.node_no = e.child_node_no AND n.in_closure
    INNER JOIN json_table(
        '["circle", "loose", "fetch_beyond", "break", "break_own", "lock_circle", "remove_circle"]',
        '$[*]' COLUMNS (  -- noqa: CP02
            place FOR ORDINALITY,  -- noqa: PRS
            kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
        )
    ) AS k
        ON CASE k.kind
            -- It is known that tables go in a circle: every run of the plan looks at its stack.
            WHEN 'circle' THEN e.is_circular
            WHEN 'loose' THEN e.break_list IS NOT NULL
            WHEN 'fetch_beyond' THEN e.action = 'cascade' AND NOT e.is_leaf
            WHEN 'break' THEN e.action = 'cascade' AND e.break_list IS NOT NULL
            WHEN 'break_own' THEN coalesce(e.action, 'cascade') = 'cascade' AND EXISTS (
                SELECT 1
                FROM deletion_plan_edges AS o
                WHERE
                    o.plan_id = p_plan_id
                    AND o.child_node_no = e.child_node_no
                    AND o.action = 'restrict'
                    AND o.break_list IS NOT NULL
            )
            -- Once for a table.
            ELSE e.place = if(e.child_node_no = 0, 0, 1)
        END
    WHERE EXISTS (
        SELECT 1
        FROM deletion_plan_edges AS o
        WHERE
            o.plan_id = p_plan_id
            AND (
                o.is_circular
                OR (o.parent_node_no = o.child_node_no AND o.action IN ('cascade', 'restrict'))
            )
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_compile.sql
-- deletion_compile
-- Compile a target's plan and make it the current one.
--
-- Parameters  p_entity_table   the target, as it is registered
--             p_hard           the mode: TRUE removes rows
--             p_plan_id        OUT the plan; one that cannot run carries error_code and error
-- Errors      JD004 the table is no target
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner only
-- Example     CALL deletion_compile('users', TRUE, @dj_plan);

DROP PROCEDURE IF EXISTS deletion_compile;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_compile(
    IN p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_hard BOOLEAN,
    OUT p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Compile a target''s plan and make it the current one'
BEGIN
    DECLARE v_code CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_tables JSON;
    DECLARE v_turn VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_length BIGINT DEFAULT @@SESSION.group_concat_max_len;

    IF NOT EXISTS (SELECT 1 FROM deletion_targets AS t WHERE t.entity_table = p_entity_table) THEN
        CALL deletion_raise('JD004', 'deletion_compile', 'table is no target', p_entity_table);
    END IF;

    -- Two workers that find the same plan stale compile it one after the other. Not by the target's
    -- row: enqueue reads that under a lock, and never waits for a worker.
    SET v_turn = (
        SELECT s.setting_name
        FROM deletion_settings AS s
        WHERE s.setting_name = 'recompile'
        FOR UPDATE
    );
    SET p_plan_id = deletion_fresh_plan(p_entity_table, p_hard);

    IF p_plan_id IS NULL THEN
        UPDATE deletion_plans AS p
        SET p.superseded_at = utc_timestamp(6)
        WHERE
            p.entity_table = p_entity_table AND p.hard_delete = p_hard AND p.superseded_at IS NULL;

        INSERT INTO deletion_plans (
            entity_table, hard_delete, fingerprint, tables, can_block, has_waits
        )
        VALUES (p_entity_table, p_hard, '', json_array(), FALSE, FALSE);

        SET p_plan_id = last_insert_id();
        SET SESSION group_concat_max_len = 16777216;
        CALL deletion_plan_graph(p_plan_id, p_entity_table, v_code, v_error);

        IF v_code IS NULL THEN
            CALL deletion_write_plan(p_plan_id);
            CALL deletion_write_circles(p_plan_id);
        END IF;

        SET v_tables = (
            SELECT coalesce(
                json_arrayagg(json_object('s', n.table_schema, 't', n.table_name)), json_array()
            )
            FROM deletion_plan_nodes AS n
            WHERE n.plan_id = p_plan_id
        );

        UPDATE deletion_plans AS p
        SET
            p.tables = v_tables,
            p.fingerprint = deletion_fingerprint(p_entity_table, v_tables),
            p.error_code = v_code,
            p.error = v_error,
            p.can_block = EXISTS (  -- noqa: CP03,LT06
                SELECT 1
                FROM deletion_plan_edges AS e
                WHERE
                    e.plan_id = p_plan_id
                    AND (
                        e.in_check
                        OR (
                            e.action = 'cascade'
                            AND e.parent_node_no = e.child_node_no
                            AND NOT e.is_circular
                        )
                    )
            ),
            p.has_waits = EXISTS (  -- noqa: CP03,LT06
                SELECT 1
                FROM deletion_plan_edges AS e
                WHERE e.plan_id = p_plan_id AND (e.waits OR e.is_circular)
            )
        WHERE p.plan_id = p_plan_id;

        DELETE FROM deletion_plan_edges WHERE plan_id = p_plan_id;
        DELETE FROM deletion_plan_nodes WHERE plan_id = p_plan_id;
        SET SESSION group_concat_max_len = v_length;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_advance.sql
-- deletion_advance
-- Walk on: as many moves of the stack as fit the run's batch, in the caller's transaction.
--
-- Parameters  p_run_id     the run, fenced
--             p_is_empty   OUT TRUE where the stack is empty: the jobs' rows are gone
-- Writes      the application's tables, deletion_frames, deletion_receipts, deletion_runs
-- Commits     no
-- Execute     the owner only
--
-- The walk's registers: of the run @dj_run_id, @dj_plan_id, @dj_batch, @dj_left (rows that this
-- transaction may still change), @dj_changed, @dj_state, @dj_job_id (the only job; NULL: several),
-- @dj_waits, @dj_may_sweep and @dj_locks (the depths of the frames that this transaction locked);
-- of the present frame @dj_depth (NULL: the stack is empty), @dj_node_no, @dj_edge_no, @dj_keys,
-- @dj_count, @dj_pos, @dj_read, @dj_pass, @dj_idle, @dj_here, @dj_is_locked, and @dj_is_dirty: not
-- stored as it is.

DROP PROCEDURE IF EXISTS deletion_advance;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_advance(
    IN p_run_id BIGINT UNSIGNED,
    OUT p_is_empty BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Walk on: as many moves of the stack as fit the run''s batch, in the caller''s transaction'
BEGIN
    DECLARE v_edge_no, v_node_no INT;
    DECLARE v_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_leaf, v_drains, v_sweeps, v_is_swept BOOLEAN;
    DECLARE v_passed INT DEFAULT 0;
    DECLARE v_goes_on BOOLEAN DEFAULT TRUE;
    DECLARE v_until DATETIME(6) DEFAULT timestampadd(
        MICROSECOND, 1000 * deletion_setting_int('batch_ms'), utc_timestamp(6)
    );
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_edge_no = NULL;

    CALL deletion_load_walk(p_run_id);

    -- Roots that go in this transaction with all below them are locked first: then no reference
    -- that was emptied has to be looked at once more.
    IF
        @dj_edge_no = 0
        AND @dj_pos = 0
        AND @dj_count * (1 + cast(json_extract(@dj_state, '$.fan."0"') AS DOUBLE)) <= @dj_left
        AND NOT json_contains_path(@dj_keys, 'one', '$[*].m')
    THEN
        CALL deletion_lock_frame();
    END IF;

    WHILE v_goes_on AND @dj_depth IS NOT NULL DO
        -- The next reference of the frame's table that has something to do in this phase.
        SELECT
            s.edge_no, s.node_no, s.action, s.is_leaf,
            s.edge_no IN (
                SELECT d.edge_no
                FROM deletion_plan_steps AS d
                WHERE d.plan_id = @dj_plan_id AND d.kind = 'drain'
            ),
            s.edge_no IN (
                SELECT d.edge_no
                FROM deletion_plan_steps AS d
                WHERE d.plan_id = @dj_plan_id AND d.kind = 'sweep'
            )
        INTO v_edge_no, v_node_no, v_action, v_is_leaf, v_drains, v_sweeps
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = @dj_plan_id
            AND s.parent_node_no = @dj_node_no
            AND s.kind = 'fetch'
            AND s.edge_no > @dj_pos
            AND s.action <> 'restrict'
            AND (
                s.action = 'cascade'
                OR NOT s.waits
                OR json_contains_path(@dj_state, 'one', '$.set')
            )
        ORDER BY s.edge_no
        LIMIT 1;

        IF v_edge_no IS NULL THEN
            -- A frame goes in one transaction: what is left of this one may be too little.
            IF @dj_left < @dj_count THEN
                SET v_goes_on = FALSE;
            ELSE
                CALL deletion_remove();
            END IF;
        ELSEIF v_action = 'cascade' AND NOT v_is_leaf THEN
            -- So may be what is left for the children of the rows that would be fetched.
            IF @dj_left * 2 < @dj_batch THEN
                SET v_goes_on = FALSE;
            ELSE
                CALL deletion_push(v_edge_no, v_node_no);
            END IF;
        ELSEIF @dj_left = 0 THEN
            SET v_goes_on = FALSE;
        ELSEIF v_sweeps AND @dj_is_locked AND @dj_may_sweep AND v_edge_no <> v_passed THEN
            CALL deletion_sweep(v_edge_no, v_is_swept);
            -- Too many of them: they go in batches.
            SET v_passed = if(v_is_swept, 0, v_edge_no);
        ELSEIF v_drains AND @dj_job_id IS NOT NULL THEN
            CALL deletion_drain(v_edge_no);
        ELSEIF EXISTS (
            SELECT 1
            FROM deletion_plan_steps AS s
            WHERE s.plan_id = @dj_plan_id AND s.edge_no = v_edge_no AND s.kind = 'change_rows'
        ) THEN
            CALL deletion_change_rows(v_edge_no, v_action);
        ELSE
            CALL deletion_change(v_edge_no, v_action);
        END IF;

        SET v_goes_on = v_goes_on AND utc_timestamp(6) < v_until;
    END WHILE;

    SET p_is_empty = @dj_depth IS NULL;
    CALL deletion_save_walk();
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_change_rows.sql
-- deletion_change_rows
-- Delete, or set, rows without a key that hang from the present frame, one of its rows at a time.
--
-- Parameters  p_edge_no   the reference            p_action   cascade, set_null or set_default
-- Writes      the application's table, deletion_receipts     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_change_rows;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_change_rows(
    IN p_edge_no INT,
    IN p_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Delete, or set, rows without a key that hang from the present frame'
BEGIN
    DECLARE v_pos INT DEFAULT 0;
    DECLARE v_key JSON;

    WHILE v_pos < @dj_count AND @dj_left > 0 DO
        SET v_key = json_extract(@dj_keys, concat('$[', v_pos, ']')), v_pos = v_pos + 1;
        SET @dj_frame = v_key, @dj_limit = @dj_left;
        CALL deletion_execute(@dj_plan_id, p_edge_no, 'parent_row');
        CALL deletion_execute(@dj_plan_id, p_edge_no, 'change_rows');
        SET @dj_here = @dj_here + @dj_rows;
        CALL deletion_count(
            p_edge_no, if(p_action = 'cascade', 'delete', p_action), @dj_rows,
            -- So many rows of that job.
            if(@dj_rows = 0, NULL, concat(
                '[', repeat(concat('{"j": ', json_extract(v_key, '$.j'), '},'), @dj_rows - 1),
                '{"j": ', json_extract(v_key, '$.j'), '}]'
            ))
        );
    END WHILE;

    IF @dj_left > 0 THEN
        SET @dj_pos = p_edge_no, @dj_is_dirty = TRUE;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_check.sql
-- deletion_check
-- Look, before the first row is touched, at whatever can be known to fail; a bounded step.
--
-- Parameters  p_run_id   the run, fenced
--             p_state    OUT more, or ended where no job is left
-- Writes      deletion_runs, deletion_frames, deletion_walk_keys, deletion_attempts,
--             deletion_jobs                        Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_check;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_check(
    IN p_run_id BIGINT UNSIGNED,
    OUT p_state VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Look, before the first row is touched, at whatever can be known to fail; a bounded step'
BEGIN
    DECLARE v_plan_id BIGINT UNSIGNED;
    DECLARE v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_can_block, v_is_walking, v_is_over BOOLEAN;
    DECLARE v_max_rows BIGINT;

    SELECT
        r.plan_id,
        p.can_block,
        coalesce(t.max_rows, deletion_setting_int('max_rows')),
        json_contains_path(r.state, 'one', '$.walk')
    INTO v_plan_id, v_can_block, v_max_rows, v_is_walking
    FROM deletion_runs AS r
    INNER JOIN deletion_plans AS p ON p.plan_id = r.plan_id
    INNER JOIN deletion_targets AS t ON t.entity_table = r.entity_table
    WHERE r.run_id = p_run_id;

    SET p_state = 'more';

    IF NOT v_is_walking THEN
        CALL deletion_missing_privilege(v_plan_id, v_error);

        IF v_error IS NULL THEN
            CALL deletion_unindexed(v_plan_id, v_error);
        END IF;

        IF v_error IS NULL THEN
            CALL deletion_find_roots(p_run_id, v_plan_id);
        ELSE
            CALL deletion_settle(p_run_id, NULL, 'failed', v_error, TRUE, NULL);
            CALL deletion_end_run(p_run_id, 'failed', v_error);
            SET p_state = 'ended';
        END IF;

        IF v_error IS NULL AND (v_can_block OR v_max_rows IS NOT NULL) THEN
            CALL deletion_seed_walk(
                p_run_id, (SELECT f.`keys` FROM deletion_frames AS f WHERE f.run_id = p_run_id)
            );
            UPDATE deletion_runs AS r SET r.state = '{"walk": true}' WHERE r.run_id = p_run_id;
            SET v_is_walking = TRUE;
        END IF;
    END IF;

    IF p_state = 'more' AND v_is_walking THEN
        CALL deletion_walk_on(p_run_id, v_plan_id, v_max_rows, v_is_over);
    END IF;

    IF v_is_over AND v_is_walking THEN
        CALL deletion_walk_verdict(p_run_id, v_plan_id);
        DELETE FROM deletion_walk_keys WHERE walk_id = p_run_id;
    END IF;

    IF
        p_state = 'more'
        AND NOT EXISTS (
            SELECT 1 FROM deletion_frames AS f WHERE f.run_id = p_run_id AND f.key_count > 0
        )
    THEN
        CALL deletion_end_run(p_run_id, 'failed', NULL);
        SET p_state = 'ended';
    ELSEIF p_state = 'more' AND (v_is_over OR NOT v_is_walking) THEN
        UPDATE deletion_runs AS r
        INNER JOIN deletion_plans AS p ON p.plan_id = r.plan_id
        SET
            r.phase = 'advance',
            r.state = json_merge_preserve(
                if(p.fan_out IS NULL, json_object(), json_object('fan', p.fan_out)),
                if(
                    json_contains_path(r.state, 'one', '$.careful')
                    OR EXISTS (
                        SELECT 1
                        FROM deletion_plan_steps AS s
                        WHERE s.plan_id = p.plan_id AND s.kind = 'circle'
                    ),
                    json_object('careful', TRUE),
                    json_object()
                )
            )
        WHERE r.run_id = p_run_id;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_execute.sql
-- deletion_execute
-- Execute one stored statement of a plan, with bound values.
--
-- Parameters  p_plan_id, p_edge_no, p_kind   the step
-- Writes      what the step says                   Commits  no
-- Execute     the owner only
--
-- Binds @dj_frame (keys, roots), @dj_limit, @dj_cursor, @dj_level and @dj_walk_id as the kind of
-- step takes them; answers in @dj_answer and @dj_rows.

DROP PROCEDURE IF EXISTS deletion_execute;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_execute(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_edge_no INT,
    IN p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Execute one stored statement of a plan, with bound values'
BEGIN
    SET @dj_sql = (
        SELECT s.sql_text
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.edge_no = p_edge_no AND s.kind = p_kind
    );
    SET @dj_answer = NULL, @dj_rows = 0;
    PREPARE dj_stmt FROM @dj_sql;

    CASE
        WHEN p_kind = 'fetch_levels' THEN
            EXECUTE dj_stmt USING @dj_frame, @dj_frame, @dj_limit;
        WHEN p_kind = 'look_levels' THEN EXECUTE dj_stmt USING @dj_frame, @dj_frame;
        WHEN p_kind = 'remove_level' THEN
            EXECUTE dj_stmt USING @dj_frame, @dj_level;
            SET @dj_rows = row_count();
        WHEN p_kind IN ('fetch', 'expand', 'count', 'drain') THEN
            EXECUTE dj_stmt USING @dj_frame, @dj_limit;
            SET @dj_rows = if(p_kind = 'drain', row_count(), @dj_rows);
        WHEN p_kind IN ('sweep', 'remove', 'remove_now', 'set') THEN
            EXECUTE dj_stmt USING @dj_frame;
            SET @dj_rows = row_count();
        WHEN p_kind = 'fetch_beyond' THEN
            EXECUTE dj_stmt USING @dj_cursor, @dj_frame, @dj_run_id, @dj_limit;
        WHEN p_kind = 'break' THEN
            EXECUTE dj_stmt USING @dj_frame, @dj_run_id, @dj_limit;
            SET @dj_rows = row_count();
        WHEN p_kind = 'break_own' THEN
            EXECUTE dj_stmt USING @dj_frame, @dj_limit;
            SET @dj_rows = row_count();
        WHEN p_kind = 'lock_circle' THEN EXECUTE dj_stmt USING @dj_run_id;
        WHEN p_kind = 'remove_circle' THEN
            EXECUTE dj_stmt USING @dj_run_id;
            SET @dj_rows = row_count();
        WHEN p_kind = 'fetch_more' THEN EXECUTE dj_stmt USING @dj_cursor, @dj_frame, @dj_limit;
        WHEN p_kind = 'change_rows' THEN
            EXECUTE dj_stmt USING @dj_limit;
            SET @dj_rows = row_count();
        WHEN p_kind = 'size' THEN EXECUTE dj_stmt USING @dj_limit;
        WHEN p_kind = 'cycle' THEN EXECUTE dj_stmt USING @dj_walk_id;
        WHEN p_kind = 'guard' THEN EXECUTE dj_stmt;
        ELSE EXECUTE dj_stmt USING @dj_frame;
    END CASE;

    DEALLOCATE PREPARE dj_stmt;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_find_circle.sql
-- deletion_find_circle
-- Find all that hangs from one row, if it is few enough to go in one transaction.
--
-- Parameters  p_key    the row in the present frame
--             p_limit  most rows
--             p_rows   OUT text that tells the rows from any others; NULL: they are too many, or
--                      rows that stay refer to them
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_find_circle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_find_circle(
    IN p_key JSON,
    IN p_limit BIGINT,
    OUT p_rows LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find all that hangs from one row, if it is few enough to go in one transaction'
BEGIN
    DECLARE v_read, v_total BIGINT DEFAULT 1;

    DELETE FROM deletion_walk_keys WHERE walk_id = @dj_run_id AND job_id > 0;
    INSERT INTO deletion_walk_keys (
        walk_id, job_id, node_no, fate, key_hash, edge_no, `keys`, is_expanded
    )
    VALUES (
        @dj_run_id, json_extract(p_key, '$.j'), @dj_node_no, 'delete', deletion_key_hash(p_key),
        @dj_edge_no, p_key, FALSE
    );

    WHILE v_read IS NOT NULL AND v_total <= p_limit DO
        CALL deletion_walk(@dj_run_id, @dj_plan_id, TRUE, v_read);
        SET v_total = (
            SELECT count(*)
            FROM deletion_walk_keys AS w
            WHERE w.walk_id = @dj_run_id AND w.job_id > 0 AND w.fate = 'delete'
        );
    END WHILE;

    IF v_total <= p_limit AND NOT EXISTS (
        SELECT 1
        FROM deletion_walk_keys AS w
        WHERE
            w.walk_id = @dj_run_id
            AND w.job_id > 0
            AND w.fate <> 'delete'
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_walk_keys AS d
                WHERE
                    d.walk_id = w.walk_id AND d.job_id = w.job_id AND d.node_no = w.node_no
                    AND d.fate = 'delete' AND d.key_hash = w.key_hash
            )
    ) THEN
        SELECT json_arrayagg(concat(q.node_no, hex(q.key_hash)))
        INTO p_rows
        FROM (
            SELECT w.node_no, w.key_hash
            FROM deletion_walk_keys AS w
            WHERE w.walk_id = @dj_run_id AND w.job_id > 0 AND w.fate = 'delete'
            ORDER BY w.node_no, w.key_hash
            LIMIT 18446744073709551615
        ) AS q;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_left_over.sql
-- deletion_left_over
-- Decide what becomes of a frame some of whose rows could not be removed.
--
-- Errors      JD006 nothing more can be done about the rows
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_left_over;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_left_over()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Decide what becomes of a frame some of whose rows could not be removed'
BEGIN
    DECLARE v_is_popped BOOLEAN DEFAULT FALSE;

    IF @dj_changed <= @dj_pass AND json_contains_path(@dj_state, 'one', '$.careful') THEN
        CALL deletion_open_circle();
    END IF;

    IF @dj_changed > @dj_pass OR @dj_left = 0 THEN
        -- Something went in this pass, so more may go in the next.
        SET @dj_idle = 0;
    ELSEIF @dj_waits AND @dj_edge_no <> 0 THEN
        -- Rows wait for others that hang from elsewhere in the closure: those come first.
        SET v_is_popped = TRUE;
        CALL deletion_pop();
    ELSEIF @dj_waits AND NOT json_contains_path(@dj_state, 'one', '$.set') THEN
        -- All that could go is gone: what still refers to rows of the closure survives, and is set.
        SET @dj_state = json_set(@dj_state, '$.set', TRUE), @dj_idle = 0;
    ELSEIF
        json_contains_path(@dj_state, 'one', '$.careful')
        AND NOT json_contains_path(@dj_state, 'one', '$.together')
    THEN
        -- What is left goes in circles, or lies above one.
        SET @dj_state = json_set(@dj_state, '$.together', TRUE), @dj_idle = 0;
    ELSEIF @dj_idle = 0 THEN
        -- A child may have come between its reference's pass and the lock: look once more.
        SET @dj_idle = 1;
    ELSE
        CALL deletion_stuck();
    END IF;

    IF NOT v_is_popped THEN
        SET @dj_is_locked = FALSE, @dj_locks = replace(@dj_locks, concat(',', @dj_depth, ','), ',');
        SET @dj_pos = 0, @dj_read = NULL, @dj_pass = @dj_changed, @dj_is_dirty = TRUE;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_note_frame.sql
-- deletion_note_frame
-- Note that a frame's rows come onto the stack, or leave it, where rows may go in a circle.
--
-- Parameters  p_node_no, p_edge_no, p_keys   the frame
--             p_is_on                        FALSE: it leaves
-- Writes      deletion_walk_keys (of no job, and kept)     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_note_frame;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_note_frame(
    IN p_node_no INT,
    IN p_edge_no INT,
    IN p_keys JSON,
    IN p_is_on BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Note that a frame''s rows come onto the stack, or leave it, where rows may go in a circle'
BEGIN
    IF json_contains_path(@dj_state, 'one', '$.careful') AND p_is_on THEN  -- noqa: PRS
        INSERT IGNORE INTO deletion_walk_keys (
            walk_id, job_id, node_no, fate, key_hash, edge_no, is_expanded
        )
        SELECT @dj_run_id, 0, p_node_no, 'keep', deletion_key_hash(k.o), p_edge_no, TRUE
        FROM json_table(p_keys, '$[*]' COLUMNS (o JSON PATH '$')) AS k;
    ELSEIF json_contains_path(@dj_state, 'one', '$.careful') THEN
        DELETE w
        FROM json_table(p_keys, '$[*]' COLUMNS (o JSON PATH '$')) AS k
        STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
            ON
                w.walk_id = @dj_run_id
                AND w.job_id = 0
                AND w.node_no = p_node_no
                AND w.fate = 'keep'
                AND w.key_hash = deletion_key_hash(k.o);
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_note_stack.sql
-- deletion_note_stack
-- Note anew which rows are on the run's stored stack, where rows may go in a circle.
--
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_note_stack;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_note_stack()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Note anew which rows are on the run''s stored stack, where rows may go in a circle'
BEGIN
    IF json_contains_path(@dj_state, 'one', '$.careful') THEN
        DELETE FROM deletion_walk_keys WHERE walk_id = @dj_run_id;
        INSERT IGNORE INTO deletion_walk_keys (
            walk_id, job_id, node_no, fate, key_hash, edge_no, is_expanded
        )
        SELECT @dj_run_id, 0, f.node_no, 'keep', deletion_key_hash(k.o), f.edge_no, TRUE
        FROM deletion_frames AS f
        CROSS JOIN json_table(f.`keys`, '$[*]' COLUMNS (o JSON PATH '$')) AS k  -- noqa: CP02,PRS
        WHERE f.run_id = @dj_run_id;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_open_circle.sql
-- deletion_open_circle
-- Get on where the present frame's rows wait for rows that wait for them.
--
-- Writes      the application's tables, deletion_receipts, deletion_walk_keys     Commits  no
-- Execute     the owner only
--
-- Rows on the stack lose the reference by which they would go before the frame's rows: they stay
-- reachable by the one they were found by. When nothing else goes on any more, rows that cannot be
-- parted go together. Where @dj_changed is as before, it was of no use.

DROP PROCEDURE IF EXISTS deletion_open_circle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_open_circle()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Get on where the present frame''s rows wait for rows that wait for them'
BEGIN
    DECLARE v_edge_no, v_pos INT DEFAULT 0;
    DECLARE v_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_key JSON;
    DECLARE v_changed BIGINT DEFAULT @dj_changed;
    DECLARE v_together BOOLEAN DEFAULT json_contains_path(@dj_state, 'one', '$.together');
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_step CURSOR FOR
        SELECT s.edge_no, s.kind
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = @dj_plan_id
            AND (
                (s.kind = 'break' AND s.parent_node_no = @dj_node_no)
                OR (s.kind = 'break_own' AND s.edge_no = @dj_edge_no AND v_together)
            )
        ORDER BY s.step_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_step;
    FETCH c_step INTO v_edge_no, v_kind;

    WHILE NOT v_is_done AND @dj_left > 0 DO
        SET @dj_frame = @dj_keys, @dj_limit = @dj_left;
        CALL deletion_execute(@dj_plan_id, v_edge_no, v_kind);
        SET @dj_left = @dj_left - @dj_rows, @dj_changed = @dj_changed + @dj_rows;
        SET v_is_done = FALSE;
        FETCH c_step INTO v_edge_no, v_kind;
    END WHILE;

    CLOSE c_step;

    IF @dj_changed = v_changed AND v_together THEN
        SET @dj_gone = json_array();

        WHILE v_pos < json_length(@dj_keys) AND @dj_left > 0 DO
            SET v_key = json_extract(@dj_keys, concat('$[', v_pos, ']')), v_pos = v_pos + 1;

            IF
                NOT json_contains_path(v_key, 'one', '$.m')
                AND NOT json_contains(@dj_gone, json_quote(hex(deletion_key_hash(v_key))))
            THEN
                CALL deletion_remove_circle(v_key);
            END IF;
        END WHILE;

        DELETE FROM deletion_walk_keys WHERE walk_id = @dj_run_id AND job_id > 0;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_remove_circle.sql
-- deletion_remove_circle
-- Remove a row with all that hangs from it at once: lock them, look once more, delete.
--
-- Parameters  p_key   a row of the present frame; what goes of its table comes into @dj_gone
-- Errors      JD006 rows are found and not changed
-- Writes      the application's tables, deletion_receipts, deletion_walk_keys     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_remove_circle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_remove_circle(
    IN p_key JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Remove a row with all that hangs from it at once: lock them, look once more, delete'
BEGIN
    DECLARE v_locked, v_gone BIGINT DEFAULT 0;
    DECLARE v_edge_no, v_node_no INT;
    DECLARE v_keys JSON;
    DECLARE v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_before, v_now LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    -- Contention may have halved the batch: rows that cannot be parted go by the setting.
    DECLARE v_limit BIGINT DEFAULT greatest(@dj_batch, deletion_setting_int('batch_rows'));
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_node CURSOR FOR
        SELECT s.edge_no, s.node_no, s.table_name
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = @dj_plan_id
            AND s.kind = 'lock_circle'
            AND EXISTS (
                SELECT 1
                FROM deletion_walk_keys AS w
                WHERE
                    w.walk_id = @dj_run_id AND w.job_id > 0 AND w.node_no = s.node_no
                    AND w.fate = 'delete'
            )
        ORDER BY s.node_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    CALL deletion_find_circle(p_key, v_limit, v_before);

    IF v_before IS NOT NULL THEN
        OPEN c_node;
        FETCH c_node INTO v_edge_no, v_node_no, v_table;

        WHILE NOT v_is_done DO
            CALL deletion_execute(@dj_plan_id, v_edge_no, 'lock_circle');
            SET v_locked = v_locked + @dj_rows, v_is_done = FALSE;
            FETCH c_node INTO v_edge_no, v_node_no, v_table;
        END WHILE;

        CLOSE c_node;

        IF v_locked > @dj_left AND @dj_left < @dj_batch THEN
            -- Only a whole batch would hold them: they begin the next one.
            SET @dj_left = 0;
        ELSEIF v_locked > 0 THEN
            -- Under the lock no foreign key can gain a row: what is found now is what goes.
            CALL deletion_find_circle(p_key, v_limit, v_now);
        END IF;
    END IF;

    IF v_now = v_before THEN
        SET v_is_done = FALSE;
        OPEN c_node;
        FETCH c_node INTO v_edge_no, v_node_no, v_table;

        WHILE NOT v_is_done DO
            CALL deletion_execute(@dj_plan_id, v_edge_no, 'remove_circle');
            SET v_gone = v_gone + @dj_rows;
            CALL deletion_add_receipts(
                @dj_run_id, v_table, 'delete', json_object(json_extract(p_key, '$.j'), @dj_rows)
            );
            SELECT json_arrayagg(w.`keys`), json_merge_preserve(
                @dj_gone,
                if(v_node_no = @dj_node_no, json_arrayagg(hex(w.key_hash)), json_array())
            )
            INTO v_keys, @dj_gone
            FROM deletion_walk_keys AS w
            WHERE
                w.walk_id = @dj_run_id
                AND w.job_id > 0
                AND w.node_no = v_node_no
                AND w.fate = 'delete';
            CALL deletion_uncount(v_table, v_keys);
            SET v_is_done = FALSE;
            FETCH c_node INTO v_edge_no, v_node_no, v_table;
        END WHILE;

        CLOSE c_node;

        IF v_gone < v_locked THEN
            CALL deletion_raise(
                'JD006', 'run_deletion_jobs', 'rows are found and not changed', v_table
            );
        END IF;

        SET @dj_left = greatest(0, @dj_left - v_gone), @dj_changed = @dj_changed + v_gone;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_load_walk.sql
-- deletion_load_walk
-- Set the walk's registers to where a run stands.
--
-- Parameters  p_run_id   the run, fenced
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_load_walk;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_load_walk(
    IN p_run_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Set the walk''s registers to where a run stands'
BEGIN
    SELECT
        r.run_id, r.plan_id, r.batch_rows, r.batch_rows AS rows_left, r.rows_changed, r.state,
        p.has_waits OR json_contains_path(r.state, 'one', '$.careful'),
        -- Where rows went while they were counted they may do so again, and each step be lost.
        r.error IS NULL,
        if(r.job_count = 1, (
            SELECT max(a.job_id) FROM deletion_attempts AS a WHERE a.run_id = r.run_id
        ), NULL)
    INTO
        @dj_run_id, @dj_plan_id, @dj_batch, @dj_left, @dj_changed, @dj_state, @dj_waits,
        @dj_may_sweep, @dj_job_id
    FROM deletion_runs AS r
    INNER JOIN deletion_plans AS p ON p.plan_id = r.plan_id
    WHERE r.run_id = p_run_id;

    SET @dj_locks = ',';
    CALL deletion_hold_frames();
    CALL deletion_note_stack();
    CALL deletion_load_frame();
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_missing_privilege.sql
-- deletion_missing_privilege
-- Say which statement of a plan the server refuses: a right is missing, or the plan does not fit.
--
-- Parameters  p_plan_id   the plan
--             p_error     OUT the engine's code and message; NULL: all can be run
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- Preparing a statement checks the rights on its tables and columns, and touches no row.

DROP PROCEDURE IF EXISTS deletion_missing_privilege;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_missing_privilege(
    IN p_plan_id BIGINT UNSIGNED,
    OUT p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say which statement of a plan the server refuses: a right is missing, or the plan does not fit'  -- noqa: LT05
BEGIN
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;  -- noqa: PRS
    DECLARE v_sql LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE c_step CURSOR FOR
        SELECT s.sql_text FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.sql_text IS NOT NULL
        ORDER BY s.step_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_step;
    FETCH c_step INTO v_sql;

    WHILE NOT v_is_done AND p_error IS NULL DO
        BEGIN
            DECLARE v_number INT;
            DECLARE v_code CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
            DECLARE v_message LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
            DECLARE EXIT HANDLER FOR SQLEXCEPTION
            BEGIN
                GET STACKED DIAGNOSTICS v_number = NUMBER;
                GET STACKED DIAGNOSTICS CONDITION v_number
                    v_code = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT;
                SET p_error = concat(v_code, ': ', v_message);
            END;
            SET @dj_sql = v_sql;
            PREPARE dj_stmt FROM @dj_sql;
            DEALLOCATE PREPARE dj_stmt;
        END;
        FETCH c_step INTO v_sql;
    END WHILE;

    CLOSE c_step;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_pop.sql
-- deletion_pop
-- Drop the walk's present frame and go on with the one below it.
--
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_pop;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_pop()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Drop the walk''s present frame and go on with the one below it'
BEGIN
    CALL deletion_note_frame(@dj_node_no, @dj_edge_no, @dj_keys, FALSE);
    DELETE FROM deletion_frames WHERE run_id = @dj_run_id AND depth = @dj_depth;
    SET @dj_locks = replace(@dj_locks, concat(',', @dj_depth, ','), ',');
    CALL deletion_load_frame();
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_push.sql
-- deletion_push
-- Fetch a frame's worth of keys by one reference and make them the walk's present frame.
--
-- Parameters  p_edge_no   the reference            p_node_no   its child
-- Errors      JD007 the stack is deeper than rows can be that do not go in a circle
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_push;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_push(
    IN p_edge_no INT,
    IN p_node_no INT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Fetch a frame''s worth of keys by one reference and make them the walk''s present frame'
BEGIN
    DECLARE v_keys JSON;
    DECLARE v_count INT;
    DECLARE v_is_changed BOOLEAN;
    DECLARE v_is_self BOOLEAN DEFAULT p_node_no = @dj_node_no;
    DECLARE v_fan DOUBLE DEFAULT json_extract(@dj_state, concat('$.fan."', p_node_no, '"'));

    -- So many that their own children fit the batch as well; a first guess where none were seen.
    SET @dj_limit = cast(if(
        v_fan IS NULL, least(100, @dj_left), greatest(1, floor(0.85 * @dj_left / (1 + v_fan)))
    ) AS UNSIGNED);
    SET @dj_frame = @dj_keys, @dj_cursor = coalesce(@dj_read, '{}');
    -- Rows may stay that wait for others: then the next page comes after them.
    CALL deletion_execute(@dj_plan_id, p_edge_no, CASE
        WHEN json_contains_path(@dj_state, 'one', '$.careful') THEN 'fetch_beyond'
        WHEN @dj_waits THEN 'fetch_more'
        WHEN v_is_self AND json_contains_path(@dj_keys, 'one', '$[0].l') THEN 'fetch_levels'
        ELSE 'fetch'
    END);

    IF @dj_rows = 0 THEN
        SET @dj_pos = p_edge_no, @dj_read = NULL, @dj_is_dirty = TRUE;
    ELSE
        IF @dj_waits THEN
            SET @dj_read = json_extract(@dj_answer, '$[last]'), @dj_is_dirty = TRUE;
        END IF;

        -- Rows of the frame may go with those that hang from them in the same table.
        IF v_is_self THEN
            SET @dj_locks = replace(@dj_locks, concat(',', @dj_depth, ','), ',');
        END IF;

        CALL deletion_save_frame();
        SET @dj_depth = @dj_depth + 1, @dj_node_no = p_node_no, @dj_edge_no = p_edge_no;
        SET @dj_keys = @dj_answer, @dj_count = @dj_rows, @dj_pos = 0, @dj_read = NULL;
        SET @dj_pass = @dj_changed, @dj_idle = 0, @dj_here = 0, @dj_is_dirty = TRUE;
        SET @dj_is_locked = FALSE;
        CALL deletion_note_frame(@dj_node_no, @dj_edge_no, @dj_keys, TRUE);

        -- A chain would be walked a row a frame: a narrow frame takes in what hangs from it.
        IF v_is_self AND NOT @dj_waits AND @dj_count * 20 < least(200, @dj_left) THEN
            CALL deletion_expand();
        END IF;

        -- Children that fit this transaction are emptied under their parents' lock: then no
        -- second look is needed.
        IF
            @dj_count * (1 + v_fan) < @dj_left
            AND NOT json_contains_path(@dj_keys, 'one', '$[0].l')
        THEN
            CALL deletion_lock_frame();
        END IF;

        -- From here on a row that moves would leave its children behind, deleted.
        IF NOT @dj_is_locked THEN
            SET v_keys = @dj_keys, v_count = @dj_count;
            CALL deletion_hold_frame('hold', p_edge_no, v_keys, v_count, v_is_changed);

            IF v_is_changed THEN
                SET @dj_keys = v_keys, @dj_count = v_count;
            END IF;
        END IF;

        IF @dj_depth > 100000 THEN
            CALL deletion_raise(
                'JD007', 'run_deletion_jobs', 'rows refer to each other in a circle', (
                SELECT s.table_name
                FROM deletion_plan_steps AS s
                WHERE s.plan_id = @dj_plan_id AND s.edge_no = p_edge_no AND s.kind = 'fetch'
            ));
        END IF;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_stuck.sql
-- deletion_stuck
-- Raise the error that says why rows of the present frame cannot be removed.
--
-- Errors      JD006 always: the rows that block, or a table whose rows are found and not changed
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_stuck;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_stuck()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Raise the error that says why rows of the present frame cannot be removed'
BEGIN
    DECLARE v_edge_no INT;
    DECLARE v_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_table, v_reference VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_unchanged, v_blocking, v_message
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_edge CURSOR FOR
        SELECT s.edge_no, s.action, s.table_name, s.reference_name
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = @dj_plan_id AND s.parent_node_no = @dj_node_no AND s.kind = 'fetch'
        ORDER BY s.edge_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    SET @dj_frame = @dj_keys, @dj_limit = 1000;
    OPEN c_edge;
    FETCH c_edge INTO v_edge_no, v_action, v_table, v_reference;

    WHILE NOT v_is_done DO
        CALL deletion_execute(@dj_plan_id, v_edge_no, 'fetch');

        IF @dj_rows > 0 AND v_action = 'restrict' THEN
            SET v_blocking = concat_ws(', ', v_blocking, concat(
                if(@dj_rows = 1000, 'at least ', ''), @dj_rows,
                if(@dj_rows = 1, ' row of ', ' rows of '), v_table, ' behind ', v_reference
            ));
        ELSEIF @dj_rows > 0 THEN
            SET v_unchanged = v_table;
        END IF;

        SET v_is_done = FALSE;
        FETCH c_edge INTO v_edge_no, v_action, v_table, v_reference;
    END WHILE;

    CLOSE c_edge;
    SET v_message = left(coalesce(v_blocking, concat(
        'rows of ', coalesce(v_unchanged, 'the plan'),
        ' are found and not changed (a trigger keeps them)'
    )), 128);

    IF json_contains_path(@dj_state, 'one', '$.careful') AND v_blocking IS NULL THEN
        SET v_table = (
            SELECT min(s.table_name)
            FROM deletion_plan_steps AS s
            WHERE s.plan_id = @dj_plan_id AND s.node_no = @dj_node_no
        );
        SET v_message = json_remove(json_extract(@dj_keys, '$[0]'), '$.j');
        SET v_message = left(concat(
            'rows of ', v_table, ' go in a circle that no batch holds, one is ', v_message
        ), 128);
        SIGNAL SQLSTATE 'JD007' SET MYSQL_ERRNO = 31007, MESSAGE_TEXT = v_message;
    END IF;

    SIGNAL SQLSTATE 'JD006' SET MYSQL_ERRNO = 31006, MESSAGE_TEXT = v_message;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_walk_verdict.sql
-- deletion_walk_verdict
-- Fail the jobs that a finished walk shows cannot end: rows in the way, or rows in a circle.
--
-- Parameters  p_run_id, p_plan_id   the run
-- Writes      deletion_attempts, deletion_jobs, deletion_frames, deletion_walk_keys   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_walk_verdict;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_walk_verdict(
    IN p_run_id BIGINT UNSIGNED,
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Fail the jobs that a finished walk shows cannot end: rows in the way, or rows in a circle'
BEGIN
    DECLARE v_job_id BIGINT UNSIGNED;
    DECLARE v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_edge_no INT;
    DECLARE v_jobs JSON;
    DECLARE v_table, v_reference VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_blocked CURSOR FOR
        SELECT b.job_id, concat('JD006: ', group_concat(  -- noqa: CP01
            b.row_count, if(b.row_count = 1, ' row of ', ' rows of '), b.table_name, ' behind ',
            b.reference_name
            ORDER BY b.table_name, b.reference_name SEPARATOR ', '
        ))
        FROM (
            SELECT w.job_id, s.table_name, s.reference_name, count(*) AS row_count
            FROM deletion_walk_keys AS w
            INNER JOIN deletion_plan_steps AS s
                ON s.plan_id = p_plan_id AND s.edge_no = w.edge_no AND s.kind = 'fetch'
            WHERE
                w.walk_id = p_run_id
                AND w.fate = 'restrict'
                -- A row that the same job removes never blocks it.
                AND NOT EXISTS (
                    SELECT 1
                    FROM deletion_walk_keys AS d
                    WHERE
                        d.walk_id = w.walk_id AND d.job_id = w.job_id AND d.node_no = w.node_no
                        AND d.fate = 'delete' AND d.key_hash = w.key_hash
                )
            GROUP BY w.job_id, s.table_name, s.reference_name
        ) AS b
        GROUP BY b.job_id;
    DECLARE c_cycle CURSOR FOR
        SELECT s.edge_no, s.table_name, s.reference_name
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.kind = 'cycle'
        ORDER BY s.edge_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_blocked;
    FETCH c_blocked INTO v_job_id, v_error;

    WHILE NOT v_is_done DO
        CALL deletion_fail_jobs(p_run_id, json_array(v_job_id), v_error);
        SET v_is_done = FALSE;
        FETCH c_blocked INTO v_job_id, v_error;
    END WHILE;

    CLOSE c_blocked;
    SET v_is_done = FALSE;
    OPEN c_cycle;
    FETCH c_cycle INTO v_edge_no, v_table, v_reference;

    WHILE NOT v_is_done DO
        SET @dj_walk_id = p_run_id;
        CALL deletion_execute(p_plan_id, v_edge_no, 'cycle');

        IF @dj_rows > 0 THEN
            -- A circle that can be opened, or goes in one transaction, is walked with care.
            UPDATE deletion_runs AS r
            SET r.state = json_set(r.state, '$.careful', TRUE)
            WHERE r.run_id = p_run_id;
            SELECT json_arrayagg(k.j)
            INTO v_jobs
            FROM json_table(@dj_answer, '$[*]' COLUMNS (
                j BIGINT UNSIGNED PATH '$.j', n BIGINT PATH '$.n'
            )) AS k
            WHERE k.n > deletion_setting_int('batch_rows') AND NOT EXISTS (
                SELECT 1
                FROM deletion_plan_steps AS s
                WHERE s.plan_id = p_plan_id AND s.edge_no = v_edge_no AND s.kind = 'loose'
            );

            IF v_jobs IS NOT NULL THEN
                CALL deletion_fail_jobs(p_run_id, v_jobs, concat(
                    'JD007: rows of ', v_table, ' go in a circle by ', v_reference
                ));
            END IF;
        END IF;

        SET v_is_done = FALSE;
        FETCH c_cycle INTO v_edge_no, v_table, v_reference;
    END WHILE;

    CLOSE c_cycle;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_fingerprint_keys.sql
-- deletion_fingerprint_keys
-- Digest the foreign keys that point at tables.
--
-- Parameters  p_tables         an array of {"s": schema, "t": table}
-- Returns     text, 32 hexadecimal digits: the first half of a fingerprint
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_fingerprint_keys(tables) FROM deletion_plans;

DROP FUNCTION IF EXISTS deletion_fingerprint_keys;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_fingerprint_keys(
    p_tables JSON
) RETURNS VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Digest the foreign keys that point at tables'
BEGIN
    DECLARE v_keys LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT if(count(*) = 0, '', hex(bit_xor(unhex(sha2(json_array(
        r.constraint_schema, r.table_name, r.constraint_name, r.delete_rule, r.update_rule,
        r.unique_constraint_name, k.ordinal_position, k.column_name,
        k.referenced_table_schema, k.referenced_table_name, k.referenced_column_name
    ), 256)))))
    INTO v_keys
    FROM
        json_table(
            p_tables, '$[*]' COLUMNS (s VARCHAR(64) PATH '$.s', t VARCHAR(64) PATH '$.t')
        ) AS p
    STRAIGHT_JOIN information_schema.referential_constraints AS r  -- noqa: PRS
        ON r.unique_constraint_schema = p.s AND r.referenced_table_name = p.t
    STRAIGHT_JOIN information_schema.key_column_usage AS k
        ON
            k.constraint_schema = r.constraint_schema
            AND k.table_name = r.table_name
            AND k.constraint_name = r.constraint_name;

    -- The form of the plans as well: those that an earlier version wrote are stale.
    RETURN left(sha2(concat('4', v_keys), 256), 32);
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_lock_frame.sql
-- deletion_lock_frame
-- Lock the present frame's rows before their children are emptied, where the plan can use that.
--
-- Writes      nothing; locks the frame's rows      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_lock_frame;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_lock_frame()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Lock the present frame''s rows before their children are emptied'
BEGIN
    DECLARE v_keys JSON DEFAULT @dj_keys;
    DECLARE v_count INT DEFAULT @dj_count;
    DECLARE v_is_changed BOOLEAN;

    IF @dj_may_sweep AND NOT @dj_waits AND EXISTS (
        SELECT 1
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = @dj_plan_id AND s.edge_no = @dj_edge_no AND s.kind = 'remove_now'
    ) THEN
        CALL deletion_hold_frame('lock', @dj_edge_no, v_keys, v_count, v_is_changed);

        IF v_is_changed THEN
            -- Of rows that left meanwhile one may be back, and is not locked.
            SET @dj_keys = v_keys, @dj_count = v_count;
        ELSE
            SET @dj_is_locked = TRUE, @dj_locks = concat(@dj_locks, @dj_depth, ',');
        END IF;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> tooling/deletion_jobs/sql/mysql/migration_commit.sql
SET SESSION sql_mode = @dj_sql_mode;
SET SESSION time_zone = @dj_time_zone;
SET SESSION lock_wait_timeout = @dj_lock_wait_timeout;
-- <<<
