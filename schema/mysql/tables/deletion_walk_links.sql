-- deletion_walk_links
-- Scratch of checks: which rows of a walk have to go before which, where they could go in a circle.
-- What is let go of stays for the run.

CREATE TABLE IF NOT EXISTS deletion_walk_links (
    walk_id BIGINT NOT NULL
        COMMENT 'The run',
    job_id BIGINT UNSIGNED NOT NULL
        COMMENT 'The job that both rows were met for',
    parent_node_no INT NOT NULL
        COMMENT 'The plan''s table that the parent is of',
    parent_hash BINARY(32) NOT NULL
        COMMENT 'Digest of the parent''s key',
    child_node_no INT NOT NULL
        COMMENT 'The plan''s table that the child is of',
    child_hash BINARY(32) NOT NULL
        COMMENT 'Digest of the child''s key',
    edge_no INT NOT NULL
        COMMENT 'The reference by which it is the child',
    is_let_go BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'The child goes after its parent: the run may set this reference NULL',
    PRIMARY KEY (
        walk_id, job_id, parent_node_no, parent_hash, child_node_no, child_hash, edge_no
    ),
    KEY idx_dwl_child (walk_id, job_id, child_node_no, child_hash)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each pair of rows of a walk that a reference which no NULL opens ties';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_walk_links TO 'deletion_jobs_owner'@'localhost';
