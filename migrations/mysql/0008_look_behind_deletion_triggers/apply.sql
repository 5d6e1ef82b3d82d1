-- 0008_look_behind_deletion_triggers: apply
-- Look behind deletion triggers on MySQL.
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

-- Every statement can be run again: here DDL commits.
SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.columns AS c
        WHERE
            c.table_schema = database() AND c.table_name = 'deletion_plan_edges'
            AND c.column_name = 'delete_rule'
    ),
    'DO 0',
    'ALTER TABLE deletion_plan_edges ADD COLUMN delete_rule VARCHAR(16) NULL '
    'COMMENT ''What the engine itself does when a parent goes, in the words of the catalog'' '
    'AFTER is_refused'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

-- === schema/mysql/tables/deletion_plan_edges.sql 4d552915000c78f5abe51aa4ca6ea075eed55a811252ada9683ad4bd9e2414ae  -- noqa: LT05

-- >>> procedures/mysql/worker/deletion_remove_levels.sql
-- deletion_remove_levels
-- Remove the rows of a frame of several levels: lock them, look, delete the deepest level first.
--
-- Errors      40001 rows changed in between
-- Writes      the application's table, deletion_receipts     Commits  no
-- Execute     the owner only
--
-- A trigger may add rows below a level that has yet to go: where the engine would not deal with
-- them as the plan does, each level is looked at again, and the rest of the frame is found anew.

DROP PROCEDURE IF EXISTS deletion_remove_levels;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_remove_levels()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Remove the rows of a frame of several levels: lock them, look, delete the deepest level first'  -- noqa: LT05
BEGIN
    DECLARE v_found, v_rows, v_keys BIGINT DEFAULT 0;
    DECLARE v_gone JSON;
    -- Parted once: a statement that read the whole frame would do so for each of its levels.
    DECLARE v_levels JSON DEFAULT (
        SELECT json_objectagg(g.l, g.level_keys)
        FROM (
            SELECT k.l, json_arrayagg(k.o) AS level_keys
            FROM json_table(@dj_keys, '$[*]' COLUMNS (  -- noqa: CP02
                l INT PATH '$.l',  -- noqa: PRS
                o JSON PATH '$'
            )) AS k
            GROUP BY k.l
        ) AS g
    );
    DECLARE v_level INT DEFAULT (
        SELECT max(k.l)
        FROM json_table(@dj_keys, '$[*]' COLUMNS (l INT PATH '$.l')) AS k  -- noqa: CP02
    );

    DECLARE v_look LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT (
        SELECT s.sql_text
        FROM deletion_plan_steps AS s FORCE INDEX (idx_dps_edge)
        WHERE s.plan_id = @dj_plan_id AND s.edge_no = @dj_edge_no AND s.kind = 'look_level'
    );

    SET @dj_frame = @dj_keys;
    CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'lock');
    SET v_found = @dj_rows;

    -- A trigger has taken some of them: which, and of what level, is not known.
    IF v_found <> @dj_count THEN
        SET v_look = NULL;
    END IF;

    CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'look_levels');

    IF @dj_rows > 0 THEN
        CALL deletion_left_over();
    ELSE
        CALL deletion_part();

        -- Prepared once: a chain has as many levels as rows.
        SET @dj_sql = (
            SELECT s.sql_text
            FROM deletion_plan_steps AS s FORCE INDEX (idx_dps_edge)
            WHERE
                s.plan_id = @dj_plan_id AND s.edge_no = @dj_edge_no AND s.kind = 'remove_level'
        );
        PREPARE dj_stmt FROM @dj_sql;
        SET @dj_sql = coalesce(v_look, 'DO 0'), @dj_rows = 0;
        PREPARE dj_stmt_look FROM @dj_sql;

        levels: WHILE v_level >= 0 DO
            SET @dj_frame = json_extract(v_levels, concat('$."', v_level, '"'));

            IF v_rows > 0 AND v_look IS NOT NULL THEN
                EXECUTE dj_stmt_look USING @dj_frame;

                IF @dj_rows > 0 THEN
                    LEAVE levels;
                END IF;
            END IF;

            EXECUTE dj_stmt USING @dj_frame;
            SET v_rows = v_rows + row_count(), v_keys = v_keys + json_length(@dj_frame);
            SET v_level = v_level - 1;
        END WHILE;

        DEALLOCATE PREPARE dj_stmt_look;
        DEALLOCATE PREPARE dj_stmt;

        IF v_rows <> if(v_level < 0, v_found, v_keys) THEN
            SIGNAL SQLSTATE '40001'
                SET MESSAGE_TEXT = 'rows under lock were not there to be deleted';
        END IF;

        SET @dj_here = @dj_here + v_rows;

        IF v_level < 0 THEN
            CALL deletion_count(@dj_edge_no, 'delete', v_rows, @dj_keys);
            CALL deletion_pop();
        ELSE
            SET v_gone = (
                SELECT json_arrayagg(k.o)
                FROM json_table(@dj_keys, '$[*]' COLUMNS (  -- noqa: CP02
                    l INT PATH '$.l',  -- noqa: PRS
                    o JSON PATH '$'
                )) AS k
                WHERE k.l > v_level
            );
            CALL deletion_count(@dj_edge_no, 'delete', v_rows, v_gone);
            -- There will be more of them: each level would cost a look at all that are left.
            SET @dj_state = json_set(@dj_state, '$.is_fed', TRUE);
            CALL deletion_pop();
            SET @dj_pos = 0, @dj_read = NULL, @dj_is_dirty = TRUE;
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
        SET @dj_frame = @dj_keys, @dj_limit = least(
            if(json_contains_path(@dj_state, 'one', '$.is_fed'), 50, 2000), @dj_left
        );
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

