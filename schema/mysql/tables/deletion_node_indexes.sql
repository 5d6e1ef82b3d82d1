-- deletion_node_indexes
-- Work table of the planner: the indexes of the tables of a plan that is being compiled.

CREATE TABLE IF NOT EXISTS deletion_node_indexes (
    plan_id BIGINT UNSIGNED NOT NULL
        COMMENT 'Plan that is being compiled',
    node_no INT NOT NULL
        COMMENT 'Table, as the plan numbers it',
    index_name VARCHAR(64) NOT NULL
        COMMENT 'The index',
    seq_in_index INT NOT NULL
        COMMENT 'Place of the column in it, from 1',
    column_name VARCHAR(64) NULL
        COMMENT 'The column; NULL: an expression',
    is_unique BOOLEAN NOT NULL
        COMMENT 'False where several rows may hold the same values',
    is_prefix BOOLEAN NOT NULL
        COMMENT 'True where only the beginning of the value is in it',
    is_nullable BOOLEAN NOT NULL
        COMMENT 'True where the column takes NULL',
    is_visible BOOLEAN NOT NULL
        COMMENT 'False where the server may not use it',
    index_type VARCHAR(11) NOT NULL
        COMMENT 'BTREE and others',
    PRIMARY KEY (plan_id, node_no, index_name, seq_in_index)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Work table of the planner: the indexes of the tables of a plan that is being compiled';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_node_indexes TO 'deletion_jobs_owner'@'localhost';
