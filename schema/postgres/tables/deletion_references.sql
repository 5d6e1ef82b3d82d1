-- deletion_references
-- References that the DBA declared because the catalog has no foreign key for them.

CREATE TABLE deletion_references (
    reference_name varchar(64) PRIMARY KEY,
    child_schema varchar(64) NOT NULL,
    child_table varchar(64) NOT NULL,
    child_columns jsonb NOT NULL,
    parent_schema varchar(64) NOT NULL,
    parent_table varchar(64) NOT NULL,
    parent_columns jsonb NOT NULL,
    discriminator_column varchar(64),
    discriminator_value varchar(255),
    action text NOT NULL,
    created_at timestamptz(6) NOT NULL DEFAULT current_timestamp,
    CONSTRAINT chk_dr_action
    CHECK (action IN ('cascade', 'set_null', 'set_default', 'restrict', 'keep')),
    CONSTRAINT chk_dr_discriminator
    CHECK ((discriminator_column IS NULL) = (discriminator_value IS NULL))
);

COMMENT ON TABLE deletion_references IS 'One row for each declared reference.';
COMMENT ON COLUMN deletion_references.reference_name IS 'Its name, as rules and errors use it.';
COMMENT ON COLUMN deletion_references.child_schema IS 'Schema of the table that refers.';
COMMENT ON COLUMN deletion_references.child_table IS 'The table that refers.';
COMMENT ON COLUMN deletion_references.child_columns IS 'The referring columns, an array.';
COMMENT ON COLUMN deletion_references.parent_schema IS 'Schema of the table referred to.';
COMMENT ON COLUMN deletion_references.parent_table IS 'The table referred to.';
COMMENT ON COLUMN deletion_references.parent_columns IS
'The columns referred to, an array in the order of child_columns.';
COMMENT ON COLUMN deletion_references.discriminator_column IS
'Child column that tells which table is meant, as in commentable_type; NULL: none.';
COMMENT ON COLUMN deletion_references.discriminator_value IS
'The value of discriminator_column that means this parent.';
COMMENT ON COLUMN deletion_references.action IS
'What happens to the child rows: cascade, set_null, set_default, restrict or keep.';
COMMENT ON COLUMN deletion_references.created_at IS 'When it was declared.';
