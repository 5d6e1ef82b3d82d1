-- 0001_create_deletion_jobs: apply
-- Create deletion jobs on MySQL.
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

-- >>> schema/mysql/roles.sql
-- roles
-- The accounts of the installation: an owner that nobody can log in as, and four roles.
--
-- Everything runs with the owner's rights. It gets no right to read or change a table of the
-- application here: a DBA grants it SELECT, UPDATE and DELETE on each table that jobs may reach.
-- A GRANT on `*` means the database that this script runs in.

CREATE USER IF NOT EXISTS 'deletion_jobs_owner'@'localhost' ACCOUNT LOCK
    COMMENT 'Owns deletion-jobs: definer of its routines, views and events; cannot log in';

CREATE ROLE IF NOT EXISTS 'deletion_jobs_app';
CREATE ROLE IF NOT EXISTS 'deletion_jobs_operator';
CREATE ROLE IF NOT EXISTS 'deletion_jobs_reader';
CREATE ROLE IF NOT EXISTS 'deletion_jobs_worker';

-- EXECUTE and EVENT: a locked definer needs them itself. REFERENCES: without a privilege of
-- this kind information_schema hides tables, and a reference not seen would not be emptied.
GRANT EXECUTE, EVENT, REFERENCES ON * TO 'deletion_jobs_owner'@'localhost';  -- noqa: PRS

-- Which sessions live, what the scheduler did, and how large a table is.
GRANT SELECT ON performance_schema.threads TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT ON performance_schema.metadata_locks TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT ON performance_schema.error_log TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT ON performance_schema.events_statements_summary_by_program
TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT ON mysql.innodb_table_stats TO 'deletion_jobs_owner'@'localhost';
-- <<<

-- >>> schema/mysql/tables/deletion_jobs.sql
-- deletion_jobs
-- One row for each wish to delete one row of the application; the contract with its users.
--
-- Twelve columns that may not change. Everything else that is known about a job lives in
-- deletion_attempts. The key to the application's users is added by link_deletion_users.

