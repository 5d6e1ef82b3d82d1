-- deletion_rules
-- The DBA's own word on what happens to the child rows of a reference.

CREATE TABLE IF NOT EXISTS deletion_rules (
    child_schema VARCHAR(64) NOT NULL
        COMMENT 'Schema of the table that points',
    child_table VARCHAR(64) NOT NULL
        COMMENT 'The table that points',
    reference_name VARCHAR(64) NOT NULL
        COMMENT 'Foreign key or declared reference that the rule is for',
    action VARCHAR(16) NOT NULL
        COMMENT 'What happens to the child rows instead of what the reference says',
    created_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When the rule was made, UTC',
    PRIMARY KEY (child_schema, child_table, reference_name),
    CONSTRAINT chk_drul_action
    CHECK (action IN ('cascade', 'set_null', 'set_default', 'restrict', 'keep'))
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Overrides of what happens to the child rows of a reference';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_rules TO 'deletion_jobs_owner'@'localhost';
