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

-- >>> procedures/mysql/planner/deletion_sql_find.sql
-- deletion_sql_find
-- Write a statement on the next child rows of one row of a wide frame, in the order of their key.
--
-- Parameters  p_plan_id, p_edge_no   the reference
--             p_kind                 find or drain_found
-- Returns     text; binds the frame, the place of the row in it, the key after which to begin (and
--             for drain_found the last key) and a limit; find answers the last key in @dj_last and
--             the number of rows in @dj_rows. NULL: no index of the child gives them in this order
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- An index keeps deleted rows as long as somebody's old snapshot may see them: each batch begins
-- behind the one before. Only by constants the engine begins to read in the middle of an index.

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
    DECLARE v_key, v_child, v_parent JSON;
    DECLARE v_table, v_index, v_where, v_second, v_key_index
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT
        deletion_key_part(n.frame_columns), e.frame_columns, (
            SELECT json_arrayagg(c.j)
            FROM json_table(p.frame_columns, '$[*]' COLUMNS (  -- noqa: CP02
                j JSON PATH '$', name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.column'  -- noqa: LT05, PRS
            )) AS c
            WHERE c.name = e.parent_columns ->> '$[0]'
        ) AS parent_column,
        n.sql_name, n.key_index, e.index_name, (
            SELECT max(s.column_name)
            FROM information_schema.statistics AS s
            WHERE
                s.table_schema = e.child_schema
                AND s.table_name = e.child_table
                AND s.index_name = e.index_name
                AND s.seq_in_index = 2
        ) AS second_column
    INTO v_key, v_child, v_parent, v_table, v_key_index, v_index, v_second
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p
        ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE
        e.plan_id = p_plan_id AND e.edge_no = p_edge_no AND NOT e.is_declared
        AND e.index_name IS NOT NULL;

    -- Whole numbers alone; other types would have to be written as constants of their own.
    IF
        v_key IS NULL
        OR json_length(v_key) <> 1
        OR json_length(v_child) <> 1
        OR v_key ->> '$[0].type' NOT REGEXP '^[A-Z]*INT( UNSIGNED)?$'
        OR v_child ->> '$[0].type' NOT REGEXP '^[A-Z]*INT( UNSIGNED)?$'
        OR v_key_index NOT LIKE '%PRIMARY%'
        OR v_second <> v_key ->> '$[0].column'
    THEN
        RETURN NULL;
    END IF;

    SET v_where = concat(
        'WHERE\n    c.', v_child ->> '$[0].name',
        ' = CAST(JSON_UNQUOTE(JSON_EXTRACT(?, CONCAT(\'$[\', ?, \'].', v_parent ->> '$[0].f',
        '\'))) AS ', if(v_child ->> '$[0].type' LIKE '%UNSIGNED', 'UNSIGNED', 'SIGNED'), ')',
        '\n    AND c.', v_key ->> '$[0].name', ' > ?'
    );

    RETURN if(
        p_kind = 'find',
        concat(
            'SELECT MAX(q.k), COUNT(*)\nINTO @dj_last, @dj_rows\nFROM (\nSELECT c.',
            v_key ->> '$[0].name', ' AS k\nFROM ', v_table, ' AS c', deletion_sql_index(v_index),
            '\n', v_where, '\nORDER BY c.', v_key ->> '$[0].name', '\nLIMIT ?\n) AS q'
        ),
        concat(
            'DELETE /*+ INDEX(c ', deletion_quote_name(v_index), ') */ FROM ', v_table, ' AS c\n',
            v_where, '\n    AND c.', v_key ->> '$[0].name', ' <= ?\nORDER BY c.',
            v_key ->> '$[0].name', '\nLIMIT ?'
        )
    );
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
        SELECT max(e.waits) FROM deletion_plan_edges AS e WHERE e.plan_id = p_plan_id
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
                WHEN 'fetch' THEN deletion_sql_fetch(p_plan_id, e.edge_no, FALSE)
                WHEN 'fetch_more' THEN deletion_sql_fetch(p_plan_id, e.edge_no, TRUE)
                WHEN 'drain' THEN deletion_sql_drain(p_plan_id, e.edge_no)
                WHEN 'find' THEN deletion_sql_find(p_plan_id, e.edge_no, k.kind)
                WHEN 'drain_found' THEN deletion_sql_find(p_plan_id, e.edge_no, k.kind)
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
            "look_levels", "remove_level", "find", "drain_found"]',
            '$[*]' COLUMNS (  -- noqa: CP02
                place FOR ORDINALITY,  -- noqa: PRS
                kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
            )
        ) AS k
            ON CASE
                WHEN k.kind IN ('fetch', 'fetch_more') THEN TRUE
                WHEN k.kind = 'size' THEN e.index_name IS NULL
                WHEN k.kind = 'cycle' THEN
                    e.is_refused
                    OR (
                        e.action IN ('cascade', 'restrict')
                        AND e.child_node_no = e.parent_node_no
                    )
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
                WHEN k.kind IN ('find', 'drain_found') THEN
                    e.is_leaf
                    AND NOT v_waits
                    AND deletion_sql_find(p_plan_id, e.edge_no, k.kind) IS NOT NULL
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
    DECLARE v_is_leaf, v_drains, v_sweeps, v_finds, v_is_swept BOOLEAN;
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
            s.edge_no IN (
                SELECT d.edge_no
                FROM deletion_plan_steps AS d
                WHERE d.plan_id = @dj_plan_id AND d.kind = 'drain'
            ),
            s.edge_no IN (
                SELECT d.edge_no
                FROM deletion_plan_steps AS d
                WHERE d.plan_id = @dj_plan_id AND d.kind = 'sweep'
            ),
            -- A frame with many rows below each of its own: from the start each batch would be
            -- read again and again.
            @dj_here >= 4 * @dj_batch
            AND @dj_here >= @dj_count * @dj_batch / 4
            AND s.edge_no IN (
                SELECT d.edge_no
                FROM deletion_plan_steps AS d
                WHERE d.plan_id = @dj_plan_id AND d.kind = 'find'
            )
        INTO v_edge_no, v_node_no, v_action, v_is_leaf, v_drains, v_sweeps, v_finds
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
        ELSEIF v_finds AND NOT @dj_is_locked THEN
            CALL deletion_drain_wide(v_edge_no);
        ELSEIF v_drains AND @dj_job_id IS NOT NULL THEN
            CALL deletion_drain(v_edge_no);
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
    -- Below every key of every type of whole numbers.
    DECLARE v_first BIGINT DEFAULT -9223372036854775808;
    DECLARE v_found BIGINT;
    DECLARE v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT (
        SELECT s.table_name
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = @dj_plan_id AND s.edge_no = p_edge_no AND s.kind = 'find'
    );

    SET @dj_frame = @dj_keys;
    SET @dj_place = cast(coalesce(json_extract(@dj_read, '$.place'), 0) AS SIGNED);
    SET @dj_after = v_first;

    -- Of the column's own kind, or the engine would not begin to read behind it.
    IF json_extract(@dj_read, '$.after') > 0 THEN
        SET @dj_after = cast(json_extract(@dj_read, '$.after') AS UNSIGNED);
    ELSEIF json_contains_path(@dj_read, 'one', '$.after') THEN
        SET @dj_after = cast(json_extract(@dj_read, '$.after') AS SIGNED);
    END IF;

    WHILE @dj_left > 0 AND @dj_place < @dj_count DO
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
            SET @dj_place = @dj_place + 1, @dj_after = v_first;
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

