-- deletion_receipts
-- What each job really changed: rows by table and action.

CREATE TABLE IF NOT EXISTS deletion_receipts (
    job_id BIGINT UNSIGNED NOT NULL
        COMMENT 'The job',
    table_name VARCHAR(130) NOT NULL
        COMMENT 'The table, by the name plans show',
    action VARCHAR(16) NOT NULL
        COMMENT 'What was done to the rows; root_not_found: the job''s own row was gone',
    row_count BIGINT NOT NULL
        COMMENT 'Number of rows',
    updated_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When the number last grew, UTC',
    PRIMARY KEY (job_id, table_name, action),
    CONSTRAINT chk_drec_action
    CHECK (action IN ('delete', 'set_null', 'set_default', 'root_not_found'))
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Receipts: rows changed, by job, table and action';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_receipts TO 'deletion_jobs_owner'@'localhost';
