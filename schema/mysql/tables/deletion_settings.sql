-- deletion_settings
-- Every setting with its default, its range and what it means.

CREATE TABLE IF NOT EXISTS deletion_settings (
    setting_name VARCHAR(64) NOT NULL
        COMMENT 'Its name',
    setting_value TEXT NULL
        COMMENT 'What was set; NULL: the default holds',
    default_value TEXT NULL
        COMMENT 'The default; NULL: none',
    kind VARCHAR(16) NOT NULL
        COMMENT 'integer, boolean or text',
    min_value BIGINT NULL
        COMMENT 'The smallest integer; NULL: any',
    max_value BIGINT NULL
        COMMENT 'The largest integer; NULL: any',
    unit VARCHAR(16) NULL
        COMMENT 'What it counts',
    description TEXT NOT NULL
        COMMENT 'What it does',
    PRIMARY KEY (setting_name),
    CONSTRAINT chk_dset_kind CHECK (kind IN ('integer', 'boolean', 'text'))
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each setting';

-- Run again, this refreshes defaults, ranges and texts; what was set by hand stays.
INSERT INTO deletion_settings
(setting_name, default_value, kind, min_value, max_value, unit, description)
VALUES
(
    'batch_rows', '5000', 'integer', 1, 100000, 'rows',
    'Rows that one transaction may change, the engine''s own cascades included.'
),
(
    'batch_ms', '250', 'integer', 1, 60000, 'ms',
    'How long one transaction should work before it commits: an aim.'
),
(
    'jobs_per_run', '500', 'integer', 1, 10000, 'jobs',
    'Jobs that a worker claims at once and walks together.'
),
(
    'run_seconds', '20', 'integer', 1, 3600, 's',
    'How long one CALL of run_deletion_jobs goes on while jobs are due.'
),
(
    'slice_ms', '1000', 'integer', 1, 3600000, 'ms',
    'How long a set of jobs may hold others up before its heavy ones are set aside.'
),
(
    'tick_seconds', '10', 'integer', 1, 59, 's',
    'How often the scheduler starts each worker; takes hold at start_deletion_schedule.'
),
(
    'workers', '1', 'integer', 1, 32, 'workers',
    'Slots that the scheduler starts; takes hold at start_deletion_schedule.'
),
(
    'lock_timeout_ms', '2000', 'integer', 1, 3600000, 'ms',
    'How long a step waits for a lock on application rows before it is rolled back.'
),
(
    'max_attempts', '5', 'integer', 1, 1000, 'attempts',
    'Counted attempts after which a job is failed.'
),
(
    'backoff_seconds', '10', 'integer', 0, 86400, 's',
    'Rest after the first attempt that may be tried again; doubles with each.'
),
(
    'backoff_max_seconds', '3600', 'integer', 0, 604800, 's',
    'The longest rest between two attempts.'
),
(
    'pause_ms', '0', 'integer', 0, 60000, 'ms',
    'Rest after each transaction.'
),
(
    'unindexed_limit_rows', '100000', 'integer', 0, NULL, 'rows',
    'A reference without an index is refused where its table is larger than this.'
),
(
    'max_rows', NULL, 'integer', 1, NULL, 'rows',
    'A job that would change more rows fails; for targets that name no limit; NULL: none.'
),
(
    'history_days', '90', 'integer', 1, 36500, 'days',
    'How long finished jobs, their attempts and receipts are kept.'
),
(
    'preview_rows', '1000000', 'integer', 1, NULL, 'rows',
    'Rows after which preview_deletion stops and says "at least".'
),
(
    'recompile', 'true', 'boolean', NULL, NULL, NULL,
    'Compile a stale plan anew before use; false: refuse it with JD009.'
),
(
    'max_pending', NULL, 'integer', 1, NULL, 'jobs',
    'An enqueue that would leave more jobs pending is refused; NULL: any number.'
),
(
    'paused_reason', NULL, 'text', NULL, NULL, NULL,
    'Why all workers rest; set by pause_deletions and cleared by resume_deletions.'
)
AS new_setting
ON DUPLICATE KEY UPDATE
    default_value = new_setting.default_value,
    kind = new_setting.kind,
    min_value = new_setting.min_value,
    max_value = new_setting.max_value,
    unit = new_setting.unit,
    description = new_setting.description;

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_settings TO 'deletion_jobs_owner'@'localhost';