-- >>> procedures/mysql/worker/deletion_execute.sql
-- deletion_execute
-- Execute one stored statement of a plan, with bound values.
--
-- Parameters  p_plan_id, p_edge_no, p_kind   the step
-- Writes      what the step says                   Commits  no
-- Execute     the owner only
--
-- Binds @dj_frame (keys, roots), @dj_limit, @dj_cursor, @dj_level, @dj_walk_id, @dj_place,
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
        WHEN p_kind = 'find' THEN
            EXECUTE dj_stmt USING @dj_frame, @dj_place, @dj_after, @dj_limit;
        WHEN p_kind = 'drain_found' THEN
            EXECUTE dj_stmt USING @dj_frame, @dj_place, @dj_after, @dj_last, @dj_limit;
            SET @dj_rows = row_count();
        WHEN p_kind IN ('sweep', 'remove', 'remove_now', 'set') THEN
            EXECUTE dj_stmt USING @dj_frame;
            SET @dj_rows = row_count();
        WHEN p_kind = 'fetch_more' THEN EXECUTE dj_stmt USING @dj_cursor, @dj_frame, @dj_limit;
        WHEN p_kind = 'size' THEN EXECUTE dj_stmt USING @dj_limit;
        WHEN p_kind = 'cycle' THEN EXECUTE dj_stmt USING @dj_walk_id;
        WHEN p_kind = 'guard' THEN EXECUTE dj_stmt;
        ELSE EXECUTE dj_stmt USING @dj_frame;
    END CASE;

    DEALLOCATE PREPARE dj_stmt;
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

-- >>> tooling/deletion_jobs/sql/mysql/migration_commit.sql
SET SESSION sql_mode = @dj_sql_mode;
SET SESSION time_zone = @dj_time_zone;
SET SESSION lock_wait_timeout = @dj_lock_wait_timeout;
-- <<<
