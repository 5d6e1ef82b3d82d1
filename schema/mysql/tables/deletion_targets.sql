-- deletion_targets
-- The tables that the DBA has allowed deletions from, each with the key that names its rows.

CREATE TABLE IF NOT EXISTS deletion_targets (
    entity_table VARCHAR(64) NOT NULL
        COMMENT 'Canonical name: the table, with its schema only where that is another one',
    table_schema VARCHAR(64) NOT NULL
        COMMENT 'Schema of the table',
    table_name VARCHAR(64) NOT NULL
        COMMENT 'The table',
    key_columns JSON NOT NULL
        COMMENT 'Columns of the key, in order',
    key_types JSON NOT NULL
        COMMENT 'Types of those columns as the catalog prints them',
    key_collations JSON NOT NULL
        COMMENT 'For each column its {"charset", "collation"}, or null where it is no text',
    max_rows BIGINT NULL
        COMMENT 'Largest number of rows that one job may delete; NULL: the setting max_rows',
    created_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When the target was registered, UTC',
    PRIMARY KEY (entity_table),
    UNIQUE KEY uq_deletion_targets (table_schema, table_name),
    CONSTRAINT chk_dt_max_rows CHECK (max_rows > 0)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Tables that deletions are allowed from';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_targets TO 'deletion_jobs_owner'@'localhost';
