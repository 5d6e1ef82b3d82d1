-- deletion_jobs
-- One row for each wish to delete one row of the application; the contract with its users.
--
-- Twelve columns that may not change. Everything else that is known about a job lives in
-- deletion_attempts. The key to the application's users is added by link_deletion_users.

CREATE TABLE IF NOT EXISTS deletion_jobs (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT
        COMMENT 'Number of the job',
    entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL
        COMMENT 'Target table, by the name it is registered under',
    entity_pk VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin NOT NULL
        COMMENT 'Key of the row to delete, as text in canonical form',
    reason TEXT NULL
        COMMENT 'Why it was asked for',
    hard_delete BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True: remove for good; false: mark as deleted',
    scheduled_at DATETIME(6) NULL
        COMMENT 'When the job should start, UTC; NULL: as soon as possible',
    started_at DATETIME(6) NULL
        COMMENT 'When a worker first took the job, UTC',
    finished_at DATETIME(6) NULL
        COMMENT 'When the job ended, UTC',
    status ENUM('pending', 'running', 'done', 'failed', 'cancelled') NOT NULL DEFAULT 'pending'
        COMMENT 'Where the job stands',
    error TEXT NULL
        COMMENT 'Why the job failed: the code and what was in the way',
    created_by BIGINT UNSIGNED NULL
        COMMENT 'User of the application who asked',
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)
        COMMENT 'When it was asked for, UTC',
    PRIMARY KEY (id),
    UNIQUE KEY uq_deletion_jobs (entity_table, entity_pk),
    KEY idx_dj_status_sched (status, scheduled_at),
    KEY idx_dj_created_by (created_by),
    KEY idx_dj_due (status, (coalesce(scheduled_at, created_at)), id)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Wishes to delete one row each, and what became of them';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_jobs TO 'deletion_jobs_owner'@'localhost';
-- The two contract views run with the reader's own rights, so readers need the table as well.
GRANT SELECT ON deletion_jobs
TO 'deletion_jobs_app', 'deletion_jobs_operator', 'deletion_jobs_reader';
