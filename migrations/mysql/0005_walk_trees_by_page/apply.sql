-- 0005_walk_trees_by_page: apply
-- Walk trees by page on MySQL.
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

-- >>> procedures/mysql/worker/deletion_hold_frames.sql
-- deletion_hold_frames
-- Hold the rows of the run's stored frames where they were found, until the step commits.
--
-- Writes      deletion_frames; locks the frames' rows     Commits  no
-- Execute     the owner only
--
-- Between two transactions rows may move to another parent, and all below them along: that stays.
-- While the step works they cannot. Others may still add children to them; they go as well.

DROP PROCEDURE IF EXISTS deletion_hold_frames;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_hold_frames()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Hold the rows of the run''s stored frames where they were found, until the step commits'
BEGIN
    DECLARE v_depth, v_edge_no, v_count INT;
    DECLARE v_keys LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_changed, v_is_deep BOOLEAN;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_frame CURSOR FOR
        SELECT
            f.depth, f.edge_no, f.`keys`, f.key_count, json_contains_path(f.`keys`, 'one', '$[0].l')
        FROM deletion_frames AS f
        WHERE f.run_id = @dj_run_id AND f.key_count > 0
        ORDER BY f.depth;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_frame;
    FETCH c_frame INTO v_depth, v_edge_no, v_keys, v_count, v_is_deep;

    WHILE NOT v_is_done DO
        CALL deletion_hold_frame('hold', v_edge_no, v_keys, v_count, v_is_changed);
        SET v_is_done = v_is_changed;

        IF v_is_changed AND v_is_deep THEN
            -- What hangs from the rows that moved is in the same frame: all of it is found again.
            UPDATE deletion_frames AS f
            SET f.edge_pos = 0, f.fetch_cursor = NULL
            WHERE f.run_id = @dj_run_id AND f.depth = v_depth - 1;
            DELETE FROM deletion_frames WHERE run_id = @dj_run_id AND depth >= v_depth;
        ELSEIF v_is_changed THEN
            -- What lies above hung from these rows; it is found again where it still does.
            UPDATE deletion_frames AS f
            SET f.`keys` = v_keys, f.key_count = v_count, f.edge_pos = 0, f.fetch_cursor = NULL
            WHERE f.run_id = @dj_run_id AND f.depth = v_depth;
            DELETE FROM deletion_frames WHERE run_id = @dj_run_id AND depth > v_depth;
        ELSE
            FETCH c_frame INTO v_depth, v_edge_no, v_keys, v_count, v_is_deep;
        END IF;
    END WHILE;

    CLOSE c_frame;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_hold_frame.sql
-- deletion_hold_frame
-- Hold a frame's rows where they were found, until the step commits.
--
-- Parameters  p_kind         hold; lock: nobody may add children to them either
--             p_edge_no      the reference that they were found by; 0: the target's own rows
--             p_keys         INOUT the frame; without rows that have moved or gone, and with their
--                            present values
--             p_count        INOUT its number of keys
--             p_is_changed   OUT FALSE: it is as it was
-- Writes      nothing; locks the frame's rows      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_hold_frame;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_hold_frame(
    IN p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_edge_no INT,
    INOUT p_keys LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    INOUT p_count INT,
    OUT p_is_changed BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Hold a frame''s rows where they were found, until the step commits'
