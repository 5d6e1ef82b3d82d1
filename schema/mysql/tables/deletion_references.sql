-- deletion_references
-- References that the DBA declared because the catalog has no foreign key for them.

CREATE TABLE IF NOT EXISTS deletion_references (
    reference_name VARCHAR(64) NOT NULL
        COMMENT 'Its name, as rules and errors use it',
    child_schema VARCHAR(64) NOT NULL
        COMMENT 'Schema of the table that refers',
    child_table VARCHAR(64) NOT NULL
        COMMENT 'The table that refers',
    child_columns JSON NOT NULL
        COMMENT 'The referring columns, an array',
    parent_schema VARCHAR(64) NOT NULL
        COMMENT 'Schema of the table referred to',
    parent_table VARCHAR(64) NOT NULL
        COMMENT 'The table referred to',
    parent_columns JSON NOT NULL
        COMMENT 'The columns referred to, an array in the order of child_columns',
    discriminator_column VARCHAR(64) NULL
        COMMENT 'Child column that tells which table is meant, as in commentable_type; NULL: none',
    discriminator_value TEXT NULL
        COMMENT 'The value of discriminator_column that means this parent',
    action VARCHAR(16) NOT NULL
        COMMENT 'What happens to the child rows: cascade, set_null, set_default, restrict or keep',
    created_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When it was declared; UTC',
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
COMMENT = 'One row for each declared reference';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_references TO 'deletion_jobs_owner'@'localhost';
