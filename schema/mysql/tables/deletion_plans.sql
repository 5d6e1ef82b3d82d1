-- deletion_plans
-- The compiled programs: one current plan for each target and mode, the older ones as history.

CREATE TABLE IF NOT EXISTS deletion_plans (
    plan_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT
        COMMENT 'The plan''s number',
    entity_table VARCHAR(64) NOT NULL
        COMMENT 'The target it deletes from',
    hard_delete BOOLEAN NOT NULL
        COMMENT 'The mode: for good, or soft',
    fingerprint VARCHAR(64) NOT NULL
        COMMENT 'Digest of the catalog it was compiled from; another one today: stale',
    tables JSON NOT NULL
        COMMENT 'The tables that the fingerprint covers, an array of {"s": schema, "t": table}',
    error_code CHAR(5) NULL
        COMMENT 'Why the plan cannot be run, a code of ours; NULL: it can',
    error TEXT NULL
        COMMENT 'The same in words, with the names',
    can_block BOOLEAN NOT NULL
        COMMENT 'Rows may block a job, so a check walks over them first',
    has_waits BOOLEAN NOT NULL
        COMMENT 'Some reference between two tables of the plan only orders them, or is set last',
    fan_out JSON NULL
        COMMENT 'Rows changed below a row of each of its tables, as its last run saw them',
    compiled_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When it was compiled; UTC',
    superseded_at DATETIME(6) NULL
        COMMENT 'When another plan took its place; NULL: current; UTC',
    PRIMARY KEY (plan_id),
    UNIQUE KEY uq_dp_current (
        (if(superseded_at IS NULL, entity_table, NULL)),
        (if(superseded_at IS NULL, hard_delete, NULL))
    )
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each plan that was compiled';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_plans TO 'deletion_jobs_owner'@'localhost';
