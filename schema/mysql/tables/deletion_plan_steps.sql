-- deletion_plan_steps
-- The steps of a plan, in order, each with its finished SQL.

CREATE TABLE IF NOT EXISTS deletion_plan_steps (
    plan_id BIGINT UNSIGNED NOT NULL
        COMMENT 'Plan that the step belongs to',
    step_no INT NOT NULL
        COMMENT 'Place of the step in the plan',
    kind VARCHAR(16) NOT NULL
        COMMENT 'What the step does: fetch, drain, set, lock, remove and so on',
    node_no INT NOT NULL
        COMMENT 'Table acted on, counted from the target, which is 0',
    parent_node_no INT NULL
        COMMENT 'Table that the reference points at',
    edge_no INT NULL
        COMMENT 'Reference that the step follows; 0 for the root''s own steps',
    table_name VARCHAR(130) NOT NULL
        COMMENT 'Name of the table acted on, for people',
    reference_name VARCHAR(64) NULL
        COMMENT 'Foreign key or declared reference that the step follows',
    action VARCHAR(16) NULL
        COMMENT 'What happens to the child rows of that reference',
    is_leaf BOOLEAN NOT NULL
        COMMENT 'True where the child rows have no children of their own',
    waits BOOLEAN NOT NULL
        COMMENT 'True where the child table is in the plan too, and the reference only orders',
    in_check BOOLEAN NOT NULL
        COMMENT 'True where the check has to look at this reference',
    index_name VARCHAR(64) NULL
        COMMENT 'Index that the step is carried by; NULL: there is none',
    sql_text MEDIUMTEXT NULL
        COMMENT 'The finished statement',
    PRIMARY KEY (plan_id, step_no)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Steps of the compiled plans, with their finished SQL';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_plan_steps TO 'deletion_jobs_owner'@'localhost';
