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
    jobs_open INT NOT NULL DEFAULT 0
        COMMENT 'Of them running by their status; more than 0 in an ended run: callers held them',
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
    KEY idx_dr_left (jobs_open, run_id),
    CONSTRAINT chk_dr_phase CHECK (phase IN ('check', 'advance', 'finish', 'ended')),
    CONSTRAINT chk_dr_outcome
    CHECK (outcome IN ('done', 'failed', 'retry', 'sliced', 'returned', 'lost'))
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each run of a worker over a set of jobs';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_runs TO 'deletion_jobs_owner'@'localhost';
