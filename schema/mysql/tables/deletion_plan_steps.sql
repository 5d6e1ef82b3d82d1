-- deletion_plan_steps
-- The steps of the plans with their finished SQL: what is reviewed here is what runs.

CREATE TABLE IF NOT EXISTS deletion_plan_steps (
    plan_id BIGINT UNSIGNED NOT NULL
        COMMENT 'The plan',
    step_no INT NOT NULL
        COMMENT 'The step''s place in the plan',
    kind VARCHAR(16) NOT NULL
        COMMENT 'What it does: roots, fetch, drain, set, lock, remove and so on',
    node_no INT NOT NULL
        COMMENT 'The table acted on; 0: the target',
    parent_node_no INT NULL
        COMMENT 'The table whose frame it starts from; NULL: a step of the root',
    edge_no INT NULL
        COMMENT 'The reference it follows, counted over the plan; 0: a step of the root',
    table_name VARCHAR(130) NOT NULL
        COMMENT 'The table acted on, named as targets are',
    reference_name VARCHAR(64) NULL
        COMMENT 'The constraint or declared reference that it follows',
    action VARCHAR(16) NULL
        COMMENT 'What happens to the rows that the reference leads to',
    is_leaf BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'The rows have no children that matter, so they go at once',
    waits BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'The reference only orders two tables of the plan, or is set last',
    in_check BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'The check runs it too',
    index_name VARCHAR(1100) NULL
        COMMENT 'The index that supports the reference; NULL: none; of held: columns of the key',
    sql_text MEDIUMTEXT NULL
        COMMENT 'The statement as it runs; NULL: the step has none',
    set_order SMALLINT NOT NULL DEFAULT 0
        COMMENT 'Place among the references that are set when nothing else can go; 0: with others',
    PRIMARY KEY (plan_id, step_no),
    KEY idx_dps_edge (plan_id, edge_no, kind),
    KEY idx_dps_parent (plan_id, parent_node_no, kind, edge_no)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each step of a plan';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_plan_steps TO 'deletion_jobs_owner'@'localhost';
