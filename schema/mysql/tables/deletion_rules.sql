-- deletion_rules
-- What the DBA decided for single references, against the catalog or the declaration.

CREATE TABLE IF NOT EXISTS deletion_rules (
    child_schema VARCHAR(64) NOT NULL
        COMMENT 'Schema of the table that refers',
    child_table VARCHAR(64) NOT NULL
        COMMENT 'The table that refers',
    reference_name VARCHAR(64) NOT NULL
        COMMENT 'The foreign key''s constraint, or the declared reference',
    action VARCHAR(16) NOT NULL
        COMMENT 'What holds: cascade, set_null, set_default, scrub, restrict; keep if declared',
    created_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When the rule was set; UTC',
    scrub JSON NULL
        COMMENT 'What scrub sets beside the reference: an object, column to its value or NULL',
    parent_schema VARCHAR(64) NULL
        COMMENT 'Schema of the table that the reference leads to; NULL: not known, any',
    parent_table VARCHAR(64) NULL
        COMMENT 'Where the reference leads: for another table the rule does not hold; NULL: any',
    PRIMARY KEY (child_schema, child_table, reference_name),
    CONSTRAINT chk_drul_action
    CHECK (action IN ('cascade', 'set_null', 'set_default', 'scrub', 'restrict', 'keep')),
    CONSTRAINT chk_drul_scrub CHECK ((action = 'scrub') = (scrub IS NOT NULL)),
    CONSTRAINT chk_drul_parent CHECK ((parent_schema IS NULL) = (parent_table IS NULL))
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each reference whose action is overridden';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_rules TO 'deletion_jobs_owner'@'localhost';
