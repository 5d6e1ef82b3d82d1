-- deletion_plan_nodes
-- Work table of the planner: the tables of a plan that is being compiled.
--
-- Recursion is off in routines here, so the planner walks the catalog by rows of its own; they
-- are gone when the plan is stored.

CREATE TABLE IF NOT EXISTS deletion_plan_nodes (
    plan_id BIGINT UNSIGNED NOT NULL
        COMMENT 'Plan that is being compiled',
    node_no INT NOT NULL
        COMMENT 'Table, counted from the target, which is 0',
    table_schema VARCHAR(64) NOT NULL
        COMMENT 'Schema of the table',
    table_name VARCHAR(64) NOT NULL
        COMMENT 'The table',
    sql_name VARCHAR(270) NOT NULL
        COMMENT 'Both, quoted for a statement',
    display_name VARCHAR(130) NOT NULL
        COMMENT 'Name of the table, for people',
    key_columns JSON NULL
        COMMENT 'Columns that name a row; NULL: none do',
    key_index VARCHAR(160) NULL
        COMMENT 'Hint that makes a statement find rows by that key',
    frame_columns JSON NULL
        COMMENT 'How each column that frames carry is written and read',
    key_part JSON NULL
        COMMENT 'The same, of the key alone',
    key_found TEXT NULL
        COMMENT 'Condition: row x is the one that frame row t names',
    key_frame TEXT NULL
        COMMENT 'Columns of a frame that carries the key alone, as JSON_TABLE declares them',
    row_frame TEXT NULL
        COMMENT 'Columns of a frame that carries all of them',
    key_order TEXT NULL
        COMMENT 'The key of answer q, to sort by',
    key_after TEXT NULL
        COMMENT 'Condition: row c comes after the key a, and what to sort by then',
    in_closure BOOLEAN NOT NULL
        COMMENT 'True where rows of the table are removed',
    is_expanded BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where its references have been looked for',
    table_rank INT NULL
        COMMENT 'Place in the order, children first',
    PRIMARY KEY (plan_id, node_no),
    UNIQUE KEY uq_dpn_table (plan_id, table_schema, table_name)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Work table of the planner: the tables of a plan that is being compiled';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_plan_nodes TO 'deletion_jobs_owner'@'localhost';
