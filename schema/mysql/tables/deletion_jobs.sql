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