-- >>> procedures/mysql/worker/deletion_advance_run.sql
-- deletion_advance_run
-- Do one step of a run that is past its check: walk on, or end it when all is done or time is up.
--
-- Parameters  p_run_id   the run, fenced
--             p_until    when the worker's call should end
--             p_state    OUT more or ended
-- Writes      the application's tables, all tables of a run, deletion_plans     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_advance_run;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_advance_run(
    IN p_run_id BIGINT UNSIGNED,
    IN p_until DATETIME(6),
    OUT p_state VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Do one step of a run that is past its check: walk on, or end it when all is done or time is up'  -- noqa: LT05
BEGIN
    DECLARE v_cancelled JSON;
    DECLARE v_fits, v_is_empty, v_hard, v_is_untouched, v_has_climbed BOOLEAN;
    DECLARE v_held JSON;
    DECLARE v_held_state VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_plan_id BIGINT UNSIGNED;
    DECLARE v_started_at, v_looked_at, v_now DATETIME(6);  -- noqa: PRS
    DECLARE v_slice_us BIGINT DEFAULT 1000 * deletion_setting_int('slice_ms');
    DECLARE v_lead_us BIGINT;
    DECLARE v_is_over BOOLEAN;
    DECLARE v_step_count BIGINT;

    SELECT json_arrayagg(a.job_id)
    INTO v_cancelled
    FROM deletion_attempts AS a
    WHERE a.run_id = p_run_id AND a.outcome IS NULL AND a.cancel_requested_at IS NOT NULL;

    IF v_cancelled IS NOT NULL THEN
        CALL deletion_settle(p_run_id, v_cancelled, 'cancelled', NULL, FALSE, NULL);
        CALL deletion_drop_jobs(p_run_id, v_cancelled);
    END IF;

    SELECT
        r.plan_id, r.started_at, json_unquote(json_extract(r.state, '$.looked_at')),
        json_extract(r.state, '$.lead_us'), r.step_count, r.hard_delete,
        r.rows_changed = 0,
        r.retries > 0 AND r.retries <= coalesce(json_extract(r.state, '$.held_retries'), 0)
    INTO
        v_plan_id, v_started_at, v_looked_at, v_lead_us, v_step_count, v_hard, v_is_untouched,
        v_has_climbed
    FROM deletion_runs AS r
    WHERE r.run_id = p_run_id;

    SET p_state = 'ended';
    -- Everything was compared at the claim; a long run looks again at all of it now and then.
    CALL deletion_guard(v_plan_id, v_step_count % 20 = 0, v_fits);

    IF NOT v_fits THEN
        CALL deletion_settle(p_run_id, NULL, 'returned', NULL, FALSE, NULL);
        CALL deletion_end_run(
            p_run_id, 'returned', 'the catalog changed; the plan is compiled anew'
        );
    ELSE
        CALL deletion_mind_holds(p_run_id, v_held, v_held_state);

        IF v_held_state IS NOT NULL THEN
            SET v_is_empty = FALSE;
        ELSEIF v_hard THEN
            IF v_is_untouched THEN
                CALL deletion_spare_live(p_run_id, v_plan_id);
            END IF;

            CALL deletion_advance(p_run_id, v_is_empty);
        ELSE
            CALL deletion_soft_advance(p_run_id, v_is_empty);
        END IF;

        IF v_held_state IS NULL AND json_length(v_held) > 0 THEN
            CALL deletion_see_holds(p_run_id, v_plan_id, v_held, v_has_climbed);
        END IF;

        IF v_held_state IS NOT NULL THEN
            SET p_state = v_held_state;
        ELSEIF v_is_empty THEN
            CALL deletion_settle(p_run_id, NULL, 'done', NULL, FALSE, NULL);
            CALL deletion_end_run(p_run_id, 'done', NULL);
            CALL deletion_keep_fan_out(p_run_id, v_plan_id);
        ELSE
            SET v_now = utc_timestamp(6), v_is_over = v_now >= p_until;

            IF
                v_is_untouched AND @dj_changed > 0
                AND v_now > timestampadd(SECOND, 1, v_started_at)
            THEN
                SET v_lead_us = timestampdiff(MICROSECOND, v_started_at, v_now);
                UPDATE deletion_runs AS r
                SET r.state = json_set(r.state, '$.lead_us', v_lead_us)
                WHERE r.run_id = p_run_id;
            END IF;

            SET v_lead_us = coalesce(v_lead_us, 0);

            -- Not in each step: jobs that were claimed stay in the index of what is due as long as
            -- an old snapshot is open somewhere. Nor before the answer counts, or it would be late.
            IF
                NOT v_is_over
                AND @dj_changed > 0
                AND v_now >= timestampadd(MICROSECOND, 2 * v_lead_us, v_started_at)
                AND v_now > timestampadd(MICROSECOND, v_slice_us, v_started_at)
                AND (v_now > timestampadd(MICROSECOND, v_slice_us, v_looked_at)) IS NOT FALSE
            THEN
                SET v_is_over = deletion_others_due();
                UPDATE deletion_runs AS r
                SET r.state = json_set(r.state, '$.looked_at', v_now)
                WHERE r.run_id = p_run_id;
            END IF;

            -- A run that has changed nothing yet is still on its way down: dissolved now, it would
            -- begin at its roots again and never arrive where a chain is deep or its check long. As
            -- long as it took to come there it works, or a large job would be checked again for
            -- every batch.
            IF
                deletion_setting('paused_reason') IS NOT NULL
                OR (
                    v_is_over
                    AND @dj_changed > 0
                    AND v_now >= timestampadd(MICROSECOND, 2 * v_lead_us, v_started_at)
                )
            THEN
                CALL deletion_slice(p_run_id);
            ELSE
                SET p_state = 'more';
            END IF;
        END IF;
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
            "remove_level", "find", "drain_found", "parent_row", "change_rows"]',
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

