-- deletion_soft_columns
-- The columns by which tables mark a row as deleted, named by the DBA, one for a table.

CREATE TABLE IF NOT EXISTS deletion_soft_columns (
    table_schema VARCHAR(64) NOT NULL
        COMMENT 'Schema of the table, unquoted',
    table_name VARCHAR(64) NOT NULL
        COMMENT 'Name of the table, unquoted',
    column_name VARCHAR(64) NOT NULL
        COMMENT 'The column that a soft deletion sets',
    kind VARCHAR(16) NOT NULL
        COMMENT 'timestamp: set to the time of the run; boolean: set TRUE; integer: to mark_value',
    mark_value BIGINT NULL
        COMMENT 'What an integer is set to; else NULL',
    purge_after_seconds BIGINT NULL
        COMMENT 'A job of this target that marked its rows removes them so much later; NULL: never',
    created_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When it was named; UTC',
    PRIMARY KEY (table_schema, table_name),
    CONSTRAINT chk_dsc_kind CHECK (kind IN ('timestamp', 'boolean', 'integer')),
    CONSTRAINT chk_dsc_mark_value CHECK ((kind = 'integer') = (mark_value IS NOT NULL)),
    CONSTRAINT chk_dsc_purge_after CHECK (purge_after_seconds > 0)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each table whose rows can be marked as deleted';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_soft_columns
TO 'deletion_jobs_owner'@'localhost';
