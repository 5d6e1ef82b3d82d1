-- deletion_slots
-- The workers' ticks: whether the loop really runs, slot by slot.

CREATE TABLE deletion_slots (
    slot integer PRIMARY KEY,
    last_started_at timestamptz(6),
    last_ended_at timestamptz(6),
    last_outcome text,
    last_error text,
    jobs_claimed bigint NOT NULL DEFAULT 0,
    session_id bigint,
    armed_at timestamptz(6),
    schedule text
);

COMMENT ON TABLE deletion_slots IS 'One row for each worker slot that has ever run.';
COMMENT ON COLUMN deletion_slots.slot IS 'The slot, counted from 1.';
COMMENT ON COLUMN deletion_slots.last_started_at IS 'When its loop last started.';
COMMENT ON COLUMN deletion_slots.last_ended_at IS 'When its loop last ended in order.';
COMMENT ON COLUMN deletion_slots.last_outcome IS
'How it stands: running, idle, worked, paused or interrupted.';
COMMENT ON COLUMN deletion_slots.last_error IS 'The last error that ended the loop.';
COMMENT ON COLUMN deletion_slots.jobs_claimed IS 'Jobs that its last loop claimed.';
COMMENT ON COLUMN deletion_slots.session_id IS 'Process id of its last session.';
COMMENT ON COLUMN deletion_slots.armed_at IS
'When start_deletion_schedule armed it; NULL: it did not, or it was stopped.';
COMMENT ON COLUMN deletion_slots.schedule IS 'The schedule it was armed with.';
