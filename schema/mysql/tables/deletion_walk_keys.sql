-- deletion_walk_keys
-- Scratch of checks and previews: keys seen by a walk, dropped when it ends.

CREATE TABLE IF NOT EXISTS deletion_walk_keys (
    walk_id BIGINT NOT NULL
        COMMENT 'Run that walks; for a preview its session, negative',
    job_id BIGINT UNSIGNED NOT NULL
        COMMENT 'Job that the key was found for',
    node_no INT NOT NULL
        COMMENT 'Table of the key, as the plan numbers it',
    fate VARCHAR(16) NOT NULL
        COMMENT 'What would happen to the row',
    key_hash BINARY(32) NOT NULL
        COMMENT 'SHA-256 of the key',
    edge_no INT NOT NULL
        COMMENT 'Reference that the key was found by',
    `keys` JSON NOT NULL
        COMMENT 'The key, in the form that frames use',
    is_expanded BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where its children have been looked for',
    PRIMARY KEY (walk_id, job_id, node_no, fate, key_hash),
    KEY idx_dwk_open (walk_id, is_expanded, node_no)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Scratch of checks and previews';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_walk_keys TO 'deletion_jobs_owner'@'localhost';
