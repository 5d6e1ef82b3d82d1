-- deletion_runs
-- One worker's work on a set of jobs that share target and mode.

CREATE TABLE IF NOT EXISTS deletion_runs (
    run_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT
        COMMENT 'Number of the run',
    plan_id BIGINT UNSIGNED NULL
        COMMENT 'Plan that the run follows; NULL until one is found',
    entity_table VARCHAR(64) NOT NULL
        COMMENT 'Target of its jobs',
    hard_delete BOOLEAN NOT NULL
        COMMENT 'Mode of its jobs',
    slot INT NULL
        COMMENT 'Slot of the schedule that the worker ran in; NULL: none',
    token CHAR(36) NOT NULL
        COMMENT 'Fence: a step that finds another token here gives up',
    session_id BIGINT UNSIGNED NOT NULL
        COMMENT 'Session of the worker, as the server numbers it',
    session_mark TEXT NULL
        COMMENT 'What tells this call from another one of the same session',
    server_id VARCHAR(64) NOT NULL
        COMMENT 'Server that the session is on',
    phase VARCHAR(16) NOT NULL
        COMMENT 'How far the run has come',
    alone BOOLEAN NOT NULL
        COMMENT 'True where its one job has to be worked without others',
    job_count INT NOT NULL
        COMMENT 'Number of jobs that it claimed',
    batch_rows INT NOT NULL
        COMMENT 'Rows that one of its transactions may change at present',
    rows_changed BIGINT NOT NULL DEFAULT 0
        COMMENT 'Rows of the application that it has changed',
    step_count BIGINT NOT NULL DEFAULT 0
        COMMENT 'Number of steps that it has committed',
    retries INT NOT NULL DEFAULT 0
        COMMENT 'Steps rolled back in a row; 0 after a step that held',
    state JSON NULL
        COMMENT 'What the executor keeps between its steps',
    started_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When the run claimed its jobs, UTC',
    last_step_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When its last step committed, UTC',
    ended_at DATETIME(6) NULL
        COMMENT 'When the run ended, UTC',
    outcome VARCHAR(16) NULL
        COMMENT 'How the run ended',
    error TEXT NULL
        COMMENT 'Why the run ended otherwise than done',
    PRIMARY KEY (run_id),
    KEY idx_dr_open (ended_at, run_id),
    CONSTRAINT chk_dr_phase CHECK (phase IN ('check', 'advance', 'finish', 'ended')),
    CONSTRAINT chk_dr_outcome
    CHECK (outcome IN ('done', 'failed', 'retry', 'sliced', 'returned', 'lost'))
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Runs: the work of one worker on a set of jobs';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_runs TO 'deletion_jobs_owner'@'localhost';