BEGIN
    DECLARE v_keys LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    -- By its text: to parse a frame takes as long as to hold a third of it. Within a string the
    -- quotation mark would be escaped.
    DECLARE v_has_others BOOLEAN DEFAULT locate('"u1": ', p_keys) > 0;

    SET p_is_changed = FALSE;

    -- The key of a root is what its job names; only other columns of it can change.
    IF p_edge_no > 0 OR v_has_others OR p_kind = 'lock' THEN
        SET @dj_frame = p_keys;
        CALL deletion_execute(@dj_plan_id, p_edge_no, p_kind);

        IF v_has_others OR @dj_rows < p_count THEN
            CALL deletion_execute(@dj_plan_id, p_edge_no, 'left');

            SET v_keys = @dj_answer;

            IF p_edge_no = 0 THEN
                -- Roots stay: what was declared may hang from one that is not there, or is no more.
                SELECT json_arrayagg(coalesce(a.o, json_set((
                    SELECT json_objectagg(y.name, json_extract(k.o, concat('$.', y.name)))
                    FROM json_table(json_keys(k.o), '$[*]' COLUMNS (  -- noqa: CP02
                        name VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'  -- noqa: PRS,LT05
                    )) AS y
                    WHERE y.name NOT LIKE 'u%'
                ), '$.m', 1)))
                INTO v_keys
                FROM json_table(p_keys, '$[*]' COLUMNS (  -- noqa: CP02
                    o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
                )) AS k
                LEFT JOIN json_table(@dj_answer, '$[*]' COLUMNS (  -- noqa: CP02
                    o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
                )) AS a ON a.j = k.j;
            END IF;

            SET p_is_changed = v_keys <> p_keys, p_keys = v_keys, p_count = json_length(v_keys);
        END IF;
    END IF;
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
    DECLARE v_keys LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT @dj_keys;
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

-- >>> procedures/mysql/worker/deletion_remove.sql
-- deletion_remove
-- Remove the present frame's own rows: lock them, look once more, delete the childless.
--
-- Errors      JD006 rows stay and nothing more can be done about them; 40001 rows changed in between  -- noqa: LT05
-- Writes      the application's table, deletion_receipts     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_remove;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_remove()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Remove the present frame''s own rows: lock them, look once more, delete the childless'
removal: BEGIN
    DECLARE v_found, v_rows BIGINT;
    DECLARE v_gone JSON;

    IF @dj_is_deep THEN
        CALL deletion_remove_levels();
        LEAVE removal;
    END IF;

    SET @dj_frame = @dj_keys, v_found = @dj_count, v_rows = @dj_count;

    IF NOT @dj_is_locked THEN
        CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'lock');
        SET v_found = @dj_rows;
        CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'look');
        SET v_rows = @dj_rows;
    END IF;

    IF v_rows > 0 AND v_rows < @dj_count THEN
        CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'free');
        SET @dj_frame = @dj_answer, v_rows = @dj_rows;
    END IF;

    IF v_rows > 0 THEN
        CALL deletion_part();
        CALL deletion_execute(
            @dj_plan_id, @dj_edge_no, if(@dj_is_locked, 'remove_now', 'remove')
        );

        IF @dj_rows <> v_rows THEN
            SIGNAL SQLSTATE '40001' SET MESSAGE_TEXT = 'rows under lock were not there to be deleted';  -- noqa: LT05
        END IF;

        CALL deletion_count(@dj_edge_no, 'delete', v_rows, @dj_frame);
    END IF;

    -- What hangs from a root that is gone waits as that of others does.
    SET v_gone = if(@dj_edge_no = 0 AND @dj_waits, (
        SELECT json_arrayagg(k.o)
        FROM json_table(@dj_keys, '$[*]' COLUMNS (
            o JSON PATH '$', is_gone BOOLEAN EXISTS PATH '$.m'
        )) AS k
        WHERE k.is_gone
    ), NULL);

    IF v_rows = v_found AND v_gone IS NULL THEN
        -- What was not found any more has moved to another parent, or is gone already.
        SET @dj_state = json_set(@dj_state, '$.fan', json_set(
            coalesce(json_extract(@dj_state, '$.fan'), json_object()),
            -- A frame whose keys were all of a cancelled job has none left.
            concat('$."', @dj_node_no, '"'), @dj_here / greatest(1, @dj_count)
        ));
        SET @dj_here = @dj_here + v_rows;
        CALL deletion_pop();
    ELSE
        SET @dj_frame = @dj_keys;
        CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'left');
        SET @dj_keys = json_merge_preserve(@dj_answer, coalesce(v_gone, json_array()));
        SET @dj_count = json_length(@dj_keys), @dj_is_dirty = TRUE;
        CALL deletion_left_over();
    END IF;
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
    -- Rows may stay that wait for others: then the next page comes after them.
    CALL deletion_execute(@dj_plan_id, p_edge_no, CASE
        WHEN json_contains_path(@dj_state, 'one', '$.careful') THEN 'fetch_beyond'
        WHEN @dj_waits THEN 'fetch_more'
        WHEN v_is_self AND @dj_is_deep THEN 'fetch_levels'
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

-- >>> procedures/mysql/worker/deletion_expand.sql
-- deletion_expand
-- Take what hangs from the present, narrow frame, by the same self-reference, into it.
--
-- Writes      nothing; locks the frame's rows      Commits  no
-- Execute     the owner only
--
-- Its rows go level by level, since one statement would meet parents before their children. Many
-- rows a frame: each frame is held, and looked at, in statements of its own.

DROP PROCEDURE IF EXISTS deletion_expand;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_expand()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Take what hangs from the present, narrow frame, by the same self-reference, into it'
BEGIN
    DECLARE v_keys LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_count INT;
    DECLARE v_is_changed BOOLEAN;

    IF EXISTS (
        SELECT 1
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = @dj_plan_id AND s.edge_no = @dj_edge_no AND s.kind = 'expand'
    ) THEN
        SET @dj_frame = @dj_keys, @dj_limit = least(2000, @dj_left);
        CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'expand');
        SET v_keys = @dj_answer, v_count = @dj_rows;

        IF v_count > @dj_count THEN
            CALL deletion_hold_frame('hold', @dj_edge_no, v_keys, v_count, v_is_changed);

            -- What hangs from a row that moved is among them: they are fetched level by level.
            IF NOT v_is_changed THEN
                SET @dj_keys = v_keys, @dj_count = v_count, @dj_is_deep = TRUE;
            END IF;
        END IF;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_load_frame.sql
