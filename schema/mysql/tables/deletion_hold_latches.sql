-- deletion_hold_latches
-- One row, which every step of a run reads under a shared lock and every new hold writes.
--
-- So no step is at work while a hold comes, and holds come in the order of their ids: this engine
-- has no lock on a table that a transaction could take beside others.

CREATE TABLE IF NOT EXISTS deletion_hold_latches (
    latch_id TINYINT NOT NULL
        COMMENT 'Always 1',
    newest_hold BIGINT UNSIGNED NOT NULL
        COMMENT 'The hold that was placed last; 0: none ever was',
    PRIMARY KEY (latch_id),
    CONSTRAINT chk_dhl_id CHECK (latch_id = 1)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row, by which holds and the steps of runs wait for each other';

INSERT IGNORE INTO deletion_hold_latches (latch_id, newest_hold) VALUES (1, 0);

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_hold_latches
TO 'deletion_jobs_owner'@'localhost';
