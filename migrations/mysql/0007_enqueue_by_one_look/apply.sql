-- 0007_enqueue_by_one_look: apply
-- Enqueue by one look on MySQL.
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

-- Every statement can be run again: here DDL commits. The former column stays until no routine
-- reads it; an enqueue that comes before the last statement takes the whole way.
SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.columns AS c
        WHERE
            c.table_schema = database() AND c.table_name = 'deletion_targets'
            AND c.column_name = 'plain_max'
    ),
    'DO 0',
    'ALTER TABLE deletion_targets '
    'ADD COLUMN plain_max BIGINT UNSIGNED NULL '
    'COMMENT ''Plain digits up to this number are keys as they are; NULL: each is parsed'' '
    'AFTER key_collations, '
    'ADD COLUMN is_limited BOOLEAN NOT NULL DEFAULT FALSE '
    'COMMENT ''Whether max_pending is set: here too, so that an enqueue has one look'' '
    'AFTER plain_max'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

-- === schema/mysql/tables/deletion_targets.sql afa48d136be340920afe5abf24a0cdde5c4093b3888ae77e4dae39d35b0ca10a  -- noqa: LT05

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
    DECLARE v_started_at, v_looked_at DATETIME(6);  -- noqa: PRS
    DECLARE v_slice_us BIGINT DEFAULT 1000 * deletion_setting_int('slice_ms');
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
        r.plan_id, r.started_at, json_unquote(json_extract(r.state, '$.looked_at')), r.step_count,
        r.hard_delete,
        r.rows_changed = 0,
        r.retries > 0 AND r.retries <= coalesce(json_extract(r.state, '$.held_retries'), 0)
    INTO v_plan_id, v_started_at, v_looked_at, v_step_count, v_hard, v_is_untouched, v_has_climbed
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
            SET v_is_over = utc_timestamp(6) >= p_until;

            -- Not in each step: jobs that were claimed stay in the index of what is due as long as
            -- an old snapshot is open somewhere. Nor before the answer counts, or it would be late.
            IF
                NOT v_is_over
                AND @dj_changed > 0
                AND utc_timestamp(6) > timestampadd(MICROSECOND, v_slice_us, v_started_at)
                AND (utc_timestamp(6) > timestampadd(MICROSECOND, v_slice_us, v_looked_at))
                IS NOT FALSE
            THEN
                SET v_is_over = deletion_others_due();
                UPDATE deletion_runs AS r
                SET r.state = json_set(r.state, '$.looked_at', utc_timestamp(6))
                WHERE r.run_id = p_run_id;
            END IF;

            -- A run that has changed nothing yet is still on its way down: dissolved now, it would
            -- begin at its roots again and never arrive where a chain is deep.
            IF
                deletion_setting('paused_reason') IS NOT NULL
                OR (v_is_over AND @dj_changed > 0)
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

-- >>> procedures/mysql/planner/deletion_plain_key.sql
-- deletion_plain_key
-- Give the largest whole number that is a key of a type: digits up to it are keys as they are.
--
-- Parameters  p_types   the types of a target's key, a JSON array
-- Returns     unsigned integer; a negative key, or one of another type, takes the whole way: NULL
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_plain_key('["bigint"]');

DROP FUNCTION IF EXISTS deletion_plain_key;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_plain_key(
    p_types JSON
) RETURNS BIGINT UNSIGNED
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Give the largest whole number that is a key of a type'
BEGIN
    RETURN CASE WHEN json_length(p_types) = 1 THEN
        CASE json_unquote(json_extract(p_types, '$[0]'))
            WHEN 'smallint' THEN 32767
            WHEN 'smallint unsigned' THEN 65535
            WHEN 'mediumint' THEN 8388607
            WHEN 'mediumint unsigned' THEN 16777215
            WHEN 'int' THEN 2147483647
            WHEN 'int unsigned' THEN 4294967295
            WHEN 'bigint' THEN 9223372036854775807
            WHEN 'bigint unsigned' THEN 18446744073709551615
        END
    END;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/admin/set_deletion_setting.sql
-- set_deletion_setting
-- Change a setting of this installation.
--
-- Parameters  p_name    the setting
--             p_value   its value as text; NULL: back to the default
-- Errors      JD002 no such setting, or a value of another kind or out of range
-- Writes      deletion_settings (one row); deletion_targets for max_pending     Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL set_deletion_setting('batch_rows', '1000');

