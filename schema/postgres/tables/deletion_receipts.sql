-- deletion_receipts
-- What each job has changed: written in the transaction that changed it.

CREATE TABLE deletion_receipts (
    job_id bigint NOT NULL,
    table_name text NOT NULL,
    action text NOT NULL,
    row_count bigint NOT NULL,
    updated_at timestamptz(6) NOT NULL DEFAULT current_timestamp,
    PRIMARY KEY (job_id, table_name, action),
    CONSTRAINT chk_dre_action
    CHECK (action IN ('delete', 'set_null', 'set_default', 'root_not_found')),
    CONSTRAINT chk_dre_row_count CHECK (row_count >= 0)
);

COMMENT ON TABLE deletion_receipts IS 'Rows changed, for each job, table and action.';
COMMENT ON COLUMN deletion_receipts.job_id IS 'The job.';
COMMENT ON COLUMN deletion_receipts.table_name IS 'The table, named as targets are.';
COMMENT ON COLUMN deletion_receipts.action IS
'delete, set_null, set_default; root_not_found: the row was gone already.';
COMMENT ON COLUMN deletion_receipts.row_count IS 'How many rows; 0 for root_not_found.';
COMMENT ON COLUMN deletion_receipts.updated_at IS 'When it last grew.';
