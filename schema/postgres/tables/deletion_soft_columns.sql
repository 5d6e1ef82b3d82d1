-- deletion_soft_columns
-- The columns by which tables mark a row as deleted, named by the DBA, one for a table.

CREATE TABLE deletion_soft_columns (
    table_schema varchar(64) NOT NULL,
    table_name varchar(64) NOT NULL,
    column_name varchar(64) NOT NULL,
    kind text NOT NULL,
    mark_value bigint,
    purge_after_seconds bigint,
    created_at timestamptz(6) NOT NULL DEFAULT current_timestamp,
    PRIMARY KEY (table_schema, table_name),
    CONSTRAINT chk_dsc_kind CHECK (kind IN ('timestamp', 'boolean', 'integer')),
    CONSTRAINT chk_dsc_mark_value CHECK ((kind = 'integer') = (mark_value IS NOT NULL)),
    CONSTRAINT chk_dsc_purge_after CHECK (purge_after_seconds > 0)
);

COMMENT ON TABLE deletion_soft_columns IS
'One row for each table whose rows can be marked as deleted.';
COMMENT ON COLUMN deletion_soft_columns.table_schema IS 'The table''s schema, unquoted.';
COMMENT ON COLUMN deletion_soft_columns.table_name IS 'The table''s name, unquoted.';
COMMENT ON COLUMN deletion_soft_columns.column_name IS 'The column that a soft deletion sets.';
COMMENT ON COLUMN deletion_soft_columns.kind IS
'timestamp: set to the time of the run, NULL is not deleted; boolean: set TRUE; integer: set to '
'mark_value.';
COMMENT ON COLUMN deletion_soft_columns.mark_value IS 'What an integer is set to; else NULL.';
COMMENT ON COLUMN deletion_soft_columns.purge_after_seconds IS
'A job of this target that has marked its rows removes them so much later; NULL: never.';
COMMENT ON COLUMN deletion_soft_columns.created_at IS 'When it was named.';
