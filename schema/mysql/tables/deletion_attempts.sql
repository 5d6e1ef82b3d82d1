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
    purge_follows BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'The target lets the job remove what it marked; FALSE once somebody asks for it',
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
