-- deletion_walk_links
-- Scratch of checks: which rows of a walk hang from which, where rows could go in a circle. What is
-- let go of stays for the run.

CREATE TABLE deletion_walk_links (
    walk_id bigint NOT NULL,
    job_id bigint NOT NULL,
    parent_node_no integer NOT NULL,
    parent_hash bytea NOT NULL,
    child_node_no integer NOT NULL,
    child_hash bytea NOT NULL,
    edge_no integer NOT NULL,
    is_let_go boolean NOT NULL DEFAULT FALSE,
    PRIMARY KEY (
        walk_id, job_id, parent_node_no, parent_hash, child_node_no, child_hash, edge_no
    )
);

-- Expressions, as in deletion_walk_keys: a look at a parent's links cannot take this index, nor one
-- at a child's the primary key, both of which would read all links of a walk.
CREATE INDEX idx_dwl_child ON deletion_walk_links (
    (walk_id + 0), (job_id + 0), (child_node_no + 0), (child_hash || '')
);

COMMENT ON TABLE deletion_walk_links IS
'One row for each pair of rows of a walk that a reference ties by which rows could go in a circle.';
COMMENT ON COLUMN deletion_walk_links.walk_id IS 'The run.';
COMMENT ON COLUMN deletion_walk_links.job_id IS 'The job that both rows were met for.';
COMMENT ON COLUMN deletion_walk_links.parent_node_no IS 'The plan''s table that the parent is of.';
COMMENT ON COLUMN deletion_walk_links.parent_hash IS 'Digest of the parent''s key.';
COMMENT ON COLUMN deletion_walk_links.child_node_no IS 'The plan''s table that the child is of.';
COMMENT ON COLUMN deletion_walk_links.child_hash IS 'Digest of the child''s key.';
COMMENT ON COLUMN deletion_walk_links.edge_no IS 'The reference by which it is the child.';
COMMENT ON COLUMN deletion_walk_links.is_let_go IS
'The child goes after its parent: the run may set this reference NULL, since another leads to it.';
