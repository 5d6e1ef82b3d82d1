-- deletion_soft_keys
-- Where soft jobs stand: the rows that each has met, and below which of them it has looked.
--
-- Rows do not vanish when they are marked, so a soft job has to remember where it was. It is the
-- job's memory, not the run's: the next run goes on where the last one ended, in whatever way.

CREATE TABLE deletion_soft_keys (
    job_id bigint NOT NULL,
    node_no integer NOT NULL,
    key_hash bytea NOT NULL,
    plan_id bigint NOT NULL,
    edge_no integer NOT NULL,
    keys jsonb NOT NULL,
    is_done boolean NOT NULL DEFAULT FALSE,
    PRIMARY KEY (job_id, node_no, key_hash)
);

-- An expression, as in deletion_walk_keys: by the primary key a look at what is open would read all
-- that is done.
CREATE INDEX idx_dsk_open ON deletion_soft_keys ((job_id + 0), edge_no) WHERE NOT is_done;

COMMENT ON TABLE deletion_soft_keys IS 'One row for each row that a soft job has met.';
COMMENT ON COLUMN deletion_soft_keys.job_id IS 'The job.';
COMMENT ON COLUMN deletion_soft_keys.node_no IS 'The plan''s table that the key is of.';
COMMENT ON COLUMN deletion_soft_keys.key_hash IS 'Digest of the key.';
COMMENT ON COLUMN deletion_soft_keys.plan_id IS 'The plan by which it was met.';
COMMENT ON COLUMN deletion_soft_keys.edge_no IS 'The reference by which it was met; 0: a root.';
COMMENT ON COLUMN deletion_soft_keys.keys IS 'The key as a frame holds it.';
COMMENT ON COLUMN deletion_soft_keys.is_done IS
'It was marked, where its table can be, and what hangs from it was met.';
