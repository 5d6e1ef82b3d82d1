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