-- >>> procedures/mysql/planner/deletion_references_to.sql
-- deletion_references_to
-- Find the references to a plan's newest tables, each with the action that holds for it.
--
-- Parameters  p_plan_id   the plan; those of its tables that are not expanded yet
-- Writes      deletion_plan_edges                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_references_to;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_references_to(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the references to the newest tables of a plan, each with the action that holds for it'  -- noqa: LT05
BEGIN
    -- Numbers below zero until all references are known and put in order.
    DECLARE v_edge_no INT DEFAULT (
        SELECT coalesce(min(e.edge_no), 0)
        FROM deletion_plan_edges AS e
        WHERE e.plan_id = p_plan_id
    );

    INSERT INTO deletion_plan_edges (
        plan_id, edge_no, parent_node_no, child_schema, child_table, reference_name, action,
        is_declared, child_columns, parent_columns, parent_index, is_refused, delete_rule
    )
    SELECT
        p_plan_id,
        v_edge_no - cast(row_number() OVER () AS SIGNED),
        n.node_no,
        r.constraint_schema,
        r.table_name,
        r.constraint_name,
        CASE r.delete_rule
            WHEN 'CASCADE' THEN 'cascade'
            WHEN 'SET NULL' THEN 'set_null'
            WHEN 'SET DEFAULT' THEN 'set_default'
            ELSE 'restrict'
        END,
        FALSE,
        -- noqa: disable=CP01
        concat('[', group_concat(json_quote(k.column_name) ORDER BY k.ordinal_position), ']'),
        concat(
            '[', group_concat(json_quote(k.referenced_column_name) ORDER BY k.ordinal_position), ']'
        ),
        -- noqa: enable=CP01
        max(r.unique_constraint_name),
        -- A row that refers to itself goes by no other rule: the engine looks row by row.
        r.table_name = n.table_name AND r.constraint_schema = n.table_schema
        AND r.delete_rule NOT IN ('CASCADE', 'SET NULL'),
        r.delete_rule
    FROM deletion_plan_nodes AS n
    STRAIGHT_JOIN information_schema.referential_constraints AS r  -- noqa: PRS
        ON
            r.unique_constraint_schema = convert(n.table_schema USING utf8mb3) COLLATE utf8mb3_bin
            AND r.referenced_table_name = convert(n.table_name USING utf8mb3) COLLATE utf8mb3_bin
    STRAIGHT_JOIN information_schema.key_column_usage AS k
        ON
            k.constraint_schema = r.constraint_schema
            AND k.table_name = r.table_name
            AND k.constraint_name = r.constraint_name
            -- A unique key may have the same name.
            AND k.referenced_table_name IS NOT NULL
    WHERE n.plan_id = p_plan_id AND NOT n.is_expanded
    GROUP BY
        n.node_no, n.table_schema, n.table_name, r.constraint_schema, r.table_name,
        r.constraint_name, r.delete_rule;

    SET v_edge_no = v_edge_no - row_count();

    INSERT INTO deletion_plan_edges (
        plan_id, edge_no, parent_node_no, child_schema, child_table, reference_name, action,
        is_declared, child_columns, parent_columns, discriminator_column, discriminator_value
    )
    SELECT
        p_plan_id, v_edge_no - cast(row_number() OVER () AS SIGNED), n.node_no, d.child_schema,
        d.child_table, d.reference_name, d.action, TRUE, d.child_columns, d.parent_columns,
        d.discriminator_column, d.discriminator_value
    FROM deletion_plan_nodes AS n
    INNER JOIN deletion_references AS d
        ON d.parent_schema = n.table_schema AND d.parent_table = n.table_name
    WHERE n.plan_id = p_plan_id AND NOT n.is_expanded;

    UPDATE deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.parent_node_no AND NOT n.is_expanded
    INNER JOIN deletion_rules AS r
        ON
            r.child_schema = e.child_schema
            AND r.child_table = e.child_table
            AND r.reference_name = e.reference_name
            AND (
                r.parent_table IS NULL
                OR (r.parent_schema = n.table_schema AND r.parent_table = n.table_name)
            )
    SET e.action = r.action
    WHERE e.plan_id = p_plan_id;

    -- A column that cannot be set blocks as the engine would, but before anything is touched.
    UPDATE deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.parent_node_no AND NOT n.is_expanded
    SET e.action = 'restrict'
    WHERE
        e.plan_id = p_plan_id
        AND e.action IN ('set_null', 'set_default', 'scrub')
        AND EXISTS (
            SELECT 1
            FROM information_schema.columns AS c
            WHERE
                c.table_schema = convert(e.child_schema USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01,LT05
                AND c.table_name = convert(e.child_table USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01,LT05
                AND json_contains(e.child_columns, json_quote(c.column_name))
                AND c.is_nullable = 'NO'
                AND (e.action IN ('set_null', 'scrub') OR c.column_default IS NULL)
        );

    -- The engine would change rows behind the column as well: unbounded, and uncounted.
    UPDATE deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.parent_node_no AND NOT n.is_expanded
    SET e.action = 'restrict'
    WHERE
        e.plan_id = p_plan_id
        AND e.action IN ('set_null', 'set_default', 'scrub')
        AND EXISTS (
            SELECT 1
            FROM information_schema.referential_constraints AS r
            INNER JOIN information_schema.key_column_usage AS k
                ON
                    k.constraint_schema = r.constraint_schema
                    AND k.table_name = r.table_name
                    AND k.constraint_name = r.constraint_name
                    AND k.referenced_table_name IS NOT NULL
            WHERE
                r.unique_constraint_schema = e.child_schema
                AND r.referenced_table_name = e.child_table
                AND r.update_rule NOT IN ('NO ACTION', 'RESTRICT')
                AND json_contains(e.child_columns, json_quote(k.referenced_column_name))
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
--             look_level     binds a frame of one level; how many have children in other tables
--             remove_level   binds a frame of one level; deletes its rows
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
        concat(n.sql_name, ' AS c', e.index_hint),
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

    -- A list that is made once: the engine would read the frame anew for each of its own rows.
    SET v_beyond = concat(
        ' AND (', deletion_sql_list(v_keys, 'column', ', '), ') NOT IN (',
        'SELECT /*+ SUBQUERY(MATERIALIZATION) */ ', deletion_sql_list(v_keys, 'given', ', '),
        ' FROM ', deletion_sql_frame(v_keys, ''), ')'
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
    ELSEIF p_kind IN ('look_levels', 'look_level') THEN
        SELECT group_concat(
            'EXISTS (SELECT 1 FROM ', n.sql_name, ' AS c',
            e.index_hint, ' WHERE ', e.on_parent,
            if(e.edge_no = p_edge_no, v_beyond, ''), ')'
            ORDER BY e.edge_no SEPARATOR '\n    OR '
        )
        INTO v_below
        FROM deletion_plan_edges AS e FORCE INDEX (uq_dpe_reference)
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
        WHERE
            e.plan_id = p_plan_id AND e.parent_node_no = v_node_no AND e.action <> 'keep'
            -- No trigger may change the table whose rows are being deleted.
            AND (p_kind = 'look_levels' OR e.child_node_no <> v_node_no);
        RETURN concat(
            'SELECT NULL, COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM ',
            deletion_sql_frame(v_columns, ''), '\nSTRAIGHT_JOIN ', v_row, ' ON ', v_found,
            '\nWHERE ', v_below
        );
    END IF;

    RETURN concat(
        'DELETE x\nFROM ', deletion_sql_frame(v_columns, ''),
        '\nSTRAIGHT_JOIN ', v_row, ' ON ', v_found
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/admin/register_deletion_target.sql
-- register_deletion_target
-- Allow deletions from a table, and fix the key by which its rows are named.
--
-- Parameters  p_table         the table, with or without its schema
--             p_key_columns   JSON array of the columns of a NOT NULL unique key, in the order
--                             in which jobs name them; NULL: the primary key
--             p_max_rows      a job that would change more rows fails; NULL: the setting max_rows
-- Errors      JD002 no such key, limit below 1; JD003 another key while jobs are open; JD005 no
--             such table, one of ours, no key, or a key of a type that does not compare exactly
-- Writes      deletion_targets (one row; again: changes it);
--             locks deletion_settings (max_pending, shared)     Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL register_deletion_target('customer', NULL, NULL);

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
DROP PROCEDURE IF EXISTS register_deletion_target;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE register_deletion_target(
    IN p_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_key_columns JSON,
    IN p_max_rows BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Allow deletions from a table, and fix the key by which its rows are named'
BEGIN
    DECLARE v_schema, v_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_entity_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_bad_column TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_columns, v_described, v_types, v_collations, v_places JSON;
    DECLARE v_is_same BOOLEAN DEFAULT TRUE;
    DECLARE v_is_limited BOOLEAN;
    DECLARE v_own JSON;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

    IF p_table IS NULL THEN
        CALL deletion_raise('JD002', 'register_deletion_target', 'p_table is NULL', NULL);
    ELSEIF p_max_rows < 1 THEN
        CALL deletion_raise(
            'JD002', 'register_deletion_target', 'p_max_rows is below 1', p_max_rows
        );
    END IF;

    CALL deletion_find_table(p_table, 'register_deletion_target', v_schema, v_table);
    SET v_entity_table = deletion_entity_name(v_schema, v_table);

    IF deletion_is_ours(v_schema, v_table) THEN
        CALL deletion_raise(
            'JD005', 'register_deletion_target', 'table belongs to deletion-jobs', p_table
        );
    ELSEIF char_length(v_entity_table) > 64 THEN
        CALL deletion_raise(
            'JD005',
            'register_deletion_target',
            'name is longer than 64 characters',
            v_entity_table
        );
    END IF;

    SET v_columns = deletion_unique_key(v_schema, v_table, p_key_columns);

    IF v_columns IS NULL AND p_key_columns IS NULL THEN
        CALL deletion_raise(
            'JD005', 'register_deletion_target', 'table has no primary key', p_table
        );
    ELSEIF v_columns IS NULL THEN
        CALL deletion_raise(
            'JD002',
            'register_deletion_target',
            concat('no NOT NULL unique key of ', v_entity_table),
            p_key_columns
        );
    END IF;

    SET v_described = deletion_columns(v_schema, v_table, v_columns);
    SET v_types = json_extract(v_described, '$[*].type');
    SET v_collations = json_extract(v_described, '$[*].text');

    SELECT min(concat(c.name, ' ', c.type))
    INTO v_bad_column
    FROM json_table(
        v_described, '$[*]' COLUMNS (
            name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.name',
            type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.type'
        )
    ) AS c
    WHERE deletion_type_family(c.type) IS NULL;

    IF v_bad_column IS NOT NULL THEN
        CALL deletion_raise(
            'JD005', 'register_deletion_target', 'key does not compare exactly', v_bad_column
        );
    END IF;

    SET v_places = deletion_key_places(v_schema, v_table, v_columns);

    -- A column that was renamed is the same: its old name is gone, and nothing else has moved.
    SELECT
        t.key_columns = v_columns
        OR (
            t.key_types = v_types
            AND coalesce(t.key_places = v_places, FALSE)
            AND NOT EXISTS (
                SELECT 1
                FROM json_table(
                    t.key_columns, '$[*]' COLUMNS (
                        name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
                    )
                ) AS k
                WHERE
                    NOT json_contains(v_columns, json_quote(k.name))
                    AND deletion_columns(v_schema, v_table, json_array(k.name)) IS NOT NULL
            )
        )
    INTO v_is_same
    FROM deletion_targets AS t
    WHERE t.entity_table = v_entity_table;

    -- The keys of open jobs would come to mean other rows.
    IF NOT v_is_same AND deletion_has_open_jobs(v_entity_table) THEN
        CALL deletion_raise(
            'JD003',
            'register_deletion_target',
            'jobs by another key are still open',
            v_entity_table
        );
    END IF;

    -- Whoever changes the setting now waits, and then sees this target.
    SELECT s.setting_value IS NOT NULL INTO v_is_limited
    FROM deletion_settings AS s
    WHERE s.setting_name = 'max_pending'
    FOR SHARE;

    INSERT INTO deletion_targets (
        entity_table, table_schema, table_name, key_columns, key_types, key_collations, plain_max,
        is_limited, max_rows, key_places
    )
    VALUES (
        v_entity_table, v_schema, v_table, v_columns, v_types, v_collations,
        deletion_plain_key(v_types), v_is_limited, p_max_rows, v_places
    )
    ON DUPLICATE KEY UPDATE
        keyed_at = if(v_is_same, deletion_targets.keyed_at, utc_timestamp(6)),
        key_places = v_places,
        key_columns = v_columns,
        key_types = v_types,
        key_collations = v_collations,
        plain_max = deletion_plain_key(v_types),
        is_limited = v_is_limited,
        max_rows = p_max_rows;
    CALL deletion_widen_session(v_own);
END$$
DELIMITER ;
-- <<<

-- What was compiled before this statement may lack the second look: no plan has this fingerprint.
UPDATE deletion_plans AS p
SET p.fingerprint = ''
WHERE p.superseded_at IS NULL;

-- >>> tooling/deletion_jobs/sql/mysql/migration_commit.sql
SET SESSION sql_mode = @dj_sql_mode;
SET SESSION time_zone = @dj_time_zone;
SET SESSION lock_wait_timeout = @dj_lock_wait_timeout;
SET SESSION sql_safe_updates = @dj_sql_safe_updates;
SET SESSION sql_big_selects = @dj_sql_big_selects;
-- <<<
