-- deletion_marks
-- What soft deletion has marked, with the value before, so that exactly this can be taken back.

CREATE TABLE IF NOT EXISTS deletion_marks (
    mark_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT
        COMMENT 'The mark''s number',
    job_id BIGINT UNSIGNED NOT NULL
        COMMENT 'The job that marked it',
    table_name VARCHAR(130) NOT NULL
        COMMENT 'The table, named as targets are',
    row_key JSON NOT NULL
        COMMENT 'The row''s key, an array',
    column_name VARCHAR(64) NOT NULL
        COMMENT 'The column that was set',
    old_value JSON NULL
        COMMENT 'Its value before',
    new_value JSON NULL
        COMMENT 'Its value since',
    marked_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When it was set; UTC',
    plan_id BIGINT UNSIGNED NOT NULL
        COMMENT 'The plan that marked it, and that holds the statement which takes it back',
    key_hash BINARY(32) NOT NULL
        COMMENT 'Digest of table and key',
    state VARCHAR(16) NOT NULL DEFAULT 'held'
        COMMENT 'held; restored: taken back; left: gone or changed when it was asked for',
    PRIMARY KEY (mark_id),
    KEY idx_dm_job (job_id),
    KEY idx_dm_row (key_hash),
    CONSTRAINT chk_dm_state CHECK (state IN ('held', 'restored', 'left'))
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each row that a soft deletion has marked';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_marks TO 'deletion_jobs_owner'@'localhost';
