-- deletion_receipts
-- What each run has changed for its jobs: written in the transaction that changed it.
--
-- A row for each job, table and action would cost a small job more than its rows do. A run's counts
-- stand together instead; vw_deletion_receipts takes them apart again.

CREATE TABLE IF NOT EXISTS deletion_receipts (
    run_id BIGINT UNSIGNED NOT NULL
        COMMENT 'The run',
    table_name VARCHAR(130) NOT NULL
        COMMENT 'The table, named as targets are',
    action VARCHAR(16) NOT NULL
        COMMENT 'delete, set_null, set_default, scrub, mark, restore; root_not_found: it was gone already',  -- noqa: LT05
    row_counts JSON NOT NULL
        COMMENT 'How many rows of each job, an object; below zero: set by an earlier run, deleted by this one',  -- noqa: LT05
    updated_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When it was last written; UTC',
    PRIMARY KEY (run_id, table_name, action),
    CONSTRAINT chk_drec_action
    CHECK (action IN (
        'delete', 'set_null', 'set_default', 'scrub', 'root_not_found', 'mark', 'restore'
    ))
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Rows changed, for each run, table and action, by job';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_receipts TO 'deletion_jobs_owner'@'localhost';
