-- deletion_walk_keys
-- Scratch of the walks of check and preview: which keys were met, and what becomes of them.
--
-- Logged, since the rows of walk 0 remember, over a crash, which changes a job has counted.

CREATE TABLE deletion_walk_keys (
    walk_id bigint NOT NULL,
    job_id bigint NOT NULL,
    node_no integer NOT NULL,
    fate text NOT NULL,
    key_hash bytea NOT NULL,
    edge_no integer,
    keys jsonb,
    is_expanded boolean NOT NULL DEFAULT FALSE,
    PRIMARY KEY (walk_id, job_id, node_no, fate, key_hash),
    CONSTRAINT chk_dwk_fate
    CHECK (fate IN (
        'delete', 'set_null', 'set_default', 'scrub', 'restrict', 'keep', 'held', 'stack'
    ))
);

-- Statistics of scratch are those of another walk, or of none: by them all indexes cost the same.
-- So no look can be answered by two: one for rows of a state names these expressions, one for a
-- single key the columns of the primary key. Each would read all rows of a walk for the other.
CREATE INDEX idx_dwk_open ON deletion_walk_keys ((walk_id + 0), (node_no + 0))
WHERE NOT is_expanded;
CREATE INDEX idx_dwk_seen ON deletion_walk_keys ((walk_id + 0), (node_no + 0))
WHERE is_expanded;

COMMENT ON TABLE deletion_walk_keys IS 'One row for each key that a walk has met.';
COMMENT ON COLUMN deletion_walk_keys.walk_id IS
'The run; below zero: the session of a preview; 0: rows counted once for a job.';
COMMENT ON COLUMN deletion_walk_keys.job_id IS 'The job that it was met for.';
COMMENT ON COLUMN deletion_walk_keys.node_no IS 'The plan''s table that the key is of.';
COMMENT ON COLUMN deletion_walk_keys.fate IS
'What would become of the row: delete, set_null, set_default, scrub, restrict or keep; held: it '
'is, or stands above a row that is; stack: it is on the stack of a run with care for circles.';
COMMENT ON COLUMN deletion_walk_keys.key_hash IS 'Digest of the key.';
COMMENT ON COLUMN deletion_walk_keys.edge_no IS 'The reference by which it was met.';
COMMENT ON COLUMN deletion_walk_keys.keys IS 'The key as a frame holds it.';
COMMENT ON COLUMN deletion_walk_keys.is_expanded IS 'Its children have been looked at.';