-- deletion_load_frame
-- Make the run's topmost stored frame the walk's present one; a frame over the batch is split.
--
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_load_frame;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_load_frame()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Make the run''s topmost stored frame the walk''s present one; a frame over the batch is split'  -- noqa: LT05
BEGIN
    DECLARE v_rest JSON;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET @dj_depth = NULL;

    SELECT
        f.depth, f.node_no, f.edge_no, f.`keys`, f.key_count, f.edge_pos, f.fetch_cursor,
        f.rows_at_pass, f.idle_passes, f.rows_here, FALSE,
        json_contains_path(f.`keys`, 'one', '$[0].l')
    INTO
        @dj_depth, @dj_node_no, @dj_edge_no, @dj_keys, @dj_count, @dj_pos, @dj_read,
        @dj_pass, @dj_idle, @dj_here, @dj_is_dirty, @dj_is_deep
    FROM deletion_frames AS f
    WHERE f.run_id = @dj_run_id
    ORDER BY f.depth DESC
    LIMIT 1;

    IF
        @dj_depth IS NOT NULL
        AND @dj_count > @dj_batch
        AND @dj_is_deep
    THEN
        -- Rows of several levels cannot be parted: they are found again, fewer at a time.
        DELETE FROM deletion_frames WHERE run_id = @dj_run_id AND depth = @dj_depth;
        UPDATE deletion_frames AS f
        SET f.edge_pos = 0, f.fetch_cursor = NULL
        WHERE f.run_id = @dj_run_id AND f.depth = @dj_depth - 1;
        SELECT
            f.depth, f.node_no, f.edge_no, f.`keys`, f.key_count, f.edge_pos, f.fetch_cursor,
            f.rows_at_pass, f.idle_passes, f.rows_here, FALSE,
            json_contains_path(f.`keys`, 'one', '$[0].l')
        INTO
            @dj_depth, @dj_node_no, @dj_edge_no, @dj_keys, @dj_count, @dj_pos, @dj_read,
            @dj_pass, @dj_idle, @dj_here, @dj_is_dirty, @dj_is_deep
        FROM deletion_frames AS f
        WHERE f.run_id = @dj_run_id
        ORDER BY f.depth DESC
        LIMIT 1;
    END IF;

    -- Locked by this very transaction, before any of its references was followed.
    SET @dj_is_locked = coalesce(locate(concat(',', @dj_depth, ','), @dj_locks) > 0, FALSE);

    IF @dj_depth IS NOT NULL AND @dj_count > @dj_batch THEN
        -- Contention has halved the batch: the rest waits one below, found by the same reference.
        SET v_rest = json_extract(@dj_keys, concat('$[', @dj_batch, ' to last]'));
        SET @dj_keys = json_extract(@dj_keys, concat('$[0 to ', @dj_batch - 1, ']'));

        UPDATE deletion_frames AS f
        SET
            f.`keys` = v_rest,
            f.key_count = json_length(v_rest),
            f.edge_pos = 0,
            f.fetch_cursor = NULL
        WHERE f.run_id = @dj_run_id AND f.depth = @dj_depth;

        SET @dj_depth = @dj_depth + 1, @dj_count = @dj_batch, @dj_read = NULL, @dj_is_dirty = TRUE;
        SET @dj_is_locked = FALSE;
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
-- Writes      deletion_walk_keys (of fate stack and job 0; the job beside)     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_note_frame;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_note_frame(
    IN p_node_no INT,
    IN p_edge_no INT,
    IN p_keys LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
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
            walk_id, job_id, node_no, fate, key_hash, edge_no, `keys`, is_expanded
        )
        SELECT
            @dj_run_id, 0, p_node_no, 'stack', deletion_key_hash(k.o), p_edge_no,
            json_extract(k.o, '$.j'), TRUE
        FROM json_table(p_keys, '$[*]' COLUMNS (o JSON PATH '$')) AS k;
    ELSEIF json_contains_path(@dj_state, 'one', '$.careful') THEN
        DELETE w
        FROM json_table(p_keys, '$[*]' COLUMNS (o JSON PATH '$')) AS k
        STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
            ON
                w.walk_id = @dj_run_id
                AND w.job_id = 0
                AND w.node_no = p_node_no
                AND w.fate = 'stack'
                AND w.key_hash = deletion_key_hash(k.o);
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_guard.sql
-- deletion_guard
-- Hold a plan's tables against DDL until the step commits, and say whether the plan still fits.
--
-- Parameters  p_plan_id   the plan
--             p_all       TRUE: compare everything; FALSE: the foreign keys alone
--             p_fits      OUT FALSE where foreign keys have changed since the plan was compiled
-- Errors      40001 the session hides one of the plan's tables behind a temporary one
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_guard;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_guard(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_all BOOLEAN,
    OUT p_fits BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Hold a plan''s tables against DDL until the step commits, and say whether the plan still fits'  -- noqa: LT05
BEGIN
    -- Gone, or gone from where it was: table, schema or column.
    DECLARE EXIT HANDLER FOR 1146, 1049, 1054 SET p_fits = FALSE;  -- noqa: PRS
    -- Another session has no such table: the jobs wait for it.
    DECLARE EXIT HANDLER FOR 1137
    BEGIN
        DECLARE v_message LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

        GET STACKED DIAGNOSTICS CONDITION 1 v_message = MESSAGE_TEXT;
        SET v_message = left(concat(
            'a temporary table of the session hides one of the plan (', v_message, ')'
        ), 128);
        SIGNAL SQLSTATE '40001' SET MESSAGE_TEXT = v_message;
    END;

    -- A new foreign key needs a lock that this one excludes: what is compared next holds.
    CALL deletion_execute(p_plan_id, 0, 'guard');

    -- Two statements: one opens what all its functions read, also of one that it does not call.
    IF p_all THEN
        SET p_fits = (
            SELECT p.fingerprint = deletion_fingerprint(p.entity_table, p.tables)
            FROM deletion_plans AS p
            WHERE p.plan_id = p_plan_id
        );
    ELSE
        SET p_fits = (
            SELECT left(p.fingerprint, 32) = deletion_fingerprint_keys(p.tables)
            FROM deletion_plans AS p
            WHERE p.plan_id = p_plan_id
        );
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
                WHERE d.plan_id = s.plan_id AND d.edge_no = s.edge_no AND d.kind = 'find'
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
