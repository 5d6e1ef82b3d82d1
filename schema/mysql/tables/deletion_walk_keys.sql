-- deletion_walk_keys
-- Scratch of checks and previews: keys seen by a walk, dropped when it ends.

CREATE TABLE IF NOT EXISTS deletion_walk_keys (
    walk_id BIGINT NOT NULL
        COMMENT 'The run; below zero: the session of a preview; 0: rows counted once for a job',
    job_id BIGINT UNSIGNED NOT NULL
        COMMENT 'The job that it was met for',
    node_no INT NOT NULL
        COMMENT 'The plan''s table that the key is of',
    fate VARCHAR(16) NOT NULL
        COMMENT 'What becomes of a row: delete, set_null, set_default, scrub, restrict, keep, held; stack: on the stack',  -- noqa: LT05
    key_hash BINARY(32) NOT NULL
        COMMENT 'Digest of the key',
    edge_no INT NULL
        COMMENT 'The reference by which it was met',
    `keys` JSON NULL
        COMMENT 'The key as a frame holds it',
    is_expanded BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'Its children have been looked at',
    PRIMARY KEY (walk_id, job_id, node_no, fate, key_hash),
    KEY idx_dwk_open (walk_id, is_expanded, node_no)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each key that a walk has met';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_walk_keys TO 'deletion_jobs_owner'@'localhost';
