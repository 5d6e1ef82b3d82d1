-- 0010_sweep_deletion_levels: apply
-- Sweep deletion levels on MySQL.
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
                ('PROCEDURE', 'deletion_look_below')
            )
    ) AS n
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;
-- <<<

-- >>> procedures/mysql/worker/deletion_look_below.sql
-- deletion_look_below
-- See whether anything hangs from the present frame by a reference, if the frame is locked.
--
-- Parameters  p_edge_no    the reference
--             p_is_empty   OUT TRUE: nothing does, and the walk goes on behind it; FALSE: something
--                          does, or the frame is not locked, so that something may
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_look_below;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_look_below(
    IN p_edge_no INT,
    OUT p_is_empty BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'See whether anything hangs from the present frame by a reference, if it is locked'
BEGIN
    SET p_is_empty = FALSE;

    IF @dj_is_locked THEN
        SET @dj_frame = @dj_keys, @dj_limit = 1;
        CALL deletion_execute(@dj_plan_id, p_edge_no, 'fetch');
        SET p_is_empty = @dj_rows = 0;

        IF p_is_empty THEN
            SET @dj_pos = p_edge_no, @dj_read = NULL, @dj_is_dirty = TRUE;
        END IF;
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
        -- Of rows that are locked, all that hangs from them was thought to fit: a few that are left
        -- over would be walked by themselves, and by then the locks are gone.
        ELSE greatest(1, floor(if(@dj_is_locked, 1, 0.85) * @dj_left / (1 + v_fan)))
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
        IF @dj_count * (1 + v_fan) <= @dj_left AND NOT @dj_is_deep THEN
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
    DECLARE v_is_leaf, v_drains, v_sweeps, v_finds, v_is_swept, v_is_empty BOOLEAN;
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
            -- that hang from each other a page is a tenth of the batch. Below rows that are locked
            -- all that there was is gone, mostly, and they can go as well.
            IF @dj_left * if(v_node_no = @dj_node_no AND NOT @dj_waits, 10, 2) < @dj_batch THEN
                CALL deletion_look_below(v_edge_no, v_is_empty);
                SET v_goes_on = v_is_empty;
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

-- >>> tooling/deletion_jobs/sql/mysql/migration_commit.sql
SET SESSION sql_mode = @dj_sql_mode;
SET SESSION time_zone = @dj_time_zone;
SET SESSION lock_wait_timeout = @dj_lock_wait_timeout;
SET SESSION sql_safe_updates = @dj_sql_safe_updates;
SET SESSION sql_big_selects = @dj_sql_big_selects;
-- <<<
