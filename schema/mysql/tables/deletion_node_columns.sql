-- deletion_node_columns
-- Work table of the planner: the columns of the tables of a plan that is being compiled.
--
-- The server's own views take a third of a millisecond for each question about one table: a plan of
-- hundreds of tables reads them once, and asks here.

CREATE TABLE IF NOT EXISTS deletion_node_columns (
    plan_id BIGINT UNSIGNED NOT NULL
        COMMENT 'Plan that is being compiled',
    node_no INT NOT NULL
        COMMENT 'Table, as the plan numbers it',
    column_name VARCHAR(64) NOT NULL
        COMMENT 'The column',
    column_type MEDIUMTEXT NOT NULL
        COMMENT 'Its type, as the server prints it',
    character_set_name VARCHAR(64) NULL
        COMMENT 'Its character set; NULL: it is no text',
    collation_name VARCHAR(64) NULL
        COMMENT 'Its collation; NULL: it is no text',
    sets_itself BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where the server sets it in every UPDATE',
    PRIMARY KEY (plan_id, node_no, column_name)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Work table of the planner: the columns of the tables of a plan that is being compiled';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_node_columns TO 'deletion_jobs_owner'@'localhost';
