-- deletion_plans
-- The compiled program for one target and mode; the steps are in deletion_plan_steps.

CREATE TABLE IF NOT EXISTS deletion_plans (
    plan_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT
        COMMENT 'Number of the plan',
    entity_table VARCHAR(64) NOT NULL
        COMMENT 'Target that the plan is for',
    hard_delete BOOLEAN NOT NULL
        COMMENT 'Mode that the plan is for',
    fingerprint VARCHAR(64) NOT NULL
        COMMENT 'Hash of the catalog rows, rules and declared references that the plan rests on',
    tables JSON NOT NULL
        COMMENT 'Tables that the fingerprint covers',
    error_code CHAR(5) NULL
        COMMENT 'Code of the error that keeps the plan from being run',
    error TEXT NULL
        COMMENT 'Why the plan cannot be run',
    can_block BOOLEAN NOT NULL
        COMMENT 'True where a job can be blocked, so that a check has to look at rows',
    has_waits BOOLEAN NOT NULL
        COMMENT 'True where a reference between two tables of the plan only orders them',
    compiled_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When the plan was compiled, UTC',
    superseded_at DATETIME(6) NULL
        COMMENT 'When a newer plan took its place, UTC; NULL: the current plan',
    PRIMARY KEY (plan_id),
    UNIQUE KEY uq_dp_current (
        (if(superseded_at IS NULL, entity_table, NULL)),
        (if(superseded_at IS NULL, hard_delete, NULL))
    )
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Compiled plans, one current for each target and mode';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_plans TO 'deletion_jobs_owner'@'localhost';
