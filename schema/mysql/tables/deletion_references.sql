-- deletion_references
-- References that the catalog does not know: columns that point at a parent without a key.

CREATE TABLE IF NOT EXISTS deletion_references (
    reference_name VARCHAR(64) NOT NULL
        COMMENT 'Name of the reference, as a foreign key would have one',
    child_schema VARCHAR(64) NOT NULL
        COMMENT 'Schema of the table that points',
    child_table VARCHAR(64) NOT NULL
        COMMENT 'The table that points',
    child_columns JSON NOT NULL
        COMMENT 'Its columns, in order',
    parent_schema VARCHAR(64) NOT NULL
        COMMENT 'Schema of the table pointed at',
    parent_table VARCHAR(64) NOT NULL
        COMMENT 'The table pointed at',
    parent_columns JSON NOT NULL
        COMMENT 'Its columns, in the order of child_columns',
    discriminator_column VARCHAR(64) NULL
        COMMENT 'Column of the child that tells which parent table is meant',
    discriminator_value TEXT NULL
        COMMENT 'The value of it that means this parent',
    action VARCHAR(16) NOT NULL
        COMMENT 'What happens to the child rows',
    created_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When the reference was declared, UTC',
    PRIMARY KEY (reference_name),
    KEY idx_dref_parent (parent_schema, parent_table),
    CONSTRAINT chk_dref_action
    CHECK (action IN ('cascade', 'set_null', 'set_default', 'restrict', 'keep')),
    CONSTRAINT chk_dref_discriminator
    CHECK ((discriminator_column IS NULL) = (discriminator_value IS NULL))
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Declared references: columns that point at a parent without a foreign key';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_references TO 'deletion_jobs_owner'@'localhost';
