-- deletion_attempts
-- Job by run: what became of each time that a job was taken up, and what had been asked.

CREATE TABLE deletion_attempts (
    job_id bigint NOT NULL,
    attempt_no integer NOT NULL,
    run_id bigint,
    started_at timestamptz(6),
    ended_at timestamptz(6),
    outcome text,
    error text,
    is_counted boolean NOT NULL DEFAULT FALSE,
    is_past boolean NOT NULL DEFAULT FALSE,
    alone_next boolean NOT NULL DEFAULT FALSE,
    cancel_requested_at timestamptz(6),
    asked_reason text,
    asked_hard_delete boolean,
    asked_scheduled_at timestamptz(6),
    asked_by bigint,
    asked_at timestamptz(6),
    purge_follows boolean NOT NULL DEFAULT FALSE,
    PRIMARY KEY (job_id, attempt_no),
    CONSTRAINT chk_da_outcome CHECK (
        outcome IN ('done', 'failed', 'cancelled', 'retry', 'sliced', 'returned', 'lost')
    )
)
-- Each row is written twice, when it begins and when it ends: the second finds room on its page.
WITH (fillfactor = 55);

CREATE INDEX idx_da_run ON deletion_attempts (run_id, job_id);

COMMENT ON TABLE deletion_attempts IS 'One row for each time that a job was taken up.';
COMMENT ON COLUMN deletion_attempts.job_id IS 'The job.';
COMMENT ON COLUMN deletion_attempts.attempt_no IS 'Counts the job''s attempts from 1.';
COMMENT ON COLUMN deletion_attempts.run_id IS
'The run that had it; NULL: it ended before any run took it up.';
COMMENT ON COLUMN deletion_attempts.started_at IS 'When the run claimed it.';
COMMENT ON COLUMN deletion_attempts.ended_at IS 'When the attempt ended; NULL: open.';
COMMENT ON COLUMN deletion_attempts.outcome IS
'How it ended: done, failed, cancelled, retry, sliced, returned or lost.';
COMMENT ON COLUMN deletion_attempts.error IS 'Why, where it did not end done.';
COMMENT ON COLUMN deletion_attempts.is_counted IS 'It counts towards max_attempts.';
COMMENT ON COLUMN deletion_attempts.is_past IS
'It belongs to what was asked before the job was armed again.';
COMMENT ON COLUMN deletion_attempts.alone_next IS
'The next claim takes the job alone, away from the set that failed or was slow.';
COMMENT ON COLUMN deletion_attempts.cancel_requested_at IS
'When cancel_deletion asked the run to stop this job.';
COMMENT ON COLUMN deletion_attempts.asked_reason IS 'The reason that was given.';
COMMENT ON COLUMN deletion_attempts.asked_hard_delete IS 'The mode that was asked for.';
COMMENT ON COLUMN deletion_attempts.asked_scheduled_at IS 'The time that was asked for.';
COMMENT ON COLUMN deletion_attempts.asked_by IS 'Who asked.';
COMMENT ON COLUMN deletion_attempts.asked_at IS 'When it was asked.';
COMMENT ON COLUMN deletion_attempts.purge_follows IS
'The target lets the job remove what it marked; FALSE once somebody asks for it.';
