-- deletion_soft_keys
-- Where soft jobs stand: the rows that each has met, and below which of them it has looked.
--
-- Rows do not vanish when they are marked, so a soft job has to remember where it was. It is the
-- job's memory, not the run's: the next run goes on where the last one ended, in whatever way.

CREATE TABLE IF NOT EXISTS deletion_soft_keys (
    job_id BIGINT UNSIGNED NOT NULL
        COMMENT 'The job',
    node_no INT NOT NULL
        COMMENT 'The plan''s table that the key is of',
    key_hash BINARY(32) NOT NULL
        COMMENT 'Digest of the key',
    plan_id BIGINT UNSIGNED NOT NULL
        COMMENT 'The plan by which it was met',
    edge_no INT NOT NULL
        COMMENT 'The reference by which it was met; 0: a root',
    `keys` JSON NOT NULL
        COMMENT 'The key as a frame holds it',
    is_done BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'It was marked, where its table can be, and what hangs from it was met',
    PRIMARY KEY (job_id, node_no, key_hash),
    KEY idx_dsk_open (job_id, is_done, edge_no)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each row that a soft job has met';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_soft_keys TO 'deletion_jobs_owner'@'localhost';
