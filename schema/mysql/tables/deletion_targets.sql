-- deletion_targets
-- The tables that the DBA has allowed deletions from, with the key that names a row.

CREATE TABLE IF NOT EXISTS deletion_targets (
    entity_table VARCHAR(64) NOT NULL
        COMMENT 'The name in jobs: the table''s, in other schemas schema.table',
    table_schema VARCHAR(64) NOT NULL
        COMMENT 'The table''s schema, unquoted',
    table_name VARCHAR(64) NOT NULL
        COMMENT 'The table''s name, unquoted',
    key_columns JSON NOT NULL
        COMMENT 'The key''s columns, an array in key order',
    key_types JSON NOT NULL
        COMMENT 'Their types, an array: a key is parsed without a look at the table',
    key_collations JSON NOT NULL
        COMMENT 'Their {"charset", "collation"}, an array; null where it is no text',
    plain_max BIGINT UNSIGNED NULL
        COMMENT 'Plain digits up to this number are keys as they are; NULL: each is parsed',
    is_limited BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'Whether max_pending is set: here too, so that an enqueue has one look',
    max_rows BIGINT NULL
        COMMENT 'A job that would change more rows than this fails; NULL: the setting max_rows',
    created_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When it was registered; UTC',
    keyed_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'Since when these columns name its rows: older jobs are not retried; UTC',
    key_places JSON NULL
        COMMENT 'Where the columns stand, and of how many: tells one that was renamed from another',
    PRIMARY KEY (entity_table),
    UNIQUE KEY uq_deletion_targets (table_schema, table_name),
    CONSTRAINT chk_dt_max_rows CHECK (max_rows > 0)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each table that rows may be deleted from';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_targets TO 'deletion_jobs_owner'@'localhost';
