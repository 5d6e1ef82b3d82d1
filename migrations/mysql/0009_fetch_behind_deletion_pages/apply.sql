-- 0009_fetch_behind_deletion_pages: apply
-- Fetch behind deletion pages on MySQL.
--
-- Plain SQL for mysql; deletion-jobs sends the same text. Generated from the files
-- named by the markers: edit those, then run deletion-jobs migrations write.

-- >>> tooling/deletion_jobs/sql/mysql/migration_begin.sql
-- Routines keep the settings of the session that makes them; the session gets its own back.
SET @dj_sql_mode = @@SESSION.sql_mode;
SET @dj_time_zone = @@SESSION.time_zone;
SET @dj_lock_wait_timeout = @@SESSION.lock_wait_timeout;
SET @dj_sql_safe_updates = @@SESSION.sql_safe_updates;
SET @dj_sql_big_selects = @@SESSION.sql_big_selects;
SET NAMES utf8mb4 COLLATE utf8mb4_0900_ai_ci;
SET SESSION sql_mode
= 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,'
'ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION';
SET SESSION time_zone = '+00:00';
SET SESSION lock_wait_timeout = 2;
-- Either would refuse a statement in the midst.
SET SESSION sql_safe_updates = 0;
SET SESSION sql_big_selects = 1;
-- <<<

