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