DROP PROCEDURE IF EXISTS set_deletion_setting;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE set_deletion_setting(
    IN p_name TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_value TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Change a setting of this installation'
BEGIN
    DECLARE v_name, v_kind, v_value, v_what TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_min, v_max, v_number DECIMAL(65, 0);

    SELECT
        s.setting_name,
        s.kind,
        coalesce(s.min_value, -9223372036854775808),
        coalesce(s.max_value, 9223372036854775807)
    INTO v_name, v_kind, v_min, v_max
    FROM deletion_settings AS s
    WHERE s.setting_name = p_name;

    SET v_what = CASE
        WHEN p_name IS NULL THEN 'p_name is NULL'
        WHEN v_name IS NULL THEN 'no such setting'
        WHEN v_name = 'paused_reason' THEN 'use pause_deletions or resume_deletions'
    END;

    IF v_what IS NOT NULL THEN
        CALL deletion_raise('JD002', 'set_deletion_setting', v_what, p_name);
    END IF;

    SET v_value = p_value;

    IF v_kind = 'integer' AND p_value IS NOT NULL THEN
        -- 0100 is kept as 100, and no number of digits overflows.
        SET v_value = deletion_key_number(p_value, 'decimal(65,0)');
        SET v_number = cast(v_value AS DECIMAL(65, 0));
        SET v_what = CASE
            WHEN v_value IS NULL OR p_value REGEXP '[^-0-9]'
                THEN concat(v_name, ' takes a whole number')
            WHEN v_number < v_min OR v_number > v_max
                THEN concat(v_name, ' takes numbers from ', v_min, ' to ', v_max)
        END;
    ELSEIF v_kind = 'boolean' AND p_value NOT IN ('true', 'false') THEN
        SET v_what = concat(v_name, ' takes true or false');
    END IF;

    IF v_what IS NOT NULL THEN
        CALL deletion_raise('JD002', 'set_deletion_setting', v_what, p_value);
    END IF;

    UPDATE deletion_settings AS s
    SET s.setting_value = v_value
    WHERE s.setting_name = v_name;

    -- After the setting's own lock: a target that is being registered is seen by one of us.
    IF v_name = 'max_pending' THEN
        UPDATE deletion_targets AS t SET t.is_limited = (v_value IS NOT NULL);
    END IF;
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
-- Writes      deletion_targets (one row; again: changes it)     Commits  no
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

-- >>> procedures/mysql/admin/run_deletion_jobs.sql
-- run_deletion_jobs
-- Work due deletion jobs until none is due or the time is over; the schedulers call this.
--
-- Parameters  p_slot          the worker's slot, one call at a time in each; NULL: no slot
--             p_run_seconds   how long to work; NULL: the setting run_seconds
-- Errors      JD002 not a positive number
-- Writes      the application's tables, and all tables of runs and jobs     Commits  yes
-- Execute     deletion_jobs_worker, deletion_jobs_operator
-- Example     CALL run_deletion_jobs(NULL, NULL);
--
-- A transaction that the session has left open is rolled back first.

DROP PROCEDURE IF EXISTS run_deletion_jobs;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE run_deletion_jobs(
    IN p_slot INT,
    IN p_run_seconds INT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Work due deletion jobs until none is due or the time is over; the schedulers call this'
BEGIN
    DECLARE v_until DATETIME(6) DEFAULT utc_timestamp(6);  -- noqa: PRS
    DECLARE v_run_id BIGINT UNSIGNED;
    DECLARE v_token CHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_job_count INT;
    DECLARE v_jobs BIGINT DEFAULT 0;
    DECLARE v_due_at, v_looked_at DATETIME(6);  -- noqa: PRS
    DECLARE v_due_id BIGINT UNSIGNED;
    DECLARE v_own, v_saved JSON;
    DECLARE v_is_ours, v_goes_on BOOLEAN DEFAULT TRUE;
    DECLARE v_again, v_is_fresh BOOLEAN;
    DECLARE v_number INT;
    DECLARE v_message LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        GET STACKED DIAGNOSTICS v_number = NUMBER;
        GET STACKED DIAGNOSTICS CONDITION v_number v_message = MESSAGE_TEXT;
        ROLLBACK;

        IF v_saved IS NOT NULL THEN
            CALL deletion_leave(p_slot, 'failed', v_message, v_jobs);
            CALL deletion_session(v_saved);
        END IF;

        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

    IF p_slot <= 0 OR p_run_seconds <= 0 THEN
        CALL deletion_raise(
            'JD002', 'run_deletion_jobs', 'not a positive number',
            concat(coalesce(p_slot, 'NULL'), ', ', coalesce(p_run_seconds, 'NULL'))
        );
    END IF;

    CALL deletion_refuse_temporary('run_deletion_jobs');
    SET v_until = timestampadd(
        SECOND, coalesce(p_run_seconds, deletion_setting_int('run_seconds')), v_until
    );
    CALL deletion_enter(p_slot, v_is_ours);

    IF v_is_ours THEN
        CALL deletion_session(v_saved);

        WHILE v_goes_on DO
            SET v_again = FALSE;

            BEGIN
                -- Two workers may meet in the queue: whoever was rolled back begins anew.
                DECLARE EXIT HANDLER FOR 1205, 1213  -- noqa: PRS
                BEGIN
                    ROLLBACK;
                    SET v_again = TRUE, v_run_id = NULL, v_token = NULL, v_job_count = NULL;
                    SET v_looked_at = NULL;
                END;

                SET v_is_fresh = (
                    utc_timestamp(6) BETWEEN v_looked_at AND v_looked_at + INTERVAL 5 SECOND
                ) IS NOT TRUE;

                -- What has ended, jobs that were claimed and notes that were dropped, stays in the
                -- indexes of what is open as long as an old snapshot is open somewhere. It is passed
                -- once in a while, so that a job that has lost its worker, or one that came since
                -- with an earlier time than the last one's, waits no longer.
                IF v_is_fresh THEN
                    SET v_due_at = NULL, v_due_id = NULL, v_looked_at = utc_timestamp(6);
                    CALL deletion_recover();
                END IF;

                CALL deletion_claim(
                    p_slot, NULL, v_due_at, v_due_id, v_run_id, v_token, v_job_count
                );
            END;

            IF v_token IS NOT NULL THEN
                CALL deletion_work(v_run_id, v_token, v_until);
            END IF;

            -- Before it ends, whatever came back meanwhile.
            IF v_run_id IS NULL AND NOT v_is_fresh THEN
                SET v_looked_at = NULL, v_again = TRUE;
            END IF;

            SET v_jobs = v_jobs + coalesce(v_job_count, 0);
            SET v_goes_on = (v_again OR v_run_id IS NOT NULL) AND utc_timestamp(6) < v_until;
        END WHILE;

        CALL deletion_leave(p_slot, CASE
            WHEN deletion_setting('paused_reason') IS NOT NULL THEN 'paused'
            WHEN v_jobs > 0 THEN 'worked'
            ELSE 'idle'
        END, NULL, v_jobs);
        CALL deletion_session(v_saved);
    END IF;

    CALL deletion_widen_session(v_own);
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE run_deletion_jobs
TO 'deletion_jobs_worker', 'deletion_jobs_operator';
-- <<<

-- >>> procedures/mysql/api/enqueue_deletion.sql
-- enqueue_deletion
-- Ask that one row, and everything that hangs from it, be deleted.
--
-- Parameters  p_table          the target, with or without its schema
--             p_pk             the row's key as text; a composite one as a JSON array
--             p_reason         why; may be NULL
--             p_hard_delete    TRUE: remove for good; FALSE: soft delete
--             p_scheduled_at   when to start, UTC; NULL: as soon as possible
--             p_created_by     the user who asks; may be NULL
--             p_job_id         OUT: the job, a new one or the one that this row has already
-- Errors      JD002 NULL, or a key that does not parse; JD004 no target; JD011 soft delete is
--             not possible; JD013 more pending jobs than allowed
-- Writes      deletion_jobs (one row), deletion_attempts     Commits  no
-- Execute     deletion_jobs_app
-- Example     CALL enqueue_deletion('customer', '42', 'closed', TRUE, NULL, NULL, @dj_job);

DROP PROCEDURE IF EXISTS enqueue_deletion;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE enqueue_deletion(
    IN p_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_pk TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
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
COMMENT 'Ask that one row, and everything that hangs from it, be deleted'
BEGIN
    DECLARE v_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_key VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_plain BOOLEAN DEFAULT FALSE;

    -- Nearly every caller sends the registered name, a key as its type prints it, and a row that
    -- has no job: that should cost little more than the INSERT. Each row is found by a whole key:
    -- as subqueries they would take the server twice the time to plan.
    BEGIN
        -- A key that is no number, or out of the range of all of them.
        DECLARE CONTINUE HANDLER FOR 1292 SET v_is_plain = FALSE;  -- noqa: PRS

        SELECT
            t.entity_table,
            p_hard_delete AND NOT t.is_limited AND j.id IS NULL
            AND cast(p_pk AS UNSIGNED) <= t.plain_max
            AND cast(cast(p_pk AS UNSIGNED) AS CHAR) = p_pk COLLATE utf8mb4_0900_bin
        INTO v_entity_table, v_is_plain
        FROM deletion_targets AS t
        LEFT JOIN deletion_jobs AS j ON j.entity_table = p_table AND j.entity_pk = p_pk
        WHERE t.entity_table = p_table;
    END;

    IF v_is_plain THEN
        BEGIN
            -- Another caller was faster: the job that is there has to do.
            DECLARE CONTINUE HANDLER FOR 1062 SET v_is_plain = FALSE;  -- noqa: PRS

            INSERT INTO deletion_jobs (
                entity_table, entity_pk, reason, hard_delete, scheduled_at, created_by, created_at
            )
            VALUES (
                v_entity_table, p_pk, p_reason, p_hard_delete, p_scheduled_at, p_created_by,
                utc_timestamp(6)
            );
            SET p_job_id = last_insert_id();
        END;
    END IF;

    IF v_is_plain IS NOT TRUE THEN
        BEGIN
            DECLARE v_own JSON;
            DECLARE EXIT HANDLER FOR SQLEXCEPTION
            BEGIN
                CALL deletion_widen_session(v_own);
                RESIGNAL;
            END;

            CALL deletion_widen_session(v_own);
            CALL deletion_check_wish('enqueue_deletion', p_table, p_hard_delete, v_entity_table);
            CALL deletion_parse_key(v_entity_table, p_pk, 'enqueue_deletion', v_key);
            CALL deletion_enqueue(
                'enqueue_deletion',
                v_entity_table,
                json_array(v_key),
                p_reason,
                p_hard_delete,
                p_scheduled_at,
                p_created_by,
                p_job_id
            );
            CALL deletion_widen_session(v_own);
        END;
    END IF;
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE enqueue_deletion
TO 'deletion_jobs_app';
-- <<<

UPDATE deletion_targets AS t
SET
    t.plain_max = CASE WHEN json_length(t.key_types) = 1 THEN
        CASE json_unquote(json_extract(t.key_types, '$[0]'))
            WHEN 'smallint' THEN 32767
            WHEN 'smallint unsigned' THEN 65535
            WHEN 'mediumint' THEN 8388607
            WHEN 'mediumint unsigned' THEN 16777215
            WHEN 'int' THEN 2147483647
            WHEN 'int unsigned' THEN 4294967295
            WHEN 'bigint' THEN 9223372036854775807
            WHEN 'bigint unsigned' THEN 18446744073709551615
        END
    END,
    t.is_limited = EXISTS (
        SELECT 1
        FROM deletion_settings AS s
        WHERE s.setting_name = 'max_pending' AND s.setting_value IS NOT NULL
    );

SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.columns AS c
        WHERE
            c.table_schema = database() AND c.table_name = 'deletion_targets'
            AND c.column_name = 'plain_key'
    ),
    'ALTER TABLE deletion_targets DROP COLUMN plain_key',
    'DO 0'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

-- >>> tooling/deletion_jobs/sql/mysql/migration_commit.sql
SET SESSION sql_mode = @dj_sql_mode;
SET SESSION time_zone = @dj_time_zone;
SET SESSION lock_wait_timeout = @dj_lock_wait_timeout;
SET SESSION sql_safe_updates = @dj_sql_safe_updates;
SET SESSION sql_big_selects = @dj_sql_big_selects;
-- <<<
