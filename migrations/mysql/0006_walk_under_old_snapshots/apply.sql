-- 0006_walk_under_old_snapshots: apply
-- Walk under old snapshots on MySQL.
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

-- >>> procedures/mysql/worker/deletion_due.sql
-- deletion_due
-- Lock the jobs that are due first and choose those that can be walked together.
--
-- Parameters  p_from_at, p_from_id   pass the jobs that were due before then (UTC), or at the same
--                        time with a lower number; NULL: none
--             p_jobs     OUT JSON array of the jobs; NULL: nothing is due
--             p_entity_table, p_hard   OUT their target and mode
--             p_alone    OUT TRUE: the first of them must go alone
--             p_due_at, p_due_id   OUT when the first of them was due, UTC, and its number
-- Writes      nothing; locks at most jobs_per_run rows of deletion_jobs     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_due;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_due(
    IN p_from_at DATETIME(6),
    IN p_from_id BIGINT UNSIGNED,
    OUT p_jobs JSON,
    OUT p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_hard BOOLEAN,
    OUT p_alone BOOLEAN,
    OUT p_due_at DATETIME(6),
    OUT p_due_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Lock the jobs that are due first and choose those that can be walked together'
BEGIN
    DECLARE v_due JSON;
    DECLARE v_first BIGINT UNSIGNED;
    DECLARE v_batch_rows INT DEFAULT deletion_setting_int('batch_rows');
    DECLARE v_from_at DATETIME(6) DEFAULT coalesce(p_from_at, '0000-01-01');  -- noqa: PRS
    DECLARE v_from_id BIGINT UNSIGNED DEFAULT coalesce(p_from_id, 0);
    DECLARE v_limit INT DEFAULT least(deletion_setting_int('jobs_per_run'), v_batch_rows);

    -- The expression and its index are one: rows come in due order, and only these are locked.
    SELECT json_arrayagg(json_object(
        'id', q.id, 't', q.entity_table, 'h', q.hard_delete, 'd', cast(q.due_at AS CHAR)
    ))
    INTO v_due
    FROM (
        SELECT
            j.id, j.entity_table, j.hard_delete, coalesce(j.scheduled_at, j.created_at) AS due_at
        FROM deletion_jobs AS j FORCE INDEX (idx_dj_due)
        WHERE
            j.status = 'pending'
            AND coalesce(j.scheduled_at, j.created_at) <= utc_timestamp(6)
            -- Two ranges of the index; of a comparison of rows the server makes none.
            AND (
                coalesce(j.scheduled_at, j.created_at) > v_from_at
                OR (coalesce(j.scheduled_at, j.created_at) = v_from_at AND j.id >= v_from_id)
            )
        ORDER BY j.status, coalesce(j.scheduled_at, j.created_at), j.id
        LIMIT v_limit
        FOR UPDATE SKIP LOCKED  -- noqa: PRS
    ) AS q;

    WITH candidate AS (
        SELECT
            d.*,
            coalesce((
                SELECT a.alone_next
                FROM deletion_attempts AS a
                WHERE a.job_id = d.id AND NOT a.is_past
                ORDER BY a.attempt_no DESC
                LIMIT 1
            ), FALSE) AS alone
        FROM json_table(v_due, '$[*]' COLUMNS (  -- noqa: CP02
            id BIGINT UNSIGNED PATH '$.id',  -- noqa: PRS
            entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.t',
            hard_delete BOOLEAN PATH '$.h',
            due_at DATETIME(6) PATH '$.d'
        )) AS d
    ),

    leader AS (
        SELECT c.* FROM candidate AS c ORDER BY c.due_at, c.id LIMIT 1
    ),

    chosen AS (
        SELECT
            c.id, l.entity_table, l.hard_delete, l.alone, l.due_at, l.id AS due_id,
            row_number() OVER (ORDER BY c.due_at, c.id) AS place,
            -- As many as went in one transaction last time: a second one, for the rest of a set,
            -- costs as much as a whole one. But no average makes a set a small one.
            (
                SELECT greatest(100, floor(
                    0.97 * v_batch_rows / (1 + cast(json_extract(p.fan_out, '$."0"') AS DOUBLE))
                ))
                FROM deletion_plans AS p
                WHERE
                    p.entity_table = l.entity_table
                    AND p.hard_delete = l.hard_delete
                    AND p.superseded_at IS NULL
            ) AS places
        FROM leader AS l
        INNER JOIN candidate AS c
            ON
                c.id = l.id
                OR (
                    NOT l.alone
                    AND NOT c.alone
                    AND c.entity_table = l.entity_table
                    AND c.hard_delete = l.hard_delete
                )
    )

    SELECT
        json_arrayagg(c.id), max(c.entity_table), max(c.hard_delete), max(c.alone),
        min(c.due_at), min(c.due_id)
    INTO p_jobs, p_entity_table, p_hard, p_alone, p_due_at, p_due_id
    FROM chosen AS c
    WHERE c.places IS NULL OR c.place <= c.places;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_claim.sql
-- deletion_claim
-- Take the jobs that are due first, as one run.
--
-- Parameters  p_slot      the worker's slot; NULL: none
--             p_job_id    this job alone, due or not; NULL: whatever is due
--             p_due_at, p_due_id   INOUT when the first job of the caller's last run was due, UTC,
--                         and its number: if that run is done, what comes behind this place in the
--                         queue goes before what lies ahead; NULL: look at all. Then those of the
--                         first job of this run
--             p_run_id    OUT the run; NULL: nothing is due
--             p_token     OUT its token; NULL: the run has ended already, its jobs failed
--             p_job_count OUT number of its jobs
-- Errors      JD001 no such job; JD003 the job is not pending
-- Writes      deletion_runs, deletion_jobs, deletion_attempts, deletion_plans     Commits  yes
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_claim;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_claim(
    IN p_slot INT,
    IN p_job_id BIGINT UNSIGNED,
    INOUT p_due_at DATETIME(6),
    INOUT p_due_id BIGINT UNSIGNED,
    OUT p_run_id BIGINT UNSIGNED,
    OUT p_token CHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_job_count INT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Take the jobs that are due first, as one run'
BEGIN
    DECLARE v_jobs JSON;
    DECLARE v_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_hard, v_alone BOOLEAN;
    DECLARE v_from_at DATETIME(6) DEFAULT p_due_at;  -- noqa: PRS
    DECLARE v_from_id BIGINT UNSIGNED DEFAULT p_due_id;
    DECLARE v_plan_id BIGINT UNSIGNED;
    DECLARE v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    CALL deletion_begin();

    IF p_job_id IS NOT NULL THEN
        CALL deletion_claim_one(p_job_id, v_jobs, v_entity_table, v_hard);
        SET v_alone = TRUE;
    ELSEIF deletion_setting('paused_reason') IS NULL THEN
        -- A run that was cut short may have made room for a job that lies ahead of it.
        IF coalesce((
            SELECT r.outcome
            FROM deletion_attempts AS a
            INNER JOIN deletion_runs AS r ON r.run_id = a.run_id
            WHERE a.job_id = v_from_id
            ORDER BY a.attempt_no DESC
            LIMIT 1
        ), '') <> 'done' THEN
            SET v_from_at = NULL;
        END IF;

        IF v_from_at IS NOT NULL THEN
            CALL deletion_due(
                v_from_at, v_from_id, v_jobs, v_entity_table, v_hard, v_alone, p_due_at, p_due_id
            );
        END IF;

        IF v_jobs IS NULL THEN
            CALL deletion_due(
                NULL, NULL, v_jobs, v_entity_table, v_hard, v_alone, p_due_at, p_due_id
            );
        END IF;
    END IF;

    IF v_jobs IS NOT NULL THEN
        -- A row inserted by hand may name the table with its database.
        SET v_entity_table = coalesce(deletion_target_name(v_entity_table), v_entity_table);
        CALL deletion_plan_for(v_entity_table, v_hard, v_plan_id, v_error);
        SET p_token = uuid(), p_job_count = json_length(v_jobs);

        INSERT INTO deletion_runs (
            plan_id, entity_table, hard_delete, slot, token, session_id, server_id, phase, alone,
            job_count, jobs_open, batch_rows, state
        )
        VALUES (
            v_plan_id, v_entity_table, v_hard, p_slot, p_token, connection_id(),
            @@GLOBAL.server_uuid, 'check', p_job_count = 1, p_job_count, p_job_count,
            deletion_setting_int('batch_rows'), '{}'
        );

        SET p_run_id = last_insert_id();
        -- Before the claim commits: from then on a missing lock means a dead worker. Never waited
        -- for: any session may take any lock, and this one holds the jobs' rows by now.
        IF coalesce(get_lock(deletion_lock_name('run', p_run_id), 0), 0) <> 1 THEN
            SIGNAL SQLSTATE '40001'
            SET MESSAGE_TEXT = 'run_deletion_jobs: another session holds the lock of the run';
        END IF;

        CALL deletion_start_attempts(p_run_id, v_jobs);

        IF v_error IS NOT NULL THEN
            CALL deletion_settle(p_run_id, NULL, 'failed', v_error, TRUE, NULL);
            CALL deletion_end_run(p_run_id, 'failed', v_error);
            SET p_token = NULL;
        END IF;
    END IF;

    COMMIT;

    IF p_token IS NULL AND p_run_id IS NOT NULL THEN
        CALL deletion_release(deletion_lock_name('run', p_run_id));
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/admin/run_deletion_job.sql
-- run_deletion_job
-- Work one pending deletion job now, in the foreground, whenever it was scheduled for.
--
-- Parameters  p_job_id   the job
--             p_status   OUT the job's status afterwards
-- Errors      JD001 no such job; JD002 NULL; JD003 the job is not pending
-- Writes      the application's tables, and all tables of runs and jobs     Commits  yes
-- Execute     deletion_jobs_operator
-- Example     CALL run_deletion_job(42, @dj_status);
--
-- A transaction that the session has left open is rolled back first.

DROP PROCEDURE IF EXISTS run_deletion_job;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE run_deletion_job(
    IN p_job_id BIGINT UNSIGNED,
    OUT p_status VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Work one pending deletion job now, in the foreground, whenever it was scheduled for'
BEGIN
    DECLARE v_run_id BIGINT UNSIGNED;
    DECLARE v_token CHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_job_count INT;
    DECLARE v_due_at DATETIME(6);  -- noqa: PRS
    DECLARE v_due_id BIGINT UNSIGNED;
    DECLARE v_own, v_saved JSON;
    DECLARE v_is_ours BOOLEAN;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;

        IF v_saved IS NOT NULL THEN
            CALL deletion_session(v_saved);
        END IF;

        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

    IF p_job_id IS NULL THEN
        CALL deletion_raise('JD002', 'run_deletion_job', 'p_job_id is NULL', NULL);
    END IF;

    CALL deletion_refuse_temporary('run_deletion_job');
    CALL deletion_enter(NULL, v_is_ours);
    CALL deletion_session(v_saved);
    CALL deletion_recover();
    CALL deletion_claim(NULL, p_job_id, v_due_at, v_due_id, v_run_id, v_token, v_job_count);

    IF v_token IS NOT NULL THEN
        CALL deletion_work(v_run_id, v_token, '9999-12-31');
    END IF;

    CALL deletion_session(v_saved);
    SET p_status = (SELECT j.status FROM deletion_jobs AS j WHERE j.id = p_job_id);
    CALL deletion_widen_session(v_own);
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE run_deletion_job
TO 'deletion_jobs_operator';
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
    DECLARE v_again BOOLEAN;
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
                END;

                CALL deletion_recover();

                -- Jobs that were claimed stay in the index of what is due as long as an old snapshot
                -- is open somewhere. They are passed once in a while, so that a job with an earlier
                -- time than the last one's, which came since, waits no longer.
                IF
                    (utc_timestamp(6) BETWEEN v_looked_at AND v_looked_at + INTERVAL 5 SECOND)
                    IS NOT TRUE
                THEN
                    SET v_due_at = NULL, v_due_id = NULL, v_looked_at = utc_timestamp(6);
                END IF;

                CALL deletion_claim(
                    p_slot, NULL, v_due_at, v_due_id, v_run_id, v_token, v_job_count
                );
            END;

            IF v_token IS NOT NULL THEN
                CALL deletion_work(v_run_id, v_token, v_until);
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

-- >>> tooling/deletion_jobs/sql/mysql/migration_commit.sql
SET SESSION sql_mode = @dj_sql_mode;
SET SESSION time_zone = @dj_time_zone;
SET SESSION lock_wait_timeout = @dj_lock_wait_timeout;
SET SESSION sql_safe_updates = @dj_sql_safe_updates;
SET SESSION sql_big_selects = @dj_sql_big_selects;
-- <<<