-- >>> tooling/deletion_jobs/sql/mysql/migration_names.sql
-- Nothing is changed where somebody else's object bears a name that this migration needs. Of ours,
-- tables are known by their comment, views and routines by their definer: run again, it passes.
SET @dj_sql = (
    SELECT coalesce(min(concat('deletion_jobs needs this name: ', n.kind, ' ', n.name)), 'DO 0')
    FROM (
        SELECT
            'table' AS kind,
            t.table_name AS name
        FROM information_schema.tables AS t
        WHERE
            t.table_schema = database()
            AND t.table_name IN (
                ''
            )
            AND (t.table_name, t.table_comment) NOT IN (
                ('', '')
            )
        UNION ALL
        SELECT
            'view' AS kind,
            t.table_name AS name
        FROM information_schema.tables AS t
        LEFT JOIN information_schema.views AS v
            ON
                v.table_schema = t.table_schema
                AND v.table_name = t.table_name
                AND v.definer = 'deletion_jobs_owner@localhost'
        WHERE
            t.table_schema = database()
            AND v.table_name IS NULL
            AND t.table_name IN (
                ''
            )
        UNION ALL
        SELECT
            lower(r.routine_type) AS kind,
            r.routine_name AS name
        FROM information_schema.routines AS r
        WHERE
            r.routine_schema = database()
            AND r.definer <> 'deletion_jobs_owner@localhost'
            AND (r.routine_type, r.routine_name) IN (
                ('PROCEDURE', 'deletion_read_on'),
                ('PROCEDURE', 'deletion_fetch_wide')
            )
    ) AS n
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;
-- <<<

-- >>> procedures/mysql/worker/deletion_read_on.sql
-- deletion_read_on
-- Bind where the present frame, a wide one, was read to: which of its rows, and from which key on.
--
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_read_on;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_read_on()
LANGUAGE SQL
NOT DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Bind where the present frame, a wide one, was read to: which of its rows, and from which key on'  -- noqa: LT05
BEGIN
    SET @dj_place = cast(coalesce(json_extract(@dj_read, '$.place'), 0) AS SIGNED);
    -- No key of any type of whole numbers is below.
    SET @dj_after = -9223372036854775808;

    -- Of the column's own kind, or the engine would not begin to read there.
    IF json_extract(@dj_read, '$.after') > 0 THEN
        SET @dj_after = cast(json_extract(@dj_read, '$.after') AS UNSIGNED);
    ELSEIF json_contains_path(@dj_read, 'one', '$.after') THEN
        SET @dj_after = cast(json_extract(@dj_read, '$.after') AS SIGNED);
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_fetch_wide.sql
-- deletion_fetch_wide
-- Fetch a frame's worth of keys that hang from a wide frame, from one of its rows.
--
-- Parameters  p_edge_no   the reference
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- Answers as the fetch of a plan does; @dj_read says where the next call goes on, NULL: none hang
-- from the frame any more, or they came where it was read already, which the last look finds.

DROP PROCEDURE IF EXISTS deletion_fetch_wide;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_fetch_wide(
    IN p_edge_no INT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Fetch a frame''s worth of keys that hang from a wide frame, from one of its rows'
BEGIN
    CALL deletion_read_on();
    SET @dj_rows = 0;

    WHILE @dj_rows = 0 AND @dj_place < @dj_count DO
        -- What hangs from a root that was not there is another story, should it come back.
        IF NOT json_contains_path(@dj_keys, 'one', concat('$[', @dj_place, '].m')) THEN
            SET @dj_cursor = json_extract(@dj_keys, concat('$[', @dj_place, '].j'));
            CALL deletion_execute(@dj_plan_id, p_edge_no, 'fetch_next');
        END IF;

        IF @dj_rows < @dj_limit THEN
            SET @dj_place = @dj_place + 1, @dj_after = -9223372036854775808;
        ELSE
            SET @dj_after = @dj_last;
        END IF;
    END WHILE;

    SET @dj_read = if(
        @dj_rows > 0, json_object('place', @dj_place, 'after', @dj_after), NULL
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_sweep.sql
-- deletion_sweep
-- Delete all childless rows that hang from the present, locked frame, where they fit the batch.
--
-- Parameters  p_edge_no    the reference
--             p_is_swept   OUT FALSE: they do not fit, and nothing was changed
-- Errors      40001 others changed the rows meanwhile: the step is tried again, row by row
-- Writes      the application's table, deletion_receipts     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_sweep;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_sweep(
    IN p_edge_no INT,
    OUT p_is_swept BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Delete all childless rows that hang from the present, locked frame, where they fit the batch'  -- noqa: LT05
BEGIN
    DECLARE v_counted BIGINT;
    DECLARE v_by_job JSON;
    DECLARE v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SET @dj_frame = @dj_keys, @dj_limit = @dj_left + 1;
    CALL deletion_execute(
        @dj_plan_id, p_edge_no, if(@dj_job_id IS NULL, 'count', 'count_one')
    );
    SET v_counted = @dj_rows, p_is_swept = v_counted <= @dj_left;
    SET v_by_job = if(@dj_job_id IS NULL, @dj_answer, json_object(@dj_job_id, v_counted));

    IF p_is_swept THEN
        IF v_counted > 0 THEN
            CALL deletion_execute(@dj_plan_id, p_edge_no, 'sweep');

            -- Under their parents' lock no row can come; if one went, whose it was nobody counted.
            IF @dj_rows <> v_counted THEN
                SIGNAL SQLSTATE '40001'
                    SET MESSAGE_TEXT = 'rows changed while they were counted';
            END IF;

            SET v_table = (
                SELECT s.table_name
                FROM deletion_plan_steps AS s
                WHERE s.plan_id = @dj_plan_id AND s.edge_no = p_edge_no AND s.kind = 'sweep'
            );
            SET @dj_left = @dj_left - v_counted, @dj_changed = @dj_changed + v_counted;
            SET @dj_here = @dj_here + v_counted;
            CALL deletion_add_receipts(@dj_run_id, v_table, 'delete', v_by_job);
        END IF;

        SET @dj_pos = p_edge_no, @dj_read = NULL, @dj_is_dirty = TRUE;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_push.sql
-- deletion_push
-- Fetch a frame's worth of keys by one reference and make them the walk's present frame.
--
-- Parameters  p_edge_no   the reference            p_node_no   its child
--             p_is_wide   TRUE: so many hang from each of the frame's rows that a page begins where
--                         the one before ended: deleted rows stay in the index for a while
-- Errors      JD007 the stack is deeper than rows can be that do not go in a circle
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_push;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_push(
    IN p_edge_no INT,
    IN p_node_no INT,
    IN p_is_wide BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Fetch a frame''s worth of keys by one reference and make them the walk''s present frame'
BEGIN
    DECLARE v_keys LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_count INT;
    DECLARE v_is_changed BOOLEAN;
    DECLARE v_is_self BOOLEAN DEFAULT p_node_no = @dj_node_no;
    DECLARE v_fan DOUBLE DEFAULT json_extract(@dj_state, concat('$.fan."', p_node_no, '"'));

    -- So many that their own children fit the batch as well; a first guess where none were seen.
    -- Rows of one table that hang from each other have no fan-out that would tell of the next ones,
    -- and all that are on the stack are held in each step: few, and those below them page by page.
    SET @dj_limit = cast(CASE
        WHEN v_is_self AND NOT @dj_waits THEN greatest(
            1, least(@dj_left, greatest(100, @dj_batch DIV 10))
        )
        WHEN v_fan IS NULL THEN least(100, @dj_left)
        ELSE greatest(1, floor(0.85 * @dj_left / (1 + v_fan)))
    END AS UNSIGNED);
    SET @dj_frame = @dj_keys, @dj_cursor = coalesce(@dj_read, '{}');

    IF p_is_wide THEN
        CALL deletion_fetch_wide(p_edge_no);
        SET @dj_is_dirty = TRUE;
    ELSE
        -- Rows may stay that wait for others: then the next page comes after them.
        CALL deletion_execute(@dj_plan_id, p_edge_no, CASE
            WHEN json_contains_path(@dj_state, 'one', '$.careful') THEN 'fetch_beyond'
            WHEN @dj_waits THEN 'fetch_more'
            WHEN v_is_self AND @dj_is_deep THEN 'fetch_levels'
            ELSE 'fetch'
        END);
    END IF;

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
        SET @dj_is_locked = FALSE, @dj_is_deep = FALSE;

        -- A chain would be walked a row a frame: a narrow frame takes in what hangs from it.
        IF v_is_self AND NOT @dj_waits AND @dj_count * 20 < least(2000, @dj_left) THEN
            CALL deletion_expand();
        END IF;

        -- Children that fit this transaction are emptied under their parents' lock: then no
        -- second look is needed.
        IF @dj_count * (1 + v_fan) < @dj_left AND NOT @dj_is_deep THEN
            CALL deletion_lock_frame();
        END IF;

        -- From here on a row that moves would leave its children behind, deleted. What was taken in
        -- is held already.
        IF NOT @dj_is_locked AND NOT @dj_is_deep THEN
            SET v_keys = @dj_keys, v_count = @dj_count;
            CALL deletion_hold_frame('hold', p_edge_no, v_keys, v_count, v_is_changed);

            IF v_is_changed THEN
                SET @dj_keys = v_keys, @dj_count = v_count;
            END IF;
        END IF;

        CALL deletion_note_frame(@dj_node_no, @dj_edge_no, @dj_keys, TRUE);

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

-- >>> procedures/mysql/worker/deletion_execute.sql
-- deletion_execute
-- Execute one stored statement of a plan, with bound values.
--
-- Parameters  p_plan_id, p_edge_no, p_kind   the step
-- Writes      what the step says                   Commits  no
-- Execute     the owner only
--
-- Binds @dj_frame (keys, roots), @dj_limit, @dj_cursor, @dj_walk_id, @dj_stack, @dj_place,
-- @dj_last and @dj_after as the kind of step takes them; answers in @dj_answer, @dj_rows and
-- @dj_last.

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
        FROM deletion_plan_steps AS s FORCE INDEX (idx_dps_edge)
        WHERE s.plan_id = p_plan_id AND s.edge_no = p_edge_no AND s.kind = p_kind
    );
    SET @dj_answer = NULL, @dj_rows = 0;
    PREPARE dj_stmt FROM @dj_sql;

    CASE
        WHEN p_kind = 'fetch_levels' THEN
            EXECUTE dj_stmt USING @dj_frame, @dj_frame, @dj_limit;
        WHEN p_kind = 'look_levels' THEN EXECUTE dj_stmt USING @dj_frame, @dj_frame;
        WHEN p_kind IN ('fetch', 'expand', 'count', 'count_one', 'drain') THEN
            EXECUTE dj_stmt USING @dj_frame, @dj_limit;
            SET @dj_rows = if(p_kind = 'drain', row_count(), @dj_rows);
        WHEN p_kind = 'find' THEN
            EXECUTE dj_stmt USING @dj_frame, @dj_place, @dj_after, @dj_limit;
        WHEN p_kind = 'fetch_next' THEN
            EXECUTE dj_stmt USING @dj_cursor, @dj_frame, @dj_place, @dj_after, @dj_limit;
        WHEN p_kind = 'drain_found' THEN
            EXECUTE dj_stmt USING @dj_frame, @dj_place, @dj_after, @dj_last, @dj_limit;
            SET @dj_rows = row_count();
        WHEN p_kind IN ('sweep', 'remove', 'remove_now', 'set') THEN
            EXECUTE dj_stmt USING @dj_frame;
            SET @dj_rows = row_count();
        WHEN p_kind = 'fetch_beyond' THEN
            EXECUTE dj_stmt USING @dj_cursor, @dj_frame, @dj_run_id, @dj_limit;
        WHEN p_kind = 'break' THEN
            EXECUTE dj_stmt USING @dj_frame, @dj_run_id, @dj_run_id, @dj_limit;
        WHEN p_kind = 'break_look' THEN EXECUTE dj_stmt USING @dj_frame, @dj_run_id, @dj_run_id;
        WHEN p_kind = 'give_up' THEN EXECUTE dj_stmt USING @dj_frame, @dj_stack, @dj_limit;
        WHEN p_kind = 'give_look' THEN EXECUTE dj_stmt USING @dj_frame, @dj_stack;
        WHEN p_kind = 'own_break' THEN EXECUTE dj_stmt USING @dj_frame, @dj_limit;
        WHEN p_kind = 'change_rows' THEN
            EXECUTE dj_stmt USING @dj_limit;
            SET @dj_rows = row_count();
        WHEN p_kind IN ('fetch_more', 'spread') THEN
            EXECUTE dj_stmt USING @dj_cursor, @dj_frame, @dj_limit;
        WHEN p_kind = 'climb_root' THEN EXECUTE dj_stmt USING @dj_frame, @dj_cursor;
        WHEN p_kind = 'size' THEN EXECUTE dj_stmt USING @dj_limit;
        WHEN p_kind IN ('cycle', 'own', 'default') THEN EXECUTE dj_stmt USING @dj_walk_id;
        WHEN p_kind = 'ring' THEN
            EXECUTE dj_stmt USING @dj_walk_id, @dj_walk_id;
            SET @dj_rows = row_count();
        WHEN p_kind = 'guard' THEN EXECUTE dj_stmt;
        ELSE EXECUTE dj_stmt USING @dj_frame;
    END CASE;

    DEALLOCATE PREPARE dj_stmt;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_drain_wide.sql
-- deletion_drain_wide
-- Delete childless rows that hang from a wide frame, for one of its rows after the other.
--
-- Parameters  p_edge_no   the reference
-- Writes      the application's table, deletion_receipts     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_drain_wide;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_drain_wide(
    IN p_edge_no INT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Delete childless rows that hang from a wide frame, for one of its rows after the other'
BEGIN
    DECLARE v_found BIGINT;
    -- Below many rows nothing may be left: the caller looks at the time in between.
    DECLARE v_rest INT DEFAULT 50;
    DECLARE v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT (
        SELECT s.table_name
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = @dj_plan_id AND s.edge_no = p_edge_no AND s.kind = 'find'
    );

    SET @dj_frame = @dj_keys;
    CALL deletion_read_on();

    WHILE @dj_left > 0 AND @dj_place < @dj_count AND v_rest > 0 DO
        SET @dj_limit = @dj_left;

        -- What hangs from a root that was not there is another story, should it come back.
        IF json_contains_path(@dj_keys, 'one', concat('$[', @dj_place, '].m')) THEN
            SET v_found = 0;
        ELSE
            CALL deletion_execute(@dj_plan_id, p_edge_no, 'find');
            SET v_found = @dj_rows;
        END IF;

        IF v_found > 0 THEN
            CALL deletion_execute(@dj_plan_id, p_edge_no, 'drain_found');
            SET @dj_after = @dj_last;
            SET @dj_left = @dj_left - @dj_rows, @dj_changed = @dj_changed + @dj_rows;
            SET @dj_here = @dj_here + @dj_rows;

            IF @dj_rows > 0 THEN
                CALL deletion_add_receipts(@dj_run_id, v_table, 'delete', json_object(
                    json_extract(@dj_keys, concat('$[', @dj_place, '].j')), @dj_rows
                ));
            END IF;
        END IF;

        IF v_found < @dj_limit THEN
            SET @dj_place = @dj_place + 1, @dj_after = -9223372036854775808;
            SET v_rest = v_rest - 1;
        END IF;
    END WHILE;

    IF @dj_place >= @dj_count THEN
        SET @dj_pos = p_edge_no, @dj_read = NULL;
    ELSE
        SET @dj_read = json_object('place', @dj_place, 'after', @dj_after);
    END IF;

    SET @dj_is_dirty = TRUE;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_drain.sql
-- deletion_drain
-- Delete childless rows that hang from the present frame, where the run has one job.
--
-- Parameters  p_edge_no   the reference
-- Writes      the application's table, deletion_receipts     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_drain;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_drain(
    IN p_edge_no INT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Delete childless rows that hang from the present frame, where the run has one job'
BEGIN
    SET @dj_frame = @dj_keys, @dj_limit = @dj_left;
    CALL deletion_execute(@dj_plan_id, p_edge_no, 'drain');

    IF @dj_rows < @dj_left THEN
        SET @dj_pos = p_edge_no, @dj_read = NULL, @dj_is_dirty = TRUE;
    END IF;

    SET @dj_here = @dj_here + @dj_rows;
    CALL deletion_count(p_edge_no, 'delete', @dj_rows, NULL);
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
        SET @dj_pos = p_edge_no, @dj_read = NULL, @dj_is_dirty = TRUE;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_change.sql
-- deletion_change
-- Delete, or set, rows that hang from the present frame: found, locked, counted by job, changed.
--
-- Parameters  p_edge_no   the reference            p_action   cascade, set_null,
--                                                              set_default or scrub
-- Errors      JD006 rows still point where they pointed; JD007 as deletion_give_up; 40001 rows
--             changed in between
-- Writes      the application's table, deletion_receipts, deletion_walk_keys     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_change;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_change(
    IN p_edge_no INT,
    IN p_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Delete, or set, rows that hang from the present frame: found, locked, counted by job, changed'  -- noqa: LT05
changing: BEGIN
    DECLARE v_found, v_rows BIGINT;
    DECLARE v_left BIGINT DEFAULT @dj_left;
    DECLARE v_counted LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    IF p_action = 'set_default' THEN
        CALL deletion_give_up(p_edge_no);

        -- There may be more of them.
        IF @dj_left < v_left THEN
            LEAVE changing;
        END IF;
    END IF;

    SET @dj_frame = @dj_keys, @dj_limit = @dj_left;
    CALL deletion_execute(@dj_plan_id, p_edge_no, 'fetch');
    SET v_found = @dj_rows, @dj_frame = @dj_answer;

    IF v_found > 0 THEN
        CALL deletion_execute(@dj_plan_id, p_edge_no, 'lock');
        SET v_rows = @dj_rows, v_counted = @dj_answer;

        -- A row that is not there any more may have another key now: look before its parent goes.
        IF v_rows < v_found THEN
            SET @dj_is_locked = FALSE;
            SET @dj_locks = replace(@dj_locks, concat(',', @dj_depth, ','), ',');
        END IF;

        SET @dj_frame = v_counted;
        CALL deletion_execute(@dj_plan_id, p_edge_no, if(p_action = 'cascade', 'remove', 'set'));

        IF p_action = 'cascade' AND @dj_rows <> v_rows THEN
            SIGNAL SQLSTATE '40001'
                SET MESSAGE_TEXT = 'rows under lock were not there to be deleted';
        END IF;

        IF p_action <> 'cascade' THEN
            CALL deletion_set_done(p_edge_no, v_counted);
        END IF;

        CALL deletion_count(
            p_edge_no, if(p_action = 'cascade', 'delete', p_action), v_rows, v_counted
        );
        SET @dj_here = @dj_here + v_rows;
    END IF;

    IF v_found < @dj_limit THEN
        SET @dj_pos = p_edge_no, @dj_read = NULL, @dj_is_dirty = TRUE;
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
-- @dj_count, @dj_pos, @dj_read, @dj_pass, @dj_idle, @dj_here, @dj_is_locked, @dj_is_deep (it holds
-- several levels of rows that refer to each other), and @dj_is_dirty: not stored as it is.

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
    DECLARE v_is_leaf, v_drains, v_sweeps, v_finds, v_is_swept BOOLEAN;
    DECLARE v_passed INT DEFAULT 0;
    DECLARE v_goes_on BOOLEAN DEFAULT TRUE;
    DECLARE v_until DATETIME(6);
    DECLARE v_started DATETIME(6) DEFAULT utc_timestamp(6);
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_edge_no = NULL;

    CALL deletion_load_walk(p_run_id);
    -- As long as it took to hold a deep stack the step works on: else it would do little more.
    SET v_until = timestampadd(
        MICROSECOND,
        greatest(
            1000 * deletion_setting_int('batch_ms'),
            timestampdiff(MICROSECOND, v_started, utc_timestamp(6))
        ),
        utc_timestamp(6)
    );

    -- Roots that go in this transaction with all below them are locked first: then no reference
    -- that was emptied has to be looked at once more.
    IF
        @dj_edge_no = 0
        AND @dj_pos = 0
        AND @dj_here = 0
        AND @dj_count * (1 + cast(json_extract(@dj_state, '$.fan."0"') AS DOUBLE)) <= @dj_left
        AND NOT json_contains_path(@dj_keys, 'one', '$[*].m')
    THEN
        CALL deletion_lock_frame();
    END IF;

    WHILE v_goes_on AND @dj_depth IS NOT NULL DO
        -- The next reference of the frame's table that has something to do in this phase.
        SELECT
            s.edge_no, s.node_no, s.action, s.is_leaf,
            EXISTS (  -- noqa: CP03,LT06
                SELECT 1
                FROM deletion_plan_steps AS d FORCE INDEX (idx_dps_edge)
                WHERE d.plan_id = s.plan_id AND d.edge_no = s.edge_no AND d.kind = 'drain'
            ),
            EXISTS (  -- noqa: CP03,LT06
                SELECT 1
                FROM deletion_plan_steps AS d FORCE INDEX (idx_dps_edge)
                WHERE d.plan_id = s.plan_id AND d.edge_no = s.edge_no AND d.kind = 'sweep'
            ),
            -- A frame with many rows below each of its own: from the start each batch would be
            -- read again and again.
            @dj_here >= 4 * @dj_batch
            AND @dj_here >= @dj_count * @dj_batch / 4
            AND EXISTS (  -- noqa: CP03,LT06
                SELECT 1
                FROM deletion_plan_steps AS d FORCE INDEX (idx_dps_edge)
                WHERE
                    d.plan_id = s.plan_id
                    AND d.edge_no = s.edge_no
                    AND d.kind IN ('find', 'fetch_next')
            )
        INTO v_edge_no, v_node_no, v_action, v_is_leaf, v_drains, v_sweeps, v_finds
        FROM deletion_plan_steps AS s FORCE INDEX (idx_dps_parent)
        WHERE
            s.plan_id = @dj_plan_id
            AND s.parent_node_no = @dj_node_no
            AND s.kind = 'fetch'
            AND s.edge_no > @dj_pos
            AND s.action <> 'restrict'
            AND (
                s.action = 'cascade'
                OR NOT s.waits
                OR (
                    json_contains_path(@dj_state, 'one', '$.set')
                    AND s.set_order <= coalesce(json_extract(@dj_state, '$.last'), 0)
                )
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
            -- So may be what is left for the children of the rows that would be fetched; of rows
            -- that hang from each other a page is a tenth of the batch.
            IF @dj_left * if(v_node_no = @dj_node_no AND NOT @dj_waits, 10, 2) < @dj_batch THEN
                SET v_goes_on = FALSE;
            ELSE
                -- One row of the frame after the other: each has a page of its own.
                CALL deletion_push(
                    v_edge_no,
                    v_node_no,
                    v_finds AND @dj_count <= 20 AND NOT @dj_is_locked AND NOT @dj_waits
                );
            END IF;
        ELSEIF @dj_left = 0 THEN
            SET v_goes_on = FALSE;
        ELSEIF v_sweeps AND @dj_is_locked AND @dj_may_sweep AND v_edge_no <> v_passed THEN
            CALL deletion_sweep(v_edge_no, v_is_swept);
            -- Too many of them: they go in batches.
            SET v_passed = if(v_is_swept, 0, v_edge_no);
        ELSEIF v_finds AND NOT @dj_is_locked THEN
            CALL deletion_drain_wide(v_edge_no);
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
    DECLARE v_step_no INT;
    DECLARE v_waits BOOLEAN;
    DECLARE v_silent, v_other JSON;

    -- What a trigger adds below rows that are about to go, the engine deletes with them, sets NULL,
    -- or refuses. Tables below which that would be another end than the plan's, and those from
    -- which the engine's own cascade leads there; and of them those where no error would tell.
    WITH RECURSIVE other (node_no, is_refused) AS (
        SELECT
            e.parent_node_no,
            coalesce(e.delete_rule NOT IN ('CASCADE', 'SET NULL'), FALSE)
        FROM deletion_plan_edges AS e
        WHERE
            e.plan_id = p_plan_id
            AND e.action <> 'keep'
            -- No trigger may change the table whose rows are being deleted.
            AND e.parent_node_no <> e.child_node_no
            AND NOT (e.delete_rule <=> 'CASCADE' AND e.action = 'cascade')
            AND NOT (e.delete_rule <=> 'SET NULL' AND e.action = 'set_null')
        UNION DISTINCT
        SELECT e.parent_node_no, o.is_refused
        FROM other AS o
        STRAIGHT_JOIN deletion_plan_edges AS e FORCE INDEX (idx_dpe_child)  -- noqa: PRS
            ON
                e.plan_id = p_plan_id
                AND e.child_node_no = o.node_no
                AND e.delete_rule = 'CASCADE'
    )

    SELECT
        coalesce(json_arrayagg(if(o.is_refused, NULL, o.node_no)), json_array()),
        coalesce(json_arrayagg(o.node_no), json_array())
    INTO v_silent, v_other
    FROM other AS o;

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
            WHEN 'live' THEN deletion_sql_live(p_plan_id)
            ELSE deletion_sql_rows(p_plan_id, 0, k.kind)
        END
    FROM deletion_plan_nodes AS n
    CROSS JOIN json_table(
        '["guard", "roots", "live", "hold", "lock", "look", "free", "remove", "remove_now", "left"]',  -- noqa: LT05
        '$[*]' COLUMNS (  -- noqa: CP02
            step_no FOR ORDINALITY,  -- noqa: PRS
            kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
        )
    ) AS k
    WHERE
        n.plan_id = p_plan_id
        AND n.node_no = 0
        AND (k.kind <> 'live' OR deletion_sql_live(p_plan_id) IS NOT NULL)
        AND (
            k.kind <> 'remove_now'
            OR NOT (
                v_waits
                OR json_contains(v_silent, '0')
                OR EXISTS (
                    SELECT 1
                    FROM deletion_plan_edges AS b FORCE INDEX (uq_dpe_reference)
                    WHERE
                        b.plan_id = p_plan_id
                        AND b.parent_node_no = 0
                        AND b.action <> 'keep'
                        AND (b.action <> 'cascade' OR b.is_declared)
                )
            )
        );

    SET v_step_no = (
        SELECT max(s.step_no) FROM deletion_plan_steps AS s WHERE s.plan_id = p_plan_id
    );

    INSERT INTO deletion_plan_steps (
        plan_id, step_no, kind, node_no, parent_node_no, edge_no, table_name, reference_name,
        action, is_leaf, waits, set_order, in_check, index_name, sql_text
    )
    SELECT
        p_plan_id, k.step_no, k.kind, e.child_node_no, e.parent_node_no, e.edge_no,
        n.display_name, e.reference_name, e.action, e.is_leaf, e.waits, e.set_order, e.in_check,
        e.index_name,
        CASE k.kind
            WHEN 'parent_row' THEN deletion_sql_change_rows(p_plan_id, e.edge_no, k.kind)
            WHEN 'change_rows' THEN deletion_sql_change_rows(p_plan_id, e.edge_no, k.kind)
            WHEN 'fetch' THEN deletion_sql_fetch(p_plan_id, e.edge_no, FALSE, NULL)
            WHEN 'fetch_more' THEN deletion_sql_fetch(p_plan_id, e.edge_no, TRUE, NULL)
            WHEN 'drain' THEN deletion_sql_drain(p_plan_id, e.edge_no)
            WHEN 'find' THEN deletion_sql_find(p_plan_id, e.edge_no, k.kind)
            WHEN 'drain_found' THEN deletion_sql_find(p_plan_id, e.edge_no, k.kind)
            WHEN 'fetch_next' THEN deletion_sql_find(p_plan_id, e.edge_no, k.kind)
            WHEN 'expand' THEN deletion_sql_levels(p_plan_id, e.edge_no, k.kind)
            WHEN 'fetch_levels' THEN deletion_sql_levels(p_plan_id, e.edge_no, k.kind)
            WHEN 'look_levels' THEN deletion_sql_levels(p_plan_id, e.edge_no, k.kind)
            WHEN 'look_level' THEN deletion_sql_levels(p_plan_id, e.edge_no, k.kind)
            WHEN 'remove_level' THEN deletion_sql_levels(p_plan_id, e.edge_no, k.kind)
            WHEN 'count' THEN deletion_sql_sweep(p_plan_id, e.edge_no, k.kind)
            WHEN 'count_one' THEN deletion_sql_sweep(p_plan_id, e.edge_no, k.kind)
            WHEN 'sweep' THEN deletion_sql_sweep(p_plan_id, e.edge_no, k.kind)
            WHEN 'cycle' THEN deletion_sql_cycle(p_plan_id, e.edge_no, k.kind)
            WHEN 'ring' THEN deletion_sql_cycle(p_plan_id, e.edge_no, k.kind)
            WHEN 'own' THEN deletion_sql_cycle(p_plan_id, e.edge_no, k.kind)
            WHEN 'link' THEN deletion_sql_link(p_plan_id, e.edge_no)
            WHEN 'default' THEN deletion_sql_default(p_plan_id, e.edge_no)
            WHEN 'part' THEN deletion_sql_part(p_plan_id, e.edge_no)
            WHEN 'size' THEN concat(
                'SELECT COUNT(*) INTO @dj_rows FROM (SELECT 1 FROM ', n.sql_name, ' LIMIT ?) AS q'  -- noqa: LT05
            )
            ELSE deletion_sql_rows(p_plan_id, e.edge_no, k.kind)
        END
    FROM (
        -- All places first: each statement is written once, and where it belongs.
        SELECT
            e.edge_no, k.kind,
            v_step_no + row_number() OVER (ORDER BY e.edge_no, k.place) AS step_no
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
        INNER JOIN json_table(
            '["fetch", "fetch_more", "size", "default", "cycle", "ring", "own", "link", "drain",
            "count", "count_one", "sweep", "hold", "lock", "look", "free", "remove", "remove_now",
            "left", "set", "part", "expand", "fetch_levels", "look_levels", "look_level",
            "remove_level", "find", "drain_found", "fetch_next", "parent_row", "change_rows"]',
            '$[*]' COLUMNS (  -- noqa: CP02
                place FOR ORDINALITY,  -- noqa: PRS
                kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
            )
        ) AS k
            ON CASE
                -- What is kept is read by previews alone.
                WHEN e.action = 'keep' THEN k.kind = 'fetch_more' AND e.on_frame IS NOT NULL
                WHEN k.kind IN ('fetch', 'fetch_more') THEN TRUE
                WHEN k.kind = 'size' THEN e.index_name IS NULL
                WHEN k.kind = 'default' THEN e.action = 'set_default'
                WHEN k.kind IN ('parent_row', 'change_rows') THEN
                    n.key_columns IS NULL AND e.action <> 'restrict'
                WHEN n.key_columns IS NULL THEN FALSE
                -- Rings that a NULL opens, those that nothing opens, and rows in their own way.
                WHEN k.kind IN ('cycle', 'ring') THEN
                    e.child_node_no = e.parent_node_no
                    AND NOT e.is_circular
                    AND e.action IN ('cascade', 'restrict')
                    AND (e.break_list IS NULL) = (k.kind = 'ring')
                WHEN k.kind = 'own' THEN
                    e.child_node_no = e.parent_node_no
                    AND e.is_refused
                    AND e.break_list IS NULL
                WHEN k.kind = 'link' THEN e.is_link
                WHEN k.kind = 'part' THEN e.is_refused AND e.break_list IS NOT NULL
                WHEN k.kind = 'set' THEN e.action IN ('set_null', 'set_default', 'scrub')
                WHEN k.kind = 'lock' THEN e.action <> 'restrict'
                WHEN k.kind = 'remove' THEN e.action = 'cascade'
                -- Rows that are set before they go have to be known one by one.
                WHEN k.kind = 'drain' THEN e.is_leaf AND NOT EXISTS (
                    SELECT 1
                    FROM deletion_plan_edges AS w FORCE INDEX (idx_dpe_child)
                    WHERE
                        w.plan_id = e.plan_id
                        AND w.child_node_no = e.child_node_no
                        AND w.waits
                        AND w.action <> 'restrict'
                )
                WHEN k.kind IN ('find', 'drain_found') THEN
                    e.is_leaf AND e.is_ordered AND NOT v_waits
                -- Rows of one table that hang from each other go a few at a time.
                WHEN k.kind = 'fetch_next' THEN
                    e.action = 'cascade'
                    AND NOT e.is_leaf
                    AND e.is_ordered
                    AND e.parent_node_no <> e.child_node_no
                    AND NOT v_waits
                WHEN k.kind IN (
                    'expand', 'fetch_levels', 'look_levels', 'look_level', 'remove_level'
                ) THEN
                    e.action = 'cascade'
                    AND e.parent_node_no = e.child_node_no
                    AND e.index_name IS NOT NULL
                    AND NOT v_waits
                    -- What the engine would take as the plan does is not looked for again.
                    AND (
                        k.kind <> 'look_level'
                        OR json_contains(v_other, cast(e.child_node_no AS JSON))
                        OR EXISTS (
                            SELECT 1
                            FROM deletion_plan_edges AS b FORCE INDEX (uq_dpe_reference)
                            WHERE
                                b.plan_id = e.plan_id
                                AND b.parent_node_no = e.child_node_no
                                AND b.child_node_no <> e.child_node_no
                                AND b.action NOT IN ('keep', 'cascade')
                        )
                    )
                WHEN k.kind IN ('count', 'count_one', 'sweep') THEN
                    e.is_leaf AND NOT e.is_declared AND e.index_name IS NOT NULL AND NOT v_waits
                WHEN k.kind = 'remove_now' THEN
                    e.action = 'cascade' AND NOT e.is_leaf AND NOT v_waits
                    AND NOT json_contains(v_silent, cast(e.child_node_no AS JSON))
                    AND NOT EXISTS (
                        SELECT 1
                        FROM deletion_plan_edges AS b FORCE INDEX (uq_dpe_reference)
                        WHERE
                            b.plan_id = e.plan_id
                            AND b.parent_node_no = e.child_node_no
                            AND b.action <> 'keep'
                            AND (b.action <> 'cascade' OR b.is_declared)
                    )
                -- What has no children is not looked at again before it goes.
                ELSE e.action = 'cascade' AND NOT e.is_leaf
            END
        WHERE e.plan_id = p_plan_id
    ) AS k
    STRAIGHT_JOIN deletion_plan_edges AS e  -- noqa: PRS
        ON e.plan_id = p_plan_id AND e.edge_no = k.edge_no
    STRAIGHT_JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_find.sql
-- deletion_sql_find
-- Write a statement on the next child rows of one row of a wide frame, in the order of their key.
--
-- Parameters  p_plan_id, p_edge_no   the reference
--             p_kind                 find, drain_found or fetch_next
-- Returns     text; binds (for fetch_next first the row's job) the frame, the place of the row in
--             it, the key to begin at (and for drain_found the last key) and a limit; find answers
--             the last key in @dj_last and the number of rows in @dj_rows, fetch_next the child
--             frame in @dj_answer as well. NULL: the index of the reference is in another order
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- An index keeps deleted rows as long as somebody's old snapshot may see them: each batch begins
-- where the one before ended. By constants alone the engine begins to read in the middle of one.

DROP FUNCTION IF EXISTS deletion_sql_find;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_find(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write a statement on the next child rows of one row of a wide frame, in the order of their key'  -- noqa: LT05
BEGIN
    DECLARE v_key, v_child JSON;
    DECLARE v_table, v_index, v_where, v_field, v_answer, v_object
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT
        n.key_part, e.frame_columns, (
            SELECT c.f
            FROM json_table(p.frame_columns, '$[*]' COLUMNS (  -- noqa: CP02
                f VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.f',  -- noqa: PRS,LT05
                name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.column'
            )) AS c
            WHERE c.name = e.parent_columns ->> '$[0]'
        ) AS field,
        n.sql_name, e.index_name, e.answer_list, e.object_list
    INTO v_key, v_child, v_field, v_table, v_index, v_answer, v_object
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p
        ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no AND e.is_ordered;

    SET v_where = concat(
        'WHERE\n    c.', v_child ->> '$[0].name',
        -- From NULL, which a unique column may hold, nothing hangs; its text would become 0.
        ' = CAST(NULLIF(JSON_UNQUOTE(JSON_EXTRACT(?, CONCAT(\'$[\', ?, \'].', v_field,
        '\'))), \'null\') AS ',
        if(v_child ->> '$[0].type' LIKE '%UNSIGNED', 'UNSIGNED', 'SIGNED'), ')',
        -- Not behind it: the first of all keys may be a row's.
        '\n    AND c.', v_key ->> '$[0].name', ' >= ?'
    );

    RETURN CASE p_kind
        WHEN 'find' THEN concat(
            'SELECT MAX(q.k), COUNT(*)\nINTO @dj_last, @dj_rows\nFROM (\nSELECT c.',
            v_key ->> '$[0].name', ' AS k\nFROM ', v_table, ' AS c', deletion_sql_index(v_index),
            '\n', v_where, '\nORDER BY c.', v_key ->> '$[0].name', '\nLIMIT ?\n) AS q'
        )
        WHEN 'fetch_next' THEN concat(
            'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', q.j, ', v_object,
            ')), JSON_ARRAY()), MAX(q.k), COUNT(*)\nINTO @dj_answer, @dj_last, @dj_rows\nFROM (\n',
            'SELECT CAST(? AS UNSIGNED) AS j, c.', v_key ->> '$[0].name', ' AS k, ', v_answer,
            '\nFROM ', v_table, ' AS c', deletion_sql_index(v_index),
            '\n', v_where, '\nORDER BY c.', v_key ->> '$[0].name', '\nLIMIT ?\n) AS q'
        )
        ELSE concat(
            'DELETE /*+ INDEX(c ', deletion_quote_name(v_index), ') */ FROM ', v_table, ' AS c\n',
            v_where, '\n    AND c.', v_key ->> '$[0].name', ' <= ?\nORDER BY c.',
            v_key ->> '$[0].name', '\nLIMIT ?'
        )
    END;
END$$
DELIMITER ;
-- <<<

-- What was compiled before lacks the new step, and goes on without it: no plan has this
-- fingerprint. Where none would be compiled anew all stay as they are.
UPDATE deletion_plans AS p
INNER JOIN deletion_settings AS s
    ON s.setting_name = 'recompile' AND coalesce(s.setting_value, s.default_value) = 'true'
SET p.fingerprint = ''
WHERE p.superseded_at IS NULL;

-- >>> tooling/deletion_jobs/sql/mysql/migration_commit.sql
SET SESSION sql_mode = @dj_sql_mode;
SET SESSION time_zone = @dj_time_zone;
SET SESSION lock_wait_timeout = @dj_lock_wait_timeout;
SET SESSION sql_safe_updates = @dj_sql_safe_updates;
SET SESSION sql_big_selects = @dj_sql_big_selects;
-- <<<
