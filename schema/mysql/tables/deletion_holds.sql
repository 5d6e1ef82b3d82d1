-- deletion_holds
-- Rows that must not be deleted, for how long and why; those that are over are the history.

CREATE TABLE IF NOT EXISTS deletion_holds (
    hold_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT
        COMMENT 'The hold''s number',
    table_name VARCHAR(130) NOT NULL
        COMMENT 'The table, named as targets are',
    row_pk VARCHAR(512) NOT NULL
        COMMENT 'The row''s key as its primary key prints; a composite one as a JSON array',
    key_columns VARCHAR(1100) NOT NULL
        COMMENT 'The columns that row_pk is the value of, a JSON array: the key when it was held',
    row_seen_at DATETIME(6) NULL
        COMMENT 'When the row was seen first; NULL: it was not there yet; UTC',
    held_until DATETIME(6) NULL
        COMMENT 'When it ends by itself; NULL: it does not; UTC',
    reason TEXT NOT NULL
        COMMENT 'Why the row is held',
    held_by VARCHAR(288) NOT NULL
        COMMENT 'The account that placed it',
    held_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When it was placed; UTC',
    released_by VARCHAR(288) NULL
        COMMENT 'The account that released it, or placed another in its stead',
    released_at DATETIME(6) NULL
        COMMENT 'When that was; NULL: not released; UTC',
    PRIMARY KEY (hold_id),
    UNIQUE KEY uq_dh_row (
        (if(released_at IS NULL, table_name, NULL)),
        (if(released_at IS NULL, row_pk, NULL)),
        -- The same text by other columns is another row.
        (if(released_at IS NULL, unhex(sha2(key_columns, 256)), NULL))
    ),
    KEY idx_dh_open (released_at, table_name),
    CONSTRAINT chk_dh_released CHECK ((released_at IS NULL) = (released_by IS NULL))
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each hold that was placed on a row';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_holds TO 'deletion_jobs_owner'@'localhost';
