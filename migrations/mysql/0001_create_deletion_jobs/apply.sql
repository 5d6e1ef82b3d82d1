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
GRANT SELECT ON performance_schema.global_variables TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT ON performance_schema.error_log TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT ON performance_schema.events_statements_summary_by_program
TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT ON mysql.innodb_table_stats TO 'deletion_jobs_owner'@'localhost';

-- Where a session has roles active, a view of a definer without any is refused (1143, 9.7.4),
-- whatever rights the definer holds. The reader's role also lets views read other views.
GRANT 'deletion_jobs_reader' TO 'deletion_jobs_owner'@'localhost';
SET DEFAULT ROLE 'deletion_jobs_reader' TO 'deletion_jobs_owner'@'localhost';
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
    key_index VARCHAR(160) NULL
        COMMENT 'Hint that makes a statement find rows by that key',
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
    is_refused BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where the engine refuses to delete a row that refers to itself',
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
    discriminator TEXT NULL
        COMMENT 'Condition on the discriminator, without the name of the row; NULL: there is none',
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
    armed_at DATETIME(6) NULL
        COMMENT 'When start_deletion_schedule armed it; NULL: it did not, or it was stopped; UTC',
    schedule VARCHAR(64) NULL
        COMMENT 'How often the scheduler starts it',
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
-- Parameters  p_job_id   the job: a pending one is cancelled at once, a running one is asked to
--                        stop between two batches, and may be asked again
-- Errors      JD001 no such job; JD002 NULL; JD003 already finished
-- Writes      deletion_jobs (one row), deletion_attempts     Commits  no
-- Execute     deletion_jobs_app, deletion_jobs_operator
-- Example     CALL cancel_deletion(42);

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
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
    DECLARE v_status, v_outcome VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_attempt_no INT;

    IF p_job_id IS NULL THEN
        CALL deletion_raise('JD002', 'cancel_deletion', 'p_job_id is NULL', NULL);
    END IF;

    -- Job row first, then its attempts: the order of every writer.
    SELECT j.status INTO v_status FROM deletion_jobs AS j WHERE j.id = p_job_id FOR UPDATE;

    IF v_status IS NULL THEN
        CALL deletion_raise('JD001', 'cancel_deletion', 'no such job', p_job_id);
    ELSEIF v_status = 'running' THEN
        SELECT
            a.attempt_no,
            a.outcome
        INTO v_attempt_no, v_outcome
        FROM deletion_attempts AS a
        WHERE a.job_id = p_job_id AND NOT a.is_past
        ORDER BY a.attempt_no DESC
        LIMIT 1
        FOR UPDATE;
    END IF;

    IF v_status IN ('done', 'failed', 'cancelled') OR v_outcome IN ('done', 'failed', 'cancelled')
    THEN
        CALL deletion_raise(
            'JD003',
            'cancel_deletion',
            concat('job is already ', coalesce(v_outcome, v_status)),
            p_job_id
        );
    END IF;

    IF v_attempt_no IS NOT NULL AND v_outcome IS NULL THEN
        UPDATE deletion_attempts AS a
        SET a.cancel_requested_at = coalesce(a.cancel_requested_at, v_now)
        WHERE a.job_id = p_job_id AND a.attempt_no = v_attempt_no AND a.outcome IS NULL;
    ELSE
        -- Where the caller is in no transaction the lock is gone: the condition counts.
        UPDATE deletion_jobs AS j
        SET j.status = 'cancelled', j.finished_at = v_now, j.error = NULL
        WHERE j.id = p_job_id AND j.status = v_status;

        IF row_count() = 0 THEN
            CALL deletion_raise(
                'JD003', 'cancel_deletion', 'job has just been taken up; ask again', p_job_id
            );
        END IF;

        CALL deletion_keep_asked(json_array(json_object('id', p_job_id)), FALSE);
    END IF;
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE cancel_deletion
TO 'deletion_jobs_app', 'deletion_jobs_operator';
-- <<<

