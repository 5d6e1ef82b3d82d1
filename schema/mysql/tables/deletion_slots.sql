-- deletion_slots
-- The last tick of each slot of the schedule: when it ran, and how that ended.

CREATE TABLE IF NOT EXISTS deletion_slots (
    slot INT NOT NULL
        COMMENT 'Number of the slot, from 1',
    last_started_at DATETIME(6) NULL
        COMMENT 'When the last tick began, UTC',
    last_ended_at DATETIME(6) NULL
        COMMENT 'When the last tick ended, UTC; NULL or earlier: it still runs or was killed',
    last_outcome VARCHAR(16) NULL
        COMMENT 'How the last tick ended',
    last_error TEXT NULL
        COMMENT 'Error of the last tick',
    jobs_claimed BIGINT NOT NULL DEFAULT 0
        COMMENT 'Jobs that the last tick claimed',
    session_id BIGINT UNSIGNED NULL
        COMMENT 'Session of the last tick',
    event_schema VARCHAR(64) NOT NULL DEFAULT (database())
        COMMENT 'Database that the event lives in; a view cannot ask for its own',
    PRIMARY KEY (slot)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Slots of the schedule, each with its last tick';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_slots TO 'deletion_jobs_owner'@'localhost';
