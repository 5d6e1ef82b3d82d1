-- deletion_receipts
-- What each run has changed for its jobs: written in the transaction that changed it.
--
-- A row for each job, table and action would cost a small job more than its rows do. A run's counts
-- stand together instead; vw_deletion_receipts takes them apart again.

CREATE TABLE deletion_receipts (
    run_id bigint NOT NULL,
    table_name text NOT NULL,
    action text NOT NULL,
    row_counts jsonb NOT NULL,
    updated_at timestamptz(6) NOT NULL DEFAULT current_timestamp,
    PRIMARY KEY (run_id, table_name, action),
    CONSTRAINT chk_drec_action
    CHECK (action IN (
        'delete', 'set_null', 'set_default', 'scrub', 'root_not_found', 'mark', 'restore'
    ))
)
-- Every step of a long run rewrites its rows: free space keeps them on their page.
WITH (fillfactor = 60);

COMMENT ON TABLE deletion_receipts IS 'Rows changed, for each run, table and action, by job.';
COMMENT ON COLUMN deletion_receipts.run_id IS 'The run.';
COMMENT ON COLUMN deletion_receipts.table_name IS 'The table, named as targets are.';
COMMENT ON COLUMN deletion_receipts.action IS
'delete, set_null, set_default, scrub, mark, restore; root_not_found: it was gone already.';
COMMENT ON COLUMN deletion_receipts.row_counts IS
'How many rows of each job: an object with the jobs'' numbers for its keys. 0 for root_not_found; '
'below zero: rows that an earlier run had set, and that this one deleted.';
COMMENT ON COLUMN deletion_receipts.updated_at IS 'When it was last written.';
