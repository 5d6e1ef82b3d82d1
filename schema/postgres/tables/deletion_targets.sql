-- deletion_targets
-- The tables that the DBA has allowed deletions from, with the key that names a row.

CREATE TABLE deletion_targets (
    entity_table varchar(64) PRIMARY KEY,
    table_schema varchar(64) NOT NULL,
    table_name varchar(64) NOT NULL,
    key_columns jsonb NOT NULL,
    key_types jsonb NOT NULL,
    key_collations jsonb,
    plain_key text,
    is_limited boolean NOT NULL DEFAULT FALSE,
    max_rows bigint,
    created_at timestamptz(6) NOT NULL DEFAULT current_timestamp,
    keyed_at timestamptz(6) NOT NULL DEFAULT clock_timestamp(),
    key_places jsonb,
    CONSTRAINT uq_dt_table UNIQUE (table_schema, table_name),
    CONSTRAINT chk_dt_max_rows CHECK (max_rows > 0)
);

COMMENT ON TABLE deletion_targets IS 'One row for each table that rows may be deleted from.';
COMMENT ON COLUMN deletion_targets.entity_table IS
'The name in jobs: unqualified within our schema, else schema.name, quoted where needed.';
COMMENT ON COLUMN deletion_targets.table_schema IS 'The table''s schema, unquoted.';
COMMENT ON COLUMN deletion_targets.table_name IS 'The table''s name, unquoted.';
COMMENT ON COLUMN deletion_targets.key_columns IS 'The key''s columns, an array in key order.';
COMMENT ON COLUMN deletion_targets.key_types IS
'Their types, an array: a key is parsed without a look at the table.';
COMMENT ON COLUMN deletion_targets.key_collations IS
'Always NULL: only MySQL needs the columns'' collations.';
COMMENT ON COLUMN deletion_targets.plain_key IS
'Regular expression: keys of this form are as their type prints them; NULL: each is parsed.';
COMMENT ON COLUMN deletion_targets.is_limited IS
'Whether max_pending is set: here too, so that an enqueue has one look.';
COMMENT ON COLUMN deletion_targets.max_rows IS
'A job that would change more rows than this fails; NULL: the setting max_rows.';
COMMENT ON COLUMN deletion_targets.created_at IS 'When it was registered.';
COMMENT ON COLUMN deletion_targets.keyed_at IS
'Since when these columns name its rows: older jobs are not retried.';
COMMENT ON COLUMN deletion_targets.key_places IS
'The columns'' numbers in the catalog: tell one that was renamed from another.';
