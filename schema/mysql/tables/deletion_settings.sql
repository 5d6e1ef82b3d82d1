-- deletion_settings
-- What can be tuned: value, default, range and meaning of each setting.

CREATE TABLE IF NOT EXISTS deletion_settings (
    setting_name VARCHAR(64) NOT NULL
        COMMENT 'Name of the setting',
    setting_value TEXT NULL
        COMMENT 'Value set by hand; NULL: the default holds',
    default_value TEXT NULL
        COMMENT 'Default; NULL: none, the limit is off',
    kind VARCHAR(16) NOT NULL
        COMMENT 'integer, boolean or text',
    min_value BIGINT NULL
        COMMENT 'Smallest integer allowed',
    max_value BIGINT NULL
        COMMENT 'Largest integer allowed',
    unit VARCHAR(16) NOT NULL
        COMMENT 'What is counted',
    description TEXT NOT NULL
        COMMENT 'What the setting does',
    PRIMARY KEY (setting_name),
    CONSTRAINT chk_dset_kind CHECK (kind IN ('integer', 'boolean', 'text'))
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Settings, with their defaults and ranges';

-- Run again, this refreshes defaults, ranges and texts; what was set by hand stays.
INSERT INTO deletion_settings
    (setting_name, default_value, kind, min_value, max_value, unit, description)
VALUES
    ('batch_rows', '5000', 'integer', 1, 100000, 'rows',
        'Most rows of application tables that one transaction changes.'),
    ('batch_ms', '250', 'integer', 1, 60000, 'ms',
        'Time that one transaction aims at.'),
    ('jobs_per_run', '500', 'integer', 1, 10000, 'jobs',
        'Most jobs that one run claims together.'),
    ('run_seconds', '20', 'integer', 1, 86400, 'seconds',
        'Time after which run_deletion_jobs returns.'),
    ('slice_ms', '1000', 'integer', 1, 3600000, 'ms',
        'Time after which a run makes room for other due jobs.'),
    ('tick_seconds', '10', 'integer', 1, 3600, 'seconds',
        'Interval at which the schedule looks for due jobs.'),
    ('workers', '1', 'integer', 1, 32, 'slots',
        'Number of slots that start_deletion_schedule arms.'),
    ('lock_timeout_ms', '2000', 'integer', 1, 3600000, 'ms',
        'Longest wait for a lock; MySQL rounds up to whole seconds.'),
    ('max_attempts', '5', 'integer', 1, 100, 'attempts',
        'Counted attempts after which a job fails.'),
    ('backoff_seconds', '10', 'integer', 0, 86400, 'seconds',
        'Wait before the second attempt; it doubles with each further one.'),
    ('backoff_max_seconds', '3600', 'integer', 0, 604800, 'seconds',
        'Longest wait between two attempts.'),
    ('pause_ms', '0', 'integer', 0, 60000, 'ms',
        'Pause between two batches.'),
    ('unindexed_limit_rows', '100000', 'integer', 0, NULL, 'rows',
        'Largest table that a reference without an index is followed in.'),
    ('max_rows', NULL, 'integer', 1, NULL, 'rows',
        'Most rows that one job may delete, for targets without a limit of their own.'),
    ('history_days', '90', 'integer', 1, 36500, 'days',
        'Age at which finished jobs are purged.'),
    ('preview_rows', '1000000', 'integer', 1, NULL, 'rows',
        'Rows at which preview_deletion stops counting.'),
    ('recompile', 'true', 'boolean', NULL, NULL, '',
        'Whether a plan is compiled anew when the catalog has changed.'),
    ('max_pending', NULL, 'integer', 1, NULL, 'jobs',
        'Most jobs that may be pending at a time.'),
    ('paused_reason', NULL, 'text', NULL, NULL, '',
        'Why all workers are paused; set by pause_deletions and resume_deletions alone.')
    AS new_setting
ON DUPLICATE KEY UPDATE
    default_value = new_setting.default_value,
    kind = new_setting.kind,
    min_value = new_setting.min_value,
    max_value = new_setting.max_value,
    unit = new_setting.unit,
    description = new_setting.description;

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_settings TO 'deletion_jobs_owner'@'localhost';
