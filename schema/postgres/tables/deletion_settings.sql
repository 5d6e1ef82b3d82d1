-- deletion_settings
-- Every setting with its default, its range and what it means.

CREATE TABLE deletion_settings (
    setting_name varchar(64) PRIMARY KEY,
    setting_value text,
    default_value text,
    kind text NOT NULL,
    min_value bigint,
    max_value bigint,
    unit text,
    description text NOT NULL,
    CONSTRAINT chk_ds_kind CHECK (kind IN ('integer', 'boolean', 'text'))
);

COMMENT ON TABLE deletion_settings IS 'One row for each setting.';
COMMENT ON COLUMN deletion_settings.setting_name IS 'Its name.';
COMMENT ON COLUMN deletion_settings.setting_value IS 'What was set; NULL: the default holds.';
COMMENT ON COLUMN deletion_settings.default_value IS 'The default; NULL: none.';
COMMENT ON COLUMN deletion_settings.kind IS 'integer, boolean or text.';
COMMENT ON COLUMN deletion_settings.min_value IS 'The smallest integer; NULL: any.';
COMMENT ON COLUMN deletion_settings.max_value IS 'The largest integer; NULL: any.';
COMMENT ON COLUMN deletion_settings.unit IS 'What it counts.';
COMMENT ON COLUMN deletion_settings.description IS 'What it does.';

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
    'synchronous_batches', 'false', 'boolean', NULL, NULL, NULL,
    'true: each batch waits for the disk; false: a crash may undo the last ones, receipts and all.'
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
);
