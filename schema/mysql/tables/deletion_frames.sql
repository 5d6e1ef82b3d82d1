-- deletion_frames
-- The stack of each run: keys of one table a frame, the root's at depth 0.

CREATE TABLE IF NOT EXISTS deletion_frames (
    run_id BIGINT UNSIGNED NOT NULL
        COMMENT 'Run that the stack belongs to',
    depth INT NOT NULL
        COMMENT 'Place on the stack',
    node_no INT NOT NULL
        COMMENT 'Table of the keys, as the plan numbers it',
    edge_no INT NOT NULL
        COMMENT 'Reference that they were found by; 0 for the root',
    `keys` JSON NOT NULL
        COMMENT 'The keys, each with its job and the parent values it was found by',
    key_count INT NOT NULL
        COMMENT 'Number of the keys',
    edge_pos INT NOT NULL DEFAULT 0
        COMMENT 'How many references of the table are emptied for these keys',
    fetch_cursor JSON NULL
        COMMENT 'How far the next reference has been read',
    rows_at_pass BIGINT NOT NULL DEFAULT 0
        COMMENT 'Rows the run had changed when the present pass began',
    rows_here BIGINT NOT NULL DEFAULT 0
        COMMENT 'Rows changed below this frame',
    updated_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When the frame last changed, UTC',
    PRIMARY KEY (run_id, depth)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Stacks of the runs: keys still to be worked';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_frames TO 'deletion_jobs_owner'@'localhost';
