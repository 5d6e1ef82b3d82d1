-- deletion_rules
-- What the DBA decided for single references, against the catalog or the declaration.

CREATE TABLE deletion_rules (
    child_schema varchar(64) NOT NULL,
    child_table varchar(64) NOT NULL,
    reference_name varchar(64) NOT NULL,
    action text NOT NULL,
    created_at timestamptz(6) NOT NULL DEFAULT current_timestamp,
    scrub jsonb,
    parent_schema varchar(64),
    parent_table varchar(64),
    PRIMARY KEY (child_schema, child_table, reference_name),
    CONSTRAINT chk_dru_action
    CHECK (action IN ('cascade', 'set_null', 'set_default', 'scrub', 'restrict', 'keep')),
    CONSTRAINT chk_dru_scrub CHECK ((action = 'scrub') = (scrub IS NOT NULL)),
    CONSTRAINT chk_dru_parent CHECK ((parent_schema IS NULL) = (parent_table IS NULL))
);

COMMENT ON TABLE deletion_rules IS 'One row for each reference whose action is overridden.';
COMMENT ON COLUMN deletion_rules.child_schema IS 'Schema of the table that refers.';
COMMENT ON COLUMN deletion_rules.child_table IS 'The table that refers.';
COMMENT ON COLUMN deletion_rules.reference_name IS
'The foreign key''s constraint, or the declared reference.';
COMMENT ON COLUMN deletion_rules.action IS
'The action that holds: cascade, set_null, set_default, scrub, restrict, or keep if declared.';
COMMENT ON COLUMN deletion_rules.created_at IS 'When the rule was set.';
COMMENT ON COLUMN deletion_rules.scrub IS
'What scrub sets beside the reference: an object, column to its value as text or NULL.';
COMMENT ON COLUMN deletion_rules.parent_schema IS
'Schema of the table that the reference leads to; NULL: not known, any.';
COMMENT ON COLUMN deletion_rules.parent_table IS
'The table that the reference leads to: for another one the rule does not hold; NULL: any.';