-- >>> procedures/mysql/admin/retry_deletion.sql
-- retry_deletion
-- Make a failed or cancelled job pending again, with all its attempts before it.
--
-- Parameters  p_job_id   the job
-- Errors      JD001 no such job; JD002 NULL; JD003 the job did not fail and was not cancelled
-- Writes      deletion_jobs (one row), deletion_attempts     Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL retry_deletion(42);

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
DROP PROCEDURE IF EXISTS retry_deletion;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE retry_deletion(
    IN p_job_id BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Make a failed or cancelled job pending again, with all its attempts before it'
BEGIN
    DECLARE v_status VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    IF p_job_id IS NULL THEN
        CALL deletion_raise('JD002', 'retry_deletion', 'p_job_id is NULL', NULL);
    END IF;

    SELECT j.status INTO v_status FROM deletion_jobs AS j WHERE j.id = p_job_id FOR UPDATE;

    IF v_status IS NULL THEN
        CALL deletion_raise('JD001', 'retry_deletion', 'no such job', p_job_id);
    ELSEIF v_status NOT IN ('failed', 'cancelled') THEN
        CALL deletion_raise('JD003', 'retry_deletion', concat('job is ', v_status), p_job_id);
    END IF;

    CALL deletion_keep_asked(json_array(json_object('id', p_job_id)), TRUE);

    UPDATE deletion_jobs AS j
    SET
        j.status = 'pending',
        j.scheduled_at = NULL,
        j.started_at = NULL,
        j.finished_at = NULL,
        j.error = NULL
    WHERE j.id = p_job_id AND j.status = v_status;
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE retry_deletion
TO 'deletion_jobs_operator';
-- <<<

-- >>> procedures/mysql/admin/preview_deletion.sql
-- preview_deletion
-- Say, table by table, what deleting a row would do; nothing is changed.
--
-- Parameters  p_table   the target                 p_pk   key of the row
-- Returns     rows of table_name, action (delete, set_null, set_default, restrict, root_not_found),
--             reference_name (of what blocks), row_count, is_at_least (the walk was cut short)
-- Errors      JD002 NULL, or a key that does not parse; JD004 the table is no target; JD005,
--             JD007 as the plan's; the engine's own where a right is missing
-- Writes      deletion_walk_keys, emptied again; deletion_plans     Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL preview_deletion('users', '42');

DROP PROCEDURE IF EXISTS preview_deletion;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE preview_deletion(
    IN p_table LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_pk LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say, table by table, what deleting a row would do; nothing is changed'
BEGIN
    DECLARE v_plan_id BIGINT UNSIGNED;
    DECLARE v_pk VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_walk_id BIGINT DEFAULT -connection_id();
    DECLARE v_read, v_total BIGINT DEFAULT 0;
    DECLARE v_saved JSON;
    DECLARE v_error TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        -- A caller's transaction is the caller's to roll back.
        DELETE FROM deletion_walk_keys WHERE walk_id = v_walk_id;

        IF v_saved IS NOT NULL THEN
            SET SESSION
                time_zone = json_unquote(json_extract(v_saved, '$[0]')),
                cte_max_recursion_depth = cast(json_extract(v_saved, '$[1]') AS UNSIGNED);
        END IF;

        RESIGNAL;
    END;

    IF p_table IS NULL THEN
        CALL deletion_raise('JD002', 'preview_deletion', 'p_table is NULL', NULL);
    ELSEIF deletion_target_name(p_table) IS NULL THEN
        CALL deletion_raise('JD004', 'preview_deletion', 'table is no target', p_table);
    END IF;

    CALL deletion_parse_key(deletion_target_name(p_table), p_pk, 'preview_deletion', v_pk);
    CALL deletion_current_plan(p_table, 'preview_deletion', v_plan_id);
    CALL deletion_missing_privilege(v_plan_id, v_error);

    IF v_error IS NOT NULL THEN
        SET v_error = left(concat('preview_deletion: ', v_error), 128);
        SIGNAL SQLSTATE '42000' SET MYSQL_ERRNO = 1142, MESSAGE_TEXT = v_error;
    END IF;

    SET v_saved = json_array(@@SESSION.time_zone, @@SESSION.cte_max_recursion_depth);
    SET SESSION time_zone = '+00:00', cte_max_recursion_depth = 4294967295;

    SET @dj_frame = json_array(json_object('j', 0, 'pk', v_pk, 'k', if(
        json_length((
            SELECT t.key_columns
            FROM deletion_targets AS t
            WHERE t.entity_table = deletion_target_name(p_table)
        )) = 1,
        json_array(v_pk), cast(v_pk AS JSON)
    )));
    CALL deletion_execute(v_plan_id, 0, 'roots');
    DELETE FROM deletion_walk_keys WHERE walk_id = v_walk_id;
    CALL deletion_seed_walk(v_walk_id, @dj_answer);

    WHILE v_read IS NOT NULL AND v_total < deletion_setting_int('preview_rows') DO
        CALL deletion_walk(v_walk_id, v_plan_id, TRUE, v_read);
        SET v_total = v_total + coalesce(v_read, 0);
    END WHILE;

    CALL deletion_fates(v_walk_id, v_plan_id, v_read IS NOT NULL);
    DELETE FROM deletion_walk_keys WHERE walk_id = v_walk_id;
    SET SESSION
        time_zone = json_unquote(json_extract(v_saved, '$[0]')),
        cte_max_recursion_depth = cast(json_extract(v_saved, '$[1]') AS UNSIGNED);
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE preview_deletion
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
    DECLARE v_until DATETIME(6) DEFAULT timestampadd(  -- noqa: PRS
        SECOND, coalesce(p_run_seconds, deletion_setting_int('run_seconds')), utc_timestamp(6)
    );
    DECLARE v_run_id BIGINT UNSIGNED;
    DECLARE v_token CHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_job_count INT;
    DECLARE v_jobs BIGINT DEFAULT 0;
    DECLARE v_saved JSON;
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

        RESIGNAL;
    END;

    IF p_slot <= 0 OR p_run_seconds <= 0 THEN
        CALL deletion_raise(
            'JD002', 'run_deletion_jobs', 'not a positive number',
            concat(coalesce(p_slot, 'NULL'), ', ', coalesce(p_run_seconds, 'NULL'))
        );
    END IF;

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
                CALL deletion_claim(p_slot, NULL, v_run_id, v_token, v_job_count);
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
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE run_deletion_jobs
TO 'deletion_jobs_worker', 'deletion_jobs_operator';
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
    DECLARE v_saved JSON;
    DECLARE v_is_ours BOOLEAN;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;

        IF v_saved IS NOT NULL THEN
            CALL deletion_session(v_saved);
        END IF;

        RESIGNAL;
    END;

    IF p_job_id IS NULL THEN
        CALL deletion_raise('JD002', 'run_deletion_job', 'p_job_id is NULL', NULL);
    END IF;

    CALL deletion_enter(NULL, v_is_ours);
    CALL deletion_session(v_saved);
    CALL deletion_recover();
    CALL deletion_claim(NULL, p_job_id, v_run_id, v_token, v_job_count);

    IF v_token IS NOT NULL THEN
        CALL deletion_work(v_run_id, v_token, '9999-12-31');
    END IF;

    CALL deletion_session(v_saved);
    SET p_status = (SELECT j.status FROM deletion_jobs AS j WHERE j.id = p_job_id);
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE run_deletion_job
TO 'deletion_jobs_operator';
-- <<<

-- >>> procedures/mysql/admin/pause_deletions.sql
-- pause_deletions
-- Let all workers of this installation rest, from their next batch on.
--
-- Parameters  p_reason   why; shown where somebody asks what they wait for
-- Errors      JD002 no reason
-- Writes      deletion_settings (one row)          Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL pause_deletions('nightly load');

DROP PROCEDURE IF EXISTS pause_deletions;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE pause_deletions(
    IN p_reason TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Let all workers of this installation rest, from their next batch on'
BEGIN
    IF trim(coalesce(p_reason, '')) = '' THEN
        CALL deletion_raise('JD002', 'pause_deletions', 'p_reason is NULL or empty', NULL);
    END IF;

    UPDATE deletion_settings AS s
    SET s.setting_value = p_reason
    WHERE s.setting_name = 'paused_reason';
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE pause_deletions
TO 'deletion_jobs_operator';
-- <<<

-- >>> procedures/mysql/admin/resume_deletions.sql
-- resume_deletions
-- Let the workers go on after pause_deletions; nothing happens where they were not paused.
--
-- Writes      deletion_settings (one row)          Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL resume_deletions();

DROP PROCEDURE IF EXISTS resume_deletions;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE resume_deletions()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Let the workers go on after pause_deletions'
BEGIN
    UPDATE deletion_settings AS s
    SET s.setting_value = NULL
    WHERE s.setting_name = 'paused_reason' AND s.setting_value IS NOT NULL;
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE resume_deletions
TO 'deletion_jobs_operator';
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
    DECLARE v_columns, v_described, v_types, v_collations, v_kept JSON;

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

    SELECT t.key_columns INTO v_kept
    FROM deletion_targets AS t
    WHERE t.entity_table = v_entity_table;

    -- The keys of open jobs would come to mean other rows.
    IF v_kept <> v_columns AND deletion_has_open_jobs(v_entity_table) THEN
        CALL deletion_raise(
            'JD003',
            'register_deletion_target',
            'jobs by another key are still open',
            v_entity_table
        );
    END IF;

    INSERT INTO deletion_targets (
        entity_table, table_schema, table_name, key_columns, key_types, key_collations, max_rows
    )
    VALUES (v_entity_table, v_schema, v_table, v_columns, v_types, v_collations, p_max_rows)
    ON DUPLICATE KEY UPDATE
        key_columns = v_columns,
        key_types = v_types,
        key_collations = v_collations,
        max_rows = p_max_rows;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/admin/unregister_deletion_target.sql
-- unregister_deletion_target
-- Allow no further deletions from a table; jobs that have ended stay as history.
--
-- Parameters  p_table   the target, which may be gone itself
-- Errors      JD002 NULL; JD003 jobs of it are pending or running; JD004 table is no target
-- Writes      deletion_targets (one row), deletion_plans     Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL unregister_deletion_target('customer');

DROP PROCEDURE IF EXISTS unregister_deletion_target;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE unregister_deletion_target(
    IN p_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Allow no further deletions from a table; jobs that have ended stay as history'
BEGIN
    DECLARE v_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SET v_entity_table = deletion_target_name(p_table);

    IF p_table IS NULL THEN
        CALL deletion_raise('JD002', 'unregister_deletion_target', 'p_table is NULL', NULL);
    ELSEIF v_entity_table IS NULL THEN
        CALL deletion_raise('JD004', 'unregister_deletion_target', 'table is no target', p_table);
    ELSEIF deletion_has_open_jobs(v_entity_table) THEN
        CALL deletion_raise(
            'JD003', 'unregister_deletion_target', 'jobs are pending or running', v_entity_table
        );
    END IF;

    DELETE FROM deletion_targets AS t WHERE t.entity_table = v_entity_table;

    UPDATE deletion_plans AS p
    SET p.superseded_at = utc_timestamp(6)
    WHERE p.entity_table = v_entity_table AND p.superseded_at IS NULL;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/admin/declare_deletion_reference.sql
-- declare_deletion_reference
-- Declare that columns point at another table, where the catalog has no foreign key for it.
--
-- Parameters  p_name                   the reference's name; again: changes it
--             p_child_table            the table that refers
--             p_child_columns          its columns, a JSON array
--             p_parent_table           the table referred to
--             p_parent_columns         the columns of a unique key of it, in the same order
--             p_action                 cascade, set_null, set_default, restrict or keep;
--                                      NULL: forget the reference
--             p_discriminator_column   child column that tells which table is meant, or NULL
--             p_discriminator_value    its value that means this parent, or NULL
-- Errors      JD002 what does not fit; JD005 no such table
-- Writes      deletion_references (one row), deletion_rules     Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL declare_deletion_reference('comment_post', 'comment', '["about_id"]',
--             'post', '["id"]', 'cascade', 'about_type', 'Post');

DROP PROCEDURE IF EXISTS declare_deletion_reference;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE declare_deletion_reference(
    IN p_name TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_child_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_child_columns JSON,
    IN p_parent_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_parent_columns JSON,
    IN p_action TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_discriminator_column TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_discriminator_value TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Declare that columns point at another table, where the catalog has no foreign key for it'
BEGIN
    DECLARE v_child_schema, v_child_table VARCHAR(64)
        CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_parent_schema, v_parent_table VARCHAR(64)
        CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_what VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SET v_what = CASE
        WHEN coalesce(p_name, '') = '' THEN 'p_name is NULL or empty'
        WHEN char_length(p_name) > 64 THEN 'p_name is longer than 64 characters'
        WHEN p_action IS NULL THEN NULL
        WHEN p_action NOT IN ('cascade', 'set_null', 'set_default', 'restrict', 'keep')
            THEN 'no such action'
        WHEN p_child_table IS NULL OR p_parent_table IS NULL THEN 'a table is NULL'
    END;

    IF v_what IS NOT NULL THEN
        CALL deletion_raise(
            'JD002', 'declare_deletion_reference', v_what, coalesce(p_action, p_name)
        );
    END IF;

    IF p_action IS NOT NULL THEN
        CALL deletion_find_table(
            p_child_table, 'declare_deletion_reference', v_child_schema, v_child_table
        );
        CALL deletion_find_table(
            p_parent_table, 'declare_deletion_reference', v_parent_schema, v_parent_table
        );
        SET v_what = deletion_reference_problem(
            p_name,
            v_child_schema,
            v_child_table,
            p_child_columns,
            v_parent_schema,
            v_parent_table,
            p_parent_columns,
            p_discriminator_column,
            p_discriminator_value
        );
    END IF;

    IF v_what IS NOT NULL THEN
        CALL deletion_raise('JD002', 'declare_deletion_reference', v_what, p_name);
    END IF;

    -- A rule is about the reference as it was: it goes where the child is another one.
    DELETE r
    FROM deletion_rules AS r
    INNER JOIN deletion_references AS d
        ON
            d.reference_name = r.reference_name
            AND d.child_schema = r.child_schema
            AND d.child_table = r.child_table
    WHERE
        d.reference_name = p_name
        AND (
            v_child_table IS NULL
            OR d.child_schema <> v_child_schema
            OR d.child_table <> v_child_table
        );

    IF p_action IS NULL THEN
        DELETE FROM deletion_references AS d WHERE d.reference_name = p_name;
    ELSE
        REPLACE INTO deletion_references (
            reference_name, child_schema, child_table, child_columns, parent_schema, parent_table,
            parent_columns, discriminator_column, discriminator_value, action
        )
        VALUES (
            p_name, v_child_schema, v_child_table, p_child_columns, v_parent_schema, v_parent_table,
            p_parent_columns, p_discriminator_column, p_discriminator_value, p_action
        );
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/admin/set_deletion_rule.sql
-- set_deletion_rule
-- Decide what happens to the rows behind one reference, whatever the catalog says.
--
-- Parameters  p_child_table   the table that refers
--             p_reference     its foreign key's constraint, or the declared reference
--             p_action        cascade, set_null, set_default, restrict, or keep where declared;
--                             NULL: what the catalog or the declaration says holds again
-- Errors      JD002 NULL, no such reference or action; JD005 no such table
-- Writes      deletion_rules (one row)             Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL set_deletion_rule('invoice', 'fk_invoice_customer', 'restrict');

DROP PROCEDURE IF EXISTS set_deletion_rule;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE set_deletion_rule(
    IN p_child_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_reference TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_action TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Decide what happens to the rows behind one reference, whatever the catalog says'
BEGIN
    DECLARE v_schema, v_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_key, v_is_declared BOOLEAN;

    IF p_child_table IS NULL OR p_reference IS NULL THEN
        CALL deletion_raise('JD002', 'set_deletion_rule', 'table or reference is NULL', NULL);
    END IF;

    -- A rule may be taken back when its table is gone.
    IF p_action IS NULL THEN
        DELETE FROM deletion_rules AS r
        WHERE
            r.reference_name = p_reference
            AND p_child_table IN (
                deletion_entity_name(r.child_schema, r.child_table),
                concat(r.child_schema, '.', r.child_table)
            );
    END IF;

    IF p_action IS NOT NULL OR row_count() = 0 THEN
        CALL deletion_find_table(p_child_table, 'set_deletion_rule', v_schema, v_table);

        SET v_is_key = (
            SELECT count(*) > 0
            FROM information_schema.referential_constraints AS k
            WHERE
                k.constraint_schema = v_schema AND k.table_name = v_table
                AND k.constraint_name = p_reference
        );
        SET v_is_declared = (
            SELECT count(*) > 0
            FROM deletion_references AS d
            WHERE
                d.reference_name = p_reference
                AND d.child_schema = v_schema AND d.child_table = v_table
        );

        IF NOT v_is_key AND NOT v_is_declared THEN
            CALL deletion_raise(
                'JD002',
                'set_deletion_rule',
                concat('no such reference of ', left(p_child_table, 64)),
                p_reference
            );
        ELSEIF p_action NOT IN ('cascade', 'set_null', 'set_default', 'restrict', 'keep') THEN
            CALL deletion_raise('JD002', 'set_deletion_rule', 'no such action', p_action);
        ELSEIF p_action = 'keep' AND NOT v_is_declared THEN
            CALL deletion_raise(
                'JD002',
                'set_deletion_rule',
                'rows of a foreign key cannot be kept: no action keep',
                p_reference
            );
        ELSEIF p_action NOT IN ('set_null', 'restrict') AND deletion_is_ours(v_schema, v_table) THEN
            CALL deletion_raise(
                'JD002', 'set_deletion_rule', 'table belongs to deletion-jobs', p_child_table
            );
        END IF;
    END IF;

    IF p_action IS NOT NULL THEN
        INSERT INTO deletion_rules (child_schema, child_table, reference_name, action)
        VALUES (v_schema, v_table, p_reference, p_action)
        ON DUPLICATE KEY UPDATE action = p_action, created_at = utc_timestamp(6);
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

-- >>> procedures/mysql/admin/set_deletion_setting.sql
-- set_deletion_setting
-- Change a setting of this installation.
--
-- Parameters  p_name    the setting
--             p_value   its value as text; NULL: back to the default
-- Errors      JD002 no such setting, or a value of another kind or out of range
-- Writes      deletion_settings (one row)          Commits  no
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
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/admin/link_deletion_users.sql
-- link_deletion_users
-- Let created_by of the jobs point at the application's users, or point at nothing again.
--
-- Parameters  p_table    the users' table; NULL: drop the key
--             p_column   its column, BIGINT UNSIGNED and unique
-- Errors      JD002 no such column, another type, not unique; JD005 no such table; 1452 a job
--             names a user who does not exist
-- Writes      the constraint fk_dj_user of deletion_jobs     Commits  yes
-- Execute     the owner only (DBAs), who also needs the right REFERENCES on the users' table
-- Example     CALL link_deletion_users('users', 'id');

DROP PROCEDURE IF EXISTS link_deletion_users;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE link_deletion_users(
    IN p_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_column TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY INVOKER
COMMENT 'Let created_by of the jobs point at the users of the application, or at nothing again'
BEGIN
    DECLARE v_is_there BOOLEAN;
    DECLARE v_schema, v_table, v_column VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_name VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    IF p_table IS NOT NULL THEN
        CALL deletion_find_table(p_table, 'link_deletion_users', v_schema, v_table);
        SET v_name = concat(deletion_entity_name(v_schema, v_table), '.', coalesce(p_column, ''));

        SELECT
            c.column_name,
            c.column_type
        INTO v_column, v_type
        FROM information_schema.columns AS c
        WHERE c.table_schema = v_schema AND c.table_name = v_table AND c.column_name = p_column;

        IF v_column IS NULL THEN
            CALL deletion_raise('JD002', 'link_deletion_users', 'no such column', v_name);
        ELSEIF v_type <> 'bigint unsigned' THEN
            CALL deletion_raise(
                'JD002', 'link_deletion_users', 'column is not BIGINT UNSIGNED', v_name
            );
        ELSEIF deletion_unique_key(v_schema, v_table, json_array(v_column)) IS NULL THEN
            CALL deletion_raise('JD002', 'link_deletion_users', 'column is not unique', v_name);
        END IF;
    END IF;

    -- There is nothing to do where the key is this one already.
    SET v_is_there = (
        SELECT count(*) > 0
        FROM information_schema.key_column_usage AS k
        WHERE
            k.table_schema = database() AND k.table_name = 'deletion_jobs'
            AND k.constraint_name = 'fk_dj_user' AND k.referenced_table_schema = v_schema
            AND k.referenced_table_name = v_table AND k.referenced_column_name = v_column
    );

    IF NOT v_is_there AND EXISTS (
        SELECT 1
        FROM information_schema.table_constraints AS k
        WHERE
            k.table_schema = database() AND k.table_name = 'deletion_jobs'
            AND k.constraint_name = 'fk_dj_user'
    ) THEN
        ALTER TABLE deletion_jobs DROP FOREIGN KEY fk_dj_user;
    END IF;

    IF p_table IS NOT NULL AND NOT v_is_there THEN
        SET @dj_sql = concat(
            'ALTER TABLE deletion_jobs ADD CONSTRAINT fk_dj_user',
            ' FOREIGN KEY (created_by) REFERENCES ',
            deletion_quote_name(v_schema), '.', deletion_quote_name(v_table),
            ' (', deletion_quote_name(v_column), ') ON DELETE SET NULL'
        );
        PREPARE dj_stmt FROM @dj_sql;
        EXECUTE dj_stmt;
        DEALLOCATE PREPARE dj_stmt;
        SET @dj_sql = NULL;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/schedule/start_deletion_schedule.sql
-- start_deletion_schedule
-- Arm the server's own scheduler: one event for each worker; again: after changes, or a failover.
--
-- Errors      none of ours
-- Writes      events deletion_jobs_worker_<slot>; deletion_slots     Commits  yes
-- Execute     deletion_jobs_operator
-- Example     CALL start_deletion_schedule();
--
-- vw_deletion_schedule tells whether they really run: event_scheduler has to be ON.

DROP PROCEDURE IF EXISTS start_deletion_schedule;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE start_deletion_schedule()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Arm one event for each worker; again: after changes, or a failover'
BEGIN
    DECLARE v_time_zone VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_workers INT DEFAULT deletion_setting_int('workers');
    DECLARE v_seconds INT DEFAULT deletion_setting_int('tick_seconds');
    DECLARE v_slot INT DEFAULT 1;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        SET time_zone = coalesce(v_time_zone, @@session.time_zone);
        RESIGNAL;
    END;

    SET v_time_zone = @@session.time_zone;
    CALL deletion_drop_events(v_workers);
    -- An event keeps the time zone of the session that makes it.
    SET time_zone = '+00:00';

    WHILE v_slot <= v_workers DO
        -- Altered rather than made anew, so that a tick that is running stays one of this event.
        CALL deletion_run_ddl(concat(
            'CREATE EVENT IF NOT EXISTS deletion_jobs_worker_', v_slot,
            ' ON SCHEDULE EVERY 1 DAY ON COMPLETION PRESERVE DISABLE',
            ' DO CALL run_deletion_jobs(', v_slot, ', NULL)'
        ));
        CALL deletion_run_ddl(concat(
            'ALTER DEFINER = CURRENT_USER EVENT deletion_jobs_worker_', v_slot,
            ' ON SCHEDULE EVERY ', v_seconds, ' SECOND',
            ' ON COMPLETION PRESERVE ENABLE',
            ' COMMENT ''deletion-jobs: works due jobs in slot ', v_slot, '''',
            ' DO CALL run_deletion_jobs(', v_slot, ', NULL)'
        ));
        INSERT INTO deletion_slots (slot, armed_at, schedule)
        VALUES (v_slot, utc_timestamp(6), concat(v_seconds, ' seconds'))
        ON DUPLICATE KEY UPDATE
            armed_at = utc_timestamp(6),
            schedule = concat(v_seconds, ' seconds');
        SET v_slot = v_slot + 1;
    END WHILE;

    SET time_zone = v_time_zone;
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE start_deletion_schedule
TO 'deletion_jobs_operator';
-- <<<

-- >>> procedures/mysql/schedule/stop_deletion_schedule.sql
-- stop_deletion_schedule
-- Disarm the server's own scheduler; a worker that runs ends its call in order.
--
-- Errors      none of ours
-- Writes      events deletion_jobs_worker_<slot>, deletion_slots     Commits  yes
-- Execute     deletion_jobs_operator
-- Example     CALL stop_deletion_schedule();

DROP PROCEDURE IF EXISTS stop_deletion_schedule;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE stop_deletion_schedule()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Disarm the scheduler of the server; a worker that runs ends its call in order'
BEGIN
    CALL deletion_drop_events(0);
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE stop_deletion_schedule
TO 'deletion_jobs_operator';
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

-- >>> procedures/mysql/planner/deletion_home.sql
-- deletion_home
-- Give the database that this installation lives in; a view cannot ask for its own.
--
-- Returns     text
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_home();

DROP FUNCTION IF EXISTS deletion_home;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_home()
RETURNS VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Give the database that this installation lives in'
BEGIN
    -- Inside a routine it is the routine's own, whatever the caller has chosen.
    RETURN database();
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

    -- Most keys are plain numbers beyond doubt: a third of the time of the whole way.
    IF
        p_types IN (cast('["int"]' AS JSON), cast('["bigint"]' AS JSON))
        AND char_length(p_pk) BETWEEN 1 AND 9
        AND p_pk NOT LIKE '0%'
        AND p_pk NOT REGEXP '[^0-9]'
    THEN
        RETURN p_pk;
    END IF;

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

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
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
                coalesce(cast(e.item AS CHAR), 'null') AS given,
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
-- Keep in the attempts what a job asks for and how it ended, before its row is used again.
--
-- Parameters  p_jobs      the jobs, a JSON array of {"id"}; those not finished are passed over
--             p_is_past   TRUE: what they asked for is over, since they are armed again
-- Writes      deletion_attempts                    Commits  no
-- Execute     the owner only
-- Example     CALL deletion_keep_asked('[{"id": 42}]', TRUE);

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
DROP PROCEDURE IF EXISTS deletion_keep_asked;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_keep_asked(
    IN p_jobs JSON,
    IN p_is_past BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Keep in the attempts what jobs ask for and how they ended'
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
        p_is_past,
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
    -- Without a transaction of the caller's, somebody else may have armed the job meanwhile.
    WHERE j.status IN ('done', 'failed', 'cancelled')
    ON DUPLICATE KEY UPDATE is_past = p_is_past;

    UPDATE json_table(
        v_open, '$[*]' COLUMNS (
            job_id BIGINT UNSIGNED PATH '$.job',
            attempt_no INT PATH '$.no'
        )
    ) AS o
    STRAIGHT_JOIN deletion_attempts AS a ON a.job_id = o.job_id AND a.attempt_no = o.attempt_no
    STRAIGHT_JOIN deletion_jobs AS j ON j.id = o.job_id
    SET
        a.is_past = p_is_past,
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

-- >>> procedures/mysql/planner/deletion_is_ours.sql
-- deletion_is_ours
-- Tell whether a table is one of this project's own.
--
-- Parameters  p_schema   schema of the table
--             p_table    the table
-- Returns     boolean
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_is_ours('shop', 'deletion_jobs');

DROP FUNCTION IF EXISTS deletion_is_ours;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_is_ours(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS BOOLEAN
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Tell whether a table is one of the own tables of this project'
BEGIN
    RETURN p_schema = database() AND p_table IN (
        'deletion_jobs', 'deletion_targets', 'deletion_references', 'deletion_rules',
        'deletion_plans', 'deletion_plan_steps', 'deletion_runs', 'deletion_attempts',
        'deletion_frames', 'deletion_receipts', 'deletion_marks', 'deletion_settings',
        'deletion_slots', 'deletion_walk_keys', 'deletion_plan_nodes', 'deletion_plan_edges'
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_has_open_jobs.sql
-- deletion_has_open_jobs
-- Tell whether jobs of a target are pending or running.
--
-- Parameters  p_entity_table   the target, as it is registered
-- Returns     boolean
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_has_open_jobs('customer');

DROP FUNCTION IF EXISTS deletion_has_open_jobs;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_has_open_jobs(
    p_entity_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS BOOLEAN
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Tell whether jobs of a target are pending or running'
BEGIN
    -- By status: of finished jobs there may be millions.
    RETURN EXISTS (
        SELECT 1
        FROM deletion_jobs AS j FORCE INDEX (idx_dj_status_sched)
        WHERE j.status IN ('pending', 'running') AND j.entity_table = p_entity_table
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_columns.sql
-- deletion_columns
-- Read a caller's list of columns: a JSON array of names, each once.
--
-- Parameters  p_schema    schema of the table
--             p_table     the table
--             p_columns   what the caller sent
-- Returns     JSON, an array in the same order of {"pos", "name", "type", "null", "text"}, where
--             text is {"charset", "collation"} or null; NULL: no such array, or not columns
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_columns('shop', 'customer', '["id"]');

DROP FUNCTION IF EXISTS deletion_columns;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_columns(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_columns JSON
) RETURNS JSON
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read a list of columns from a caller: a JSON array of names, each once'
BEGIN
    DECLARE v_found JSON DEFAULT json_array();
    DECLARE v_column JSON;
    DECLARE v_pos INT DEFAULT 0;

    IF p_columns IS NULL OR json_type(p_columns) <> 'ARRAY' OR json_length(p_columns) = 0 THEN
        RETURN NULL;
    END IF;

    -- One by one: the order of an aggregate is not promised.
    WHILE v_pos < json_length(p_columns) DO
        SET v_column = json_extract(p_columns, concat('$[', v_pos, ']'));

        IF
            json_type(v_column) <> 'STRING'
            OR json_contains(v_found, json_object('name', v_column))
        THEN
            RETURN NULL;
        END IF;

        SET v_column = (
            SELECT json_object(
                'pos', v_pos,
                'name', c.column_name,
                'type', c.column_type,
                'null', c.is_nullable = 'YES',
                'text', if(
                    c.character_set_name IS NULL,
                    NULL,
                    json_object('charset', c.character_set_name, 'collation', c.collation_name)
                )
            )
            FROM information_schema.columns AS c
            WHERE
                c.table_schema = p_schema AND c.table_name = p_table
                AND cast(c.column_name AS BINARY) = cast(json_unquote(v_column) AS BINARY)
        );

        IF v_column IS NULL THEN
            RETURN NULL;
        END IF;

        SET v_found = json_array_append(v_found, '$', v_column);
        SET v_pos = v_pos + 1;
    END WHILE;

    RETURN v_found;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_unique_key.sql
-- deletion_unique_key
-- Find the columns that name one row: those that were asked for, if they do, or the primary key.
--
-- Parameters  p_schema    schema of the table
--             p_table     the table
--             p_columns   column names, a JSON array; NULL: the primary key
-- Returns     JSON, names in the order asked for; NULL: not the columns of a NOT NULL unique key
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_unique_key('shop', 'customer', '["email"]');

DROP FUNCTION IF EXISTS deletion_unique_key;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_unique_key(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_columns JSON
) RETURNS JSON
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the columns that name one row'
BEGIN
    DECLARE v_key JSON DEFAULT json_array();
    DECLARE v_name, v_index VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_pos INT DEFAULT 0;

    IF p_columns IS NOT NULL AND deletion_columns(p_schema, p_table, p_columns) IS NULL THEN
        RETURN NULL;
    END IF;

    SELECT u.index_name INTO v_index
    FROM (
        SELECT
            i.index_name,
            count(*) AS width,
            sum(coalesce(json_contains(p_columns, json_quote(i.column_name)), 0)) AS wanted
        FROM information_schema.statistics AS i
        WHERE i.table_schema = p_schema AND i.table_name = p_table
        GROUP BY i.index_name
        -- An index on an expression has no column, one on a prefix takes several rows for one.
        HAVING
            max(i.non_unique) = 0
            AND count(i.column_name) = count(*)
            AND count(i.sub_part) = 0
            AND sum(i.nullable = 'YES') = 0
    ) AS u
    WHERE
        (p_columns IS NULL AND u.index_name = 'PRIMARY')
        OR (u.width = json_length(p_columns) AND u.wanted = u.width)
    ORDER BY u.index_name
    LIMIT 1;

    IF v_index IS NULL OR p_columns IS NOT NULL THEN
        RETURN if(v_index IS NULL, NULL, p_columns);
    END IF;

    -- One by one: the order of an aggregate is not promised.
    REPEAT
        SET v_pos = v_pos + 1;
        SET v_name = (
            SELECT i.column_name
            FROM information_schema.statistics AS i
            WHERE
                i.table_schema = p_schema AND i.table_name = p_table
                AND i.index_name = v_index AND i.seq_in_index = v_pos
        );

        IF v_name IS NOT NULL THEN
            SET v_key = json_array_append(v_key, '$', v_name);
        END IF;
    UNTIL v_name IS NULL END REPEAT;

    RETURN v_key;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_reference_problem.sql
-- deletion_reference_problem
-- Say why a reference cannot be declared like this.
--
-- Parameters  p_name                   the reference's name
--             p_child_schema           schema of the table that refers
--             p_child_table            that table
--             p_child_columns          its columns; NULL: they are none
--             p_parent_schema          schema of the table referred to
--             p_parent_table           that table
--             p_parent_columns         its columns; NULL: they are none
--             p_discriminator_column   child column that tells which table is meant, or NULL
--             p_discriminator_value    its value that means this parent, or NULL
-- Returns     text; NULL: nothing is wrong
-- Writes      nothing                              Commits  no
-- Execute     the owner only

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
DROP FUNCTION IF EXISTS deletion_reference_problem;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_reference_problem(
    p_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_child_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_child_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_child_columns JSON,
    p_parent_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_parent_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_parent_columns JSON,
    p_discriminator_column TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_discriminator_value TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say why a reference cannot be declared like this'
BEGIN
    DECLARE v_children JSON
        DEFAULT deletion_columns(p_child_schema, p_child_table, p_child_columns);
    DECLARE v_parents JSON
        DEFAULT deletion_columns(p_parent_schema, p_parent_table, p_parent_columns);
    DECLARE v_tells JSON DEFAULT deletion_columns(
        p_child_schema, p_child_table, json_array(p_discriminator_column)
    );

    RETURN CASE
        WHEN
            deletion_is_ours(p_child_schema, p_child_table)
            OR deletion_is_ours(p_parent_schema, p_parent_table)
            THEN 'a table belongs to deletion-jobs'
        WHEN v_children IS NULL THEN 'p_child_columns are no columns of the child'
        WHEN v_parents IS NULL THEN 'p_parent_columns are no columns of the parent'
        WHEN json_length(v_children) <> json_length(v_parents)
            THEN 'child and parent columns differ in number'
        WHEN EXISTS (
            SELECT 1
            FROM json_table(
                v_children, '$[*]' COLUMNS (
                    pos INT PATH '$.pos',
                    type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.type'
                )
            ) AS c
            INNER JOIN json_table(
                v_parents, '$[*]' COLUMNS (
                    pos INT PATH '$.pos',
                    type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.type'
                )
            ) AS p ON p.pos = c.pos
            WHERE
                coalesce(deletion_type_family(c.type), 'none')
                <> coalesce(deletion_type_family(p.type), 'other')
        ) THEN 'child and parent columns cannot be compared'
        -- Rows that two parents share must not go with one of them.
        WHEN NOT EXISTS (
            SELECT 1
            FROM information_schema.statistics AS i
            WHERE i.table_schema = p_parent_schema AND i.table_name = p_parent_table
            GROUP BY i.index_name
            HAVING
                max(i.non_unique) = 0
                AND count(i.sub_part) = 0
                AND sum(coalesce(json_contains(p_parent_columns, json_quote(i.column_name)), 0))
                = count(*)
        ) THEN 'the parent columns hold no unique key'
        WHEN EXISTS (
            SELECT 1
            FROM information_schema.referential_constraints AS k
            WHERE
                k.constraint_schema = p_child_schema AND k.table_name = p_child_table
                AND k.constraint_name = p_name
        ) THEN 'the child has a foreign key of this name'
        WHEN (p_discriminator_column IS NULL) <> (p_discriminator_value IS NULL)
            THEN 'discriminator column and value go together'
        WHEN p_discriminator_column IS NULL THEN NULL
        WHEN v_tells IS NULL THEN 'the discriminator is no column of the child'
        WHEN json_contains(p_child_columns, json_quote(p_discriminator_column))
            THEN 'the discriminator is one of the child columns'
        WHEN deletion_key_text(
            p_discriminator_value,
            json_unquote(json_extract(v_tells, '$[0].type')),
            json_unquote(json_extract(v_tells, '$[0].text.charset'))
        ) IS NULL THEN 'the discriminator value is none of its column'
    END;
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

-- >>> procedures/mysql/planner/deletion_fresh_plan.sql
-- deletion_fresh_plan
-- Find the current plan of a target, if the catalog is still as it was compiled from.
--
-- Parameters  p_entity_table   the target            p_hard   the mode
-- Returns     bigint, the plan; NULL: there is none, or it is stale
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_fresh_plan('users', TRUE);

DROP FUNCTION IF EXISTS deletion_fresh_plan;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_fresh_plan(
    p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_hard BOOLEAN
) RETURNS BIGINT UNSIGNED
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the current plan of a target, if the catalog is still as it was compiled from'
BEGIN
    RETURN (
        SELECT p.plan_id
        FROM deletion_plans AS p
        WHERE
            p.entity_table = p_entity_table
            AND p.hard_delete = p_hard
            AND p.superseded_at IS NULL
            AND p.fingerprint = deletion_fingerprint(p.entity_table, p.tables)
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_node_key.sql
-- deletion_node_key
-- Find the columns that name a row of a table: its primary key, else its smallest unique key.
--
-- Parameters  p_schema, p_table   the table
-- Returns     JSON array of column names; NULL: no key without NULLs
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_node_key('shop', 'customer');

DROP FUNCTION IF EXISTS deletion_node_key;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_node_key(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS JSON
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the columns that name a row of a table: its primary key, else its smallest unique key'
BEGIN
    RETURN (
        SELECT json_arrayagg(k.column_name)
        FROM (
            SELECT i.column_name
            FROM information_schema.statistics AS i
            INNER JOIN (
                SELECT u.index_name
                FROM information_schema.statistics AS u
                WHERE u.table_schema = p_schema AND u.table_name = p_table AND u.non_unique = 0
                GROUP BY u.index_name
                HAVING
                    sum(u.nullable = 'YES') = 0
                    AND sum(u.sub_part IS NOT NULL) = 0
                    AND sum(u.column_name IS NULL) = 0
                    AND sum(u.is_visible = 'NO') = 0
                ORDER BY u.index_name = 'PRIMARY' DESC, count(*), u.index_name
                LIMIT 1
            ) AS x ON x.index_name = i.index_name
            WHERE i.table_schema = p_schema AND i.table_name = p_table
            ORDER BY i.seq_in_index
            LIMIT 100
        ) AS k
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_edge_index.sql
-- deletion_edge_index
-- Find the index of a child that a reference is followed by.
--
-- Parameters  p_schema, p_table   the child
--             p_columns           its columns, a JSON array
--             p_discriminator     a further column that is compared; NULL: none
-- Returns     text, the index; NULL: none leads with these columns
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_edge_index('shop', 'invoice', '["customer_id"]', NULL);

DROP FUNCTION IF EXISTS deletion_edge_index;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_edge_index(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_columns JSON,
    p_discriminator VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the index of a child that a reference is followed by'
BEGIN
    RETURN (
        SELECT i.index_name
        FROM information_schema.statistics AS i
        WHERE
            i.table_schema = p_schema
            AND i.table_name = p_table
            AND i.sub_part IS NULL
            AND i.is_visible = 'YES'
            AND i.index_type = 'BTREE'
        GROUP BY i.index_name
        HAVING
            sum(
                i.seq_in_index <= json_length(p_columns)
                AND json_contains(p_columns, json_quote(i.column_name))
            ) = json_length(p_columns)
            -- The discriminator may stand among the leading columns.
            OR (
                p_discriminator IS NOT NULL
                AND sum(
                    i.seq_in_index <= json_length(p_columns) + 1
                    AND (
                        json_contains(p_columns, json_quote(i.column_name))
                        OR i.column_name = p_discriminator
                    )
                ) = json_length(p_columns) + 1
            )
        ORDER BY count(*), i.index_name
        LIMIT 1
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_unique_index.sql
-- deletion_unique_index
-- Find the unique key that some columns make, in any order; NULLs may be in it.
--
-- Parameters  p_schema, p_table   the table
--             p_columns           its columns, a JSON array
-- Returns     text, the index; NULL: several rows may hold the same values
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_unique_index('shop', 'customer', '["id"]');

DROP FUNCTION IF EXISTS deletion_unique_index;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_unique_index(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_columns JSON
) RETURNS VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the unique key that some columns make, in any order; NULLs may be in it'
BEGIN
    RETURN (
        SELECT i.index_name
        FROM information_schema.statistics AS i
        WHERE i.table_schema = p_schema AND i.table_name = p_table AND i.non_unique = 0
        GROUP BY i.index_name
        HAVING
            count(*) = json_length(p_columns)
            AND sum(
                i.sub_part IS NULL AND json_contains(p_columns, json_quote(i.column_name))
            ) = count(*)
        ORDER BY i.index_name = 'PRIMARY' DESC, i.index_name
        LIMIT 1
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_frame_column.sql
-- deletion_frame_column
-- Describe how frames carry the values of a column: written as JSON, and read in its own type.
--
-- Parameters  p_schema, p_table, p_column   the column
--             p_field   its name in frames: k1 for a key, u1 for what is referred to, p1 for what
--                       refers
-- Returns     JSON object; its type is that of a JSON_TABLE column, put and get are functions
--             around the column and around the field; NULL: keys cannot be of that type
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_frame_column('shop', 'customer', 'id', 'k1');

DROP FUNCTION IF EXISTS deletion_frame_column;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_frame_column(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_column VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_field VARCHAR(8)
) RETURNS JSON
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Describe how frames carry the values of a column: written as JSON, and read in its own type'  -- noqa: LT05
BEGIN
    DECLARE v_type, v_base, v_frame LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_family, v_charset, v_collation VARCHAR(64)
        CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT c.column_type, c.character_set_name, c.collation_name
    INTO v_type, v_charset, v_collation
    FROM information_schema.columns AS c
    WHERE c.table_schema = p_schema AND c.table_name = p_table AND c.column_name = p_column;

    SET v_family = deletion_type_family(v_type);
    SET v_base = regexp_substr(v_type, '^[a-z]+');
    -- Own type, character set and collation: any other makes the engine compare by something else.
    SET v_frame = CASE
        WHEN v_base = 'bit' THEN 'BIGINT UNSIGNED'
        WHEN v_base = 'year' THEN 'SMALLINT UNSIGNED'
        WHEN v_family = 'number' THEN concat(
            upper(v_base),
            coalesce(if(v_base = 'decimal', regexp_substr(v_type, '[(][0-9, ]+[)]'), ''), ''),
            if(v_type LIKE '% unsigned%', ' UNSIGNED', '')
        )
        WHEN v_family = 'bytes' THEN concat(
            'VARCHAR(', 2 * regexp_substr(v_type, '[0-9]+'),
            ') CHARACTER SET ascii COLLATE ascii_bin'
        )
        WHEN v_family IN ('string', 'label') THEN concat(
            'VARCHAR(', if(v_family = 'label', '255', regexp_substr(v_type, '[0-9]+')),
            ') CHARACTER SET ', v_charset, ' COLLATE ', v_collation
        )
        WHEN v_base = 'date' THEN 'DATE'
        WHEN v_family IN ('moment', 'time') THEN concat(
            if(v_family = 'time', 'TIME', 'DATETIME'),
            coalesce(regexp_substr(v_type, '[(][0-9][)]'), '')
        )
    END;

    RETURN if(v_frame IS NULL, NULL, json_object(
        'f', p_field,
        'column', p_column,
        'name', deletion_quote_name(p_column),
        'family', v_family,
        'collation', v_collation,
        'type', v_frame,
        -- JSON keeps integers exactly; all else travels as text, bytes as hexadecimal digits.
        'put', CASE
            WHEN v_base IN ('bit', 'year') THEN json_array('CAST(', ' AS UNSIGNED)')
            WHEN v_family = 'number' AND v_base <> 'decimal' THEN json_array('', '')
            WHEN v_family = 'bytes' THEN json_array('HEX(', ')')
            WHEN v_family = 'string' AND v_charset = 'utf8mb4' THEN json_array('', '')
            WHEN v_family = 'string' THEN json_array('CONVERT(', ' USING utf8mb4)')
            ELSE json_array('CAST(', ' AS CHAR)')
        END,
        'get', if(v_family = 'bytes', json_array('UNHEX(', ')'), json_array('', '')),
        -- As jobs spell it; adding nothing takes the zeros of ZEROFILL away.
        'text', CASE
            WHEN v_base = 'bit' THEN json_array('CAST(CAST(', ' AS UNSIGNED) AS CHAR)')
            WHEN v_family = 'number' AND v_base <> 'year' THEN json_array('CAST(', ' + 0 AS CHAR)')
            WHEN v_family = 'bytes' THEN json_array('HEX(', ')')
            WHEN v_family = 'string' THEN json_array('CONVERT(', ' USING utf8mb4)')
            ELSE json_array('CAST(', ' AS CHAR)')
        END
    ));
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_key_part.sql
-- deletion_key_part
-- Take the key columns out of the columns that frames of a table carry.
--
-- Parameters  p_columns   descriptions by deletion_frame_column, a JSON array
-- Returns     JSON array of those whose name in frames begins with k
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_key_part;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_key_part(
    p_columns JSON
) RETURNS JSON
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Take the key columns out of the columns that frames of a table carry'
BEGIN
    DECLARE v_pos INT DEFAULT 0;
    DECLARE v_keys JSON DEFAULT json_array();

    WHILE json_extract(p_columns, concat('$[', v_pos, '].f')) LIKE '"k%' DO
        SET v_keys = json_array_append(
            v_keys, '$', json_extract(p_columns, concat('$[', v_pos, ']'))
        );
        SET v_pos = v_pos + 1;
    END WHILE;

    RETURN v_keys;
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

-- >>> procedures/mysql/planner/deletion_sql_after.sql
-- deletion_sql_after
-- Write the condition that a child row comes after the one that was read last.
--
-- Parameters  p_columns   the key's columns, described by deletion_frame_column
-- Returns     text
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_after;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_after(
    p_columns JSON
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Write the condition that a child row comes after the one that was read last'
BEGIN
    DECLARE v_pos INT DEFAULT 0;
    DECLARE v_column JSON;
    DECLARE v_equal, v_list, v_value LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT '';

    -- Spelled out, since the engine bounds no index scan by a comparison of rows.
    WHILE v_pos < json_length(p_columns) DO
        SET v_column = json_extract(p_columns, concat('$[', v_pos, ']'));
        SET v_value = concat(
            v_column ->> '$.get[0]', 'a.', v_column ->> '$.f', v_column ->> '$.get[1]'
        );
        SET v_list = concat(
            v_list, ' OR (', v_equal, 'c.', v_column ->> '$.name', ' > ', v_value, ')'
        );
        SET v_equal = concat(v_equal, 'c.', v_column ->> '$.name', ' = ', v_value, ' AND ');
        SET v_pos = v_pos + 1;
    END WHILE;

    RETURN concat('(a.', p_columns ->> '$[0].f', ' IS NULL', v_list, ')');
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_frame.sql
-- deletion_sql_frame
-- Write a frame as a table, each value in its own type, character set and collation.
--
-- Parameters  p_columns   descriptions by deletion_frame_column, a JSON array
--             p_first     further columns of it, each with a comma after it
-- Returns     text; binds the frame
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_frame;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_frame(
    p_columns JSON,
    p_first LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Write a frame as a table, each value in its own type, character set and collation'
BEGIN
    RETURN concat(
        'JSON_TABLE(?, \'$[*]\' COLUMNS (', p_first, deletion_sql_list(p_columns, 'frame', ', '),
        ')) AS t'
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_literal.sql
-- deletion_sql_literal
-- Write the condition that a column holds a value.
--
-- Parameters  p_schema, p_table, p_column   the column
--             p_value                       the value as text
-- Returns     text, without the name of a row before the column; NULL: no value of its type
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_sql_literal('shop', 'note', 'about', 'customer');

DROP FUNCTION IF EXISTS deletion_sql_literal;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_literal(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_column VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_value LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the condition that a column holds a value'
BEGIN
    DECLARE v_type, v_text LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_charset, v_family VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT c.column_type, c.character_set_name
    INTO v_type, v_charset
    FROM information_schema.columns AS c
    WHERE c.table_schema = p_schema AND c.table_name = p_table AND c.column_name = p_column;

    SET v_family = deletion_type_family(v_type);
    SET v_text = deletion_key_text(p_value, v_type, v_charset);

    RETURN concat(deletion_quote_name(p_column), ' = ', CASE
        WHEN v_family = 'number' THEN v_text
        WHEN v_family = 'bytes' THEN concat('X\'', v_text, '\'')
        WHEN v_family IS NOT NULL THEN quote(v_text)
        -- A text without a length is no key, but it does for telling rows apart.
        WHEN v_type LIKE '%text' THEN quote(p_value)
    END);
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_guard.sql
-- deletion_sql_guard
-- Write the statement that holds a plan's tables against DDL until the transaction ends.
--
-- Parameters  p_plan_id   the plan
-- Returns     text; binds nothing
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_guard;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_guard(
    p_plan_id BIGINT UNSIGNED
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that holds a plan''s tables against DDL until the transaction ends'
BEGIN
    RETURN (
        SELECT concat(
            'SELECT COUNT(*) INTO @dj_rows FROM (\n    ',
            group_concat(  -- noqa: CP01
                'SELECT 1 FROM ', n.sql_name, ' WHERE FALSE'
                ORDER BY n.node_no SEPARATOR '\n    UNION ALL '
            ),
            '\n) AS q'
        )
        FROM deletion_plan_nodes AS n
        WHERE n.plan_id = p_plan_id
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_roots.sql
-- deletion_sql_roots
-- Write the statement that finds the rows that jobs name.
--
-- Parameters  p_plan_id   the plan
-- Returns     text; binds an array of {"j": job, "pk": key, "k": [its parts]}; answers the root
--             frame in @dj_answer: rows that are not there carry "m": 1, rows whose key is spelled
--             otherwise "m": 2
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_roots;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_roots(
    p_plan_id BIGINT UNSIGNED
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that finds the rows that jobs name'
BEGIN
    DECLARE v_all, v_keys JSON;
    DECLARE v_table, v_texts, v_spelled LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_frame, v_missing LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';
    DECLARE v_pos INT DEFAULT 0;

    SELECT
        concat(n.sql_name, ' AS x', n.key_index), n.frame_columns,
        deletion_key_part(n.frame_columns)
    INTO v_table, v_all, v_keys
    FROM deletion_plan_nodes AS n
    WHERE n.plan_id = p_plan_id AND n.node_no = 0;

    WHILE v_pos < json_length(v_keys) DO
        -- What does not convert finds no row; the strict reading of the text comes after.
        SET v_frame = concat(
            v_frame, ', k', v_pos + 1, ' ',
            json_unquote(json_extract(v_keys, concat('$[', v_pos, '].type'))),
            ' PATH \'$.k[', v_pos, ']\' NULL ON ERROR, s', v_pos + 1,
            ' VARCHAR(64) PATH \'$.k[', v_pos, ']\''
        );
        SET v_missing = concat(v_missing, ', \'k', v_pos + 1, '\', t.s', v_pos + 1);
        SET v_pos = v_pos + 1;
    END WHILE;

    SET v_texts = deletion_sql_list(v_keys, 'text', if(v_pos = 1, '', '), \',\', JSON_QUOTE('));
    SET v_spelled = if(
        v_pos = 1, v_texts, concat('CONCAT(\'[\', JSON_QUOTE(', v_texts, '), \']\')')
    );

    RETURN concat(
        'SELECT COALESCE(JSON_ARRAYAGG(IF(\n    CAST(', v_spelled,
        -- Byte for byte: a value that a conversion rounded, cut or folded names no row.
        ' AS BINARY) = CAST(t.pk AS BINARY),\n    JSON_OBJECT(\'j\', t.j, ',
        deletion_sql_list(v_all, 'found_object', ', '),
        '),\n    JSON_OBJECT(\'j\', t.j, \'m\', IF(x.', v_keys ->> '$[0].name',
        ' IS NULL, 1, 2)', v_missing, ')\n)), JSON_ARRAY()), COUNT(*)\n',
        'INTO @dj_answer, @dj_rows\nFROM JSON_TABLE(?, \'$[*]\' COLUMNS (',
        'j BIGINT UNSIGNED PATH \'$.j\', pk VARCHAR(64) CHARACTER SET utf8mb4 PATH \'$.pk\'',
        v_frame, ')) AS t\nLEFT JOIN ', v_table, ' ON ',
        deletion_sql_list(v_keys, 'found', ' AND ')
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

-- >>> procedures/mysql/planner/deletion_sql_drain.sql
-- deletion_sql_drain
-- Write the statement that deletes child rows of a frame that have no children of their own.
--
-- Parameters  p_plan_id, p_edge_no   the reference
-- Returns     text; binds the frame and a limit
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- A DELETE of several tables takes no LIMIT, and one of a single table reads no frame by index: so
-- the rows are chosen, up to the limit, in a derived table, and found again by their key.

DROP FUNCTION IF EXISTS deletion_sql_drain;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_drain(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that deletes child rows of a frame that have no children of their own'
BEGIN
    DECLARE v_parent, v_keys, v_pointers JSON;
    DECLARE v_table, v_own_table, v_on_frame
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT
        p.frame_columns, deletion_key_part(n.frame_columns), e.frame_columns AS pointer_columns,
        concat(n.sql_name, ' AS c', deletion_sql_index(e.index_name)),
        concat(n.sql_name, ' AS c', n.key_index), e.on_frame
    INTO v_parent, v_keys, v_pointers, v_table, v_own_table, v_on_frame
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p
        ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    SET v_keys = json_merge_preserve(v_keys, v_pointers);

    RETURN concat(
        'DELETE c\nFROM (\n    SELECT ', deletion_sql_list(v_keys, 'raw', ', '),
        '\n    FROM ', deletion_sql_frame(v_parent, 'm INT PATH \'$.m\', '),
        '\n    STRAIGHT_JOIN ', v_table, ' ON ', v_on_frame,
        '\n    LIMIT ?\n) AS q\nSTRAIGHT_JOIN ', v_own_table, ' ON ',
        deletion_sql_list(v_keys, 'back', ' AND '),
        coalesce((
            SELECT concat(' AND c.', e.discriminator)
            FROM deletion_plan_edges AS e
            WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no
        ), '')
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_locks.sql
-- deletion_sql_locks
-- Write what a lock statement needs beside the rows: the unique keys that references point at.
--
-- Parameters  p_plan_id, p_node_no   the table
--             p_joins     OUT joins, one for each such key
--             p_aliases   OUT their names, each after a comma
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- A row locked by its primary key still takes children by a key that references another unique key:
-- the engine locks the entry of that index alone. So that entry is locked as well.

DROP PROCEDURE IF EXISTS deletion_sql_locks;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_sql_locks(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_node_no INT,
    OUT p_joins LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_aliases LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write what a lock statement needs beside the rows: the unique keys that references point at'  -- noqa: LT05
BEGIN
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE v_no INT DEFAULT 0;
    DECLARE v_pos INT;
    DECLARE v_index, v_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_columns JSON;
    DECLARE v_table LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE c_key CURSOR FOR
        SELECT DISTINCT e.parent_index, e.parent_columns
        FROM deletion_plan_edges AS e
        WHERE
            e.plan_id = p_plan_id
            AND e.parent_node_no = p_node_no
            AND NOT e.is_declared
            AND e.parent_index <> 'PRIMARY';
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    SET p_joins = '', p_aliases = '';
    SET v_table = (
        SELECT n.sql_name
        FROM deletion_plan_nodes AS n
        WHERE n.plan_id = p_plan_id AND n.node_no = p_node_no
    );
    OPEN c_key;
    FETCH c_key INTO v_index, v_columns;

    WHILE NOT v_is_done DO
        SET v_no = v_no + 1, v_pos = 0;
        SET p_aliases = concat(p_aliases, ', l', v_no);
        SET p_joins = concat(
            p_joins, '\nLEFT JOIN ', v_table, ' AS l', v_no, ' FORCE INDEX (',
            deletion_quote_name(v_index), ') ON '
        );

        WHILE v_pos < json_length(v_columns) DO
            SET v_name = deletion_quote_name(
                json_unquote(json_extract(v_columns, concat('$[', v_pos, ']')))
            );
            SET p_joins = concat(
                p_joins, if(v_pos = 0, '', ' AND '), 'l', v_no, '.', v_name, ' = x.', v_name
            );
            SET v_pos = v_pos + 1;
        END WHILE;

        FETCH c_key INTO v_index, v_columns;
    END WHILE;

    CLOSE c_key;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_rows.sql
-- deletion_sql_rows
-- Write one of the statements that act on the very rows of a frame.
--
-- Parameters  p_plan_id   the plan
--             p_edge_no   the reference that the rows were found by; 0: the target's own rows
--             p_kind      lock, look, free, remove, remove_now, left or set
-- Returns     text; binds the frame; lock, look, free and left answer a number of its rows in
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
            'DELETE x\nFROM ', v_frame, '\nSTRAIGHT_JOIN ', v_table, ' ON ', v_found
        )
        WHEN p_kind = 'set' THEN concat(
            'UPDATE ', v_frame, '\nSTRAIGHT_JOIN ', v_table, ' ON ', v_found, '\nSET ', v_set
        )
        ELSE concat(
            'SELECT ', v_answer, ', COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM ', v_frame,
            '\nSTRAIGHT_JOIN ', v_table, ' ON ', v_found,
            if(p_kind IN ('look', 'free'), concat('\nWHERE TRUE', v_childless), ''),
            if(p_kind = 'lock', concat(v_locks, '\nFOR UPDATE OF x', v_aliases), '')
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
-- Returns     text; binds the walk; answers the jobs of such rows in @dj_answer
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- A row has one parent by the reference, so a circle is entered by another reference, or is the
-- root's own: climbing from the rows found otherwise, one that meets itself again is in a circle.
-- A row that refers to itself is one of its own only where the engine would refuse to delete it;
-- where the reference is set in other rows before, no other circle is in the way.

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
    DECLARE v_is_refused, v_is_set_free BOOLEAN;
    DECLARE v_table, v_above, v_discriminator, v_name, v_other
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_start, v_next, v_names, v_step, v_met, v_is_set, v_own
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';

    SELECT
        n.node_no, concat(n.sql_name, ' AS x', n.key_index),
        concat(n.sql_name, ' AS x', deletion_sql_index(
            deletion_unique_index(n.table_schema, n.table_name, e.parent_columns)
        )),
        deletion_key_part(n.frame_columns), e.child_columns, e.parent_columns,
        coalesce(concat(' AND x.', e.discriminator), ''),
        e.is_refused, e.action IN ('set_null', 'set_default')
    INTO
        v_node_no, v_table, v_above, v_keys, v_child, v_parent, v_discriminator,
        v_is_refused, v_is_set_free
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
        CASE
            WHEN v_is_set_free THEN concat(' AND ', v_own)
            WHEN v_is_refused THEN ''
            ELSE concat(' AND NOT (', v_own, ')')
        END,
        '\n    WHERE w.walk_id = ? AND w.node_no = ', v_node_no,
        ' AND w.fate = \'delete\' AND w.edge_no <> ', p_edge_no,
        '\n    UNION DISTINCT\n    SELECT up.j', v_next,
        '\n    FROM up\n    STRAIGHT_JOIN ', v_above,
        ' ON TRUE', v_step, v_is_set, v_discriminator, '\n    WHERE NOT (', v_met, ')\n)\n\n',
        'SELECT COALESCE(JSON_ARRAYAGG(q.j), JSON_ARRAY()), COUNT(*)\nINTO @dj_answer, @dj_rows\n',
        'FROM (SELECT DISTINCT up.j FROM up WHERE ', v_met, ') AS q'
    );
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
        deletion_sql_index(deletion_unique_index(p_schema, p_table, p_key)),
        p_in_closure, NOT p_in_closure
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_plan_children.sql
-- deletion_plan_children
-- Add the children of a plan's tables that it does not hold yet.
--
-- Parameters  p_plan_id      the plan
--             p_node_no      the parent; NULL: all of them
--             p_in_closure   TRUE: children by references that cascade; FALSE: the others
-- Writes      deletion_plan_nodes                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_children;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_children(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_node_no INT,
    IN p_in_closure BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Add the children of a plan''s tables that it does not hold yet'
BEGIN
    DECLARE v_schema, v_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_child CURSOR FOR
        SELECT DISTINCT e.child_schema, e.child_table
        FROM deletion_plan_edges AS e
        WHERE
            e.plan_id = p_plan_id
            AND (p_node_no IS NULL OR e.parent_node_no = p_node_no)
            AND (e.action = 'cascade') = p_in_closure
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_plan_nodes AS n
                WHERE
                    n.plan_id = p_plan_id
                    AND n.table_schema = e.child_schema
                    AND n.table_name = e.child_table
            )
        ORDER BY e.child_schema, e.child_table;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_child;
    FETCH c_child INTO v_schema, v_table;

    WHILE NOT v_is_done DO
        CALL deletion_plan_node(
            p_plan_id, v_schema, v_table, deletion_node_key(v_schema, v_table), p_in_closure
        );
        -- A query above that found nothing has set the flag as well.
        SET v_is_done = FALSE;
        FETCH c_child INTO v_schema, v_table;
    END WHILE;

    CLOSE c_child;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_references_to.sql
-- deletion_references_to
-- Find the references to a table, each with the action that holds for it.
--
-- Parameters  p_plan_id, p_node_no   the table
-- Writes      deletion_plan_edges                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_references_to;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_references_to(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_node_no INT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the references to a table, each with the action that holds for it'
BEGIN
    DECLARE v_schema, v_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT n.table_schema, n.table_name
    INTO v_schema, v_table
    FROM deletion_plan_nodes AS n
    WHERE n.plan_id = p_plan_id AND n.node_no = p_node_no;

    INSERT INTO deletion_plan_edges (
        plan_id, parent_node_no, child_schema, child_table, reference_name, action, is_declared,
        child_columns, parent_columns, parent_index, is_refused
    )
    SELECT
        p_plan_id,
        p_node_no,
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
        r.table_name = v_table AND r.constraint_schema = v_schema
        AND r.delete_rule NOT IN ('CASCADE', 'SET NULL')
    FROM information_schema.referential_constraints AS r
    INNER JOIN information_schema.key_column_usage AS k
        ON
            k.constraint_schema = r.constraint_schema
            AND k.table_name = r.table_name
            AND k.constraint_name = r.constraint_name
    WHERE r.unique_constraint_schema = v_schema AND r.referenced_table_name = v_table
    GROUP BY r.constraint_schema, r.table_name, r.constraint_name, r.delete_rule;

    INSERT INTO deletion_plan_edges (
        plan_id, parent_node_no, child_schema, child_table, reference_name, action, is_declared,
        child_columns, parent_columns, discriminator_column, discriminator_value
    )
    SELECT
        p_plan_id, p_node_no, d.child_schema, d.child_table, d.reference_name, d.action, TRUE,
        d.child_columns, d.parent_columns, d.discriminator_column, d.discriminator_value
    FROM deletion_references AS d
    WHERE d.parent_schema = v_schema AND d.parent_table = v_table;

    UPDATE deletion_plan_edges AS e
    INNER JOIN deletion_rules AS r
        ON
            r.child_schema = e.child_schema
            AND r.child_table = e.child_table
            AND r.reference_name = e.reference_name
    SET e.action = r.action
    WHERE e.plan_id = p_plan_id AND e.parent_node_no = p_node_no;

    -- A column that cannot be set blocks as the engine would, but before anything is touched.
    UPDATE deletion_plan_edges AS e
    SET e.action = 'restrict'
    WHERE
        e.plan_id = p_plan_id
        AND e.parent_node_no = p_node_no
        AND e.action IN ('set_null', 'set_default')
        AND EXISTS (
            SELECT 1
            FROM information_schema.columns AS c
            WHERE
                c.table_schema = e.child_schema
                AND c.table_name = e.child_table
                AND json_contains(e.child_columns, json_quote(c.column_name))
                AND c.is_nullable = 'NO'
                AND (e.action = 'set_null' OR c.column_default IS NULL)
        );

    -- The engine would change rows behind the column as well: unbounded, and uncounted.
    UPDATE deletion_plan_edges AS e
    SET e.action = 'restrict'
    WHERE
        e.plan_id = p_plan_id
        AND e.parent_node_no = p_node_no
        AND e.action IN ('set_null', 'set_default')
        AND EXISTS (
            SELECT 1
            FROM information_schema.referential_constraints AS r
            INNER JOIN information_schema.key_column_usage AS k
                ON
                    k.constraint_schema = r.constraint_schema
                    AND k.table_name = r.table_name
                    AND k.constraint_name = r.constraint_name
            WHERE
                r.unique_constraint_schema = e.child_schema
                AND r.referenced_table_name = e.child_table
                AND r.update_rule NOT IN ('NO ACTION', 'RESTRICT')
                AND json_contains(e.child_columns, json_quote(k.referenced_column_name))
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
                WHEN n.key_columns IS NULL THEN 'has no primary key and no unique key without NULLs'
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

-- >>> procedures/mysql/planner/deletion_plan_ranks.sql
-- deletion_plan_ranks
-- Put the tables of a plan in order, children first.
--
-- Parameters  p_plan_id   the plan
-- Writes      deletion_plan_nodes: table_rank, NULL in and above a circle     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_ranks;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_ranks(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Put the tables of a plan in order, children first'
BEGIN
    DECLARE v_free JSON;
    DECLARE v_rank INT DEFAULT 0;
    DECLARE v_only_lasting, v_is_done BOOLEAN DEFAULT FALSE;

    WHILE NOT v_is_done DO
        SELECT json_arrayagg(n.node_no)
        INTO v_free
        FROM deletion_plan_nodes AS n
        WHERE
            n.plan_id = p_plan_id
            AND n.in_closure
            AND n.table_rank IS NULL
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_plan_edges AS e
                INNER JOIN deletion_plan_nodes AS c
                    ON c.plan_id = e.plan_id AND c.node_no = e.child_node_no
                WHERE
                    e.plan_id = p_plan_id
                    AND e.parent_node_no = n.node_no
                    AND e.child_node_no <> n.node_no
                    AND c.in_closure
                    AND c.table_rank IS NULL
                    AND (e.action IN ('cascade', 'restrict') OR NOT v_only_lasting)
            );

        IF v_free IS NOT NULL THEN
            UPDATE deletion_plan_nodes AS n
            SET n.table_rank = v_rank
            WHERE
                n.plan_id = p_plan_id AND json_contains(v_free, cast(n.node_no AS JSON));
            SET v_rank = v_rank + 1, v_only_lasting = FALSE;
        ELSEIF v_only_lasting THEN
            SET v_is_done = TRUE;
        ELSE
            -- A reference that is set NULL may close a circle: it is set before its rows go.
            SET v_only_lasting = TRUE;
        END IF;
    END WHILE;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_plan_cycle.sql
-- deletion_plan_cycle
-- Say which tables of a plan refer to each other in a circle, by what has to go first.
--
-- Parameters  p_plan_id   the plan, its tables ranked
--             p_error     OUT the tables with their references; NULL: there is no circle
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_cycle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_cycle(
    IN p_plan_id BIGINT UNSIGNED,
    OUT p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say which tables of a plan refer to each other in a circle, by what has to go first'
BEGIN
    -- Every table above a circle is without a rank as well; only what leads back is in one.
    WITH RECURSIVE lasting AS (
        SELECT e.parent_node_no, e.child_node_no, e.reference_name, c.display_name
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

    below (parent_node_no, child_node_no, met_node_no) AS (
        SELECT f.parent_node_no, f.child_node_no, f.child_node_no AS met_node_no
        FROM lasting AS f
        UNION DISTINCT
        SELECT b.parent_node_no, b.child_node_no, f.child_node_no AS met_node_no
        FROM below AS b
        INNER JOIN lasting AS f ON f.parent_node_no = b.met_node_no
    ),

    circular AS (
        SELECT f.display_name, f.reference_name
        FROM lasting AS f
        INNER JOIN below AS b
            ON
                b.parent_node_no = f.parent_node_no
                AND b.child_node_no = f.child_node_no
                AND b.met_node_no = f.parent_node_no
        UNION ALL
        -- With one self-reference a row has one parent at most, and the check finds row circles.
        SELECT c.display_name, e.reference_name
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS c
            ON c.plan_id = e.plan_id AND c.node_no = e.child_node_no
        WHERE
            e.plan_id = p_plan_id
            AND e.action IN ('cascade', 'restrict')
            AND e.parent_node_no = e.child_node_no
            AND EXISTS (
                SELECT 1
                FROM deletion_plan_edges AS s
                WHERE
                    s.plan_id = e.plan_id
                    AND s.action IN ('cascade', 'restrict')
                    AND s.parent_node_no = e.parent_node_no
                    AND s.child_node_no = e.child_node_no
                    AND s.reference_name <> e.reference_name
            )
    )

    SELECT concat(
        'tables refer to each other in a circle: ',
        group_concat(  -- noqa: CP01
            c.display_name, ' (', c.reference_name, ')'
            ORDER BY c.display_name, c.reference_name SEPARATOR ', '
        )
    )
    INTO p_error
    FROM circular AS c;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_plan_columns.sql
-- deletion_plan_columns
-- Describe the columns that the frames of each of a plan's tables carry.
--
-- Parameters  p_plan_id   the plan
-- Writes      deletion_plan_nodes: frame_columns   Commits  no
-- Execute     the owner only
--
-- Its key, k1 and on; then what references point at and is no part of the key, u1 and on.

DROP PROCEDURE IF EXISTS deletion_plan_columns;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_columns(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Describe the columns that the frames of each of a plan''s tables carry'
BEGIN
    DECLARE v_node_no, v_pos INT;
    DECLARE v_keys, v_columns JSON;
    DECLARE v_schema, v_table, v_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_column CURSOR FOR
        SELECT n.node_no, n.table_schema, n.table_name, k.pos, k.name
        FROM deletion_plan_nodes AS n
        CROSS JOIN json_table(n.key_columns, '$[*]' COLUMNS (  -- noqa: CP02
            pos FOR ORDINALITY, name VARCHAR(64) CHARACTER SET utf8mb4 PATH '$'  -- noqa: PRS
        )) AS k
        WHERE n.plan_id = p_plan_id
        UNION DISTINCT
        SELECT n.node_no, n.table_schema, n.table_name, 1000, u.name
        FROM deletion_plan_nodes AS n
        INNER JOIN deletion_plan_edges AS e
            ON e.plan_id = n.plan_id AND e.parent_node_no = n.node_no
        CROSS JOIN json_table(e.parent_columns, '$[*]' COLUMNS (  -- noqa: CP02
            name VARCHAR(64) CHARACTER SET utf8mb4 PATH '$'  -- noqa: PRS
        )) AS u
        WHERE
            n.plan_id = p_plan_id
            AND NOT json_contains(n.key_columns, json_quote(u.name))
        ORDER BY 1, 4, 5;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    UPDATE deletion_plan_nodes AS n
    SET n.frame_columns = json_array()
    WHERE n.plan_id = p_plan_id;

    OPEN c_column;
    FETCH c_column INTO v_node_no, v_schema, v_table, v_pos, v_name;

    WHILE NOT v_is_done DO
        UPDATE deletion_plan_nodes AS n
        SET n.frame_columns = json_array_append(
            n.frame_columns,
            '$',
            coalesce(
                deletion_frame_column(v_schema, v_table, v_name, if(
                    v_pos < 1000,
                    concat('k', v_pos),
                    concat('u', 1 + json_length(n.frame_columns) - json_length(n.key_columns))
                )),
                -- Of a type that keys cannot have: the reference to it is refused later.
                json_object('column', v_name)
            )
        )
        WHERE n.plan_id = p_plan_id AND n.node_no = v_node_no;
        SET v_is_done = FALSE;
        FETCH c_column INTO v_node_no, v_schema, v_table, v_pos, v_name;
    END WHILE;

    CLOSE c_column;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_plan_edge.sql
-- deletion_plan_edge
-- Write the conditions by which a reference is followed.
--
-- Parameters  p_plan_id, p_edge_no   the reference
-- Writes      deletion_plan_edges; on_frame stays NULL where its columns do not compare
-- Commits     no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_edge;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_edge(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_edge_no INT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the conditions by which a reference is followed'
BEGIN
    DECLARE v_pos, v_count INT DEFAULT 0;
    DECLARE v_child_columns, v_parent_columns, v_parent, v_node, v_child, v_other, v_pointers JSON;
    DECLARE v_schema, v_table, v_parent_schema, v_parent_table, v_discriminator, v_column
        VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_value, v_name, v_to, v_from LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_self, v_is_declared, v_is_root BOOLEAN;
    DECLARE v_on_frame, v_on_parent, v_set LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT '';

    SELECT
        e.child_columns, e.parent_columns, p.frame_columns, n.frame_columns AS child_frame_columns,
        e.child_schema, e.child_table, p.table_schema, p.table_name, e.discriminator_column, e.discriminator_value,  -- noqa: LT05
        e.action, e.is_declared, e.parent_node_no = e.child_node_no, e.parent_node_no = 0,
        json_length(e.child_columns)
    INTO
        v_child_columns, v_parent_columns, v_parent, v_node, v_schema,
        v_table, v_parent_schema, v_parent_table, v_discriminator, v_value,
        v_action, v_is_declared, v_is_self, v_is_root, v_count
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    SET v_pointers = json_array();

    WHILE v_pos < v_count DO
        SET v_column = json_unquote(json_extract(v_child_columns, concat('$[', v_pos, ']')));
        SET v_child = deletion_frame_column(v_schema, v_table, v_column, concat('p', v_pos + 1));
        SET v_pointers = json_array_append(v_pointers, '$', v_child);
        SET v_column = json_unquote(json_extract(v_parent_columns, concat('$[', v_pos, ']')));
        SET v_other = (
            SELECT f.o
            FROM json_table(v_parent, '$[*]' COLUMNS (  -- noqa: CP02
                o JSON PATH '$',  -- noqa: PRS
                name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.column'
            )) AS f
            WHERE f.name = v_column
        );
        -- Values of two families, or under two collations, compare by rules of neither.
        SET v_name = if(
            json_extract(v_other, '$.family') = json_extract(v_child, '$.family')
            AND json_extract(v_other, '$.collation') <=> json_extract(v_child, '$.collation'),
            json_unquote(json_extract(v_child, '$.name')),
            NULL
        );
        SET v_from = concat(
            json_unquote(json_extract(v_other, '$.get[0]')), 't.',
            json_unquote(json_extract(v_other, '$.f')),
            json_unquote(json_extract(v_other, '$.get[1]'))
        );
        SET v_to = json_unquote(json_extract(v_other, '$.name'));
        SET v_on_frame = concat(
            v_on_frame, if(v_pos = 0, '', ' AND '), 'c.', v_name, ' = ', v_from
        );
        SET v_on_parent = concat(
            v_on_parent, if(v_pos = 0, '', ' AND '), 'c.', v_name, ' = x.', v_to
        );
        SET v_set = concat(
            v_set, if(v_pos = 0, '', ', '), 'x.', v_name, ' = ',
            if(v_action = 'set_default', 'DEFAULT', 'NULL')
        );
        SET v_pos = v_pos + 1;
    END WHILE;

    IF v_discriminator IS NOT NULL THEN
        SET v_discriminator = deletion_sql_literal(v_schema, v_table, v_discriminator, v_value);
    END IF;

    SET v_set = if(v_action IN ('set_null', 'set_default'), v_set, NULL);

    UPDATE deletion_plan_edges AS e
    SET
        e.frame_columns = v_pointers,
        e.discriminator = v_discriminator,
        e.set_list = v_set,
        e.on_frame = concat(
            v_on_frame,
            coalesce(concat(' AND c.', v_discriminator), ''),
            -- A row that refers to itself is not its own child.
            if(
                v_is_self,
                concat(
                    ' AND NOT (', deletion_sql_list(deletion_key_part(v_node), 'own', ' AND '), ')'
                ),
                ''
            ),
            -- Only a declared reference can hold rows of a root that is not there; and should the
            -- root come back meanwhile, rows that hang from it by a foreign key are another story.
            if(v_is_root AND NOT v_is_declared, ' AND t.m IS NULL', '')
        ),
        e.on_parent = concat(
            v_on_parent,
            coalesce(concat(' AND c.', v_discriminator), ''),
            if(
                v_is_self,
                concat(
                    ' AND NOT (', deletion_sql_list(deletion_key_part(v_node), 'same', ' AND '), ')'
                ),
                ''
            )
        ),
        e.found_by = concat(
            deletion_sql_list(v_pointers, 'found', ' AND '),
            coalesce(concat(' AND x.', v_discriminator), '')
        )
    WHERE
        e.plan_id = p_plan_id
        AND e.edge_no = p_edge_no
        AND (v_discriminator IS NOT NULL OR e.discriminator_column IS NULL)
        AND coalesce(e.parent_index, if(
            v_is_declared,
            deletion_unique_index(v_parent_schema, v_parent_table, v_parent_columns),
            NULL
        )) IS NOT NULL;
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
    DECLARE v_concerned, v_parents, v_sets JSON;
    DECLARE v_edge_no, v_count INT DEFAULT 0;

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
                OR e.is_refused
                OR (e.action = 'cascade' AND e.parent_node_no = e.child_node_no)
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
            AND coalesce(json_contains(v_concerned, cast(n.node_no AS JSON)), FALSE)
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
        CALL deletion_plan_cycle(p_plan_id, p_error);
        SET p_code = if(p_error IS NULL, NULL, 'JD007');
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

    SET v_count = (SELECT count(*) FROM deletion_plan_edges AS e WHERE e.plan_id = p_plan_id);

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
        '["guard", "roots", "lock", "look", "free", "remove", "left"]',
        '$[*]' COLUMNS (  -- noqa: CP02
            step_no FOR ORDINALITY,  -- noqa: PRS
            kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
        )
    ) AS k
    WHERE n.plan_id = p_plan_id AND n.node_no = 0;

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
            '["fetch", "fetch_more", "size", "cycle", "drain", "lock", "look", "free", "remove",
            "remove_now", "left", "set"]',
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
                -- Where foreign keys alone lead to childless rows, what is emptied under the
                -- parents' lock stays empty, and no second look is needed.
                WHEN k.kind = 'remove_now' THEN
                    e.action = 'cascade' AND NOT e.is_leaf AND NOT EXISTS (
                        SELECT 1
                        FROM deletion_plan_edges AS b
                        WHERE
                            b.plan_id = e.plan_id
                            AND b.parent_node_no = e.child_node_no
                            AND (NOT b.is_leaf OR b.is_declared)
                    )
                -- What has no children is not looked at again before it goes.
                ELSE e.action = 'cascade' AND NOT e.is_leaf
            END
        WHERE e.plan_id = p_plan_id AND e.edge_no = v_edge_no;
    END WHILE;
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
                WHERE e.plan_id = p_plan_id AND (e.in_check OR e.is_refused)
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

-- >>> procedures/mysql/schedule/deletion_run_ddl.sql
-- deletion_run_ddl
-- Run a statement about an event, which a routine may not hold as plain text.
--
-- Parameters  p_sql   the statement, made from constants and numbers alone
-- Writes      what the statement says              Commits  yes
-- Execute     the owner only
-- Example     CALL deletion_run_ddl('DROP EVENT IF EXISTS deletion_jobs_worker_9');

DROP PROCEDURE IF EXISTS deletion_run_ddl;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_run_ddl(
    IN p_sql TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Run a statement about an event, which a routine may not hold as plain text'
BEGIN
    SET @dj_sql = p_sql;
    PREPARE dj_stmt FROM @dj_sql;
    EXECUTE dj_stmt;
    DEALLOCATE PREPARE dj_stmt;
    SET @dj_sql = NULL;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/schedule/deletion_drop_events.sql
-- deletion_drop_events
-- Drop the events of the slots above a number.
--
-- Parameters  p_slot   the last slot that keeps its event; 0: none does
-- Writes      events deletion_jobs_worker_<slot>, deletion_slots     Commits  yes
-- Execute     the owner only
-- Example     CALL deletion_drop_events(0);

DROP PROCEDURE IF EXISTS deletion_drop_events;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_drop_events(
    IN p_slot INT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Drop the events of the slots above a number'
BEGIN
    DECLARE v_slot INT;

    REPEAT
        SET v_slot = (
            SELECT max(cast(substring_index(e.event_name, '_', -1) AS UNSIGNED))
            FROM information_schema.events AS e
            WHERE
                e.event_schema = database()
                AND e.event_name REGEXP '^deletion_jobs_worker_[0-9]+$'
        );

        IF v_slot > p_slot THEN
            CALL deletion_run_ddl(concat('DROP EVENT IF EXISTS deletion_jobs_worker_', v_slot));
        END IF;
    UNTIL v_slot IS NULL OR v_slot <= p_slot END REPEAT;

    UPDATE deletion_slots AS s
    SET s.armed_at = NULL, s.schedule = NULL
    WHERE s.slot > p_slot AND s.armed_at IS NOT NULL;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_current_plan.sql
-- deletion_current_plan
-- Find the plan of a target that somebody names, compiling it where it is missing or stale.
--
-- Parameters  p_table     the target                p_verb   the verb that was called
--             p_plan_id   OUT the plan, one that can be run
-- Errors      JD002 NULL; JD004 the table is no target; JD005, JD007 as the plan's
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_current_plan;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_current_plan(
    IN p_table LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_verb VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the plan of a target that somebody names, compiling it where it is missing or stale'
BEGIN
    DECLARE v_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_code CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SET v_entity_table = deletion_target_name(p_table);

    IF p_table IS NULL THEN
        CALL deletion_raise('JD002', p_verb, 'p_table is NULL', NULL);
    ELSEIF v_entity_table IS NULL THEN
        CALL deletion_raise('JD004', p_verb, 'table is no target', p_table);
    END IF;

    CALL deletion_compile(v_entity_table, TRUE, p_plan_id);

    SELECT p.error_code, p.error
    INTO v_code, v_error
    FROM deletion_plans AS p
    WHERE p.plan_id = p_plan_id;

    IF v_code IS NOT NULL THEN
        CALL deletion_raise(v_code, p_verb, left(v_error, 120 - char_length(p_verb)), NULL);
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_quote_path.sql
-- deletion_quote_path
-- Quote the name that plans show of a table, for use in a statement.
--
-- Parameters  p_table_name   the table, in other schemas after its schema and a dot
-- Returns     text: schema and table in backticks
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_quote_path('customer');

DROP FUNCTION IF EXISTS deletion_quote_path;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_quote_path(
    p_table_name VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS VARCHAR(270) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Quote the name that plans show of a table, for use in a statement'
BEGIN
    -- A dot in a name of our own schema is told from one behind a schema by what there is.
    IF locate('.', p_table_name) = 0 OR EXISTS (
        SELECT 1
        FROM information_schema.tables AS t
        WHERE t.table_schema = database() AND t.table_name = p_table_name
    ) THEN
        RETURN concat(deletion_quote_name(database()), '.', deletion_quote_name(p_table_name));
    END IF;

    RETURN concat(
        deletion_quote_name(substring_index(p_table_name, '.', 1)),
        '.',
        deletion_quote_name(substring(p_table_name, locate('.', p_table_name) + 1))
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_missing_rights.sql
-- deletion_missing_rights
-- Tell which rights on a table the owner account still needs.
--
-- Parameters  p_table_name   the table, by the name that plans show
--             p_rights       what is needed, a JSON array such as ["SELECT", "DELETE"]
-- Returns     text, the missing ones with commas between; NULL: none
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_missing_rights('customer', '["SELECT", "DELETE"]');

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
DROP FUNCTION IF EXISTS deletion_missing_rights;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_missing_rights(
    p_table_name VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_rights JSON
) RETURNS VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Tell which rights on a table the owner account still needs'
BEGIN
    DECLARE v_path VARCHAR(270) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SET v_path = deletion_quote_path(p_table_name);

    -- In a routine of the definer these views show what the definer holds.
    RETURN (
        SELECT group_concat(n.privilege ORDER BY n.privilege SEPARATOR ', ')
        FROM json_table(
            p_rights, '$[*]' COLUMNS (
                privilege VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
            )
        ) AS n
        WHERE
            n.privilege NOT IN (
                SELECT u.privilege_type
                FROM information_schema.user_privileges AS u
                WHERE u.grantee = '''deletion_jobs_owner''@''localhost'''
                UNION ALL
                SELECT s.privilege_type
                FROM information_schema.schema_privileges AS s
                WHERE
                    s.grantee = '''deletion_jobs_owner''@''localhost'''
                    AND v_path LIKE concat(deletion_quote_name(s.table_schema), '.%')
                UNION ALL
                SELECT t.privilege_type
                FROM information_schema.table_privileges AS t
                WHERE
                    t.grantee = '''deletion_jobs_owner''@''localhost'''
                    AND v_path = concat(
                        deletion_quote_name(t.table_schema), '.', deletion_quote_name(t.table_name)
                    )
            )
    );
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
-- The walk's registers: @dj_run_id, @dj_plan_id, @dj_batch, @dj_left (rows that this transaction
-- may still change), @dj_changed, @dj_state, @dj_job_id (the only job; NULL: several) and @dj_waits
-- of the run; of the present frame @dj_depth (NULL: the stack is empty), @dj_node_no, @dj_edge_no,
-- @dj_keys, @dj_count, @dj_pos, @dj_read, @dj_pass, @dj_idle, @dj_here, and @dj_is_dirty: not
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
    DECLARE v_is_leaf, v_drains BOOLEAN;
    DECLARE v_goes_on BOOLEAN DEFAULT TRUE;
    DECLARE v_until DATETIME(6) DEFAULT timestampadd(
        MICROSECOND, 1000 * deletion_setting_int('batch_ms'), utc_timestamp(6)
    );
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_edge_no = NULL;

    CALL deletion_load_walk(p_run_id);

    WHILE v_goes_on AND @dj_depth IS NOT NULL DO
        -- The next reference of the frame's table that has something to do in this phase.
        SELECT
            s.edge_no, s.node_no, s.action, s.is_leaf,
            s.edge_no IN (
                SELECT d.edge_no
                FROM deletion_plan_steps AS d
                WHERE d.plan_id = @dj_plan_id AND d.kind = 'drain'
            )
        INTO v_edge_no, v_node_no, v_action, v_is_leaf, v_drains
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

-- >>> procedures/mysql/worker/deletion_advance_run.sql
-- deletion_advance_run
-- Do one step of a run that is past its check: walk on, or end it when all is done or time is up.
--
-- Parameters  p_run_id   the run, fenced
--             p_until    when the worker's call should end
--             p_state    OUT more or ended
-- Writes      the application's tables, and all tables of a run     Commits  no
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

-- >>> procedures/mysql/worker/deletion_begin.sql
-- deletion_begin
-- Begin the transaction of a step.
--
-- Writes      nothing                              Commits  yes, what was open
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_begin;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_begin()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Begin the transaction of a step'
BEGIN
    -- Every statement has to see what was committed while the one before it waited for locks.
    SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;  -- noqa: PRS
    -- What is open is committed by this.
    START TRANSACTION READ WRITE;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_carry_over.sql
-- deletion_carry_over
-- Give a run's jobs the state that their ended attempts ask for.
--
-- Parameters  p_run_id   the run
-- Writes      deletion_jobs, deletion_walk_keys    Commits  no
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

-- >>> procedures/mysql/worker/deletion_change.sql
-- deletion_change
-- Delete, or set, rows that hang from the present frame: found, locked, counted by job, changed.
--
-- Parameters  p_edge_no   the reference            p_action   cascade, set_null or set_default
-- Errors      JD006 rows still point where they pointed; 40001 rows changed in between
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
BEGIN
    DECLARE v_found, v_rows BIGINT;
    DECLARE v_counted LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SET @dj_frame = @dj_keys, @dj_limit = @dj_left;
    CALL deletion_execute(@dj_plan_id, p_edge_no, 'fetch');
    SET v_found = @dj_rows, @dj_frame = @dj_answer;

    IF v_found > 0 THEN
        CALL deletion_execute(@dj_plan_id, p_edge_no, 'lock');
        SET v_rows = @dj_rows, v_counted = @dj_answer;

        -- A row that is not there any more may have another key now: look before its parent goes.
        IF v_rows < v_found THEN
            SET @dj_is_locked = FALSE;
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
        SET r.phase = 'advance', r.state = '{}'
        WHERE r.run_id = p_run_id;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_claim.sql
-- deletion_claim
-- Take the jobs that are due first, as one run.
--
-- Parameters  p_slot      the worker's slot; NULL: none
--             p_job_id    this job alone, due or not; NULL: whatever is due
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
    DECLARE v_plan_id BIGINT UNSIGNED;
    DECLARE v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    CALL deletion_begin();

    IF p_job_id IS NOT NULL THEN
        CALL deletion_claim_one(p_job_id, v_jobs, v_entity_table, v_hard);
        SET v_alone = TRUE;
    ELSEIF deletion_setting('paused_reason') IS NULL THEN
        CALL deletion_due(v_jobs, v_entity_table, v_hard, v_alone);
    END IF;

    IF v_jobs IS NOT NULL THEN
        CALL deletion_plan_for(v_entity_table, v_hard, v_plan_id, v_error);
        SET p_token = uuid(), p_job_count = json_length(v_jobs);

        INSERT INTO deletion_runs (
            plan_id, entity_table, hard_delete, slot, token, session_id, server_id, phase, alone,
            job_count, batch_rows, state
        )
        VALUES (
            v_plan_id, v_entity_table, v_hard, p_slot, p_token, connection_id(),
            @@GLOBAL.server_uuid, 'check', p_job_count = 1, p_job_count,
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

-- >>> procedures/mysql/worker/deletion_claim_one.sql
-- deletion_claim_one
-- Lock one job that somebody wants worked now.
--
-- Parameters  p_job_id   the job
--             p_jobs     OUT JSON array of it
--             p_entity_table, p_hard   OUT its target and mode
-- Errors      JD001 no such job; JD003 the job is not pending
-- Writes      nothing; locks the job               Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_claim_one;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_claim_one(
    IN p_job_id BIGINT UNSIGNED,
    OUT p_jobs JSON,
    OUT p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_hard BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Lock one job that somebody wants worked now'
BEGIN
    DECLARE v_status VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT j.status, j.entity_table, j.hard_delete
    INTO v_status, p_entity_table, p_hard
    FROM deletion_jobs AS j
    WHERE j.id = p_job_id
    FOR UPDATE;

    IF v_status IS NULL THEN
        CALL deletion_raise('JD001', 'run_deletion_job', 'no such job', p_job_id);
    ELSEIF v_status <> 'pending' THEN
        CALL deletion_raise('JD003', 'run_deletion_job', 'job is not pending', p_job_id);
    END IF;

    SET p_jobs = json_array(p_job_id);
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_count.sql
-- deletion_count
-- Count rows that a statement has changed: for the batch, the run and the jobs' receipts.
--
-- Parameters  p_edge_no   the reference that they were found by; 0: the target's own rows
--             p_action    delete, set_null or set_default
--             p_rows      their number
--             p_counted   the rows to count by job, as frames keep them; of a lone job not looked at  -- noqa: LT05
-- Writes      deletion_receipts                    Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_count;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_count(
    IN p_edge_no INT,
    IN p_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_rows BIGINT,
    IN p_counted LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Count rows that a statement has changed: for the batch, the run and the jobs'' receipts'
BEGIN
    DECLARE v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT (
        SELECT s.table_name
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = @dj_plan_id AND s.edge_no = p_edge_no AND s.kind = if(p_edge_no = 0, 'lock', 'fetch')  -- noqa: LT05
    );

    IF p_rows > 0 THEN
        SET @dj_left = @dj_left - p_rows, @dj_changed = @dj_changed + p_rows;
        SET @dj_is_dirty = TRUE;

        IF @dj_waits AND p_action = 'delete' AND p_counted IS NOT NULL THEN
            CALL deletion_uncount(v_table, p_counted);
        END IF;

        IF @dj_job_id IS NOT NULL AND p_action = 'delete' THEN
            INSERT INTO deletion_receipts (job_id, table_name, action, row_count)
            VALUES (@dj_job_id, v_table, p_action, p_rows)
            ON DUPLICATE KEY UPDATE row_count = row_count + p_rows, updated_at = utc_timestamp(6);
        ELSE
            INSERT INTO deletion_receipts (job_id, table_name, action, row_count)
            SELECT q.j, v_table, p_action, q.n
            FROM (
                SELECT k.j, count(*) AS n
                FROM json_table(p_counted, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$.j')) AS k
                GROUP BY k.j
            ) AS q
            ON DUPLICATE KEY UPDATE
                row_count = deletion_receipts.row_count + q.n, updated_at = utc_timestamp(6);
        END IF;
    END IF;
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
        SET @dj_pos = p_edge_no, @dj_is_dirty = TRUE;
    END IF;

    SET @dj_here = @dj_here + @dj_rows;
    CALL deletion_count(p_edge_no, 'delete', @dj_rows, NULL);
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_drop_jobs.sql
-- deletion_drop_jobs
-- Take some jobs' keys out of a run's frames and scratch rows.
--
-- Parameters  p_run_id   the run       p_jobs   JSON array of the jobs
-- Writes      deletion_frames, deletion_walk_keys  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_drop_jobs;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_drop_jobs(
    IN p_run_id BIGINT UNSIGNED,
    IN p_jobs JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Take some jobs'' keys out of a run''s frames and scratch rows'
BEGIN
    DELETE w  -- noqa: PRS
    FROM json_table(p_jobs, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$')) AS e
    STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
        ON w.walk_id = p_run_id AND w.job_id = e.j;

    UPDATE deletion_frames AS f
    SET
        f.`keys` = (
            SELECT coalesce(json_arrayagg(k.o), json_array())
            FROM json_table(f.`keys`, '$[*]' COLUMNS (o JSON PATH '$', j JSON PATH '$.j')) AS k
            WHERE NOT json_contains(p_jobs, k.j)
        ),
        -- What this frame left out may hang from a neighbour's row too: pass over everything again.
        f.edge_pos = 0,
        f.fetch_cursor = NULL,
        f.rows_at_pass = -1
    WHERE f.run_id = p_run_id;

    UPDATE deletion_frames AS f
    SET f.key_count = json_length(f.`keys`)
    WHERE f.run_id = p_run_id;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_due.sql
-- deletion_due
-- Lock the jobs that are due first and choose those that can be walked together.
--
-- Parameters  p_jobs    OUT JSON array of the jobs; NULL: nothing is due
--             p_entity_table, p_hard   OUT their target and mode
--             p_alone   OUT TRUE: the first of them must go alone
-- Writes      nothing; locks at most jobs_per_run rows of deletion_jobs     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_due;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_due(
    OUT p_jobs JSON,
    OUT p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_hard BOOLEAN,
    OUT p_alone BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Lock the jobs that are due first and choose those that can be walked together'
BEGIN
    DECLARE v_due JSON;
    DECLARE v_first BIGINT UNSIGNED;
    DECLARE v_limit INT DEFAULT least(
        deletion_setting_int('jobs_per_run'), deletion_setting_int('batch_rows')
    );

    -- The expression and its index are one: rows come in due order, and only these are locked.
    SELECT json_arrayagg(json_object(
        'id', q.id, 't', q.entity_table, 'h', q.hard_delete, 'd', cast(q.due_at AS CHAR)
    ))
    INTO v_due
    FROM (
        SELECT
            j.id, j.entity_table, j.hard_delete, coalesce(j.scheduled_at, j.created_at) AS due_at
        FROM deletion_jobs AS j FORCE INDEX (idx_dj_due)
        WHERE j.status = 'pending' AND coalesce(j.scheduled_at, j.created_at) <= utc_timestamp(6)
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
    )

    SELECT json_arrayagg(c.id), max(l.entity_table), max(l.hard_delete), max(l.alone)
    INTO p_jobs, p_entity_table, p_hard, p_alone
    FROM leader AS l
    INNER JOIN candidate AS c
        ON
            c.id = l.id
            OR (
                NOT l.alone
                AND NOT c.alone
                AND c.entity_table = l.entity_table
                AND c.hard_delete = l.hard_delete
            );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_end_run.sql
-- deletion_end_run
-- Close a run: its frames and scratch rows go, its row says how it ended.
--
-- Parameters  p_run_id   the run       p_outcome   done, failed, retry, sliced, returned or lost
--             p_error    what went wrong; NULL: nothing
-- Writes      deletion_runs, deletion_frames, deletion_walk_keys     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_end_run;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_end_run(
    IN p_run_id BIGINT UNSIGNED,
    IN p_outcome VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Close a run: its frames and scratch rows go, its row says how it ended'
BEGIN
    DELETE FROM deletion_frames WHERE run_id = p_run_id;
    DELETE FROM deletion_walk_keys WHERE walk_id = p_run_id;
    UPDATE deletion_runs AS r
    SET r.phase = 'ended', r.outcome = p_outcome, r.error = p_error, r.ended_at = utc_timestamp(6)
    WHERE r.run_id = p_run_id;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_enter.sql
-- deletion_enter
-- Begin a worker's call: free what an earlier call of this session left, and take the slot.
--
-- Parameters  p_slot     the worker's slot; NULL: none
--             p_is_ours  OUT FALSE where another session works in the slot
-- Writes      deletion_slots                       Commits  yes
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_enter;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_enter(
    IN p_slot INT,
    OUT p_is_ours BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Begin a worker''s call: free what an earlier call of this session left, and take the slot'
BEGIN
    DECLARE v_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_lock CURSOR FOR
        SELECT deletion_lock_name('run', r.run_id)
        FROM deletion_runs AS r
        WHERE r.ended_at IS NULL AND r.session_id = connection_id()
        UNION ALL
        SELECT deletion_lock_name('slot', s.slot)
        FROM deletion_slots AS s
        WHERE s.session_id = connection_id();
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    -- A killed statement leaves its transaction open and its session's locks held.
    ROLLBACK;
    OPEN c_lock;
    FETCH c_lock INTO v_name;

    WHILE NOT v_is_done DO
        CALL deletion_release(v_name);
        FETCH c_lock INTO v_name;
    END WHILE;

    CLOSE c_lock;
    SET p_is_ours = TRUE;

    IF p_slot IS NOT NULL THEN
        SET p_is_ours = coalesce(get_lock(deletion_lock_name('slot', p_slot), 0) = 1, FALSE);
    END IF;

    IF p_slot IS NOT NULL AND p_is_ours THEN
        CALL deletion_begin();
        INSERT INTO deletion_slots (slot, last_started_at, last_outcome, session_id)
        VALUES (p_slot, utc_timestamp(6), 'running', connection_id())
        ON DUPLICATE KEY UPDATE
            last_started_at = utc_timestamp(6),
            last_ended_at = NULL,  -- noqa: CV05
            last_outcome = 'running',
            last_error = NULL,  -- noqa: CV05
            session_id = connection_id();
        COMMIT;
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
-- Binds @dj_frame (keys, roots), @dj_limit, @dj_cursor and @dj_walk_id as the kind of step takes
-- them; answers in @dj_answer and @dj_rows.

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
        WHEN p_kind IN ('fetch', 'drain') THEN
            EXECUTE dj_stmt USING @dj_frame, @dj_limit;
            SET @dj_rows = if(p_kind = 'drain', row_count(), @dj_rows);
        WHEN p_kind IN ('remove', 'remove_now', 'set') THEN
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

-- >>> procedures/mysql/worker/deletion_fail_jobs.sql
-- deletion_fail_jobs
-- Fail some of a run's jobs, before anything of theirs was touched; the others go on.
--
-- Parameters  p_run_id   the run       p_jobs   JSON array of the jobs       p_error   why
-- Writes      deletion_attempts, deletion_jobs, deletion_frames, deletion_walk_keys   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_fail_jobs;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_fail_jobs(
    IN p_run_id BIGINT UNSIGNED,
    IN p_jobs JSON,
    IN p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Fail some of a run''s jobs, before anything of theirs was touched; the others go on'
BEGIN
    CALL deletion_settle(p_run_id, p_jobs, 'failed', p_error, TRUE, NULL);
    CALL deletion_drop_jobs(p_run_id, p_jobs);
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_fence.sql
-- deletion_fence
-- Take a run's row for a step, if the run is still the caller's.
--
-- Parameters  p_run_id, p_token   the run, as it was claimed
--             p_phase             OUT check or advance
-- Errors      JD010 another worker has taken the run's jobs
-- Writes      deletion_runs                        Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_fence;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_fence(
    IN p_run_id BIGINT UNSIGNED,
    IN p_token CHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_phase VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Take a run''s row for a step, if the run is still the caller''s'
BEGIN
    UPDATE deletion_runs AS r
    SET r.step_count = r.step_count + 1, r.last_step_at = utc_timestamp(6)
    WHERE r.run_id = p_run_id AND r.token = p_token AND r.ended_at IS NULL;

    IF row_count() <> 1 THEN
        CALL deletion_raise('JD010', 'run_deletion_jobs', 'the run is no longer ours', p_run_id);
    END IF;

    SELECT r.phase INTO p_phase FROM deletion_runs AS r WHERE r.run_id = p_run_id;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_find_roots.sql
-- deletion_find_roots
-- Find the rows that a run's jobs name, and push them as the run's first frame.
--
-- Parameters  p_run_id, p_plan_id   the run
-- Writes      deletion_frames, deletion_receipts; deletion_attempts and deletion_jobs of jobs whose
--             key does not parse (JD002)           Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_find_roots;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_find_roots(
    IN p_run_id BIGINT UNSIGNED,
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the rows that a run''s jobs name, and push them as the run''s first frame'
BEGIN
    DECLARE v_job_id BIGINT UNSIGNED;
    DECLARE v_pk, v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_types, v_collations, v_keys JSON;
    DECLARE v_spelling INT;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    -- Rows that are not found as they are spelled: only their keys need a strict reading.
    DECLARE c_missing CURSOR FOR
        SELECT j.id, j.entity_pk, k.m
        FROM json_table(v_keys, '$[*]' COLUMNS (
            j BIGINT UNSIGNED PATH '$.j', m INT PATH '$.m'
        )) AS k
        STRAIGHT_JOIN deletion_jobs AS j FORCE INDEX (PRIMARY) ON j.id = k.j  -- noqa: PRS
        WHERE k.m IS NOT NULL;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    SELECT t.key_types, t.key_collations
    INTO v_types, v_collations
    FROM deletion_runs AS r
    INNER JOIN deletion_targets AS t ON t.entity_table = r.entity_table
    WHERE r.run_id = p_run_id;

    SELECT json_arrayagg(json_object('j', j.id, 'pk', j.entity_pk, 'k', CASE
        WHEN json_length(v_types) = 1 THEN json_array(j.entity_pk)
        WHEN json_valid(j.entity_pk) THEN cast(j.entity_pk AS JSON)
    END))
    INTO @dj_frame
    FROM deletion_attempts AS a
    STRAIGHT_JOIN deletion_jobs AS j FORCE INDEX (PRIMARY) ON j.id = a.job_id  -- noqa: PRS
    WHERE a.run_id = p_run_id AND a.outcome IS NULL;

    CALL deletion_execute(p_plan_id, 0, 'roots');
    SET v_keys = @dj_answer;

    INSERT INTO deletion_frames (run_id, depth, node_no, edge_no, `keys`, key_count, rows_at_pass)
    VALUES (p_run_id, 0, 0, 0, v_keys, json_length(v_keys), 0);

    OPEN c_missing;
    FETCH c_missing INTO v_job_id, v_pk, v_spelling;

    WHILE NOT v_is_done DO
        SET v_error = CASE
            WHEN deletion_key_texts(v_types, v_collations, v_pk) IS NULL THEN 'does not parse'
            WHEN deletion_key_texts(v_types, v_collations, v_pk) <> v_pk THEN
                'is not spelled as its type prints it'
            WHEN v_spelling = 2 THEN 'is spelled otherwise in the table'
        END;

        IF v_error IS NOT NULL THEN
            CALL deletion_fail_jobs(
                p_run_id, json_array(v_job_id), concat('JD002: the key ', v_error, ' (', v_pk, ')')
            );
        END IF;

        SET v_is_done = FALSE;
        FETCH c_missing INTO v_job_id, v_pk, v_spelling;
    END WHILE;

    CLOSE c_missing;

    -- A job that comes again after a crash has removed its root itself: its receipts know.
    INSERT IGNORE INTO deletion_receipts (job_id, table_name, action, row_count)
    SELECT k.j, s.table_name, 'root_not_found', 0
    FROM deletion_frames AS f
    CROSS JOIN json_table(f.`keys`, '$[*]' COLUMNS (
        j BIGINT UNSIGNED PATH '$.j', m INT PATH '$.m'
    )) AS k
    INNER JOIN deletion_plan_steps AS s
        ON s.plan_id = p_plan_id AND s.edge_no = 0 AND s.kind = 'roots'
    WHERE
        f.run_id = p_run_id
        AND k.m IS NOT NULL
        AND NOT EXISTS (
            SELECT 1
            FROM deletion_receipts AS r
            WHERE
                r.job_id = k.j
                AND r.table_name = s.table_name
                AND r.action = 'delete'
                -- Receipts of an earlier request of the same row are another story.
                AND r.updated_at >= (
                    SELECT min(a.started_at)
                    FROM deletion_attempts AS a
                    WHERE a.job_id = r.job_id AND NOT a.is_past
                )
        );
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

    -- A new foreign key needs a lock that this one excludes: what is compared next holds.
    CALL deletion_execute(p_plan_id, 0, 'guard');
    SET p_fits = (
        SELECT
            if(
                p_all,
                p.fingerprint = deletion_fingerprint(p.entity_table, p.tables),
                left(p.fingerprint, 32) = deletion_fingerprint_keys(p.tables)
            )
        FROM deletion_plans AS p
        WHERE p.plan_id = p_plan_id
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_is_alive.sql
-- deletion_is_alive
-- Say whether a run's worker still works: its session holds the run's lock, and is in a call.
--
-- Parameters  p_run_id       the run
--             p_session_id   the session that it recorded     p_server_id   the server of that
-- Returns     boolean
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_is_alive;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_is_alive(
    p_run_id BIGINT UNSIGNED,
    p_session_id BIGINT UNSIGNED,
    p_server_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS BOOLEAN
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say whether a run''s worker still works: its session holds the run''s lock, and is in a call'  -- noqa: LT05
BEGIN
    RETURN coalesce(
        p_server_id = @@GLOBAL.server_uuid
        -- Our own session is between runs whenever it asks.
        AND p_session_id <> connection_id()
        AND p_session_id = is_used_lock(deletion_lock_name('run', p_run_id))
        -- A pooled session may keep the lock after a KILL QUERY: then it sleeps.
        AND EXISTS (
            SELECT 1
            FROM performance_schema.threads AS t
            WHERE t.processlist_id = p_session_id AND t.processlist_command <> 'Sleep'
        ),
        FALSE
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_key_hash.sql
-- deletion_key_hash
-- Hash the key of a frame's row.
--
-- Parameters  p_row   the row, as frames keep it
-- Returns     32 bytes
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_key_hash;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_key_hash(
    p_row JSON
) RETURNS BINARY(32)
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Hash the key of a frame''s row'
BEGIN
    -- As many columns as an index can have; those that are not there are left out.
    RETURN unhex(sha2(json_extract(
        p_row, '$.k1', '$.k2', '$.k3', '$.k4', '$.k5', '$.k6', '$.k7', '$.k8', '$.k9', '$.k10',
        '$.k11', '$.k12', '$.k13', '$.k14', '$.k15', '$.k16'
    ), 256));
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_leave.sql
-- deletion_leave
-- End a worker's call: note how it went, and free the slot.
--
-- Parameters  p_slot      the worker's slot; NULL: none
--             p_outcome   idle, worked, paused or failed
--             p_error     what went wrong; NULL: nothing
--             p_jobs      number of jobs claimed
-- Writes      deletion_slots                       Commits  yes
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_leave;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_leave(
    IN p_slot INT,
    IN p_outcome VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_jobs BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'End a worker''s call: note how it went, and free the slot'
BEGIN
    IF p_slot IS NOT NULL THEN
        CALL deletion_begin();
        UPDATE deletion_slots AS s
        SET
            s.last_ended_at = utc_timestamp(6),
            s.last_outcome = p_outcome,
            s.last_error = p_error,
            s.jobs_claimed = p_jobs
        WHERE s.slot = p_slot AND s.session_id = connection_id();
        COMMIT;
        CALL deletion_release(deletion_lock_name('slot', p_slot));
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

    IF @dj_changed > @dj_pass THEN
        -- Something went in this pass, so more may go in the next.
        SET @dj_idle = 0;
    ELSEIF @dj_waits AND @dj_edge_no <> 0 THEN
        -- Rows wait for others that hang from elsewhere in the closure: those come first.
        SET v_is_popped = TRUE;
        CALL deletion_pop();
    ELSEIF @dj_waits AND NOT json_contains_path(@dj_state, 'one', '$.set') THEN
        -- All that could go is gone: what still refers to rows of the closure survives, and is set.
        SET @dj_state = json_set(@dj_state, '$.set', TRUE), @dj_idle = 0;
    ELSEIF @dj_idle = 0 THEN
        -- A child may have come between its reference's pass and the lock: look once more.
        SET @dj_idle = 1;
    ELSE
        CALL deletion_stuck();
    END IF;

    IF NOT v_is_popped THEN
        SET @dj_pos = 0, @dj_read = NULL, @dj_pass = @dj_changed, @dj_is_dirty = TRUE;
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

    SET @dj_is_locked = FALSE;

    SELECT
        f.depth, f.node_no, f.edge_no, f.`keys`, f.key_count, f.edge_pos, f.fetch_cursor,
        f.rows_at_pass, f.idle_passes, f.rows_here, FALSE
    INTO
        @dj_depth, @dj_node_no, @dj_edge_no, @dj_keys, @dj_count, @dj_pos, @dj_read,
        @dj_pass, @dj_idle, @dj_here, @dj_is_dirty
    FROM deletion_frames AS f
    WHERE f.run_id = @dj_run_id
    ORDER BY f.depth DESC
    LIMIT 1;

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
        p.has_waits,
        if(r.job_count = 1, (
            SELECT max(a.job_id) FROM deletion_attempts AS a WHERE a.run_id = r.run_id
        ), NULL)
    INTO
        @dj_run_id, @dj_plan_id, @dj_batch, @dj_left, @dj_changed, @dj_state, @dj_waits, @dj_job_id
    FROM deletion_runs AS r
    INNER JOIN deletion_plans AS p ON p.plan_id = r.plan_id
    WHERE r.run_id = p_run_id;

    CALL deletion_refresh_frames();
    CALL deletion_load_frame();
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_lock_name.sql
-- deletion_lock_name
-- Name the session lock of a run or of a slot.
--
-- Parameters  p_kind   run or slot                 p_no   its number
-- Returns     text, of at most 64 characters
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT is_used_lock(deletion_lock_name('slot', 1));

DROP FUNCTION IF EXISTS deletion_lock_name;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_lock_name(
    p_kind VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_no BIGINT
) RETURNS VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Name the session lock of a run or of a slot'
BEGIN
    -- Locks are the server's, not the database's: the name has to tell installations apart.
    RETURN concat('dj:', left(sha2(database(), 256), 16), ':', left(p_kind, 1), ':', p_no);
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
        SELECT s.sql_text FROM deletion_plan_steps AS s WHERE s.plan_id = p_plan_id
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

-- >>> procedures/mysql/worker/deletion_others_due.sql
-- deletion_others_due
-- Say whether another job is due, for which a heavy run should make room.
--
-- Returns     boolean
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_others_due;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_others_due() RETURNS BOOLEAN
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say whether another job is due, for which a heavy run should make room'
BEGIN
    RETURN EXISTS (
        SELECT 1
        FROM deletion_jobs AS j FORCE INDEX (idx_dj_due)
        WHERE j.status = 'pending' AND coalesce(j.scheduled_at, j.created_at) <= utc_timestamp(6)
    );
END$$
DELIMITER ;
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
    DELETE FROM deletion_frames WHERE run_id = @dj_run_id AND depth = @dj_depth;
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
    DECLARE v_fan DOUBLE DEFAULT json_extract(@dj_state, concat('$.fan."', p_node_no, '"'));

    -- So many that their own children fit the batch as well; a first guess where none were seen.
    SET @dj_limit = cast(if(
        v_fan IS NULL, least(100, @dj_left), greatest(1, floor(0.85 * @dj_left / (1 + v_fan)))
    ) AS UNSIGNED);
    SET @dj_frame = @dj_keys, @dj_cursor = coalesce(@dj_read, '{}');
    -- Rows may stay that wait for others: then the next page comes after them.
    CALL deletion_execute(@dj_plan_id, p_edge_no, if(@dj_waits, 'fetch_more', 'fetch'));

    IF @dj_rows = 0 THEN
        SET @dj_pos = p_edge_no, @dj_read = NULL, @dj_is_dirty = TRUE;
    ELSE
        IF @dj_waits THEN
            SET @dj_read = json_extract(@dj_answer, '$[last]'), @dj_is_dirty = TRUE;
        END IF;

        CALL deletion_save_frame();
        SET @dj_depth = @dj_depth + 1, @dj_node_no = p_node_no, @dj_edge_no = p_edge_no;
        SET @dj_keys = @dj_answer, @dj_count = @dj_rows, @dj_pos = 0, @dj_read = NULL;
        SET @dj_pass = @dj_changed, @dj_idle = 0, @dj_here = 0, @dj_is_dirty = TRUE;
        SET @dj_is_locked = FALSE;

        -- Children that fit this transaction are emptied under their parents' lock: then no
        -- second look is needed.
        IF @dj_count * (1 + v_fan) < @dj_left THEN
            CALL deletion_lock_frame();
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

-- >>> procedures/mysql/worker/deletion_recover.sql
-- deletion_recover
-- Take back the jobs of runs whose worker is gone, and those that finish had to leave.
--
-- Writes      deletion_runs, deletion_attempts, deletion_jobs, deletion_frames      Commits  yes
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_recover;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_recover()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Take back the jobs of runs whose worker is gone, and those that finish had to leave'
BEGIN
    DECLARE v_run_id, v_session_id BIGINT UNSIGNED;
    DECLARE v_server_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_jobs JSON;
    DECLARE v_is_done, v_is_counted BOOLEAN DEFAULT FALSE;
    DECLARE c_open CURSOR FOR
        SELECT r.run_id FROM deletion_runs AS r WHERE r.ended_at IS NULL ORDER BY r.run_id;
    DECLARE c_left CURSOR FOR
        SELECT a.run_id, json_arrayagg(j.id)
        FROM deletion_jobs AS j
        INNER JOIN deletion_attempts AS a ON a.job_id = j.id
        INNER JOIN deletion_runs AS r ON r.run_id = a.run_id AND r.ended_at IS NOT NULL
        WHERE
            j.status = 'running'
            AND a.attempt_no = (
                SELECT max(b.attempt_no) FROM deletion_attempts AS b WHERE b.job_id = j.id
            )
        GROUP BY a.run_id;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    CALL deletion_begin();
    OPEN c_open;
    FETCH c_open INTO v_run_id;

    WHILE NOT v_is_done DO
        SET v_session_id = NULL;
        -- Looked at under the row's lock: a worker's step holds that lock while it works.
        SELECT r.session_id, r.server_id, r.alone AND r.rows_changed = 0
        INTO v_session_id, v_server_id, v_is_counted
        FROM deletion_runs AS r
        WHERE r.run_id = v_run_id AND r.ended_at IS NULL
        FOR UPDATE SKIP LOCKED;  -- noqa: PRS

        IF
            v_session_id IS NOT NULL
            AND NOT deletion_is_alive(v_run_id, v_session_id, v_server_id)
        THEN
            SELECT json_arrayagg(a.job_id)
            INTO v_jobs
            FROM deletion_attempts AS a
            WHERE a.run_id = v_run_id;
            -- A death counts only against a job that was alone and got nowhere: it may be the
            -- poison.
            CALL deletion_settle(
                v_run_id, NULL, 'lost', 'the worker''s session or its server was gone',
                v_is_counted, v_jobs
            );
            CALL deletion_end_run(v_run_id, 'lost', 'the worker''s session was gone');
        END IF;

        SET v_is_done = FALSE;
        FETCH c_open INTO v_run_id;
    END WHILE;

    CLOSE c_open;
    SET v_is_done = FALSE;
    OPEN c_left;
    FETCH c_left INTO v_run_id, v_jobs;

    WHILE NOT v_is_done DO
        -- Where even the outcome could not be written the job runs again and finds what is left.
        CALL deletion_settle(v_run_id, v_jobs, 'returned', NULL, FALSE, NULL);
        SET v_is_done = FALSE;
        FETCH c_left INTO v_run_id, v_jobs;
    END WHILE;

    CLOSE c_left;
    COMMIT;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_release.sql
-- deletion_release
-- Free a session lock of this session, however often it was taken.
--
-- Parameters  p_name   the lock
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_release;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_release(
    IN p_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Free a session lock of this session, however often it was taken'
BEGIN
    WHILE is_used_lock(p_name) = connection_id() DO
        DO release_lock(p_name);
    END WHILE;
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
BEGIN
    DECLARE v_found, v_rows BIGINT;

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
        CALL deletion_execute(
            @dj_plan_id, @dj_edge_no, if(@dj_is_locked, 'remove_now', 'remove')
        );

        IF @dj_rows <> v_rows THEN
            SIGNAL SQLSTATE '40001' SET MESSAGE_TEXT = 'rows under lock were not there to be deleted';  -- noqa: LT05
        END IF;

        CALL deletion_count(@dj_edge_no, 'delete', v_rows, @dj_frame);
    END IF;

    IF v_rows = v_found THEN
        -- What was not found any more has moved to another parent, or is gone already.
        SET @dj_state = json_set(@dj_state, '$.fan', json_set(
            coalesce(json_extract(@dj_state, '$.fan'), json_object()),
            -- A frame whose keys were all of a cancelled job has none left.
            concat('$."', @dj_node_no, '"'), @dj_here / greatest(1, @dj_count)
        ));
        CALL deletion_pop();
    ELSE
        SET @dj_frame = @dj_keys;
        CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'left');
        SET @dj_keys = @dj_answer, @dj_count = @dj_rows, @dj_is_dirty = TRUE;
        CALL deletion_left_over();
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_save_frame.sql
-- deletion_save_frame
-- Store the walk's present frame.
--
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_save_frame;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_save_frame()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Store the walk''s present frame'
BEGIN
    IF @dj_depth IS NOT NULL AND @dj_is_dirty THEN
        REPLACE INTO deletion_frames (
            run_id, depth, node_no, edge_no, `keys`, key_count, edge_pos, fetch_cursor,
            rows_at_pass, idle_passes, rows_here, updated_at
        )
        VALUES (
            @dj_run_id, @dj_depth, @dj_node_no, @dj_edge_no, @dj_keys, @dj_count, @dj_pos, @dj_read,
            @dj_pass, @dj_idle, @dj_here, utc_timestamp(6)
        );
        SET @dj_is_dirty = FALSE;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_save_walk.sql
-- deletion_save_walk
-- Store where the walk stands, with what its step changed.
--
-- Writes      deletion_frames, deletion_runs       Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_save_walk;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_save_walk()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Store where the walk stands, with what its step changed'
BEGIN
    CALL deletion_save_frame();

    UPDATE deletion_runs AS r
    SET
        r.rows_changed = @dj_changed,
        r.state = @dj_state,
        -- Contention halves the batch at once; it comes back slowly.
        r.batch_rows = least(
            deletion_setting_int('batch_rows'), r.batch_rows + greatest(1, r.batch_rows DIV 8)
        ),
        r.retries = 0
    WHERE r.run_id = @dj_run_id;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_seed_walk.sql
-- deletion_seed_walk
-- Begin a walk of check or preview at the rows that jobs name.
--
-- Parameters  p_walk_id   the run; a preview uses its session's negative number
--             p_keys      the root frame
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_seed_walk;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_seed_walk(
    IN p_walk_id BIGINT,
    IN p_keys JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Begin a walk of check or preview at the rows that jobs name'
BEGIN
    INSERT IGNORE INTO deletion_walk_keys (
        walk_id, job_id, node_no, fate, key_hash, edge_no, `keys`, is_expanded
    )
    SELECT p_walk_id, k.j, 0, 'delete', deletion_key_hash(k.o), 0, k.o, FALSE
    FROM json_table(p_keys, '$[*]' COLUMNS (o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j')) AS k;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_session.sql
-- deletion_session
-- Give a worker's session the settings that its steps rest on, or its own ones back.
--
-- Parameters  p_saved   INOUT NULL: set ours and answer what was before; else: set these
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_session;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_session(
    INOUT p_saved JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Give a worker''s session the settings that its steps rest on, or its own ones back'
BEGIN
    IF p_saved IS NULL THEN
        SET p_saved = json_object(
            'isolation', @@SESSION.transaction_isolation,
            'zone', @@SESSION.time_zone,
            'wait', @@SESSION.innodb_lock_wait_timeout,
            'meta', @@SESSION.lock_wait_timeout,
            'depth', @@SESSION.cte_max_recursion_depth,
            'concat', @@SESSION.group_concat_max_len,
            'safe', @@SESSION.sql_safe_updates,
            'big', @@SESSION.sql_big_selects,
            'keys', @@SESSION.foreign_key_checks
        );
        -- TIMESTAMP keys travel as text; whole seconds are all that the engine takes.
        SET SESSION
            transaction_isolation = 'READ-COMMITTED',
            time_zone = '+00:00',
            innodb_lock_wait_timeout = (deletion_setting_int('lock_timeout_ms') + 999) DIV 1000,
            lock_wait_timeout = (deletion_setting_int('lock_timeout_ms') + 999) DIV 1000,
            cte_max_recursion_depth = 4294967295,
            group_concat_max_len = 16777216,
            sql_safe_updates = 0,
            sql_big_selects = 1,
            foreign_key_checks = 1;
    ELSE
        SET SESSION
            transaction_isolation = json_unquote(json_extract(p_saved, '$.isolation')),
            time_zone = json_unquote(json_extract(p_saved, '$.zone')),
            innodb_lock_wait_timeout = cast(json_extract(p_saved, '$.wait') AS UNSIGNED),
            lock_wait_timeout = cast(json_extract(p_saved, '$.meta') AS UNSIGNED),
            cte_max_recursion_depth = cast(json_extract(p_saved, '$.depth') AS UNSIGNED),
            group_concat_max_len = cast(json_extract(p_saved, '$.concat') AS UNSIGNED),
            sql_safe_updates = cast(json_extract(p_saved, '$.safe') AS UNSIGNED),
            sql_big_selects = cast(json_extract(p_saved, '$.big') AS UNSIGNED),
            foreign_key_checks = cast(json_extract(p_saved, '$.keys') AS UNSIGNED);
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_set_done.sql
-- deletion_set_done
-- After rows were set: see that none still points where it pointed, and which of them count.
--
-- Parameters  p_edge_no   the reference
--             p_rows      INOUT the rows that were set; those that were not set before
-- Errors      JD006 rows still point where they pointed
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_set_done;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_set_done(
    IN p_edge_no INT,
    INOUT p_rows LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'After rows were set: see that none still points where it pointed, and which of them count'
BEGIN
    DECLARE v_table, v_reference VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_node_no INT;
    DECLARE v_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_counted LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT s.table_name, s.reference_name, s.node_no, s.action
    INTO v_table, v_reference, v_node_no, v_action
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = @dj_plan_id AND s.edge_no = p_edge_no AND s.kind = 'fetch';

    -- The number that UPDATE gives depends on the client; the rows themselves do not.
    CALL deletion_execute(@dj_plan_id, p_edge_no, 'lock');

    IF @dj_rows > 0 THEN
        CALL deletion_raise('JD006', 'run_deletion_jobs', concat(
            'rows of ', v_table, ' still point at the deleted key'
        ), v_reference);
    END IF;

    -- A row with two references to set is changed twice and counted once; one that waited for the
    -- rest may still go, and then counts as gone.
    IF EXISTS (
        SELECT 1
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = @dj_plan_id AND s.kind = 'set' AND s.node_no = v_node_no
        HAVING count(*) > 1 OR max(s.waits)
    ) THEN
        SELECT coalesce(json_arrayagg(k.o), json_array())
        INTO v_counted
        FROM json_table(p_rows, '$[*]' COLUMNS (o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j')) AS k
        WHERE NOT EXISTS (
            SELECT 1
            FROM deletion_walk_keys AS w
            WHERE
                w.walk_id = 0 AND w.job_id = k.j AND w.node_no = -1 AND w.fate = 'set_null'
                AND w.key_hash = unhex(sha2(concat(v_table, hex(deletion_key_hash(k.o))), 256))
        );

        INSERT IGNORE INTO deletion_walk_keys (
            walk_id, job_id, node_no, fate, key_hash, edge_no, `keys`, is_expanded
        )
        SELECT
            0, k.j, -1, 'set_null', unhex(sha2(concat(v_table, hex(deletion_key_hash(k.o))), 256)),
            0, json_object('action', v_action), TRUE
        FROM json_table(v_counted, '$[*]' COLUMNS (
            o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
        )) AS k;
        SET p_rows = v_counted;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_settle.sql
-- deletion_settle
-- End the attempts of a run's jobs: write how each ended, then carry it over to the jobs.
--
-- Parameters  p_run_id   the run
--             p_jobs     JSON array of the jobs; NULL: all whose attempt is open
--             p_outcome  done, failed, cancelled, retry, sliced, returned or lost
--             p_error    what went wrong; NULL: nothing
--             p_counted  TRUE: the attempt counts towards max_attempts
--             p_alone    JSON array of the jobs that shall be claimed alone next time; NULL: none
-- Writes      deletion_attempts, deletion_jobs     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_settle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_settle(
    IN p_run_id BIGINT UNSIGNED,
    IN p_jobs JSON,
    IN p_outcome VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_counted BOOLEAN,
    IN p_alone JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'End the attempts of a run''s jobs: write how each ended, then carry it over to the jobs'
BEGIN
    DECLARE v_open JSON;  -- noqa: PRS

    -- Never wait for a caller: an attempt that a cancel holds open is settled by recovery.
    SELECT json_arrayagg(json_object('j', a.job_id, 'n', a.attempt_no))
    INTO v_open
    FROM deletion_attempts AS a FORCE INDEX (idx_da_run)
    WHERE a.run_id = p_run_id AND a.outcome IS NULL
    FOR UPDATE OF a SKIP LOCKED;  -- noqa: PRS

    UPDATE json_table(v_open, '$[*]' COLUMNS (
        j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n'
    )) AS t
    STRAIGHT_JOIN deletion_attempts AS a FORCE INDEX (PRIMARY)
        ON a.job_id = t.j AND a.attempt_no = t.n
    SET
        a.outcome = if(
            -- A cancelled job's keys were skipped: it is never done, whatever became of the rest.
            a.cancel_requested_at IS NOT NULL AND p_outcome <> 'failed', 'cancelled', p_outcome
        ),
        a.error = p_error,
        a.ended_at = utc_timestamp(6),
        a.is_counted = p_counted,
        a.alone_next = coalesce(json_contains(p_alone, cast(a.job_id AS JSON)), FALSE)
    WHERE p_jobs IS NULL OR json_contains(p_jobs, cast(a.job_id AS JSON));

    CALL deletion_carry_over(p_run_id);
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_slice.sql
-- deletion_slice
-- Dissolve a run whose time is up: heavy jobs go on alone, at the back; the others as they were.
--
-- Parameters  p_run_id   the run
-- Writes      deletion_runs, deletion_attempts, deletion_jobs, deletion_frames      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_slice;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_slice(
    IN p_run_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Dissolve a run whose time is up: heavy jobs go on alone, at the back; the others as they were'  -- noqa: LT05
BEGIN
    DECLARE v_heavy JSON;

    -- Who has had a batch of its own, or more than half of what the run works at, is heavy. The
    -- small ones go on together: alone each of them would cost a run.
    SELECT json_arrayagg(a.job_id)
    INTO v_heavy
    FROM deletion_attempts AS a
    WHERE
        a.run_id = p_run_id
        AND a.outcome IS NULL
        AND (
            (
                SELECT sum(r.row_count) FROM deletion_receipts AS r WHERE r.job_id = a.job_id
            ) >= deletion_setting_int('batch_rows')
            OR a.job_id IN (
                SELECT k.j
                FROM deletion_frames AS f
                CROSS JOIN json_table(f.`keys`, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$.j')) AS k
                WHERE
                    f.run_id = p_run_id
                    AND f.depth = (
                        SELECT max(g.depth) FROM deletion_frames AS g WHERE g.run_id = p_run_id
                    )
                GROUP BY f.key_count, k.j
                HAVING count(*) * 2 > f.key_count
            )
        );

    CALL deletion_settle(p_run_id, NULL, 'sliced', NULL, FALSE, v_heavy);
    CALL deletion_end_run(p_run_id, 'sliced', NULL);
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_start_attempts.sql
-- deletion_start_attempts
-- Mark jobs as running, each with an attempt that keeps what was asked for.
--
-- Parameters  p_run_id   the run                   p_jobs   JSON array of the jobs, locked
-- Writes      deletion_attempts, deletion_jobs     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_start_attempts;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_start_attempts(
    IN p_run_id BIGINT UNSIGNED,
    IN p_jobs JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Mark jobs as running, each with an attempt that keeps what was asked for'
BEGIN
    INSERT INTO deletion_attempts (  -- noqa: PRS
        job_id, attempt_no, run_id, started_at, asked_reason, asked_hard_delete, asked_scheduled_at,
        asked_by, asked_at
    )
    SELECT
        j.id, coalesce(a.attempt_no, 0) + 1, p_run_id, utc_timestamp(6), j.reason, j.hard_delete,
        -- Back-off has overwritten the wished time; the first attempt still knows it.
        if(a.is_past = FALSE, a.asked_scheduled_at, j.scheduled_at), j.created_by, j.created_at
    FROM json_table(p_jobs, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS t
    STRAIGHT_JOIN deletion_jobs AS j FORCE INDEX (PRIMARY) ON j.id = t.id
    LEFT JOIN deletion_attempts AS a
        ON
            a.job_id = j.id
            AND a.attempt_no = (
                SELECT max(b.attempt_no) FROM deletion_attempts AS b WHERE b.job_id = j.id
            );

    UPDATE json_table(p_jobs, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS t
    STRAIGHT_JOIN deletion_jobs AS j FORCE INDEX (PRIMARY) ON j.id = t.id
    SET j.status = 'running', j.started_at = utc_timestamp(6), j.finished_at = NULL, j.error = NULL;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_step.sql
-- deletion_step
-- Do one bounded step of a run and commit it; what fails is rolled back and decided about.
--
-- Parameters  p_run_id, p_token   the run, as it was claimed
--             p_until             when the worker's call should end
--             p_state             OUT more, retry (after an error that passes), ended or lost
-- Writes      the application's tables, and all tables of a run     Commits  yes
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_step;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_step(
    IN p_run_id BIGINT UNSIGNED,
    IN p_token CHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_until DATETIME(6),
    OUT p_state VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Do one bounded step of a run and commit it; what fails is rolled back and decided about'
BEGIN
    DECLARE v_number, v_errno INT;  -- noqa: PRS
    DECLARE v_code CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_message LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_phase VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    BEGIN
        DECLARE EXIT HANDLER FOR SQLEXCEPTION
        BEGIN
            GET STACKED DIAGNOSTICS v_number = NUMBER;
            GET STACKED DIAGNOSTICS CONDITION v_number
                v_code = RETURNED_SQLSTATE, v_errno = MYSQL_ERRNO, v_message = MESSAGE_TEXT;

            -- Above the error itself may stand one that only says which kind of statement met it.
            IF v_errno = 1105 AND v_number > 1 THEN
                SET v_number = v_number - 1;
                GET STACKED DIAGNOSTICS CONDITION v_number
                    v_code = RETURNED_SQLSTATE, v_errno = MYSQL_ERRNO, v_message = MESSAGE_TEXT;
            END IF;
        END;

        CALL deletion_begin();
        CALL deletion_fence(p_run_id, p_token, v_phase);

        IF v_phase = 'check' THEN
            CALL deletion_check(p_run_id, p_state);
        ELSE
            CALL deletion_advance_run(p_run_id, p_until, p_state);
        END IF;

        COMMIT;
    END;

    IF v_code IS NOT NULL THEN
        -- A deadlock has rolled back everything already, a lock timeout only its statement.
        ROLLBACK;
        SET p_state = 'lost';
    END IF;

    IF v_code <> 'JD010' THEN
        CALL deletion_step_failed(p_run_id, p_token, v_code, v_errno, v_message, p_state);
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_step_failed.sql
-- deletion_step_failed
-- Decide what becomes of a run whose step was rolled back.
--
-- Parameters  p_run_id, p_token            the run
--             p_code, p_errno, p_message   the error
--             p_state                      OUT retry, ended or lost
-- Writes      deletion_runs, deletion_attempts, deletion_jobs     Commits  yes
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_step_failed;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_step_failed(
    IN p_run_id BIGINT UNSIGNED,
    IN p_token CHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_code CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_errno INT,
    IN p_message LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_state VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Decide what becomes of a run whose step was rolled back'
BEGIN
    DECLARE v_phase VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_retries INT;
    DECLARE v_alone BOOLEAN;
    DECLARE v_jobs JSON;
    DECLARE v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT concat(p_code, ': ', p_message);
    -- Lock timeout, deadlock, NOWAIT, a row that somebody added or took away meanwhile.
    DECLARE v_passes BOOLEAN DEFAULT p_code = '40001' OR p_errno IN (1205, 1213, 3572, 1451, 1452);
    DECLARE EXIT HANDLER FOR SQLSTATE 'JD010'
    BEGIN
        ROLLBACK;
        SET p_state = 'lost';
    END;

    CALL deletion_begin();
    CALL deletion_fence(p_run_id, p_token, v_phase);

    SELECT r.retries, r.alone INTO v_retries, v_alone
    FROM deletion_runs AS r
    WHERE r.run_id = p_run_id;

    SET p_state = 'ended';

    IF v_passes AND v_retries < 3 THEN
        UPDATE deletion_runs AS r
        SET
            r.retries = r.retries + 1,
            r.batch_rows = greatest(1, r.batch_rows DIV 2),
            r.error = v_error
        WHERE r.run_id = p_run_id;
        SET p_state = 'retry';
    ELSEIF NOT v_alone THEN
        -- One bad job must not fail its neighbours: each goes alone now.
        SELECT json_arrayagg(a.job_id)
        INTO v_jobs
        FROM deletion_attempts AS a
        WHERE a.run_id = p_run_id;
        CALL deletion_settle(p_run_id, NULL, 'returned', v_error, FALSE, v_jobs);
        CALL deletion_end_run(p_run_id, 'returned', v_error);
    ELSEIF v_passes THEN
        CALL deletion_settle(p_run_id, NULL, 'retry', v_error, TRUE, NULL);
        CALL deletion_end_run(p_run_id, 'retry', v_error);
    ELSE
        CALL deletion_settle(p_run_id, NULL, 'failed', v_error, TRUE, NULL);
        CALL deletion_end_run(p_run_id, 'failed', v_error);
    END IF;

    COMMIT;
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
    SIGNAL SQLSTATE 'JD006' SET MYSQL_ERRNO = 31006, MESSAGE_TEXT = v_message;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_unindexed.sql
-- deletion_unindexed
-- Say which reference without an index leads from a table that is too large to be read whole.
--
-- Parameters  p_plan_id   the plan
--             p_error     OUT JD008 naming the reference; NULL: there is none
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_unindexed;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_unindexed(
    IN p_plan_id BIGINT UNSIGNED,
    OUT p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say which reference without an index leads from a table that is too large to be read whole'
BEGIN
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE v_edge_no INT;
    DECLARE v_limit BIGINT DEFAULT deletion_setting_int('unindexed_limit_rows');
    DECLARE v_table, v_reference VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE c_size CURSOR FOR
        SELECT s.edge_no, s.table_name, s.reference_name
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.kind = 'size'
        ORDER BY s.step_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_size;
    FETCH c_size INTO v_edge_no, v_table, v_reference;

    WHILE NOT v_is_done AND p_error IS NULL DO
        SET @dj_limit = v_limit + 1;
        CALL deletion_execute(p_plan_id, v_edge_no, 'size');

        IF @dj_rows > v_limit THEN
            SET p_error = concat(
                'JD008: ', v_reference, ' of ', v_table, ' has no index and the table over ',
                v_limit, ' rows'
            );
        END IF;

        FETCH c_size INTO v_edge_no, v_table, v_reference;
    END WHILE;

    CLOSE c_size;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_walk.sql
-- deletion_walk
-- Read one layer of a walk: the rows that hang from some rows whose children are not yet known.
--
-- Parameters  p_walk_id   the walk                 p_plan_id   its plan
--             p_all       TRUE: every reference (preview, max_rows); FALSE: those the check needs
--             p_read      OUT number of rows read; NULL: the walk has ended
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_walk;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_walk(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED,
    IN p_all BOOLEAN,
    OUT p_read BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read one layer of a walk: the rows that hang from some rows whose children are not yet known'  -- noqa: LT05
BEGIN
    DECLARE v_node_no, v_edge_no INT;  -- noqa: PRS
    DECLARE v_frame JSON;
    DECLARE v_child_no INT;
    DECLARE v_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_edge CURSOR FOR
        SELECT s.edge_no, s.node_no, s.action
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_plan_id AND s.kind = 'fetch_more' AND s.parent_node_no = v_node_no
            AND (p_all OR s.in_check)
        ORDER BY s.edge_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    SET v_node_no = (
        SELECT w.node_no
        FROM deletion_walk_keys AS w
        WHERE w.walk_id = p_walk_id AND NOT w.is_expanded
        LIMIT 1
    );

    IF v_node_no IS NOT NULL THEN
        SET p_read = 0;
        SELECT json_arrayagg(json_object(
            'j', q.job_id, 'n', q.node_no, 'h', hex(q.key_hash), 'o', q.`keys`
        ))
        INTO v_frame
        FROM (
            SELECT w.job_id, w.node_no, w.key_hash, w.`keys`
            FROM deletion_walk_keys AS w
            WHERE w.walk_id = p_walk_id AND NOT w.is_expanded AND w.node_no = v_node_no
            LIMIT 200
        ) AS q;

        UPDATE json_table(v_frame, '$[*]' COLUMNS (
            j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n', h CHAR(64) PATH '$.h'
        )) AS t
        STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
            ON
                w.walk_id = p_walk_id
                AND w.job_id = t.j
                AND w.node_no = t.n
                AND w.fate = 'delete'
                AND w.key_hash = unhex(t.h)
        SET w.is_expanded = TRUE;

        OPEN c_edge;
        FETCH c_edge INTO v_edge_no, v_child_no, v_action;

        WHILE NOT v_is_done DO
            SET @dj_frame = json_extract(v_frame, '$[*].o');
            CALL deletion_walk_edge(p_walk_id, p_plan_id, v_edge_no, v_child_no, v_action, p_read);
            SET v_is_done = FALSE;
            FETCH c_edge INTO v_edge_no, v_child_no, v_action;
        END WHILE;

        CLOSE c_edge;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_walk_edge.sql
-- deletion_walk_edge
-- Read, page by page, the rows that hang from a walk's rows by one reference.
--
-- Parameters  p_walk_id, p_plan_id, p_edge_no   the reference; @dj_frame holds the rows
--             p_child_no, p_action              its child and what happens to it
--             p_read                            INOUT number of rows read
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_walk_edge;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_walk_edge(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED,
    IN p_edge_no INT,
    IN p_child_no INT,
    IN p_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    INOUT p_read BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read, page by page, the rows that hang from a walk''s rows by one reference'
BEGIN
    -- One answer of the engine is never larger than this.
    DECLARE v_page INT DEFAULT 10000;

    SET @dj_cursor = '{}', @dj_limit = v_page, @dj_rows = v_page;

    WHILE @dj_rows = v_page DO
        CALL deletion_execute(p_plan_id, p_edge_no, 'fetch_more');
        INSERT IGNORE INTO deletion_walk_keys (
            walk_id, job_id, node_no, fate, key_hash, edge_no, `keys`, is_expanded
        )
        SELECT
            p_walk_id, k.j, p_child_no, if(p_action = 'cascade', 'delete', p_action),
            deletion_key_hash(k.o), p_edge_no, k.o, p_action <> 'cascade'
        FROM json_table(@dj_answer, '$[*]' COLUMNS (
            o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
        )) AS k;
        SET p_read = p_read + @dj_rows;
        SET @dj_cursor = json_extract(@dj_answer, '$[last]');
    END WHILE;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_walk_on.sql
-- deletion_walk_on
-- Go on with a check's walk for a moment, and stop jobs that hold more rows than they may.
--
-- Parameters  p_run_id, p_plan_id   the run
--             p_max_rows            most rows that a job may change; NULL: any number
--             p_is_over             OUT TRUE where the walk has ended
-- Writes      deletion_walk_keys, deletion_attempts, deletion_jobs, deletion_frames   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_walk_on;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_walk_on(
    IN p_run_id BIGINT UNSIGNED,
    IN p_plan_id BIGINT UNSIGNED,
    IN p_max_rows BIGINT,
    OUT p_is_over BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Go on with a check''s walk for a moment, and stop jobs that hold more rows than they may'
BEGIN
    DECLARE v_until DATETIME(6) DEFAULT timestampadd(
        MICROSECOND, 1000 * deletion_setting_int('batch_ms'), utc_timestamp(6)
    );
    DECLARE v_read BIGINT DEFAULT 0;
    DECLARE v_jobs JSON;

    WHILE v_read IS NOT NULL AND utc_timestamp(6) < v_until DO
        CALL deletion_walk(p_run_id, p_plan_id, p_max_rows IS NOT NULL, v_read);

        IF p_max_rows IS NOT NULL THEN
            SELECT json_arrayagg(q.job_id)
            INTO v_jobs
            FROM (
                SELECT w.job_id
                FROM deletion_walk_keys AS w
                WHERE
                    w.walk_id = p_run_id
                    AND w.fate <> 'restrict'
                    AND NOT json_contains_path(w.`keys`, 'one', '$.m')
                GROUP BY w.job_id
                HAVING count(DISTINCT w.node_no, w.key_hash) > p_max_rows
            ) AS q;

            IF v_jobs IS NOT NULL THEN
                CALL deletion_fail_jobs(p_run_id, v_jobs, concat(
                    'JD013: more rows than max_rows allows (', p_max_rows, ')'
                ));
            END IF;
        END IF;
    END WHILE;

    SET p_is_over = v_read IS NULL;
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
            CALL deletion_fail_jobs(p_run_id, @dj_answer, concat(
                'JD007: rows of ', v_table, ' go in a circle by ', v_reference
            ));
        END IF;

        SET v_is_done = FALSE;
        FETCH c_cycle INTO v_edge_no, v_table, v_reference;
    END WHILE;

    CLOSE c_cycle;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_work.sql
-- deletion_work
-- Work a claimed run to its end, step by step, each committed.
--
-- Parameters  p_run_id, p_token   the run, as it was claimed
--             p_until             when the worker's call should end
-- Writes      as deletion_step                     Commits  yes, after each step
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_work;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_work(
    IN p_run_id BIGINT UNSIGNED,
    IN p_token CHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_until DATETIME(6)
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Work a claimed run to its end, step by step, each committed'
BEGIN
    DECLARE v_state VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT 'more';

    WHILE v_state IN ('more', 'retry') DO
        CALL deletion_step(p_run_id, p_token, p_until, v_state);

        IF v_state = 'retry' THEN
            -- Whoever was in the way gets a moment, and two workers do not meet again in step.
            DO sleep(0.05 + rand() * 0.2);
        ELSEIF v_state = 'more' AND deletion_setting_int('pause_ms') > 0 THEN
            DO sleep(deletion_setting_int('pause_ms') / 1000);
        END IF;
    END WHILE;

    CALL deletion_release(deletion_lock_name('run', p_run_id));
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_fates.sql
-- deletion_fates
-- Answer what a walk has found: how many rows of each table meet which end.
--
-- Parameters  p_walk_id, p_plan_id   the walk
--             p_is_at_least          TRUE: it was cut short
-- Returns     rows as preview_deletion
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_fates;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_fates(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED,
    IN p_is_at_least BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Answer what a walk has found: how many rows of each table meet which end'
BEGIN
    WITH node AS (
        SELECT DISTINCT s.node_no, s.table_name
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id
    ),

    final AS (
        -- A row that is deleted is not counted for what would have been set in it, and one with two
        -- references to set is counted once.
        SELECT
            w.node_no, w.key_hash,
            max(json_contains_path(w.`keys`, 'one', '$.m')) AS is_missing,
            min(w.fate) AS fate
        FROM deletion_walk_keys AS w
        WHERE w.walk_id = p_walk_id AND w.fate <> 'restrict'
        GROUP BY w.node_no, w.key_hash
    )

    SELECT
        n.table_name,
        if(f.is_missing, 'root_not_found', f.fate) AS action,
        NULL AS reference_name,
        sum(NOT f.is_missing) AS row_count,
        p_is_at_least AS is_at_least
    FROM final AS f
    INNER JOIN node AS n ON n.node_no = f.node_no
    GROUP BY n.table_name, if(f.is_missing, 'root_not_found', f.fate)
    UNION ALL
    SELECT s.table_name, 'restrict', s.reference_name, count(*), p_is_at_least
    FROM deletion_walk_keys AS w
    INNER JOIN deletion_plan_steps AS s
        ON s.plan_id = p_plan_id AND s.edge_no = w.edge_no AND s.kind = 'fetch'
    WHERE
        w.walk_id = p_walk_id
        AND w.fate = 'restrict'
        AND NOT EXISTS (
            SELECT 1
            FROM deletion_walk_keys AS d
            WHERE
                d.walk_id = w.walk_id AND d.job_id = w.job_id AND d.node_no = w.node_no
                AND d.fate = 'delete' AND d.key_hash = w.key_hash
        )
    GROUP BY s.table_name, s.reference_name
    ORDER BY 1, 2, 3;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_index.sql
-- deletion_sql_index
-- Write the hint that makes a statement find rows by an index.
--
-- Parameters  p_index   the index; NULL: there is none
-- Returns     text, a blank before it; empty where there is no index
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_sql_index('PRIMARY');
--
-- Without it the engine reads, and locks, the whole of a table that it takes for small.

DROP FUNCTION IF EXISTS deletion_sql_index;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_index(
    p_index VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS VARCHAR(160) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Write the hint that makes a statement find rows by an index'
BEGIN
    RETURN coalesce(concat(' FORCE INDEX (', deletion_quote_name(p_index), ')'), '');
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

    RETURN left(sha2(v_keys, 256), 32);
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
    IF EXISTS (
        SELECT 1
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = @dj_plan_id AND s.edge_no = @dj_edge_no AND s.kind = 'remove_now'
    ) THEN
        SET @dj_frame = @dj_keys;
        CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'lock');
        SET @dj_is_locked = TRUE;

        -- Rows may have moved, and what children point at may have changed, while the lock was
        -- waited for.
        IF @dj_rows < @dj_count OR json_contains_path(@dj_keys, 'one', '$[*].u1') THEN
            CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'left');
            SET @dj_keys = @dj_answer, @dj_count = @dj_rows;
        END IF;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_refresh_frames.sql
-- deletion_refresh_frames
-- Read the rows of the stored frames again: those that have moved or gone leave them.
--
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only
--
-- Between two transactions rows may move to another parent, and their children along: what hangs
-- from them stays. On a deep stack the topmost frames are looked at, the others when it is lower.

DROP PROCEDURE IF EXISTS deletion_refresh_frames;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_refresh_frames()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read the rows of the stored frames again: those that have moved or gone leave them'
BEGIN
    DECLARE v_depth, v_edge_no, v_count INT;
    DECLARE v_keys, v_missing JSON;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_frame CURSOR FOR
        SELECT f.depth, f.edge_no, f.`keys`, f.key_count
        FROM deletion_frames AS f
        WHERE
            f.run_id = @dj_run_id
            AND f.depth > (
                SELECT max(g.depth) - 16 FROM deletion_frames AS g WHERE g.run_id = @dj_run_id
            )
            AND f.key_count > 0
            -- The key of a root is what its job names; only other columns of it can change.
            AND (f.edge_no > 0 OR json_contains_path(f.`keys`, 'one', '$[*].u1'))
        ORDER BY f.depth;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_frame;
    FETCH c_frame INTO v_depth, v_edge_no, v_keys, v_count;

    WHILE NOT v_is_done DO
        SET @dj_frame = v_keys;
        CALL deletion_execute(@dj_plan_id, v_edge_no, 'left');

        -- What was declared may hang from a root that is not there.
        SELECT coalesce(json_arrayagg(k.o), json_array())
        INTO v_missing
        FROM json_table(v_keys, '$[*]' COLUMNS (  -- noqa: CP02
            o JSON PATH '$', m INT PATH '$.m'
        )) AS k
        WHERE k.m IS NOT NULL;

        SET v_is_done = FALSE;

        IF @dj_rows + json_length(v_missing) < v_count OR (
            v_missing = json_array() AND cast(@dj_answer AS JSON) <> v_keys
        ) THEN
            -- What lies above hung from these rows; it is found again where it still does.
            UPDATE deletion_frames AS f
            SET
                f.`keys` = json_merge_preserve(@dj_answer, v_missing),
                f.key_count = json_length(f.`keys`),
                f.edge_pos = 0,
                f.fetch_cursor = NULL
            WHERE f.run_id = @dj_run_id AND f.depth = v_depth;
            DELETE FROM deletion_frames WHERE run_id = @dj_run_id AND depth > v_depth;
            SET v_is_done = TRUE;
        ELSE
            FETCH c_frame INTO v_depth, v_edge_no, v_keys, v_count;
        END IF;
    END WHILE;

    CLOSE c_frame;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_uncount.sql
-- deletion_uncount
-- Take rows that are gone out of the receipts of what was set: a row counts once, by its end.
--
-- Parameters  p_table_name   the table, as plans name it
--             p_keys         a frame of its rows that were removed
-- Writes      deletion_receipts, deletion_walk_keys     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_uncount;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_uncount(
    IN p_table_name VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_keys LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Take rows that are gone out of the receipts of what was set'
BEGIN
    DECLARE v_set, v_counts JSON;  -- noqa: PRS

    SELECT json_arrayagg(json_object(
        'j', w.job_id, 'a', json_extract(w.`keys`, '$.action'), 'h', hex(w.key_hash)
    ))
    INTO v_set
    FROM json_table(p_keys, '$[*]' COLUMNS (  -- noqa: CP02
        o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
    )) AS k
    STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
        ON
            w.walk_id = 0
            AND w.job_id = k.j
            AND w.node_no = -1
            AND w.fate = 'set_null'
            AND w.key_hash
            = unhex(sha2(concat(p_table_name, hex(deletion_key_hash(k.o))), 256));

    IF v_set IS NOT NULL THEN
        SELECT json_arrayagg(json_object('j', q.j, 'a', q.a, 'n', q.n))
        INTO v_counts
        FROM (
            SELECT t.j, t.a, count(*) AS n
            FROM json_table(v_set, '$[*]' COLUMNS (  -- noqa: CP02
                j BIGINT UNSIGNED PATH '$.j',
                a VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.a'
            )) AS t
            GROUP BY t.j, t.a
        ) AS q;

        UPDATE json_table(v_counts, '$[*]' COLUMNS (  -- noqa: CP02
            j BIGINT UNSIGNED PATH '$.j',
            a VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.a',
            n BIGINT PATH '$.n'
        )) AS t
        STRAIGHT_JOIN deletion_receipts AS r FORCE INDEX (PRIMARY)
            ON r.job_id = t.j AND r.table_name = p_table_name AND r.action = t.a
        SET r.row_count = r.row_count - t.n, r.updated_at = utc_timestamp(6);

        DELETE r
        FROM json_table(v_counts, '$[*]' COLUMNS (  -- noqa: CP02
            j BIGINT UNSIGNED PATH '$.j',
            a VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.a'
        )) AS t
        STRAIGHT_JOIN deletion_receipts AS r FORCE INDEX (PRIMARY)
            ON
                r.job_id = t.j
                AND r.table_name = p_table_name
                AND r.action = t.a
                AND r.row_count = 0;

        DELETE w
        FROM json_table(v_set, '$[*]' COLUMNS (  -- noqa: CP02
            j BIGINT UNSIGNED PATH '$.j', h CHAR(64) PATH '$.h'
        )) AS t
        STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
            ON
                w.walk_id = 0
                AND w.job_id = t.j
                AND w.node_no = -1
                AND w.fate = 'set_null'
                AND w.key_hash = unhex(t.h);
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_try_compile.sql
-- deletion_try_compile
-- Compile a target's plan; where that fails, say why and leave nothing behind.
--
-- Parameters  p_entity_table   the target            p_hard   the mode
--             p_plan_id        OUT the plan; NULL: it failed
--             p_error          OUT the engine's code and message; NULL: it did not
-- Errors      those that pass: lock timeout, deadlock
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner only
--
-- One target that cannot be compiled must not hold up the jobs of all others.

DROP PROCEDURE IF EXISTS deletion_try_compile;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_try_compile(
    IN p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_hard BOOLEAN,
    OUT p_plan_id BIGINT UNSIGNED,
    OUT p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Compile a target''s plan; where that fails, say why and leave nothing behind'
BEGIN
    DECLARE v_number, v_errno INT;  -- noqa: PRS
    DECLARE v_code CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_message TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        GET STACKED DIAGNOSTICS v_number = NUMBER;
        GET STACKED DIAGNOSTICS CONDITION v_number
            v_code = RETURNED_SQLSTATE, v_errno = MYSQL_ERRNO, v_message = MESSAGE_TEXT;

        IF v_errno IN (1205, 1213, 3572) THEN
            RESIGNAL;
        END IF;

        ROLLBACK TO SAVEPOINT dj_compile;
        SET p_plan_id = NULL, p_error = concat(v_code, ': ', v_message);
    END;

    SAVEPOINT dj_compile;
    CALL deletion_compile(p_entity_table, p_hard, p_plan_id);
END$$
DELIMITER ;
-- <<<

-- >>> schema/mysql/views/vw_deletion_jobs.sql
-- vw_deletion_jobs
-- The jobs: the twelve columns of the contract.
--
-- Read by     deletion_jobs_app, deletion_jobs_operator, deletion_jobs_reader, who by contract
--             need SELECT on deletion_jobs too

CREATE OR REPLACE
ALGORITHM = MERGE
DEFINER = 'deletion_jobs_owner'@'localhost'
SQL SECURITY INVOKER
VIEW vw_deletion_jobs AS
SELECT
    j.id,
    j.entity_table,
    j.entity_pk,
    j.reason,
    j.hard_delete,
    j.scheduled_at,
    j.started_at,
    j.finished_at,
    j.status,
    j.error,
    j.created_by,
    j.created_at
FROM deletion_jobs AS j;

GRANT SELECT ON vw_deletion_jobs
TO 'deletion_jobs_app', 'deletion_jobs_operator', 'deletion_jobs_reader';
-- <<<

-- >>> schema/mysql/views/vw_deletion_jobs_status.sql
-- vw_deletion_jobs_status
-- How many jobs there are in each status, in the order in which a job goes through them.
--
-- Read by     deletion_jobs_app, deletion_jobs_operator, deletion_jobs_reader, who by contract
--             need SELECT on deletion_jobs too

CREATE OR REPLACE
ALGORITHM = TEMPTABLE
DEFINER = 'deletion_jobs_owner'@'localhost'
SQL SECURITY INVOKER
VIEW vw_deletion_jobs_status AS
SELECT
    j.status,
    count(*) AS jobs,
    max(j.finished_at) AS last_finished
FROM deletion_jobs AS j
GROUP BY j.status
ORDER BY j.status;

GRANT SELECT ON vw_deletion_jobs_status
TO 'deletion_jobs_app', 'deletion_jobs_operator', 'deletion_jobs_reader';
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
        SELECT coalesce(sum(c.row_count), 0)
        FROM deletion_receipts AS c
        WHERE c.job_id = j.id
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

-- >>> schema/mysql/views/vw_deletion_receipts.sql
-- vw_deletion_receipts
-- What each job has changed: table by table, action by action.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE
ALGORITHM = UNDEFINED
DEFINER = 'deletion_jobs_owner'@'localhost'
SQL SECURITY DEFINER
VIEW vw_deletion_receipts AS
SELECT
    r.job_id,
    j.entity_table,
    j.entity_pk,
    j.status,
    r.table_name,
    r.action,
    r.row_count,
    r.updated_at
FROM deletion_receipts AS r
LEFT JOIN deletion_jobs AS j ON j.id = r.job_id;

GRANT SELECT ON vw_deletion_receipts
TO 'deletion_jobs_operator', 'deletion_jobs_reader';
-- <<<

-- >>> schema/mysql/views/vw_deletion_plan.sql
-- vw_deletion_plan
-- The current plans, step by step, with the SQL that runs; a plan that cannot run says why.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE
ALGORITHM = UNDEFINED
DEFINER = 'deletion_jobs_owner'@'localhost'
SQL SECURITY DEFINER
VIEW vw_deletion_plan AS
SELECT
    p.plan_id,
    p.entity_table,
    p.hard_delete,
    p.error_code,
    p.error,
    p.can_block,
    p.has_waits,
    p.compiled_at,
    s.step_no,
    s.kind,
    s.node_no,
    s.parent_node_no,
    s.edge_no,
    s.table_name,
    s.reference_name,
    s.action,
    s.is_leaf,
    s.waits,
    s.in_check,
    s.index_name,
    s.sql_text
FROM deletion_plans AS p
LEFT JOIN deletion_plan_steps AS s ON s.plan_id = p.plan_id
WHERE p.superseded_at IS NULL
ORDER BY p.entity_table, p.hard_delete, s.step_no;

GRANT SELECT ON vw_deletion_plan
TO 'deletion_jobs_operator', 'deletion_jobs_reader';
-- <<<

-- >>> schema/mysql/views/vw_deletion_attempts.sql
-- vw_deletion_attempts
-- Each time that a job was taken up: what had been asked, by which run, and how it ended.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE
ALGORITHM = UNDEFINED
DEFINER = 'deletion_jobs_owner'@'localhost'
SQL SECURITY DEFINER
VIEW vw_deletion_attempts AS
SELECT
    a.job_id,
    a.attempt_no,
    j.entity_table,
    j.entity_pk,
    a.run_id,
    r.slot,
    r.session_id,
    r.job_count AS jobs_in_run,
    a.started_at,
    a.ended_at,
    a.outcome,
    a.error,
    a.is_counted,
    a.is_past,
    a.alone_next,
    a.cancel_requested_at,
    a.asked_reason,
    a.asked_hard_delete,
    a.asked_scheduled_at,
    a.asked_by,
    a.asked_at
FROM deletion_attempts AS a
LEFT JOIN deletion_jobs AS j ON j.id = a.job_id
LEFT JOIN deletion_runs AS r ON r.run_id = a.run_id;

GRANT SELECT ON vw_deletion_attempts
TO 'deletion_jobs_operator', 'deletion_jobs_reader';
-- <<<

-- >>> schema/mysql/views/vw_deletion_schedule.sql
-- vw_deletion_schedule
-- Whether the loop really runs, slot by slot; where it does not, why, and the SQL that mends it.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader
--
-- The truth is the tick that the loop itself writes: an event counts as executed even where
-- every run fails. Where the owner account is missing, the server refuses this view: 1449.

CREATE OR REPLACE
ALGORITHM = UNDEFINED
DEFINER = 'deletion_jobs_owner'@'localhost'
SQL SECURITY DEFINER
VIEW vw_deletion_schedule AS
WITH RECURSIVE wanted AS (
    SELECT
        1 AS slot,
        deletion_setting_int('workers') AS workers
    UNION ALL
    SELECT
        w.slot + 1,
        w.workers
    FROM wanted AS w
    WHERE w.slot < w.workers
),

server AS (
    SELECT
        max(if(v.variable_name = 'event_scheduler', v.variable_value, NULL)) AS event_scheduler,
        max(if(v.variable_name = 'super_read_only', v.variable_value, NULL)) AS super_read_only
    FROM performance_schema.global_variables AS v
    WHERE v.variable_name IN ('event_scheduler', 'super_read_only')
),

armed AS (
    SELECT
        cast(substring_index(e.event_name, '_', -1) AS SIGNED) AS slot,
        e.event_name,
        e.status,
        e.definer
    FROM information_schema.events AS e
    WHERE
        e.event_schema = deletion_home()
        AND e.event_name REGEXP '^deletion_jobs_worker_[0-9]+$'
),

slot AS (
    SELECT w.slot FROM wanted AS w
    UNION DISTINCT
    SELECT a.slot FROM armed AS a
    UNION DISTINCT
    SELECT d.slot FROM deletion_slots AS d WHERE d.armed_at IS NOT NULL
    UNION DISTINCT
    SELECT d.slot
    FROM deletion_slots AS d
    WHERE d.last_started_at > utc_timestamp(6) - INTERVAL 1 DAY
),

tick AS (
    SELECT
        l.slot,
        d.armed_at,
        d.schedule,
        d.last_started_at,
        d.last_ended_at,
        d.last_outcome,
        d.last_error,
        d.jobs_claimed,
        d.session_id,
        a.event_name,
        deletion_setting('paused_reason') AS paused_reason,
        d.last_ended_at IS NULL AND d.last_started_at IS NOT NULL AS is_open,
        coalesce(is_used_lock(deletion_lock_name('slot', l.slot)) = d.session_id, FALSE)
            AS is_there,
        -- A loop may go on for one long step after run_seconds.
        coalesce(
            d.last_started_at >= utc_timestamp(6) - INTERVAL (
                deletion_setting_int('run_seconds') + greatest(
                    3 * deletion_setting_int('tick_seconds'),
                    if(d.last_ended_at IS NULL, 600, 120)
                )
            ) SECOND,
            FALSE
        ) AS is_fresh,
        CASE
            WHEN a.event_name IS NULL THEN 'not scheduled: start_deletion_schedule was not called'
            WHEN a.status IN ('REPLICA_SIDE_DISABLED', 'SLAVESIDE_DISABLED')
                THEN 'the event is disabled by replication, as after a failover'
            WHEN a.status <> 'ENABLED' THEN 'the event is disabled'
            WHEN a.definer <> 'deletion_jobs_owner@localhost'
                THEN concat('the event runs as ', a.definer, ', who may be missing')
            WHEN v.event_scheduler <> 'ON' THEN concat('event_scheduler is ', v.event_scheduler)
            WHEN v.super_read_only = 'ON' THEN 'this server takes no writes: super_read_only is ON'
        END AS off_why,
        CASE
            WHEN a.definer <> 'deletion_jobs_owner@localhost'
                THEN concat(
                    'DROP EVENT `', deletion_home(), '`.', a.event_name, '; CALL `',
                    deletion_home(), '`.start_deletion_schedule();'
                )
            WHEN a.status = 'ENABLED' AND v.event_scheduler = 'OFF'
                THEN 'SET PERSIST event_scheduler = ON;'
            WHEN a.status = 'ENABLED' AND v.event_scheduler = 'DISABLED'
                THEN 'SET PERSIST_ONLY event_scheduler = ON; -- then restart the server'
            WHEN a.status = 'ENABLED' AND v.super_read_only = 'ON' THEN NULL
            ELSE concat('CALL `', deletion_home(), '`.start_deletion_schedule();')
        END AS off_mend_sql
    FROM slot AS l
    CROSS JOIN server AS v
    LEFT JOIN armed AS a ON a.slot = l.slot
    LEFT JOIN deletion_slots AS d ON d.slot = l.slot
),

judged AS (
    SELECT
        t.*,
        CASE
            WHEN t.paused_reason IS NOT NULL THEN 'paused'
            WHEN t.is_open AND NOT t.is_there THEN 'died'
            WHEN t.is_fresh AND (t.off_why IS NULL OR t.armed_at IS NULL) THEN 'ok'
            WHEN t.off_why IS NOT NULL THEN 'off'
            WHEN
                greatest(t.armed_at, coalesce(t.last_started_at, t.armed_at))
                > utc_timestamp(6) - INTERVAL 3 MINUTE
                THEN 'starting'
            ELSE 'late'
        END AS state
    FROM tick AS t
)

SELECT
    j.slot,
    j.state,
    CASE j.state
        WHEN 'paused' THEN j.paused_reason
        WHEN 'died' THEN 'the last session ended before its loop did'
        WHEN 'off' THEN j.off_why
        WHEN 'late' THEN coalesce(
            (
                SELECT l.data
                FROM performance_schema.error_log AS l
                WHERE
                    l.prio = 'Error'
                    AND l.data LIKE 'Event Scheduler:%'
                    AND locate(concat('[', deletion_home(), '.', j.event_name, ']'), l.data) > 0
                ORDER BY l.logged DESC
                LIMIT 1
            ),
            'the event has not run lately, and the server''s log does not say why'
        )
    END AS why,
    CASE j.state
        WHEN 'paused' THEN concat('CALL `', deletion_home(), '`.resume_deletions();')
        WHEN 'died'
            THEN concat('CALL `', deletion_home(), '`.run_deletion_jobs(', j.slot, ', NULL);')
        WHEN 'off' THEN j.off_mend_sql
        WHEN 'late' THEN j.off_mend_sql
    END AS mend_sql,
    j.schedule,
    j.armed_at,
    j.last_started_at,
    j.last_ended_at,
    j.last_outcome,
    j.last_error,
    j.jobs_claimed,
    j.session_id
FROM judged AS j
-- A slot that was taken out of the settings is not missed.
WHERE j.state <> 'off' OR j.slot <= deletion_setting_int('workers')
ORDER BY j.slot;

GRANT SELECT ON vw_deletion_schedule
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

-- >>> schema/mysql/views/vw_deletion_health.sql
-- vw_deletion_health
-- The whole in one row, for a monitor.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE
ALGORITHM = UNDEFINED
DEFINER = 'deletion_jobs_owner'@'localhost'
SQL SECURITY DEFINER
VIEW vw_deletion_health AS
WITH due AS (
    SELECT
        count(*) AS jobs,
        min(cast(coalesce(j.scheduled_at, j.created_at) AS DATETIME(6))) AS oldest_at
    FROM deletion_jobs AS j
    WHERE
        j.status = 'pending'
        AND cast(coalesce(j.scheduled_at, j.created_at) AS DATETIME(6)) <= utc_timestamp(6)
),

running AS (
    SELECT
        count(*) AS jobs,
        coalesce(sum(p.is_orphaned), 0) AS orphaned
    FROM vw_deletion_progress AS p
),

failed AS (
    SELECT
        coalesce(sum(f.jobs), 0) AS jobs,
        json_objectagg(f.cause, f.jobs) AS by_cause
    FROM (
        -- JD006: 7 rows of invoice behind fk_invoice_customer: the code and the reference.
        SELECT
            concat_ws(
                ' ',
                left(coalesce(j.error, 'none'), 5),
                if(
                    j.error LIKE 'JD006: % behind %',
                    substring_index(substring_index(j.error, ' behind ', -1), ' ', 1),
                    NULL
                )
            ) AS cause,
            count(*) AS jobs
        FROM deletion_jobs AS j
        WHERE j.status = 'failed'
        GROUP BY cause
    ) AS f
),

lately AS (
    SELECT
        sum(r.rows_changed) AS changed_rows,
        timestampdiff(MICROSECOND, min(r.started_at), max(r.last_step_at)) AS micros
    FROM (
        SELECT
            l.rows_changed,
            l.started_at,
            l.last_step_at
        FROM deletion_runs AS l
        ORDER BY l.run_id DESC
        LIMIT 100
    ) AS r
    WHERE r.last_step_at > utc_timestamp(6) - INTERVAL 5 MINUTE
)

SELECT
    coalesce(timestampdiff(SECOND, d.oldest_at, utc_timestamp(6)), 0) AS oldest_due_seconds,
    d.jobs AS due_jobs,
    (SELECT count(*) FROM deletion_jobs AS j WHERE j.status = 'pending') AS pending_jobs,
    r.jobs AS running_jobs,
    r.orphaned AS orphaned_jobs,
    f.jobs AS failed_jobs,
    coalesce(f.by_cause, json_object()) AS failed_by_cause,
    coalesce(round(l.changed_rows * 1000000 / greatest(l.micros, 1000)), 0) AS rows_per_second,
    (SELECT max(s.last_started_at) FROM deletion_slots AS s) AS last_tick_at,
    deletion_setting('paused_reason') AS paused_reason,
    (SELECT count(*) FROM vw_deletion_problems) AS problems
FROM due AS d
CROSS JOIN running AS r
CROSS JOIN failed AS f
CROSS JOIN lately AS l;

GRANT SELECT ON vw_deletion_health
TO 'deletion_jobs_operator', 'deletion_jobs_reader';
-- <<<

-- >>> tooling/deletion_jobs/sql/mysql/migration_commit.sql
SET SESSION sql_mode = @dj_sql_mode;
SET SESSION time_zone = @dj_time_zone;
SET SESSION lock_wait_timeout = @dj_lock_wait_timeout;
-- <<<
