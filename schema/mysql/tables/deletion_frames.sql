-- deletion_frames
-- The stacks of open runs: what has to survive the commit between two steps.

CREATE TABLE IF NOT EXISTS deletion_frames (
    run_id BIGINT UNSIGNED NOT NULL
        COMMENT 'The run',
    depth INT NOT NULL
        COMMENT 'Place on the stack; 0: the roots',
    node_no INT NOT NULL
        COMMENT 'The plan''s table that the keys are of',
    edge_no INT NOT NULL
        COMMENT 'The reference by which they were found',
    `keys` JSON NOT NULL
        COMMENT 'The keys, each with its job and the values it was found by',
    key_count INT NOT NULL
        COMMENT 'How many',
    edge_pos INT NOT NULL DEFAULT 0
        COMMENT 'The last of the table''s references that was emptied, by its number in the plan',
    fetch_cursor JSON NULL
        COMMENT 'How far the next reference has been read; NULL: from the start',
    rows_at_pass BIGINT NOT NULL DEFAULT 0
        COMMENT 'rows_changed of the run when the pass over the references began',
    rows_here BIGINT NOT NULL DEFAULT 0
        COMMENT 'Rows changed below these keys so far',
    idle_passes INT NOT NULL DEFAULT 0
        COMMENT 'Passes without progress in a row',
    updated_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When a step last wrote it; UTC',
    PRIMARY KEY (run_id, depth)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each frame on the stack of an open run';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_frames TO 'deletion_jobs_owner'@'localhost';