CREATE TABLE IF NOT EXISTS deletion_jobs (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT
        COMMENT 'The job''s number',
    entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL
        COMMENT 'Target table, by its registered name',
    entity_pk VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL
        COMMENT 'Key of the row, as its type prints it; a composite key is a JSON array',
    reason TEXT NULL
        COMMENT 'Why it was asked for',
    hard_delete BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'Remove for good, else soft delete',
    scheduled_at DATETIME(6) NULL
        COMMENT 'When the job should start; NULL: as soon as possible; UTC',
    started_at DATETIME(6) NULL
        COMMENT 'When a worker first took it up; UTC',
    finished_at DATETIME(6) NULL
        COMMENT 'When it became done, failed or cancelled; UTC',
    status ENUM('pending', 'running', 'done', 'failed', 'cancelled') NOT NULL DEFAULT 'pending'
        COMMENT 'pending, running, done, failed or cancelled',
    error TEXT NULL
        COMMENT 'Why it failed: a code and a text',
    created_by BIGINT UNSIGNED NULL
        COMMENT 'The user who asked, where known',
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
        COMMENT 'When it was asked for; UTC',
    PRIMARY KEY (id),
    UNIQUE KEY uq_deletion_jobs (entity_table, entity_pk),
    KEY idx_dj_status_sched (status, scheduled_at),
    KEY idx_dj_created_by (created_by),
    KEY idx_dj_due (status, (cast(coalesce(scheduled_at, created_at) AS DATETIME(6))), id)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each root that shall be deleted';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_jobs TO 'deletion_jobs_owner'@'localhost';
-- The two contract views run with the reader's own rights, so readers need the table as well.
GRANT SELECT ON deletion_jobs
TO 'deletion_jobs_app', 'deletion_jobs_operator', 'deletion_jobs_reader';
-- <<<

-- >>> schema/mysql/tables/deletion_targets.sql
-- deletion_targets
-- The tables that the DBA has allowed deletions from, with the key that names a row.

CREATE TABLE IF NOT EXISTS deletion_targets (
    entity_table VARCHAR(64) NOT NULL
        COMMENT 'The name in jobs: the table''s, in other schemas schema.table',
    table_schema VARCHAR(64) NOT NULL
        COMMENT 'The table''s schema, unquoted',
    table_name VARCHAR(64) NOT NULL
        COMMENT 'The table''s name, unquoted',
    key_columns JSON NOT NULL
        COMMENT 'The key''s columns, an array in key order',
    key_types JSON NOT NULL
        COMMENT 'Their types, an array: a key is parsed without a look at the table',
    key_collations JSON NOT NULL
        COMMENT 'Their {"charset", "collation"}, an array; null where it is no text',
    max_rows BIGINT NULL
        COMMENT 'A job that would change more rows than this fails; NULL: the setting max_rows',
    created_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When it was registered; UTC',
    PRIMARY KEY (entity_table),
    UNIQUE KEY uq_deletion_targets (table_schema, table_name),
    CONSTRAINT chk_dt_max_rows CHECK (max_rows > 0)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each table that rows may be deleted from';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_targets TO 'deletion_jobs_owner'@'localhost';
-- <<<

-- >>> schema/mysql/tables/deletion_references.sql
-- deletion_references
-- References that the DBA declared because the catalog has no foreign key for them.

CREATE TABLE IF NOT EXISTS deletion_references (
    reference_name VARCHAR(64) NOT NULL
        COMMENT 'Its name, as rules and errors use it',
    child_schema VARCHAR(64) NOT NULL
        COMMENT 'Schema of the table that refers',
    child_table VARCHAR(64) NOT NULL
        COMMENT 'The table that refers',
    child_columns JSON NOT NULL
        COMMENT 'The referring columns, an array',
    parent_schema VARCHAR(64) NOT NULL
        COMMENT 'Schema of the table referred to',
    parent_table VARCHAR(64) NOT NULL
        COMMENT 'The table referred to',
    parent_columns JSON NOT NULL
        COMMENT 'The columns referred to, an array in the order of child_columns',
    discriminator_column VARCHAR(64) NULL
        COMMENT 'Child column that tells which table is meant, as in commentable_type; NULL: none',
    discriminator_value TEXT NULL
        COMMENT 'The value of discriminator_column that means this parent',
    action VARCHAR(16) NOT NULL
        COMMENT 'What happens to the child rows: cascade, set_null, set_default, restrict or keep',
    created_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When it was declared; UTC',
    PRIMARY KEY (reference_name),
    KEY idx_dref_parent (parent_schema, parent_table),
    CONSTRAINT chk_dref_action
    CHECK (action IN ('cascade', 'set_null', 'set_default', 'restrict', 'keep')),
    CONSTRAINT chk_dref_discriminator
    CHECK ((discriminator_column IS NULL) = (discriminator_value IS NULL))
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each declared reference';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_references TO 'deletion_jobs_owner'@'localhost';
-- <<<

-- >>> schema/mysql/tables/deletion_rules.sql
-- deletion_rules
-- What the DBA decided for single references, against the catalog or the declaration.

CREATE TABLE IF NOT EXISTS deletion_rules (
    child_schema VARCHAR(64) NOT NULL
        COMMENT 'Schema of the table that refers',
    child_table VARCHAR(64) NOT NULL
        COMMENT 'The table that refers',
    reference_name VARCHAR(64) NOT NULL
        COMMENT 'The foreign key''s constraint, or the declared reference',
    action VARCHAR(16) NOT NULL
        COMMENT 'What holds: cascade, set_null, set_default, restrict; keep if declared',
    created_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When the rule was set; UTC',
    PRIMARY KEY (child_schema, child_table, reference_name),
    CONSTRAINT chk_drul_action
    CHECK (action IN ('cascade', 'set_null', 'set_default', 'restrict', 'keep'))
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each reference whose action is overridden';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_rules TO 'deletion_jobs_owner'@'localhost';
-- <<<

-- >>> schema/mysql/tables/deletion_plans.sql
-- deletion_plans
-- The compiled programs: one current plan for each target and mode, the older ones as history.

CREATE TABLE IF NOT EXISTS deletion_plans (
    plan_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT
        COMMENT 'The plan''s number',
    entity_table VARCHAR(64) NOT NULL
        COMMENT 'The target it deletes from',
    hard_delete BOOLEAN NOT NULL
        COMMENT 'The mode: for good, or soft',
    fingerprint VARCHAR(64) NOT NULL
        COMMENT 'Digest of the catalog it was compiled from; another one today: stale',
    tables JSON NOT NULL
        COMMENT 'The tables that the fingerprint covers, an array of {"s": schema, "t": table}',
    error_code CHAR(5) NULL
        COMMENT 'Why the plan cannot be run, a code of ours; NULL: it can',
    error TEXT NULL
        COMMENT 'The same in words, with the names',
    can_block BOOLEAN NOT NULL
        COMMENT 'Rows may block a job, so a check walks over them first',
    has_waits BOOLEAN NOT NULL
        COMMENT 'Some reference between two tables of the plan only orders them, or is set last',
    compiled_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When it was compiled; UTC',
    superseded_at DATETIME(6) NULL
        COMMENT 'When another plan took its place; NULL: current; UTC',
    PRIMARY KEY (plan_id),
    UNIQUE KEY uq_dp_current (
        (if(superseded_at IS NULL, entity_table, NULL)),
        (if(superseded_at IS NULL, hard_delete, NULL))
    )
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each plan that was compiled';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_plans TO 'deletion_jobs_owner'@'localhost';
-- <<<

-- >>> schema/mysql/tables/deletion_plan_steps.sql
-- deletion_plan_steps
-- The steps of the plans with their finished SQL: what is reviewed here is what runs.

CREATE TABLE IF NOT EXISTS deletion_plan_steps (
    plan_id BIGINT UNSIGNED NOT NULL
        COMMENT 'The plan',
    step_no INT NOT NULL
        COMMENT 'The step''s place in the plan',
    kind VARCHAR(16) NOT NULL
        COMMENT 'What it does: roots, fetch, drain, set, lock, remove and so on',
    node_no INT NOT NULL
        COMMENT 'The table acted on; 0: the target',
    parent_node_no INT NULL
        COMMENT 'The table whose frame it starts from; NULL: a step of the root',
    edge_no INT NULL
        COMMENT 'The reference it follows, counted over the plan; 0: a step of the root',
    table_name VARCHAR(130) NOT NULL
        COMMENT 'The table acted on, named as targets are',
    reference_name VARCHAR(64) NULL
        COMMENT 'The constraint or declared reference that it follows',
    action VARCHAR(16) NULL
        COMMENT 'What happens to the rows that the reference leads to',
    is_leaf BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'The rows have no children that matter, so they go at once',
    waits BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'The reference only orders two tables of the plan, or is set last',
    in_check BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'The check runs it too',
    index_name VARCHAR(64) NULL
        COMMENT 'The index that supports the reference; NULL: none',
    sql_text MEDIUMTEXT NULL
        COMMENT 'The statement as it runs; NULL: the step has none',
    PRIMARY KEY (plan_id, step_no)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each step of a plan';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_plan_steps TO 'deletion_jobs_owner'@'localhost';
-- <<<

-- >>> schema/mysql/tables/deletion_runs.sql
-- deletion_runs
-- The runs: one worker's work on a set of jobs that share target and mode.

CREATE TABLE IF NOT EXISTS deletion_runs (
    run_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT
        COMMENT 'The run''s number',
    plan_id BIGINT UNSIGNED NULL
        COMMENT 'The plan that it runs',
    entity_table VARCHAR(64) NOT NULL
        COMMENT 'The target of its jobs',
    hard_delete BOOLEAN NOT NULL
        COMMENT 'Their mode',
    slot INT NULL
        COMMENT 'The worker''s slot; NULL: none',
    token CHAR(36) NOT NULL
        COMMENT 'The fence: a step whose token does not match is refused',
    session_id BIGINT UNSIGNED NOT NULL
        COMMENT 'The worker''s connection id',
    session_mark TEXT NULL
        COMMENT 'What tells this CALL from a later one in the same session',
    server_id VARCHAR(64) NOT NULL
        COMMENT 'The server''s server_uuid: locks are local to a server',
    phase VARCHAR(16) NOT NULL
        COMMENT 'check, advance, finish or ended',
    alone BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'It has one job by intent, not by chance',
    job_count INT NOT NULL DEFAULT 0
        COMMENT 'How many jobs it was given',
    batch_rows INT NOT NULL
        COMMENT 'Rows that one transaction may change now; halved after a conflict',
    rows_changed BIGINT NOT NULL DEFAULT 0
        COMMENT 'Rows changed and committed so far',
    step_count BIGINT NOT NULL DEFAULT 0
        COMMENT 'Steps committed so far',
    retries INT NOT NULL DEFAULT 0
        COMMENT 'Steps in a row that had to be rolled back',
    state JSON NULL
        COMMENT 'The executor''s own notes between two steps',
    started_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When its jobs were claimed; UTC',
    last_step_at DATETIME(6) NULL
        COMMENT 'When its last step was committed; UTC',
    ended_at DATETIME(6) NULL
        COMMENT 'When it ended; NULL: open; UTC',
    outcome VARCHAR(16) NULL
        COMMENT 'How it ended: done, failed, retry, sliced, returned or lost',
    error TEXT NULL
        COMMENT 'The last error of its steps',
    PRIMARY KEY (run_id),
    KEY idx_dr_open (ended_at, run_id),
    CONSTRAINT chk_dr_phase CHECK (phase IN ('check', 'advance', 'finish', 'ended')),
    CONSTRAINT chk_dr_outcome
    CHECK (outcome IN ('done', 'failed', 'retry', 'sliced', 'returned', 'lost'))
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each run of a worker over a set of jobs';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_runs TO 'deletion_jobs_owner'@'localhost';
-- <<<

-- >>> schema/mysql/tables/deletion_attempts.sql
-- deletion_attempts
-- Job by run: what became of each time that a job was taken up, and what had been asked.

CREATE TABLE IF NOT EXISTS deletion_attempts (
    job_id BIGINT UNSIGNED NOT NULL
        COMMENT 'The job',
    attempt_no INT NOT NULL
        COMMENT 'Counts the job''s attempts from 1',
    run_id BIGINT UNSIGNED NULL
        COMMENT 'The run that had it; NULL: it ended before any run took it up',
    started_at DATETIME(6) NULL
        COMMENT 'When the run claimed it; UTC',
    ended_at DATETIME(6) NULL
        COMMENT 'When the attempt ended; NULL: open; UTC',
    outcome VARCHAR(16) NULL
        COMMENT 'How it ended: done, failed, cancelled, retry, sliced, returned or lost',
    error TEXT NULL
        COMMENT 'Why, where it did not end done',
    is_counted BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'It counts towards max_attempts',
    is_past BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'It belongs to what was asked before the job was armed again',
    alone_next BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'The next claim takes the job alone, away from the set that failed or was slow',
    cancel_requested_at DATETIME(6) NULL
        COMMENT 'When cancel_deletion asked the run to stop this job; UTC',
    asked_reason TEXT NULL
        COMMENT 'The reason that was given',
    asked_hard_delete BOOLEAN NULL
        COMMENT 'The mode that was asked for',
    asked_scheduled_at DATETIME(6) NULL
        COMMENT 'The time that was asked for; UTC',
    asked_by BIGINT UNSIGNED NULL
        COMMENT 'Who asked',
    asked_at DATETIME(6) NULL
        COMMENT 'When it was asked; UTC',
    PRIMARY KEY (job_id, attempt_no),
    KEY idx_da_run (run_id, job_id),
    CONSTRAINT chk_da_outcome
    CHECK (outcome IN ('done', 'failed', 'cancelled', 'retry', 'sliced', 'returned', 'lost'))
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each time that a job was taken up';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_attempts TO 'deletion_jobs_owner'@'localhost';
-- <<<

-- >>> schema/mysql/tables/deletion_frames.sql
-- deletion_frames
-- The stacks of open runs: what has to survive the commit between two steps.

CREATE TABLE IF NOT EXISTS deletion_frames (
    run_id BIGINT UNSIGNED NOT NULL
        COMMENT 'The run',
    depth INT NOT NULL
        COMMENT 'Place on the stack; 0: the roots',
    node_no INT NOT NULL
        COMMENT 'The plan''s table that the keys are of',
    edge_no INT NOT NULL
        COMMENT 'The reference by which they were found',
    `keys` JSON NOT NULL
        COMMENT 'The keys, each with its job and the values it was found by',
    key_count INT NOT NULL
        COMMENT 'How many',
    edge_pos INT NOT NULL DEFAULT 0
        COMMENT 'The last of the table''s references that was emptied, by its number in the plan',
    fetch_cursor JSON NULL
        COMMENT 'How far the next reference has been read; NULL: from the start',
    rows_at_pass BIGINT NOT NULL DEFAULT 0
        COMMENT 'rows_changed of the run when the pass over the references began',
    rows_here BIGINT NOT NULL DEFAULT 0
        COMMENT 'Rows changed below these keys so far',
    idle_passes INT NOT NULL DEFAULT 0
        COMMENT 'Passes without progress in a row',
    updated_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When a step last wrote it; UTC',
    PRIMARY KEY (run_id, depth)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each frame on the stack of an open run';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_frames TO 'deletion_jobs_owner'@'localhost';
-- <<<

-- >>> schema/mysql/tables/deletion_receipts.sql
-- deletion_receipts
-- What each job has changed: written in the transaction that changed it.

CREATE TABLE IF NOT EXISTS deletion_receipts (
    job_id BIGINT UNSIGNED NOT NULL
        COMMENT 'The job',
    table_name VARCHAR(130) NOT NULL
        COMMENT 'The table, named as targets are',
    action VARCHAR(16) NOT NULL
        COMMENT 'delete, set_null, set_default; root_not_found: the row was gone already',
    row_count BIGINT NOT NULL
        COMMENT 'How many rows; 0 for root_not_found',
    updated_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When it last grew; UTC',
    PRIMARY KEY (job_id, table_name, action),
    CONSTRAINT chk_drec_action
    CHECK (action IN ('delete', 'set_null', 'set_default', 'root_not_found'))
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Rows changed, for each job, table and action';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_receipts TO 'deletion_jobs_owner'@'localhost';
-- <<<

-- >>> schema/mysql/tables/deletion_marks.sql
-- deletion_marks
-- What soft deletion has marked, with the value before, so that exactly this can be taken back.

CREATE TABLE IF NOT EXISTS deletion_marks (
    mark_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT
        COMMENT 'The mark''s number',
    job_id BIGINT UNSIGNED NOT NULL
        COMMENT 'The job that marked it',
    table_name VARCHAR(130) NOT NULL
        COMMENT 'The table, named as targets are',
    row_key JSON NOT NULL
        COMMENT 'The row''s key, an array',
    column_name VARCHAR(64) NOT NULL
        COMMENT 'The column that was set',
    old_value JSON NULL
        COMMENT 'Its value before',
    new_value JSON NULL
        COMMENT 'Its value since',
    marked_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When it was set; UTC',
    PRIMARY KEY (mark_id),
    KEY idx_dm_job (job_id)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each row that a soft deletion has marked';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_marks TO 'deletion_jobs_owner'@'localhost';
-- <<<

-- >>> schema/mysql/tables/deletion_settings.sql
-- deletion_settings
-- Every setting with its default, its range and what it means.

CREATE TABLE IF NOT EXISTS deletion_settings (
    setting_name VARCHAR(64) NOT NULL
        COMMENT 'Its name',
    setting_value TEXT NULL
        COMMENT 'What was set; NULL: the default holds',
    default_value TEXT NULL
        COMMENT 'The default; NULL: none',
    kind VARCHAR(16) NOT NULL
        COMMENT 'integer, boolean or text',
    min_value BIGINT NULL
        COMMENT 'The smallest integer; NULL: any',
    max_value BIGINT NULL
        COMMENT 'The largest integer; NULL: any',
    unit VARCHAR(16) NULL
        COMMENT 'What it counts',
    description TEXT NOT NULL
        COMMENT 'What it does',
    PRIMARY KEY (setting_name),
    CONSTRAINT chk_dset_kind CHECK (kind IN ('integer', 'boolean', 'text'))
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each setting';

-- Run again, this refreshes defaults, ranges and texts; what was set by hand stays.
INSERT INTO deletion_settings
(setting_name, default_value, kind, min_value, max_value, unit, description)
VALUES
(
    'batch_rows', '5000', 'integer', 1, 100000, 'rows',
    'Rows that one transaction may change, the engine''s own cascades included.'
),
(
    'batch_ms', '250', 'integer', 1, 60000, 'ms',
    'How long one transaction should work before it commits: an aim.'
),
(
    'jobs_per_run', '500', 'integer', 1, 10000, 'jobs',
    'Jobs that a worker claims at once and walks together.'
),
(
    'run_seconds', '20', 'integer', 1, 3600, 's',
    'How long one CALL of run_deletion_jobs goes on while jobs are due.'
),
(
    'slice_ms', '1000', 'integer', 1, 3600000, 'ms',
    'How long a set of jobs may hold others up before its heavy ones are set aside.'
),
(
    'tick_seconds', '10', 'integer', 1, 59, 's',
    'How often the scheduler starts each worker; takes hold at start_deletion_schedule.'
),
(
    'workers', '1', 'integer', 1, 32, 'workers',
    'Slots that the scheduler starts; takes hold at start_deletion_schedule.'
),
(
    'lock_timeout_ms', '2000', 'integer', 1, 3600000, 'ms',
    'How long a step waits for a lock on application rows before it is rolled back.'
),
(
    'max_attempts', '5', 'integer', 1, 1000, 'attempts',
    'Counted attempts after which a job is failed.'
),
(
    'backoff_seconds', '10', 'integer', 0, 86400, 's',
    'Rest after the first attempt that may be tried again; doubles with each.'
),
(
    'backoff_max_seconds', '3600', 'integer', 0, 604800, 's',
    'The longest rest between two attempts.'
),
(
    'pause_ms', '0', 'integer', 0, 60000, 'ms',
    'Rest after each transaction.'
),
(
    'unindexed_limit_rows', '100000', 'integer', 0, NULL, 'rows',
    'A reference without an index is refused where its table is larger than this.'
),
(
    'max_rows', NULL, 'integer', 1, NULL, 'rows',
    'A job that would change more rows fails; for targets that name no limit; NULL: none.'
),
(
    'history_days', '90', 'integer', 1, 36500, 'days',
    'How long finished jobs, their attempts and receipts are kept.'
),
(
    'preview_rows', '1000000', 'integer', 1, NULL, 'rows',
    'Rows after which preview_deletion stops and says "at least".'
),
(
    'recompile', 'true', 'boolean', NULL, NULL, NULL,
    'Compile a stale plan anew before use; false: refuse it with JD009.'
),
(
    'max_pending', NULL, 'integer', 1, NULL, 'jobs',
    'An enqueue that would leave more jobs pending is refused; NULL: any number.'
),
(
    'paused_reason', NULL, 'text', NULL, NULL, NULL,
    'Why all workers rest; set by pause_deletions and cleared by resume_deletions.'
)
AS new_setting
ON DUPLICATE KEY UPDATE
    default_value = new_setting.default_value,
    kind = new_setting.kind,
    min_value = new_setting.min_value,
    max_value = new_setting.max_value,
    unit = new_setting.unit,
    description = new_setting.description;

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_settings TO 'deletion_jobs_owner'@'localhost';
-- <<<

-- >>> schema/mysql/tables/deletion_slots.sql
-- deletion_slots
-- The workers' ticks: whether the loop really runs, slot by slot.

CREATE TABLE IF NOT EXISTS deletion_slots (
    slot INT NOT NULL
        COMMENT 'The slot, counted from 1',
    last_started_at DATETIME(6) NULL
        COMMENT 'When its loop last started; UTC',
    last_ended_at DATETIME(6) NULL
        COMMENT 'When its loop last ended in order; UTC',
    last_outcome VARCHAR(16) NULL
        COMMENT 'How it ended: idle, worked, busy, paused',
    last_error TEXT NULL
        COMMENT 'The last error that ended the loop',
    jobs_claimed BIGINT NOT NULL DEFAULT 0
        COMMENT 'Jobs claimed in this slot so far',
    session_id BIGINT UNSIGNED NULL
        COMMENT 'Connection id of its last session',
    event_schema VARCHAR(64) NOT NULL DEFAULT (database())
        COMMENT 'Database that the event lives in; a view cannot ask for its own',
    PRIMARY KEY (slot)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each worker slot that has ever run';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_slots TO 'deletion_jobs_owner'@'localhost';
-- <<<

-- >>> schema/mysql/tables/deletion_walk_keys.sql
-- deletion_walk_keys
-- Scratch of checks and previews: keys seen by a walk, dropped when it ends.

CREATE TABLE IF NOT EXISTS deletion_walk_keys (
    walk_id BIGINT NOT NULL
        COMMENT 'The run; below zero: the session of a preview; 0: rows counted once for a job',
    job_id BIGINT UNSIGNED NOT NULL
        COMMENT 'The job that it was met for',
    node_no INT NOT NULL
        COMMENT 'The plan''s table that the key is of',
    fate VARCHAR(16) NOT NULL
        COMMENT 'What would become of the row: delete, set_null, set_default, restrict or keep',
    key_hash BINARY(32) NOT NULL
        COMMENT 'Digest of the key',
    edge_no INT NULL
        COMMENT 'The reference by which it was met',
    `keys` JSON NULL
        COMMENT 'The key as a frame holds it',
    is_expanded BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'Its children have been looked at',
    PRIMARY KEY (walk_id, job_id, node_no, fate, key_hash),
    KEY idx_dwk_open (walk_id, is_expanded, node_no)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each key that a walk has met';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_walk_keys TO 'deletion_jobs_owner'@'localhost';
-- <<<

-- >>> schema/mysql/tables/deletion_plan_edges.sql
-- deletion_plan_edges
-- Work table of the planner: the references of a plan that is being compiled.

CREATE TABLE IF NOT EXISTS deletion_plan_edges (
    plan_id BIGINT UNSIGNED NOT NULL
        COMMENT 'Plan that is being compiled',
    parent_node_no INT NOT NULL
        COMMENT 'Table that the reference points at',
    child_schema VARCHAR(64) NOT NULL
        COMMENT 'Schema of the table that points',
    child_table VARCHAR(64) NOT NULL
        COMMENT 'The table that points',
    reference_name VARCHAR(64) NOT NULL
        COMMENT 'Foreign key or declared reference',
    child_node_no INT NULL
        COMMENT 'The table that points, as the plan numbers it',
    edge_no INT NULL
        COMMENT 'Place of the reference in the order of work, from 1',
    action VARCHAR(16) NOT NULL
        COMMENT 'What happens to the child rows',
    is_declared BOOLEAN NOT NULL
        COMMENT 'True where the catalog does not know the reference',
    child_columns JSON NOT NULL
        COMMENT 'Columns that point, in order',
    parent_columns JSON NOT NULL
        COMMENT 'Columns pointed at, in the same order',
    parent_index VARCHAR(64) NULL
        COMMENT 'Unique key that the columns pointed at make',
    discriminator_column VARCHAR(64) NULL
        COMMENT 'Column of the child that tells which parent table is meant',
    discriminator_value TEXT NULL
        COMMENT 'The value of it that means this parent',
    index_name VARCHAR(64) NULL
        COMMENT 'Index of the child that leads with the columns; NULL: there is none',
    is_leaf BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where the child rows have no children of their own',
    waits BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where the child table is in the closure too, and the reference only orders',
    in_check BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where the check has to look at this reference',
    is_once BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where another reference of the child is set too, and rows count once',
    frame_columns JSON NULL
        COMMENT 'How frames carry the values of the child columns',
    on_frame TEXT NULL
        COMMENT 'Condition: child row c hangs from frame row t; NULL: cannot be written',
    on_parent TEXT NULL
        COMMENT 'Condition: child row c hangs from row x',
    found_by TEXT NULL
        COMMENT 'Condition: row x still hangs from where frame row t was found',
    set_list TEXT NULL
        COMMENT 'What an UPDATE of child row x sets',
    PRIMARY KEY (plan_id, parent_node_no, child_schema, child_table, reference_name)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Work table of the planner: the references of a plan that is being compiled';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_plan_edges TO 'deletion_jobs_owner'@'localhost';
-- <<<

-- >>> schema/mysql/tables/deletion_plan_nodes.sql
-- deletion_plan_nodes
-- Work table of the planner: the tables of a plan that is being compiled.
--
-- Recursion is off in routines here, so the planner walks the catalog by rows of its own; they
-- are gone when the plan is stored.

CREATE TABLE IF NOT EXISTS deletion_plan_nodes (
    plan_id BIGINT UNSIGNED NOT NULL
        COMMENT 'Plan that is being compiled',
    node_no INT NOT NULL
        COMMENT 'Table, counted from the target, which is 0',
    table_schema VARCHAR(64) NOT NULL
        COMMENT 'Schema of the table',
    table_name VARCHAR(64) NOT NULL
        COMMENT 'The table',
    sql_name VARCHAR(270) NOT NULL
        COMMENT 'Both, quoted for a statement',
    display_name VARCHAR(130) NOT NULL
        COMMENT 'Name of the table, for people',
    key_columns JSON NULL
        COMMENT 'Columns that name a row; NULL: none do',
    frame_columns JSON NULL
        COMMENT 'How each column that frames carry is written and read',
    in_closure BOOLEAN NOT NULL
        COMMENT 'True where rows of the table are removed',
    is_expanded BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where its references have been looked for',
    table_rank INT NULL
        COMMENT 'Place in the order, children first',
    PRIMARY KEY (plan_id, node_no),
    UNIQUE KEY uq_dpn_table (plan_id, table_schema, table_name)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Work table of the planner: the tables of a plan that is being compiled';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_plan_nodes TO 'deletion_jobs_owner'@'localhost';
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
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE enqueue_deletion
TO 'deletion_jobs_app';
-- <<<

-- >>> procedures/mysql/api/enqueue_deletions.sql
-- enqueue_deletions
-- Ask that many rows of one table, and everything that hangs from them, be deleted.
--
-- Parameters  p_table          the target, with or without its schema
--             p_pks            JSON array of keys; composite ones as arrays in it
--             p_reason         why; may be NULL
--             p_hard_delete    TRUE: remove for good; FALSE: soft delete
--             p_scheduled_at   when to start, UTC; NULL: as soon as possible
--             p_created_by     the user who asks; may be NULL
--             p_job_count      OUT: how many different keys there were, each a job now
-- Errors      JD002 NULL, no array, or a key that does not parse; JD004 no target; JD011 soft
--             delete is not possible; JD013 more pending jobs than allowed: all or nothing
-- Writes      deletion_jobs, deletion_attempts     Commits  no
-- Execute     deletion_jobs_app
-- Example     CALL enqueue_deletions('customer', '[41, 42]', 'closed', TRUE, NULL, NULL, @dj_n);

DROP PROCEDURE IF EXISTS enqueue_deletions;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE enqueue_deletions(
    IN p_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_pks JSON,
    IN p_reason TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_hard_delete BOOLEAN,
    IN p_scheduled_at DATETIME(6),
    IN p_created_by BIGINT UNSIGNED,
    OUT p_job_count BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Ask that many rows of one table, and everything that hangs from them, be deleted'
BEGIN
    DECLARE v_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_keys JSON;
    DECLARE v_job_id BIGINT UNSIGNED;

    CALL deletion_check_wish('enqueue_deletions', p_table, p_hard_delete, v_entity_table);

    CALL deletion_parse_keys(v_entity_table, p_pks, 'enqueue_deletions', v_keys);
    SET p_job_count = json_length(v_keys);

    IF p_job_count > 0 THEN
        CALL deletion_enqueue(
            'enqueue_deletions',
            v_entity_table,
            v_keys,
            p_reason,
            p_hard_delete,
            p_scheduled_at,
            p_created_by,
            v_job_id
        );
    END IF;
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE enqueue_deletions
TO 'deletion_jobs_app';
-- <<<

-- >>> procedures/mysql/api/cancel_deletion.sql
-- cancel_deletion
-- Ask a deletion job to stop; rows already deleted stay deleted.
--
-- Parameters  p_job_id   the job to cancel
-- Errors      JD001 no such job; JD002 a NULL; JD003 already finished
-- Writes      deletion_jobs (one row), deletion_attempts
-- Commits     no
-- Execute     deletion_jobs_app, deletion_jobs_operator
-- Example     CALL cancel_deletion(42);

DROP PROCEDURE IF EXISTS cancel_deletion;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE cancel_deletion(
    IN p_job_id BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Ask a deletion job to stop; rows already deleted stay deleted'
BEGIN
    DECLARE v_now DATETIME(6) DEFAULT utc_timestamp(6);
    DECLARE v_status VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_attempt_no INT;

    IF p_job_id IS NULL THEN
        CALL deletion_raise('JD002', 'cancel_deletion', 'p_job_id may not be NULL', NULL);
    END IF;

    -- Where the caller is in no transaction this lock is gone at once: the condition counts.
    UPDATE deletion_jobs AS j
    SET j.status = 'cancelled', j.finished_at = v_now
    WHERE j.id = p_job_id AND j.status = 'pending';

    IF row_count() > 0 THEN
        CALL deletion_keep_cancelled(p_job_id);
    ELSE
        SELECT j.status INTO v_status
        FROM deletion_jobs AS j
        WHERE j.id = p_job_id
        FOR UPDATE;

        IF v_status = 'running' THEN
            SELECT a.attempt_no INTO v_attempt_no
            FROM deletion_attempts AS a
            WHERE a.job_id = p_job_id AND a.outcome IS NULL
            ORDER BY a.attempt_no DESC
            LIMIT 1;
        END IF;

        IF v_status IS NULL THEN
            CALL deletion_raise('JD001', 'cancel_deletion', 'no such job', p_job_id);
        ELSEIF v_attempt_no IS NULL THEN
            CALL deletion_raise(
                'JD003', 'cancel_deletion', concat('the job is ', v_status), p_job_id
            );
        END IF;

        -- A request: only the run that has the job, or recovery, ends it.
        UPDATE deletion_attempts AS a
        SET a.cancel_requested_at = coalesce(a.cancel_requested_at, v_now)
        WHERE a.job_id = p_job_id AND a.attempt_no = v_attempt_no;
    END IF;
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE cancel_deletion
TO 'deletion_jobs_app', 'deletion_jobs_operator';
-- <<<

-- >>> procedures/mysql/planner/deletion_raise.sql
-- deletion_raise
-- Raise one of the errors of this project, in the form that all of them have.
--
-- Parameters  p_code    its SQLSTATE
--             p_verb    the verb that was called
--             p_what    what is wrong
--             p_value   the value that is; NULL: none to show
-- Errors      the one that was asked for, always
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     CALL deletion_raise('JD001', 'cancel_deletion', 'no such job', 42);

DROP PROCEDURE IF EXISTS deletion_raise;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_raise(
    IN p_code CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_verb VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_what VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_value TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Raise one of the errors of this project, in the form that all of them have'
BEGIN
    DECLARE v_errno INT DEFAULT 31000 + substring(p_code, 3);
    DECLARE v_message VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT concat(p_verb, ': ', p_what);

    IF p_value IS NOT NULL THEN
        -- The value is cut, never the closing parenthesis.
        SET v_message = left(
            concat(v_message, ' (', left(p_value, 125 - char_length(v_message)), ')'), 128
        );
    END IF;

    -- The SQLSTATE of a SIGNAL has to be a literal.
    CASE p_code
        WHEN 'JD001' THEN
            SIGNAL SQLSTATE 'JD001' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
        WHEN 'JD002' THEN
            SIGNAL SQLSTATE 'JD002' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
        WHEN 'JD003' THEN
            SIGNAL SQLSTATE 'JD003' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
        WHEN 'JD004' THEN
            SIGNAL SQLSTATE 'JD004' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
        WHEN 'JD005' THEN
            SIGNAL SQLSTATE 'JD005' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
        WHEN 'JD006' THEN
            SIGNAL SQLSTATE 'JD006' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
        WHEN 'JD007' THEN
            SIGNAL SQLSTATE 'JD007' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
        WHEN 'JD008' THEN
            SIGNAL SQLSTATE 'JD008' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
        WHEN 'JD009' THEN
            SIGNAL SQLSTATE 'JD009' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
        WHEN 'JD010' THEN
            SIGNAL SQLSTATE 'JD010' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
        WHEN 'JD011' THEN
            SIGNAL SQLSTATE 'JD011' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
        WHEN 'JD012' THEN
            SIGNAL SQLSTATE 'JD012' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
        WHEN 'JD013' THEN
            SIGNAL SQLSTATE 'JD013' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
    END CASE;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_setting.sql
-- deletion_setting
-- Read a setting: the value set by hand, else its default.
--
-- Parameters  p_name   name of the setting
-- Returns     text; NULL: there is none, or the limit is off
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_setting('recompile');

DROP FUNCTION IF EXISTS deletion_setting;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_setting(
    p_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read a setting: the value set by hand, else its default'
BEGIN
    RETURN (
        SELECT coalesce(s.setting_value, s.default_value)
        FROM deletion_settings AS s
        WHERE s.setting_name = p_name
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_setting_int.sql
-- deletion_setting_int
-- Read a setting that is a whole number.
--
-- Parameters  p_name   name of the setting
-- Returns     bigint; NULL: there is none, or the limit is off
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_setting_int('batch_rows');

DROP FUNCTION IF EXISTS deletion_setting_int;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_setting_int(
    p_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS BIGINT
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read a setting that is a whole number'
BEGIN
    RETURN cast(deletion_setting(p_name) AS SIGNED);
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_quote_name.sql
-- deletion_quote_name
-- Quote a name for use in a statement.
--
-- Parameters  p_name   the name, without quotes
-- Returns     text: the name in backticks, those inside it doubled
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_quote_name('odd`name');

DROP FUNCTION IF EXISTS deletion_quote_name;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_quote_name(
    p_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Quote a name for use in a statement'
BEGIN
    RETURN concat('`', replace(p_name, '`', '``'), '`');
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_entity_name.sql
-- deletion_entity_name
-- Name a table as jobs, plans and receipts do.
--
-- Parameters  p_schema   schema of the table
--             p_table    the table
-- Returns     text: the table, with its schema only where that is not our own
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_entity_name('shop', 'customer');

DROP FUNCTION IF EXISTS deletion_entity_name;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_entity_name(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Name a table as jobs, plans and receipts do'
BEGIN
    -- Inside a routine DATABASE() is the routine's own, whatever the caller has chosen.
    RETURN if(p_schema = database(), p_table, concat(p_schema, '.', p_table));
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_target_name.sql
-- deletion_target_name
-- Find the name that a target is registered under.
--
-- Parameters  p_table   the table, with or without our own schema before it
-- Returns     text; NULL: the table is no target
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_target_name('shop.customer');

DROP FUNCTION IF EXISTS deletion_target_name;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_target_name(
    p_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the name that a target is registered under'
BEGIN
    DECLARE v_home VARCHAR(65) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT concat(database(), '.');
    DECLARE v_found VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT (SELECT t.entity_table FROM deletion_targets AS t WHERE t.entity_table = p_table);

    IF v_found IS NULL AND left(p_table, char_length(v_home)) = v_home THEN
        SET v_found = (
            SELECT t.entity_table
            FROM deletion_targets AS t
            WHERE t.entity_table = substring(p_table, char_length(v_home) + 1)
        );
    END IF;

    RETURN v_found;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_find_table.sql
-- deletion_find_table
-- Find a table of the application by the name that somebody gave.
--
-- Parameters  p_name     the table as the catalog spells it, or its schema, a dot and the table
--             p_verb     the verb that was called
--             p_schema   OUT schema of the table
--             p_table    OUT the table
-- Errors      JD005 no such table; a system table, a view, partitioned, or not in InnoDB
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     CALL deletion_find_table('customer', 'test', @dj_schema, @dj_table);

DROP PROCEDURE IF EXISTS deletion_find_table;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_find_table(
    IN p_name TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_verb VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find a table of the application by the name that somebody gave'
BEGIN
    DECLARE v_schema, v_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_type, v_engine VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_options TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SET v_schema = database(), v_table = p_name;

    -- A name may hold a dot itself; so the whole of it in our own schema comes first.
    IF locate('.', p_name) > 0 AND NOT EXISTS (
        SELECT 1
        FROM information_schema.tables AS t
        WHERE t.table_schema = v_schema AND t.table_name = v_table
    ) THEN
        SET v_schema = substring_index(p_name, '.', 1);
        SET v_table = substring(p_name, char_length(v_schema) + 2);
    END IF;

    -- The catalog may compare letters regardless of case, depending on the server.
    SELECT t.table_schema, t.table_name, t.table_type, t.engine, t.create_options
    INTO p_schema, p_table, v_type, v_engine, v_options
    FROM information_schema.tables AS t
    WHERE
        t.table_schema = v_schema
        AND t.table_name = v_table
        AND cast(t.table_schema AS BINARY) = cast(v_schema AS BINARY)
        AND cast(t.table_name AS BINARY) = cast(v_table AS BINARY);

    IF p_table IS NULL THEN
        CALL deletion_raise(
            'JD005',
            p_verb,
            'no such table that deletion_jobs_owner can see',
            p_name
        );
    ELSEIF p_schema IN ('mysql', 'information_schema', 'performance_schema', 'sys') THEN
        CALL deletion_raise('JD005', p_verb, 'table is a system table', p_name);
    ELSEIF v_type <> 'BASE TABLE' THEN
        CALL deletion_raise('JD005', p_verb, 'table is a view', p_name);
    ELSEIF v_engine <> 'InnoDB' THEN
        CALL deletion_raise('JD005', p_verb, 'table is not in InnoDB', p_name);
    ELSEIF v_options LIKE '%partitioned%' THEN
        CALL deletion_raise('JD005', p_verb, 'table is partitioned', p_name);
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_type_family.sql
-- deletion_type_family
-- Tell what kind of key a type makes.
--
-- Parameters  p_type   the type, as the catalog prints it
-- Returns     number, string, bytes, label, moment or time, which compare among themselves;
--             NULL: keys cannot be of that type (floats, JSON, texts without a length, and others)
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_type_family('decimal(12,2)');

DROP FUNCTION IF EXISTS deletion_type_family;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_type_family(
    p_type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Tell what kind of key a type makes'
BEGIN
    RETURN CASE
        WHEN p_type REGEXP '^((tiny|small|medium|big)?int|decimal|bit|year)([( ]|$)' THEN 'number'
        WHEN p_type REGEXP '^(var)?char[(]' THEN 'string'
        WHEN p_type REGEXP '^(var)?binary[(]' THEN 'bytes'
        WHEN p_type REGEXP '^enum[(]' THEN 'label'
        WHEN p_type REGEXP '^(date|datetime|timestamp)([( ]|$)' THEN 'moment'
        WHEN p_type REGEXP '^time([( ]|$)' THEN 'time'
    END;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_fits_charset.sql
-- deletion_fits_charset
-- Tell whether a character set has every character of a text.
--
-- Parameters  p_text      the text
--             p_charset   name of the character set
-- Returns     boolean; for a set that is not listed here, whether the text is plain ASCII
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_fits_charset('abc', 'latin1');
--
-- A character that the set lacks would become a question mark, and might name another row.

DROP FUNCTION IF EXISTS deletion_fits_charset;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_fits_charset(
    p_text TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_charset VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS BOOLEAN
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Tell whether a character set has every character of a text'
BEGIN
    IF p_charset = 'utf8mb4' OR char_length(p_text) = length(p_text) THEN
        RETURN TRUE;
    END IF;

    -- The linter takes "convert" for a keyword and a function at once.
    -- noqa: disable=CP01
    RETURN p_text = convert(
        CASE p_charset
            WHEN 'utf16' THEN convert(p_text USING utf16)
            WHEN 'utf32' THEN convert(p_text USING utf32)
            WHEN 'latin1' THEN convert(p_text USING latin1)
            WHEN 'latin2' THEN convert(p_text USING latin2)
            WHEN 'cp1250' THEN convert(p_text USING cp1250)
            WHEN 'cp1251' THEN convert(p_text USING cp1251)
            WHEN 'koi8r' THEN convert(p_text USING koi8r)
            WHEN 'gbk' THEN convert(p_text USING gbk)
            WHEN 'gb18030' THEN convert(p_text USING gb18030)
            WHEN 'big5' THEN convert(p_text USING big5)
            WHEN 'sjis' THEN convert(p_text USING sjis)
            WHEN 'cp932' THEN convert(p_text USING cp932)
            WHEN 'utf8mb3' THEN regexp_replace(p_text, '[^\\x{0}-\\x{FFFF}]', '?')
            ELSE '?'
        END USING utf8mb4
    );
    -- noqa: enable=CP01
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_key_number.sql
-- deletion_key_number
-- Read a key value that is a number, strictly.
--
-- Parameters  p_text   the value as text
--             p_type   type of its column: an integer, DECIMAL, BIT or YEAR
-- Returns     text as the type prints it, BIT as a decimal number; NULL: it does not parse
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_key_number('042', 'int unsigned');

DROP FUNCTION IF EXISTS deletion_key_number;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_key_number(
    p_text TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Read a key value that is a number, strictly'
BEGIN
    DECLARE v_family VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT regexp_substr(p_type, '^[a-z]+');
    DECLARE v_sizes VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT regexp_substr(p_type, '[0-9]+(,[0-9]+)?');
    DECLARE v_is_unsigned BOOLEAN DEFAULT p_type LIKE '% unsigned%';
    DECLARE v_sign VARCHAR(1) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT if(p_text LIKE '-%', '-', '');
    DECLARE v_whole, v_part TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';
    DECLARE v_scale INT DEFAULT 0;
    DECLARE v_top, v_number DECIMAL(65, 0);

    -- "$" alone would let a line break through.
    IF p_text REGEXP '[^-+.0-9]' OR p_text NOT REGEXP '^[-+]?([0-9]+([.][0-9]*)?|[.][0-9]+)$' THEN
        RETURN NULL;
    END IF;

    SET v_whole = trim(
        LEADING '0' FROM replace(replace(substring_index(p_text, '.', 1), '-', ''), '+', '')
    );

    IF locate('.', p_text) > 0 THEN
        SET v_part = trim(TRAILING '0' FROM substring_index(p_text, '.', -1));
    END IF;

    IF v_family = 'decimal' THEN
        SET v_scale = substring_index(v_sizes, ',', -1);

        IF
            char_length(v_whole) > substring_index(v_sizes, ',', 1) - v_scale
            OR char_length(v_part) > v_scale
        THEN
            RETURN NULL;
        END IF;
    ELSE
        SET v_top = CASE v_family
            WHEN 'tinyint' THEN if(v_is_unsigned, 255, 127)
            WHEN 'smallint' THEN if(v_is_unsigned, 65535, 32767)
            WHEN 'mediumint' THEN if(v_is_unsigned, 16777215, 8388607)
            WHEN 'int' THEN if(v_is_unsigned, 4294967295, 2147483647)
            WHEN 'bigint' THEN if(v_is_unsigned, 18446744073709551615, 9223372036854775807)
            WHEN 'bit' THEN ~0 >> (64 - v_sizes)
            WHEN 'year' THEN 2155
        END;

        IF
            locate('.', p_text) > 0
            OR char_length(v_whole) > 20
            OR v_top IS NULL
        THEN
            RETURN NULL;
        END IF;

        SET v_number = cast(concat('0', v_whole) AS DECIMAL(65, 0));

        IF
            v_number > v_top + (v_sign = '-')
            OR (v_family = 'year' AND v_number BETWEEN 1 AND 1900)
        THEN
            RETURN NULL;
        END IF;
    END IF;

    IF v_whole = '' AND v_part = '' THEN
        SET v_sign = '';
    ELSEIF v_sign = '-' AND (v_is_unsigned OR v_family IN ('bit', 'year')) THEN
        RETURN NULL;
    END IF;

    RETURN concat(
        v_sign,
        if(v_family = 'year', lpad(v_whole, 4, '0'), if(v_whole = '', '0', v_whole)),
        if(v_scale > 0, concat('.', rpad(v_part, v_scale, '0')), '')
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_key_string.sql
-- deletion_key_string
-- Read a key value that is a string of characters, of bytes, or a label, strictly.
--
-- Parameters  p_text      the value as text; bytes as hexadecimal digits, after 0x or not
--             p_type      type of its column: CHAR, VARCHAR, BINARY, VARBINARY or ENUM
--             p_charset   character set of its column; NULL: none
-- Returns     text as the type prints it, bytes as HEX() does; NULL: it does not parse
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_key_string('0x00ff', 'varbinary(16)', NULL);
--
-- Letters stay as they are given. Under a collation that ignores case, 'abc' and 'ABC' name one
-- row and are two jobs; the second finds the row gone, which is no error.

DROP FUNCTION IF EXISTS deletion_key_string;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_key_string(
    p_text TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_charset VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Read a key value that is a string of characters, of bytes, or a label, strictly'
BEGIN
    DECLARE v_family VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT regexp_substr(p_type, '^[a-z]+');
    DECLARE v_size INT DEFAULT regexp_substr(
        if(v_family = 'enum', '0', p_type), '[0-9]+'
    );
    DECLARE v_text TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT p_text;

    IF v_family IN ('binary', 'varbinary') THEN
        SET v_text = upper(if(p_text LIKE '0x%', substring(p_text, 3), p_text));

        RETURN if(
            v_text REGEXP '[^0-9A-F]'
            OR char_length(v_text) % 2 = 1
            OR char_length(v_text) > 2 * v_size
            -- A short value would be filled up by the column and be another one.
            OR (v_family = 'binary' AND char_length(v_text) < 2 * v_size),
            NULL,
            v_text
        );
    END IF;

    IF v_family = 'enum' THEN
        -- Labels alone count: the column itself would take the number of a label as well.
        RETURN if(
            locate(
                concat(',''', replace(p_text, '''', ''''''), ''','),
                concat(',', substring(p_type, 6, char_length(p_type) - 6), ',')
            ) > 0,
            p_text,
            NULL
        );
    END IF;

    -- A CHAR column gives its values back without the blanks at their end.
    IF v_family = 'char' THEN
        SET v_text = trim(TRAILING ' ' FROM p_text);
    END IF;

    RETURN if(
        char_length(v_text) > v_size OR NOT deletion_fits_charset(v_text, p_charset), NULL, v_text
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_key_time.sql
-- deletion_key_time
-- Read a key value that is a date or a time, strictly.
--
-- Parameters  p_text   the value as text, a TIMESTAMP in UTC
--             p_type   type of its column: DATE, DATETIME, TIMESTAMP or TIME
-- Returns     text as the type prints it; NULL: it does not parse
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_key_time('2024-02-29', 'date');

DROP FUNCTION IF EXISTS deletion_key_time;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_key_time(
    p_text TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Read a key value that is a date or a time, strictly'
BEGIN
    DECLARE v_family VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT regexp_substr(p_type, '^[a-z]+');
    DECLARE v_scale INT DEFAULT coalesce(regexp_substr(p_type, '[0-9]+'), '0');
    DECLARE v_day, v_time, v_part TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';
    DECLARE v_hours INT DEFAULT 0;

    -- "$" alone would let a line break through.
    IF p_text REGEXP '[^-: T.0-9]' OR p_text NOT REGEXP CASE v_family
        WHEN 'date' THEN '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'
        WHEN 'time' THEN '^-?[0-9]{2,3}:[0-5][0-9]:[0-5][0-9]([.][0-9]+)?$'
        ELSE '^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-5][0-9]:[0-5][0-9]([.][0-9]+)?)?$'
    END THEN
        RETURN NULL;
    END IF;

    IF v_family <> 'time' THEN
        SET v_day = left(p_text, 10);

        -- No conversion here: it would warn, or fail under another sql_mode.
        IF
            left(v_day, 4) = '0000'
            OR substring(v_day, 6, 2) NOT BETWEEN '01' AND '12'
            OR right(v_day, 2) < '01'
            OR right(v_day, 2) > day(last_day(concat(left(v_day, 8), '01')))
        THEN
            RETURN NULL;
        END IF;
    END IF;

    IF v_family = 'date' THEN
        RETURN v_day;
    END IF;

    SET v_time = if(v_family = 'time', p_text, substring(p_text, 12));
    SET v_time = if(v_time = '', '00:00:00', v_time);

    IF locate('.', v_time) > 0 THEN
        SET v_part = trim(TRAILING '0' FROM substring_index(v_time, '.', -1));
        SET v_time = substring_index(v_time, '.', 1);
    END IF;

    SET v_hours = substring_index(trim(LEADING '-' FROM v_time), ':', 1);

    IF
        char_length(v_part) > v_scale
        OR v_hours > if(v_family = 'time', 838, 23)
        -- Nothing lies between 838:59:59 and the end of the range.
        OR (v_hours = 838 AND v_time LIKE '%:59:59' AND v_part <> '')
    THEN
        RETURN NULL;
    END IF;

    IF v_family = 'time' THEN
        SET v_time = concat(
            if(v_time LIKE '-%' AND concat(v_time, v_part) REGEXP '[1-9]', '-', ''),
            lpad(v_hours, if(v_hours > 99, 3, 2), '0'),
            right(v_time, 6)
        );
    END IF;

    RETURN concat(
        if(v_day = '', '', concat(v_day, ' ')),
        v_time,
        if(v_scale > 0, concat('.', rpad(v_part, v_scale, '0')), '')
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_key_text.sql
-- deletion_key_text
-- Read a key value strictly, and give the one text that stands for it.
--
-- Parameters  p_text      the value as text
--             p_type      type of its column, as the catalog prints it
--             p_charset   character set of its column; NULL: none
-- Returns     text as the type prints it; NULL: it does not parse, or keys cannot be of that type
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_key_text('042', 'int', NULL);

DROP FUNCTION IF EXISTS deletion_key_text;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_key_text(
    p_text TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_charset VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Read a key value strictly, and give the one text that stands for it'
BEGIN
    RETURN CASE deletion_type_family(p_type)
        WHEN 'number' THEN deletion_key_number(p_text, p_type)
        WHEN 'string' THEN deletion_key_string(p_text, p_type, p_charset)
        WHEN 'bytes' THEN deletion_key_string(p_text, p_type, NULL)
        WHEN 'label' THEN deletion_key_string(p_text, p_type, p_charset)
        WHEN 'moment' THEN deletion_key_time(p_text, p_type)
        WHEN 'time' THEN deletion_key_time(p_text, p_type)
    END;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_parse_key.sql
-- deletion_parse_key
-- Read a row's key strictly, and give the one text that stands for it in deletion_jobs.
--
-- Parameters  p_entity_table   the target, as it is registered
--             p_pk             the key as text; a composite one as a JSON array in key order
--             p_verb           the verb that was called
--             p_canonical      OUT text; composite keys as a JSON array of texts without blanks
-- Errors      JD002 it does not parse, or is longer than 64 characters; JD004 no such target
-- Writes      nothing, and reads no application table     Commits  no
-- Execute     the owner only
-- Example     CALL deletion_parse_key('place', '["de", 12]', 'test', @dj_key);

DROP PROCEDURE IF EXISTS deletion_parse_key;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_parse_key(
    IN p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_pk TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_verb VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_canonical VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read the key of a row strictly, and give the one text that stands for it'
BEGIN
    DECLARE v_types, v_collations JSON;
    DECLARE v_key TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT t.key_types, t.key_collations
    INTO v_types, v_collations
    FROM deletion_targets AS t
    WHERE t.entity_table = p_entity_table;

    IF v_types IS NULL THEN
        CALL deletion_raise('JD004', p_verb, 'table is no target', p_entity_table);
    ELSEIF p_pk IS NULL THEN
        CALL deletion_raise('JD002', p_verb, 'the key is NULL', p_entity_table);
    END IF;

    SET v_key = deletion_key_texts(v_types, v_collations, p_pk);

    IF v_key IS NULL THEN
        CALL deletion_raise('JD002', p_verb, concat('not a key of ', p_entity_table), p_pk);
    ELSEIF char_length(v_key) > 64 THEN
        CALL deletion_raise('JD002', p_verb, 'the key is longer than 64 characters', p_pk);
    END IF;

    SET p_canonical = v_key;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_key_texts.sql
-- deletion_key_texts
-- Read a key of one or several columns strictly, and give the one text that stands for it.
--
-- Parameters  p_types        types of the key's columns, a JSON array
--             p_collations   their {"charset", "collation"}, a JSON array
--             p_pk           the key as text; of several columns a JSON array of their values
-- Returns     text, of any length; NULL: it does not parse
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_key_texts('["date", "int"]', '[null, null]', '["2024-02-29", 7]');

DROP FUNCTION IF EXISTS deletion_key_texts;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_key_texts(
    p_types JSON,
    p_collations JSON,
    p_pk TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Read a key of one or several columns strictly'
BEGIN
    DECLARE v_value JSON;
    DECLARE v_count, v_pos INT DEFAULT 0;
    DECLARE v_text, v_key TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SET v_count = json_length(p_types);

    IF v_count = 1 THEN
        RETURN deletion_key_text(
            p_pk,
            json_unquote(json_extract(p_types, '$[0]')),
            json_unquote(json_extract(p_collations, '$[0].charset'))
        );
    END IF;

    IF NOT coalesce(json_valid(p_pk), FALSE) THEN
        RETURN NULL;
    ELSEIF json_type(p_pk) <> 'ARRAY' OR json_length(p_pk) <> v_count THEN
        RETURN NULL;
    END IF;

    SET v_key = '[';

    -- NULL, once it is there, stays.
    WHILE v_pos < v_count DO
        SET v_value = json_extract(p_pk, concat('$[', v_pos, ']'));
        SET v_text = if(
            json_type(v_value) IN ('STRING', 'INTEGER', 'UNSIGNED INTEGER', 'DOUBLE'),
            deletion_key_text(
                json_unquote(v_value),
                json_unquote(json_extract(p_types, concat('$[', v_pos, ']'))),
                json_unquote(json_extract(p_collations, concat('$[', v_pos, '].charset')))
            ),
            NULL
        );
        SET v_pos = v_pos + 1;
        SET v_key = concat(v_key, json_quote(v_text), if(v_pos < v_count, ',', ']'));
    END WHILE;

    RETURN v_key;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_parse_keys.sql
-- deletion_parse_keys
-- Read many keys strictly, and give them in canonical form, each once.
--
-- Parameters  p_entity_table   the target, as it is registered
--             p_pks            a JSON array of keys: texts and numbers, arrays where composite
--             p_verb           the verb that was called
--             p_keys           OUT the texts that stand for them, a JSON array
-- Errors      JD002 no array, or a key that does not parse
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     CALL deletion_parse_keys('customer', '[1, "2"]', 'enqueue_deletions', @dj_keys);

DROP PROCEDURE IF EXISTS deletion_parse_keys;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_parse_keys(
    IN p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_pks JSON,
    IN p_verb VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_keys JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read many keys strictly, and give them in canonical form, each once'
BEGIN
    DECLARE v_types, v_collations JSON;
    DECLARE v_wrong TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    IF p_pks IS NULL OR json_type(p_pks) <> 'ARRAY' THEN
        CALL deletion_raise('JD002', p_verb, 'p_pks is no JSON array', p_pks);
    END IF;

    SELECT t.key_types, t.key_collations
    INTO v_types, v_collations
    FROM deletion_targets AS t
    WHERE t.entity_table = p_entity_table;

    -- An array is a key only where the key has several columns, since texts are taken as they are.
    SELECT
        coalesce(json_arrayagg(k.pk), json_array()),
        min(if(k.pk IS NULL OR char_length(k.pk) > 64, k.given, NULL))
    INTO p_keys, v_wrong
    FROM (
        SELECT
            g.pk,
            min(g.given) AS given
        FROM (
            SELECT
                cast(e.item AS CHAR) AS given,
                deletion_key_texts(
                    v_types,
                    v_collations,
                    CASE json_type(e.item)
                        WHEN 'STRING' THEN json_unquote(e.item)
                        WHEN 'INTEGER' THEN cast(e.item AS CHAR)
                        WHEN 'UNSIGNED INTEGER' THEN cast(e.item AS CHAR)
                        WHEN 'DOUBLE' THEN cast(e.item AS CHAR)
                        WHEN 'ARRAY' THEN if(json_length(v_types) > 1, cast(e.item AS CHAR), NULL)
                    END
                ) AS pk
            FROM json_table(p_pks, '$[*]' COLUMNS (item JSON PATH '$')) AS e
        ) AS g
        GROUP BY g.pk
    ) AS k;

    IF v_wrong IS NOT NULL THEN
        CALL deletion_raise('JD002', p_verb, concat('not a key of ', p_entity_table), v_wrong);
    END IF;
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

-- >>> procedures/mysql/planner/deletion_keep_asked.sql
-- deletion_keep_asked
-- Before finished jobs are armed again: keep in their attempts what was asked and how it ended.
--
-- Parameters  p_jobs   the jobs, a JSON array of {"id"}; those not finished are passed over
-- Errors      none
-- Writes      deletion_attempts                    Commits  no
-- Execute     the owner only
-- Example     CALL deletion_keep_asked('[{"id": 42}]');

DROP PROCEDURE IF EXISTS deletion_keep_asked;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_keep_asked(
    IN p_jobs JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Before finished jobs are armed again: keep in their attempts what was asked'
BEGIN
    DECLARE v_finished, v_missing, v_open JSON;

    -- Lock order: the job rows first, then their attempts.
    SELECT json_arrayagg(j.id)
    INTO v_finished
    FROM json_table(p_jobs, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$.id')) AS p
    STRAIGHT_JOIN deletion_jobs AS j ON j.id = p.id
    WHERE j.status IN ('done', 'failed', 'cancelled')
    FOR UPDATE OF j;

    -- The attempts are looked up without locks and written by their whole keys: a range would
    -- lock the gap behind it, in which a claim has to insert.
    SELECT json_arrayagg(json_object('job', f.id, 'no', f.next_no))
    INTO v_missing
    FROM (
        SELECT
            t.id,
            coalesce(max(a.attempt_no), 0) + 1 AS next_no
        FROM json_table(v_finished, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS t
        LEFT JOIN deletion_attempts AS a ON a.job_id = t.id
        GROUP BY t.id
        HAVING coalesce(min(a.is_past), TRUE)
    ) AS f;

    SELECT json_arrayagg(json_object('job', a.job_id, 'no', a.attempt_no))
    INTO v_open
    FROM json_table(v_finished, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS t
    INNER JOIN deletion_attempts AS a ON a.job_id = t.id
    WHERE NOT a.is_past;

    INSERT INTO deletion_attempts (
        job_id, attempt_no, started_at, ended_at, outcome, error, is_past,
        asked_reason, asked_hard_delete, asked_scheduled_at, asked_by, asked_at
    )
    SELECT
        j.id,
        m.attempt_no,
        j.started_at,
        j.finished_at,
        j.status,
        j.error,
        TRUE,
        j.reason,
        j.hard_delete,
        j.scheduled_at,
        j.created_by,
        j.created_at
    FROM json_table(
        v_missing, '$[*]' COLUMNS (
            job_id BIGINT UNSIGNED PATH '$.job',
            attempt_no INT PATH '$.no'
        )
    ) AS m
    STRAIGHT_JOIN deletion_jobs AS j ON j.id = m.job_id
    ON DUPLICATE KEY UPDATE is_past = TRUE;

    UPDATE json_table(
        v_open, '$[*]' COLUMNS (
            job_id BIGINT UNSIGNED PATH '$.job',
            attempt_no INT PATH '$.no'
        )
    ) AS o
    STRAIGHT_JOIN deletion_attempts AS a ON a.job_id = o.job_id AND a.attempt_no = o.attempt_no
    STRAIGHT_JOIN deletion_jobs AS j ON j.id = o.job_id
    SET
        a.is_past = TRUE,
        a.asked_reason = if(a.asked_at IS NULL, j.reason, a.asked_reason),
        a.asked_hard_delete = if(a.asked_at IS NULL, j.hard_delete, a.asked_hard_delete),
        a.asked_scheduled_at = if(a.asked_at IS NULL, j.scheduled_at, a.asked_scheduled_at),
        a.asked_by = if(a.asked_at IS NULL, j.created_by, a.asked_by),
        a.asked_at = coalesce(a.asked_at, j.created_at);
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
        CALL deletion_keep_asked(v_rows);
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
                <= coalesce(p_scheduled_at, v_now)
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

-- >>> tooling/deletion_jobs/sql/mysql/migration_commit.sql
SET SESSION sql_mode = @dj_sql_mode;
SET SESSION time_zone = @dj_time_zone;
SET SESSION lock_wait_timeout = @dj_lock_wait_timeout;
-- <<<
