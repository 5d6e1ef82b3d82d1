-- deletion_attempts
-- Each time a job was worked, what was asked for then, and how it ended.

CREATE TABLE IF NOT EXISTS deletion_attempts (
    job_id BIGINT UNSIGNED NOT NULL
        COMMENT 'The job',
    attempt_no INT NOT NULL
        COMMENT 'Number of the attempt, from 1, over the whole life of the job',
    run_id BIGINT UNSIGNED NULL
        COMMENT 'Run that worked the job; NULL where it ended without one',
    started_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When the attempt began, UTC',
    ended_at DATETIME(6) NULL
        COMMENT 'When the attempt ended, UTC',
    outcome VARCHAR(16) NULL
        COMMENT 'How the attempt ended',
    error TEXT NULL
        COMMENT 'Why the attempt ended otherwise than done',
    is_counted BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where it counts towards max_attempts',
    is_past BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where the job has been asked for anew since',
    alone_next BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where the job has to be claimed without others next time',
    cancel_requested_at DATETIME(6) NULL
        COMMENT 'When the running job was asked to stop, UTC',
    asked_reason TEXT NULL
        COMMENT 'Reason that was given',
    asked_hard_delete BOOLEAN NULL
        COMMENT 'Mode that was asked for',
    asked_scheduled_at DATETIME(6) NULL
        COMMENT 'Time that was asked for, UTC',
    asked_by BIGINT UNSIGNED NULL
        COMMENT 'User who asked',
    asked_at DATETIME(6) NULL
        COMMENT 'When it was asked for, UTC',
    PRIMARY KEY (job_id, attempt_no),
    KEY idx_da_run (run_id, job_id),
    CONSTRAINT chk_da_outcome
    CHECK (outcome IN ('done', 'failed', 'cancelled', 'retry', 'sliced', 'returned', 'lost'))
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Attempts: each time a job was worked, and how it ended';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_attempts TO 'deletion_jobs_owner'@'localhost';
