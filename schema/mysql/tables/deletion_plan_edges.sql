-- deletion_plan_edges
-- Work table of the planner: the references of a plan that is being compiled.
--
-- Empty most of the time, so that the server takes it for small when it is full: what looks rows up
-- by a table in the plan names the index, or would read all references for each of them.

CREATE TABLE IF NOT EXISTS deletion_plan_edges (
    plan_id BIGINT UNSIGNED NOT NULL
        COMMENT 'Plan that is being compiled',
    parent_node_no INT NOT NULL
        COMMENT 'Table that the reference points at',
    child_schema VARCHAR(64) NOT NULL
        COMMENT 'Schema of the table that points',
    child_table VARCHAR(64) NOT NULL
        COMMENT 'The table that points',
    reference_name VARCHAR(64) NOT NULL
        COMMENT 'Foreign key or declared reference',
    child_node_no INT NULL
        COMMENT 'The table that points, as the plan numbers it',
    edge_no INT NOT NULL
        COMMENT 'Place of the reference in the order of work, from 1; below 0: not known yet',
    action VARCHAR(16) NOT NULL
        COMMENT 'What happens to the child rows',
    is_declared BOOLEAN NOT NULL
        COMMENT 'True where the catalog does not know the reference',
    child_columns JSON NOT NULL
        COMMENT 'Columns that point, in order',
    parent_columns JSON NOT NULL
        COMMENT 'Columns pointed at, in the same order',
    parent_index VARCHAR(64) NULL
        COMMENT 'Unique key that the columns pointed at make',
    is_refused BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where the engine may refuse to delete a row that refers to itself',
    delete_rule VARCHAR(16) NULL
        COMMENT 'What the engine itself does when a parent goes, in the words of the catalog',
    discriminator_column VARCHAR(64) NULL
        COMMENT 'Column of the child that tells which parent table is meant',
    discriminator_value TEXT NULL
        COMMENT 'The value of it that means this parent',
    index_name VARCHAR(64) NULL
        COMMENT 'Index of the child that leads with the columns; NULL: there is none',
    index_hint VARCHAR(160) NOT NULL DEFAULT ''
        COMMENT 'Hint that makes a statement use it; empty: there is none',
    is_ordered BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where that index gives the rows of one parent in the order of their key',
    is_leaf BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where the child rows have no children of their own',
    waits BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where the reference only orders two tables of the plan, or is set last',
    touched_columns JSON NULL
        COMMENT 'Columns that change where a child row is set, generated ones too; NULL: none is',
    set_order SMALLINT NOT NULL DEFAULT 0
        COMMENT 'Its place among those that are set when nothing else can go; 0: with the others',
    in_check BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where the check has to look at this reference',
    is_once BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where another reference of the child is set too, and rows count once',
    frame_columns JSON NULL
        COMMENT 'How frames carry the values of the child columns',
    pointer_frame TEXT NULL
        COMMENT 'The same, as JSON_TABLE declares them',
    answer_list TEXT NULL
        COMMENT 'What a frame of child rows carries, as it is read from row c',
    object_list TEXT NULL
        COMMENT 'The same, as it is put into JSON from answer q',
    on_frame TEXT NULL
        COMMENT 'Condition: child row c hangs from frame row t; NULL: cannot be written',
    on_parent TEXT NULL
        COMMENT 'Condition: child row c hangs from row x',
    found_by TEXT NULL
        COMMENT 'Condition: row x still hangs from where frame row t was found',
    discriminator TEXT NULL
        COMMENT 'Condition on the discriminator, without the name of the row; NULL: there is none',
    set_list TEXT NULL
        COMMENT 'What an UPDATE of child row x sets',
    is_circular BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where tables refer to each other in a circle by it',
    is_link BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where the check searches the rows that it ties for circles',
    break_list TEXT NULL
        COMMENT 'What an UPDATE of child row c may set NULL to let its parent go first',
    PRIMARY KEY (plan_id, edge_no),
    UNIQUE KEY uq_dpe_reference (
        plan_id, parent_node_no, child_schema, child_table, reference_name, is_declared
    ),
    KEY idx_dpe_child (plan_id, child_node_no)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Work table of the planner: the references of a plan that is being compiled';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_plan_edges TO 'deletion_jobs_owner'@'localhost';
