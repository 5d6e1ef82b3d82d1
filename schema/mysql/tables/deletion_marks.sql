-- deletion_marks
-- Each value that a soft deletion changed, so that a restore can take it back.

CREATE TABLE IF NOT EXISTS deletion_marks (
    mark_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT
        COMMENT 'Number of the mark',
    job_id BIGINT UNSIGNED NOT NULL
        COMMENT 'Job that made the mark',
    table_name VARCHAR(130) NOT NULL
        COMMENT 'Table of the marked row',
    row_key JSON NOT NULL
        COMMENT 'Key of the marked row',
    column_name VARCHAR(64) NOT NULL
        COMMENT 'Column that was changed',
    old_value JSON NULL
        COMMENT 'Its value before',
    new_value JSON NULL
        COMMENT 'The value the job wrote',
    marked_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When the row was marked, UTC',
    PRIMARY KEY (mark_id),
    KEY idx_dm_job (job_id)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Marks of soft deletions, by which they can be restored';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_marks TO 'deletion_jobs_owner'@'localhost';
