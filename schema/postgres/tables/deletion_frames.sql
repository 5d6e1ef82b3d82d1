-- deletion_frames
-- The stacks of open runs: what has to survive the commit between two steps.

CREATE TABLE deletion_frames (
    run_id bigint NOT NULL,
    depth integer NOT NULL,
    node_no integer NOT NULL,
    edge_no integer NOT NULL,
    keys jsonb NOT NULL,
    key_count integer NOT NULL,
    edge_pos integer NOT NULL DEFAULT 0,
    fetch_cursor jsonb,
    rows_at_pass bigint NOT NULL DEFAULT 0,
    idle_passes integer NOT NULL DEFAULT 0,
    rows_here bigint NOT NULL DEFAULT 0,
    updated_at timestamptz(6) NOT NULL DEFAULT current_timestamp,
    PRIMARY KEY (run_id, depth)
);

COMMENT ON TABLE deletion_frames IS 'One row for each frame on the stack of an open run.';
COMMENT ON COLUMN deletion_frames.run_id IS 'The run.';
COMMENT ON COLUMN deletion_frames.depth IS 'Place on the stack; 0: the roots.';
COMMENT ON COLUMN deletion_frames.node_no IS 'The plan''s table that the keys are of.';
COMMENT ON COLUMN deletion_frames.edge_no IS 'The reference by which they were found.';
COMMENT ON COLUMN deletion_frames.keys IS
'The keys, each with its job and the values it was found by.';
COMMENT ON COLUMN deletion_frames.key_count IS 'How many.';
COMMENT ON COLUMN deletion_frames.edge_pos IS
'The last of the table''s references that was emptied, by its number in the plan.';
COMMENT ON COLUMN deletion_frames.fetch_cursor IS
'How far the next reference has been read; NULL: from the start.';
COMMENT ON COLUMN deletion_frames.rows_at_pass IS
'rows_changed of the run when the pass over the references began: no more means no progress.';
COMMENT ON COLUMN deletion_frames.idle_passes IS 'Passes without progress in a row.';
COMMENT ON COLUMN deletion_frames.rows_here IS 'Rows changed below these keys so far.';
COMMENT ON COLUMN deletion_frames.updated_at IS 'When a step last wrote it.';
