-- 0004_reach_every_deletion_shape: rollback
-- Take back: reach every deletion shape on MySQL.
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

-- What soft deletion has marked stays marked; what is known of it goes.
SET @dj_sql = if(
    NOT EXISTS (
        SELECT 1
        FROM information_schema.columns AS c
        WHERE
            c.table_schema = database() AND c.table_name = 'deletion_marks'
            AND c.column_name = 'plan_id'
    ),
    'DO 0',
    'ALTER TABLE deletion_marks DROP CHECK chk_dm_state, DROP KEY idx_dm_row, DROP COLUMN '
    'plan_id, DROP COLUMN key_hash, DROP COLUMN state'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

DELETE s
FROM deletion_plan_steps AS s
INNER JOIN deletion_plans AS p ON p.plan_id = s.plan_id
WHERE NOT p.hard_delete;
DELETE FROM deletion_plans WHERE NOT hard_delete;
DELETE FROM deletion_receipts WHERE action IN ('mark', 'restore');

SET @dj_sql = if(
    NOT EXISTS (
        SELECT 1
        FROM information_schema.check_constraints AS k
        WHERE
            k.constraint_schema = database() AND k.constraint_name = 'chk_drec_action'
            AND k.check_clause LIKE '%restore%'
    ),
    'DO 0',
    'ALTER TABLE deletion_receipts DROP CHECK chk_drec_action, ADD CONSTRAINT chk_drec_action '
    'CHECK (action IN (''delete'', ''set_null'', ''set_default'', ''root_not_found'')), '
    'MODIFY COLUMN action VARCHAR(16) NOT NULL COMMENT ''delete, set_null, set_default; '
    'root_not_found: the row was gone already'''
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

-- >>> drop
DROP VIEW IF EXISTS vw_deletion_marks;
DROP PROCEDURE IF EXISTS deletion_restore_job;
DROP PROCEDURE IF EXISTS deletion_restore;
DROP PROCEDURE IF EXISTS deletion_soft_advance;
DROP PROCEDURE IF EXISTS deletion_soft_spread;
DROP PROCEDURE IF EXISTS deletion_soft_mark;
DROP PROCEDURE IF EXISTS deletion_soft_marks;
DROP PROCEDURE IF EXISTS deletion_soft_done;
DROP PROCEDURE IF EXISTS deletion_soft_start;
DROP PROCEDURE IF EXISTS deletion_soft_plan;
DROP PROCEDURE IF EXISTS deletion_write_soft_plan;
DROP FUNCTION IF EXISTS deletion_sql_spread;
DROP FUNCTION IF EXISTS deletion_sql_restore;
DROP FUNCTION IF EXISTS deletion_sql_mark;
DROP PROCEDURE IF EXISTS deletion_soft_graph;
DROP FUNCTION IF EXISTS deletion_soft_live;
DROP FUNCTION IF EXISTS deletion_has_soft_column;
DROP FUNCTION IF EXISTS deletion_soft_problem;
DROP FUNCTION IF EXISTS deletion_soft_kind;
DROP PROCEDURE IF EXISTS set_soft_deletion;
DROP PROCEDURE IF EXISTS preview_soft_deletion;
DROP PROCEDURE IF EXISTS restore_deletion;
DROP TABLE IF EXISTS deletion_soft_keys;
DROP TABLE IF EXISTS deletion_soft_columns;
-- <<<

-- >>> procedures/mysql/worker/deletion_plan_for.sql
-- deletion_plan_for
-- Find the plan by which jobs are worked, compiling it where it is missing or stale.
--
-- Parameters  p_entity_table   the target, as the jobs name it      p_hard   the mode
--             p_plan_id        OUT the plan
--             p_error          OUT the error for the jobs where none can run ("JD004: ..")
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_for;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_for(
    IN p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_hard BOOLEAN,
    OUT p_plan_id BIGINT UNSIGNED,
    OUT p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the plan by which jobs are worked, compiling it where it is missing or stale'
BEGIN
    IF NOT EXISTS (SELECT 1 FROM deletion_targets AS t WHERE t.entity_table = p_entity_table) THEN
        SET p_error = concat('JD004: the table is no deletion target (', p_entity_table, ')');
    ELSEIF NOT p_hard THEN
        SET p_error = concat('JD011: the target has no soft-delete column (', p_entity_table, ')');
    ELSE
        SET p_plan_id = deletion_fresh_plan(p_entity_table, p_hard);
    END IF;

    IF
        p_error IS NULL AND p_plan_id IS NULL AND deletion_setting('recompile') = 'false'
        AND EXISTS (
            SELECT 1
            FROM deletion_plans AS p
            WHERE p.entity_table = p_entity_table AND p.hard_delete = p_hard
        )
    THEN
        SET p_error = concat(
            'JD009: the catalog has changed since the plan was compiled (', p_entity_table, ')'
        );
    END IF;

    IF p_error IS NULL AND p_plan_id IS NULL THEN
        CALL deletion_try_compile(p_entity_table, p_hard, p_plan_id, p_error);
    END IF;

    IF p_error IS NULL THEN
        SET p_error = (
            SELECT concat(p.error_code, ': ', p.error)
            FROM deletion_plans AS p
            WHERE p.plan_id = p_plan_id
        );
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
            r.state = if(p.fan_out IS NULL, json_object(), json_object('fan', p.fan_out))
        WHERE r.run_id = p_run_id;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_carry_over.sql
-- deletion_carry_over
-- Give a run's jobs the state that their ended attempts ask for.
--
-- Parameters  p_run_id   the run
-- Writes      deletion_jobs, deletion_runs, deletion_walk_keys     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_carry_over;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_carry_over(
    IN p_run_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Give a run''s jobs the state that their ended attempts ask for'
BEGIN
    DECLARE v_ended, v_verdict JSON;  -- noqa: PRS
    DECLARE v_max_attempts INT DEFAULT deletion_setting_int('max_attempts');
    DECLARE v_backoff BIGINT DEFAULT deletion_setting_int('backoff_seconds');
    DECLARE v_backoff_max BIGINT DEFAULT deletion_setting_int('backoff_max_seconds');

    -- A row that a caller holds stays as it is; recovery takes it up when it is free.
    SELECT json_arrayagg(json_object('j', j.id, 'n', a.attempt_no))
    INTO v_ended
    FROM deletion_attempts AS a FORCE INDEX (idx_da_run)
    STRAIGHT_JOIN deletion_jobs AS j FORCE INDEX (PRIMARY)
        ON j.id = a.job_id AND j.status = 'running'
    WHERE a.run_id = p_run_id AND a.outcome IS NOT NULL
    FOR UPDATE OF j SKIP LOCKED;  -- noqa: PRS

    -- Read first, then written: an UPDATE would lock what it reads beside its own rows.
    SELECT json_arrayagg(json_object(
        'j', v.j, 'outcome', v.outcome, 'error', v.error, 'status', CASE
            -- A harder mode was asked for meanwhile: the job is due again.
            WHEN v.outcome = 'done' AND v.is_harder THEN 'pending'
            WHEN v.outcome IN ('done', 'failed', 'cancelled') THEN v.outcome
            WHEN v.is_counted AND v.counted >= v_max_attempts THEN 'failed'
            ELSE 'pending'
        END,
        'counted', v.counted, 'is_counted', v.is_counted, 'alone', v.alone_next
    ))
    INTO v_verdict
    FROM (
        SELECT
            e.j, a.outcome, a.error, a.alone_next, a.is_counted,
            j.hard_delete AND NOT r.hard_delete AS is_harder,
            (
                SELECT count(*)
                FROM deletion_attempts AS c
                WHERE c.job_id = e.j AND NOT c.is_past AND c.is_counted
            ) AS counted
        FROM json_table(v_ended, '$[*]' COLUMNS (
            j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n'
        )) AS e
        STRAIGHT_JOIN deletion_attempts AS a FORCE INDEX (PRIMARY)
            ON a.job_id = e.j AND a.attempt_no = e.n
        STRAIGHT_JOIN deletion_runs AS r ON r.run_id = a.run_id
        STRAIGHT_JOIN deletion_jobs AS j FORCE INDEX (PRIMARY) ON j.id = e.j
        -- An older attempt has nothing to say of a job that is running again.
        WHERE NOT EXISTS (
            SELECT 1
            FROM deletion_attempts AS later
            WHERE later.job_id = e.j AND later.attempt_no > e.n
        )
    ) AS v;

    UPDATE json_table(v_verdict, '$[*]' COLUMNS (
        j BIGINT UNSIGNED PATH '$.j',
        outcome VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.outcome',
        error TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.error',
        status VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.status',
        counted INT PATH '$.counted',
        is_counted BOOLEAN PATH '$.is_counted',
        alone BOOLEAN PATH '$.alone'
    )) AS v
    STRAIGHT_JOIN deletion_jobs AS j FORCE INDEX (PRIMARY) ON j.id = v.j
    SET
        j.finished_at = if(v.status = 'pending', NULL, utc_timestamp(6)),
        j.error = if(
            v.status = 'failed' AND v.outcome <> 'failed',
            concat(v.error, ' (gave up after ', v.counted, ' attempts)'),
            v.error
        ),
        j.scheduled_at = CASE
            WHEN v.status <> 'pending' THEN j.scheduled_at
            WHEN v.outcome = 'done' THEN NULL
            -- Whoever died is taken up at once; max_attempts bounds how often.
            WHEN v.outcome = 'retry' THEN timestampadd(
                SECOND, least(v_backoff_max, v_backoff * pow(2, least(v.counted - 1, 20))),
                utc_timestamp(6)
            )
            -- A heavy job goes to the back of the queue.
            WHEN v.outcome = 'sliced' AND v.alone THEN utc_timestamp(6)
            ELSE j.scheduled_at
        END,
        j.status = v.status;

    UPDATE deletion_runs AS r
    SET r.jobs_open = r.jobs_open - coalesce(json_length(v_verdict), 0)
    WHERE r.run_id = p_run_id;

    -- What was counted once is needed no more when the job has ended.
    DELETE w
    FROM json_table(v_verdict, '$[*]' COLUMNS (
        j BIGINT UNSIGNED PATH '$.j',
        status VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.status'
    )) AS e
    STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
        ON w.walk_id = 0 AND w.job_id = e.j AND e.status <> 'pending';
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
    DECLARE v_fits, v_is_empty BOOLEAN;
    DECLARE v_plan_id BIGINT UNSIGNED;
    DECLARE v_started_at DATETIME(6);
    DECLARE v_step_count BIGINT;

    SELECT json_arrayagg(a.job_id)
    INTO v_cancelled
    FROM deletion_attempts AS a
    WHERE a.run_id = p_run_id AND a.outcome IS NULL AND a.cancel_requested_at IS NOT NULL;

    IF v_cancelled IS NOT NULL THEN
        CALL deletion_settle(p_run_id, v_cancelled, 'cancelled', NULL, FALSE, NULL);
        CALL deletion_drop_jobs(p_run_id, v_cancelled);
    END IF;

    SELECT r.plan_id, r.started_at, r.step_count
    INTO v_plan_id, v_started_at, v_step_count
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
        CALL deletion_advance(p_run_id, v_is_empty);

        IF v_is_empty THEN
            CALL deletion_settle(p_run_id, NULL, 'done', NULL, FALSE, NULL);
            CALL deletion_end_run(p_run_id, 'done', NULL);
            CALL deletion_keep_fan_out(p_run_id, v_plan_id);
        ELSEIF
            deletion_setting('paused_reason') IS NOT NULL
            OR (
                -- A run that has changed nothing yet is still on its way down: dissolved now, it
                -- would begin at its roots again and never arrive where a chain is deep.
                @dj_changed > 0
                AND (
                    utc_timestamp(6) >= p_until
                    OR (
                        utc_timestamp(6) > timestampadd(
                            MICROSECOND, 1000 * deletion_setting_int('slice_ms'), v_started_at
                        )
                        AND deletion_others_due()
                    )
                )
            )
        THEN
            CALL deletion_slice(p_run_id);
        ELSE
            SET p_state = 'more';
        END IF;
    END IF;
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
                        OR e.is_refused
                        OR (e.action = 'cascade' AND e.parent_node_no = e.child_node_no)
                    )
            ),
            p.has_waits = EXISTS (  -- noqa: CP03,LT06
                SELECT 1 FROM deletion_plan_edges AS e WHERE e.plan_id = p_plan_id AND e.waits
            )
        WHERE p.plan_id = p_plan_id;

        DELETE FROM deletion_plan_edges WHERE plan_id = p_plan_id;
        DELETE FROM deletion_plan_nodes WHERE plan_id = p_plan_id;
        SET SESSION group_concat_max_len = v_length;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_list.sql
-- deletion_sql_list
-- Write one part of a statement for each of some columns.
--
-- Parameters  p_columns     descriptions by deletion_frame_column, a JSON array
--             p_part        which part: see below
--             p_separator   what stands between them
-- Returns     text; empty where there are no columns
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_sql_list('[{"f": "k1", "name": "`id`"}]', 'raw', ', ');
--
-- In every statement t is the frame, c a child row, x a row acted on, q rows chosen within, a the
-- row that was read last.

DROP FUNCTION IF EXISTS deletion_sql_list;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_list(
    p_columns JSON,
    p_part VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_separator VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Write one part of a statement for each of some columns'
BEGIN
    DECLARE v_pos INT DEFAULT 0;
    DECLARE v_column JSON;
    DECLARE v_list LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';
    DECLARE v_f, v_name, v_type, v_put_open, v_put_close, v_get_open, v_get_close
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    WHILE v_pos < json_length(p_columns) DO
        SET v_column = json_extract(p_columns, concat('$[', v_pos, ']'));
        SET v_f = v_column ->> '$.f';
        SET v_name = v_column ->> '$.name';
        SET v_type = v_column ->> '$.type';
        SET v_put_open = v_column ->> '$.put[0]', v_put_close = v_column ->> '$.put[1]';
        SET v_get_open = v_column ->> '$.get[0]', v_get_close = v_column ->> '$.get[1]';
        SET v_list = concat(v_list, if(v_pos = 0, '', p_separator), CASE p_part
            WHEN 'frame' THEN concat(v_f, ' ', v_type, ' PATH \'$.', v_f, '\' ERROR ON ERROR')
            WHEN 'found' THEN concat('x.', v_name, ' = ', v_get_open, 't.', v_f, v_get_close)
            WHEN 'own' THEN concat('c.', v_name, ' = ', v_get_open, 't.', v_f, v_get_close)
            WHEN 'same' THEN concat('c.', v_name, ' = x.', v_name)
            WHEN 'answer' THEN concat(v_put_open, 'c.', v_name, v_put_close, ' AS ', v_f)
            WHEN 'object' THEN concat('\'', v_f, '\', q.', v_f)
            WHEN 'found_object' THEN
                concat('\'', v_f, '\', ', v_put_open, 'x.', v_name, v_put_close)
            WHEN 'raw' THEN concat('c.', v_name, ' AS ', v_f)
            WHEN 'back' THEN concat('c.', v_name, ' = q.', v_f)
            WHEN 'order' THEN concat('q.', v_f)
            WHEN 'sort' THEN concat('c.', v_name, if(
                v_column ->> '$.family' = 'label',
                concat(' COLLATE ', v_column ->> '$.collation'),
                ''
            ))
            WHEN 'text' THEN concat(
                v_column ->> '$.text[0]', 'x.', v_name, v_column ->> '$.text[1]'
            )
        END);
        SET v_pos = v_pos + 1;
    END WHILE;

    RETURN v_list;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_fingerprint.sql
-- deletion_fingerprint
-- Digest every catalog row that a plan was compiled from, so that a change becomes visible.
--
-- Parameters  p_entity_table   the target
--             p_tables         the plan's tables: an array of {"s": schema, "t": table}
-- Returns     text, a hexadecimal hash
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_fingerprint(entity_table, tables) FROM deletion_plans;

DROP FUNCTION IF EXISTS deletion_fingerprint;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_fingerprint(
    p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_tables JSON
) RETURNS VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Digest every catalog row that a plan was compiled from, so that a change becomes visible'
BEGIN
    DECLARE v_columns, v_indexes, v_tables, v_rules, v_declared LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;  -- noqa: LT05
    DECLARE v_target TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    -- Rows are folded by exclusive or: no order to keep, and no limit of length as texts have.
    SELECT if(count(*) = 0, '', hex(bit_xor(unhex(sha2(json_array(
        c.table_schema, c.table_name, c.column_name, c.column_type, c.is_nullable,
        c.character_set_name, c.collation_name, c.column_default, c.extra
    ), 256)))))
    INTO v_columns
    FROM
        json_table(
            p_tables, '$[*]' COLUMNS (s VARCHAR(64) PATH '$.s', t VARCHAR(64) PATH '$.t')
        ) AS p
    STRAIGHT_JOIN information_schema.columns AS c ON c.table_schema = p.s AND c.table_name = p.t;  -- noqa: PRS

    SELECT if(count(*) = 0, '', hex(bit_xor(unhex(sha2(json_array(
        i.table_schema, i.table_name, i.index_name, i.non_unique, i.seq_in_index, i.column_name,
        i.sub_part, i.is_visible, i.index_type
    ), 256)))))
    INTO v_indexes
    FROM
        json_table(
            p_tables, '$[*]' COLUMNS (s VARCHAR(64) PATH '$.s', t VARCHAR(64) PATH '$.t')
        ) AS p
    STRAIGHT_JOIN information_schema.statistics AS i ON i.table_schema = p.s AND i.table_name = p.t;  -- noqa: PRS

    SELECT if(count(*) = 0, '', hex(bit_xor(unhex(sha2(json_array(
        t.table_schema, t.table_name, t.table_type, t.engine, t.create_options
    ), 256)))))
    INTO v_tables
    FROM
        json_table(
            p_tables, '$[*]' COLUMNS (s VARCHAR(64) PATH '$.s', t VARCHAR(64) PATH '$.t')
        ) AS p
    STRAIGHT_JOIN information_schema.tables AS t ON t.table_schema = p.s AND t.table_name = p.t;  -- noqa: PRS

    SELECT if(count(*) = 0, '', hex(bit_xor(unhex(sha2(json_array(
        r.child_schema, r.child_table, r.reference_name, r.action
    ), 256)))))
    INTO v_rules
    FROM deletion_rules AS r;

    SELECT if(count(*) = 0, '', hex(bit_xor(unhex(sha2(json_array(
        d.reference_name, d.child_schema, d.child_table, d.child_columns, d.parent_schema,
        d.parent_table, d.parent_columns, d.discriminator_column, d.discriminator_value, d.action
    ), 256)))))
    INTO v_declared
    FROM deletion_references AS d;

    SELECT json_array(t.table_schema, t.table_name, t.key_columns, t.key_types)
    INTO v_target
    FROM deletion_targets AS t
    WHERE t.entity_table = p_entity_table;

    -- The references stand first: each step compares them alone, which costs least and matters most.  -- noqa: LT05
    RETURN concat(deletion_fingerprint_keys(p_tables), left(sha2(concat_ws(
        '|', v_columns, v_indexes, v_tables, v_rules, v_declared, v_target
    ), 256), 32));
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_enqueue.sql
-- deletion_enqueue
-- Record jobs for rows of one target: new ones, and the ones that there are already.
--
-- Parameters  p_verb           the verb that was called
--             p_entity_table   the target, as it is registered
--             p_keys           canonical keys, a JSON array
--             p_reason         why it is asked for
--             p_hard_delete    the mode
--             p_scheduled_at   when to start, UTC; NULL: as soon as possible
--             p_created_by     the user who asks
--             p_job_id         OUT the job, where p_keys is one key
-- Errors      JD013 more jobs would be pending than max_pending allows
-- Writes      deletion_jobs, deletion_attempts     Commits  no
-- Execute     the owner only
-- Example     CALL deletion_enqueue('test', 'users', '["42"]', NULL, TRUE, NULL, NULL, @dj_id);
--
-- The caller may be in a transaction, in none, or in a trigger, and nothing tells which. So all
-- jobs are written by one statement, and rows are locked by their primary keys: that leaves no
-- gap locked in which somebody else may want to insert.

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
DROP PROCEDURE IF EXISTS deletion_enqueue;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_enqueue(
    IN p_verb VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_keys JSON,
    IN p_reason TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_hard_delete BOOLEAN,
    IN p_scheduled_at DATETIME(6),
    IN p_created_by BIGINT UNSIGNED,
    OUT p_job_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Record jobs for rows of one target: new ones, and the ones that there are already'
BEGIN
    DECLARE v_now DATETIME(6) DEFAULT utc_timestamp(6);
    DECLARE v_rows JSON;
    DECLARE v_max_pending BIGINT DEFAULT deletion_setting_int('max_pending');
    DECLARE v_new, v_known, v_pending BIGINT DEFAULT 0;

    -- Without a lock: which of the rows have a job, as far as this transaction can see.
    SELECT
        json_arrayagg(json_object('pk', k.pk, 'id', j.id)),
        coalesce(sum(coalesce(j.status NOT IN ('pending', 'running'), TRUE)), 0),
        count(j.id),
        min(j.id)
    INTO v_rows, v_new, v_known, p_job_id
    FROM json_table(
        p_keys, '$[*]' COLUMNS (
            pk VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
        )
    ) AS k
    LEFT JOIN deletion_jobs AS j ON j.entity_table = p_entity_table AND j.entity_pk = k.pk;

    IF v_max_pending IS NOT NULL AND v_new > 0 THEN
        SELECT count(*)
        INTO v_pending
        FROM (
            SELECT 1 AS one FROM deletion_jobs AS j WHERE j.status = 'pending' LIMIT v_max_pending
        ) AS pending;

        IF v_pending + v_new > v_max_pending THEN
            CALL deletion_raise('JD013', p_verb, 'more pending jobs than allowed', v_max_pending);
        END IF;
    END IF;

    IF v_known > 0 THEN
        CALL deletion_keep_asked(v_rows, TRUE);
    END IF;

    -- Each assignment sees the ones before it, so status comes last.
    INSERT INTO deletion_jobs (
        id, entity_table, entity_pk, reason, hard_delete, scheduled_at, created_by, created_at
    )
    SELECT
        r.id,
        p_entity_table,
        r.pk,
        p_reason,
        p_hard_delete,
        p_scheduled_at,
        p_created_by,
        v_now
    FROM json_table(
        v_rows, '$[*]' COLUMNS (
            pk VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.pk',
            id BIGINT UNSIGNED PATH '$.id'
        )
    ) AS r
    ORDER BY r.pk
    ON DUPLICATE KEY UPDATE
        id = last_insert_id(deletion_jobs.id),
        hard_delete = p_hard_delete
        OR (deletion_jobs.status IN ('pending', 'running') AND deletion_jobs.hard_delete),
        scheduled_at = CASE
            WHEN deletion_jobs.status = 'running' THEN deletion_jobs.scheduled_at
            WHEN
                deletion_jobs.status = 'pending'
                AND coalesce(deletion_jobs.scheduled_at, deletion_jobs.created_at)
                <= coalesce(p_scheduled_at, deletion_jobs.created_at)
                THEN deletion_jobs.scheduled_at
            ELSE p_scheduled_at
        END,
        reason = if(
            deletion_jobs.status IN ('pending', 'running'), deletion_jobs.reason, p_reason
        ),
        created_by = if(
            deletion_jobs.status IN ('pending', 'running'), deletion_jobs.created_by, p_created_by
        ),
        created_at = if(
            deletion_jobs.status IN ('pending', 'running'), deletion_jobs.created_at, v_now
        ),
        started_at = if(
            deletion_jobs.status IN ('pending', 'running'), deletion_jobs.started_at, NULL
        ),
        finished_at = if(
            deletion_jobs.status IN ('pending', 'running'), deletion_jobs.finished_at, NULL
        ),
        error = if(deletion_jobs.status IN ('pending', 'running'), deletion_jobs.error, NULL),
        status = if(deletion_jobs.status = 'running', 'running', 'pending');

    SET p_job_id = coalesce(p_job_id, last_insert_id());
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_check_wish.sql
-- deletion_check_wish
-- Check what is the same for all rows of an enqueue, and find the target.
--
-- Parameters  p_verb           the verb that was called
--             p_table          the table that was given
--             p_hard_delete    the mode that was given
--             p_entity_table   OUT the target, as it is registered
-- Errors      JD002 a NULL; JD004 no target; JD011 soft, but no column
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     CALL deletion_check_wish('enqueue_deletion', 'users', TRUE, @dj_name);

DROP PROCEDURE IF EXISTS deletion_check_wish;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_check_wish(
    IN p_verb VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_hard_delete BOOLEAN,
    OUT p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Check what is the same for all rows of an enqueue, and find the target'
BEGIN
    IF p_table IS NULL THEN
        CALL deletion_raise('JD002', p_verb, 'p_table is NULL', NULL);
    ELSEIF p_hard_delete IS NULL THEN
        CALL deletion_raise('JD002', p_verb, 'p_hard_delete is NULL', NULL);
    END IF;

    SET p_entity_table = deletion_target_name(p_table);

    IF p_entity_table IS NULL THEN
        CALL deletion_raise('JD004', p_verb, 'table is no target', p_table);
    ELSEIF NOT p_hard_delete THEN
        CALL deletion_raise('JD011', p_verb, 'table has no soft-delete column', p_entity_table);
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/admin/compile_deletion_plan.sql
-- compile_deletion_plan
-- Compile the plan of a target now, to read it in vw_deletion_plan before anything is deleted.
--
-- Parameters  p_table   the target
-- Errors      JD002 NULL; JD004 the table is no target; JD005 a table that cannot take part;
--             JD007 tables that refer to each other in a circle
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL compile_deletion_plan('users');

DROP PROCEDURE IF EXISTS compile_deletion_plan;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE compile_deletion_plan(
    IN p_table LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Compile the plan of a target now, to read it in vw_deletion_plan before anything is deleted'  -- noqa: LT05
BEGIN
    DECLARE v_plan_id BIGINT UNSIGNED;

    CALL deletion_current_plan(p_table, 'compile_deletion_plan', v_plan_id);
END$$
DELIMITER ;
-- <<<

-- >>> schema/mysql/views/vw_deletion_progress.sql
-- vw_deletion_progress
-- The running jobs: who works on them, how far they are, and since when nothing moved.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE
ALGORITHM = UNDEFINED
DEFINER = 'deletion_jobs_owner'@'localhost'
SQL SECURITY DEFINER
VIEW vw_deletion_progress AS
SELECT
    j.id AS job_id,
    j.entity_table,
    j.entity_pk,
    a.run_id,
    r.slot,
    r.phase,
    r.job_count AS jobs_in_run,
    (
        SELECT coalesce(cast(sum(cast(
            json_extract(c.row_counts, concat('$."', j.id, '"')) AS SIGNED
        )) AS SIGNED), 0)
        FROM deletion_attempts AS t
        INNER JOIN deletion_receipts AS c ON c.run_id = t.run_id
        WHERE t.job_id = j.id AND NOT t.is_past
    ) AS rows_changed,
    r.rows_changed AS run_rows_changed,
    round(
        r.rows_changed * 1000000
        / greatest(timestampdiff(MICROSECOND, r.started_at, r.last_step_at), 1000)
    ) AS run_rows_per_second,
    r.step_count AS run_steps,
    r.batch_rows,
    r.retries,
    f.depth,
    (
        SELECT min(s.table_name)
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = r.plan_id AND s.node_no = f.node_no
    ) AS at_table,
    a.started_at,
    r.last_step_at,
    a.cancel_requested_at,
    -- The next worker that starts takes such a job up again.
    coalesce(
        r.ended_at IS NOT NULL OR NOT deletion_is_alive(r.run_id, r.session_id, r.server_id), TRUE
    ) AS is_orphaned,
    r.error
FROM deletion_jobs AS j
LEFT JOIN deletion_attempts AS a
    ON
        a.job_id = j.id
        AND a.attempt_no = (
            SELECT max(b.attempt_no) FROM deletion_attempts AS b WHERE b.job_id = j.id
        )
LEFT JOIN deletion_runs AS r ON r.run_id = a.run_id
LEFT JOIN deletion_frames AS f
    ON
        f.run_id = r.run_id
        AND f.depth = (SELECT max(t.depth) FROM deletion_frames AS t WHERE t.run_id = r.run_id)
WHERE j.status = 'running';

GRANT SELECT ON vw_deletion_progress
TO 'deletion_jobs_operator', 'deletion_jobs_reader';
-- <<<

-- >>> schema/mysql/views/vw_deletion_problems.sql
-- vw_deletion_problems
-- What somebody has to act on, one line each, with the SQL that mends it.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
CREATE OR REPLACE
ALGORITHM = UNDEFINED
DEFINER = 'deletion_jobs_owner'@'localhost'
SQL SECURITY DEFINER
VIEW vw_deletion_problems AS
WITH needed AS (
    SELECT
        p.entity_table,
        s.table_name,
        if(
            max(s.kind IN ('remove', 'drain')),
            if(
                max(s.kind IN ('set', 'lock')),
                '["SELECT", "UPDATE", "DELETE"]',
                '["SELECT", "DELETE"]'
            ),
            if(max(s.kind IN ('set', 'lock')), '["SELECT", "UPDATE"]', '["SELECT"]')
        ) AS rights
    FROM deletion_plans AS p
    INNER JOIN deletion_plan_steps AS s ON s.plan_id = p.plan_id
    WHERE p.superseded_at IS NULL
    GROUP BY p.entity_table, s.table_name
),

-- DISTINCT keeps it a table of its own; merged, the reader would need the right to execute.
missing AS (
    SELECT DISTINCT
        n.entity_table,
        n.table_name,
        deletion_missing_rights(n.table_name, n.rights) AS rights
    FROM needed AS n
),

failed AS (
    SELECT
        j.entity_table,
        left(j.error, 5) AS code,
        count(*) AS jobs,
        min(j.finished_at) AS since,
        max(j.id) AS last_job
    FROM deletion_jobs AS j
    WHERE j.status = 'failed'
    GROUP BY j.entity_table, left(j.error, 5)
),

resting AS (
    SELECT
        j.entity_table,
        count(*) AS jobs,
        min(j.created_at) AS since,
        max(j.id) AS last_job
    FROM deletion_jobs AS j
    WHERE j.status = 'pending' AND j.error IS NOT NULL
    GROUP BY j.entity_table
)

SELECT
    'schedule' AS problem,
    concat('slot ', s.slot) AS subject,
    coalesce(s.last_started_at, s.armed_at) AS since,
    concat(s.state, ': ', s.why) AS detail,
    s.mend_sql
FROM vw_deletion_schedule AS s
WHERE
    s.state IN ('paused', 'died', 'late', 'off')
    AND EXISTS (SELECT 1 FROM deletion_targets)
UNION ALL
SELECT
    'orphaned',
    concat('job ', p.job_id),
    p.last_step_at,
    concat(
        'the worker of ', p.entity_table, ' ', p.entity_pk, ' is gone; the next one takes it up'
    ),
    concat('CALL `', deletion_home(), '`.run_deletion_jobs(NULL, NULL);')
FROM vw_deletion_progress AS p
WHERE p.is_orphaned
UNION ALL
SELECT
    'plan',
    p.entity_table,
    p.compiled_at,
    concat(p.error_code, ': ', p.error),
    concat('CALL `', deletion_home(), '`.compile_deletion_plan(', quote(p.entity_table), ');')
FROM deletion_plans AS p
WHERE p.superseded_at IS NULL AND p.error_code IS NOT NULL
UNION ALL
SELECT
    'right missing',
    m.table_name,
    NULL,
    concat('deletion_jobs_owner lacks ', m.rights, ' for deletions of ', m.entity_table),
    concat(
        'GRANT ', m.rights, ' ON ', deletion_quote_path(m.table_name),
        ' TO ''deletion_jobs_owner''@''localhost'';'
    )
FROM missing AS m
WHERE m.rights IS NOT NULL
UNION ALL
SELECT
    'index missing',
    concat(s.reference_name, ' of ', s.table_name),
    p.compiled_at,
    concat('deletions of ', p.entity_table, ' read the whole table to find its rows'),
    concat(
        'CREATE INDEX ', deletion_quote_name(left(concat('idx_', s.reference_name), 64)), ' ON ',
        deletion_quote_path(s.table_name), ' (',
        (
            SELECT group_concat(deletion_quote_name(c.name) ORDER BY c.pos SEPARATOR ', ')
            FROM json_table(
                deletion_columns(d.child_schema, d.child_table, d.child_columns),
                '$[*]' COLUMNS (
                    pos BIGINT PATH '$.pos',
                    name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.name'
                )
            ) AS c
        ),
        ');'
    )
FROM deletion_plans AS p
INNER JOIN deletion_plan_steps AS s ON s.plan_id = p.plan_id
LEFT JOIN deletion_references AS d ON d.reference_name = s.reference_name
WHERE p.superseded_at IS NULL AND s.kind = 'size'
UNION ALL
SELECT
    'failed',
    f.entity_table,
    f.since,
    concat(
        f.jobs, ' jobs, the last one: ',
        coalesce((SELECT j.error FROM deletion_jobs AS j WHERE j.id = f.last_job), 'no error')
    ),
    if(
        f.jobs = 1,
        concat('CALL `', deletion_home(), '`.retry_deletion(', f.last_job, ');'),
        concat(
            'SELECT concat(''CALL retry_deletion('', id, '');'') FROM `', deletion_home(),
            '`.vw_deletion_jobs WHERE status = ''failed'' AND entity_table = ',
            quote(f.entity_table),
            coalesce(concat(' AND left(error, 5) = ', quote(f.code)), ''),
            ';'
        )
    )
FROM failed AS f
UNION ALL
SELECT
    'retrying',
    r.entity_table,
    r.since,
    concat(
        r.jobs, ' jobs wait to be tried again, the last one: ',
        coalesce((SELECT j.error FROM deletion_jobs AS j WHERE j.id = r.last_job), 'no error')
    ),
    concat(
        'SELECT * FROM `', deletion_home(), '`.vw_deletion_attempts WHERE job_id = ', r.last_job,
        ' ORDER BY attempt_no;'
    )
FROM resting AS r;

GRANT SELECT ON vw_deletion_problems
TO 'deletion_jobs_operator', 'deletion_jobs_reader';
-- <<<

-- >>> tooling/deletion_jobs/sql/mysql/migration_commit.sql
SET SESSION sql_mode = @dj_sql_mode;
SET SESSION time_zone = @dj_time_zone;
SET SESSION lock_wait_timeout = @dj_lock_wait_timeout;
-- <<<
