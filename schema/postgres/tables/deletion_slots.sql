-- deletion_slots
-- The workers' ticks: whether the loop really runs, slot by slot.

CREATE TABLE deletion_slots (
    slot integer PRIMARY KEY,
    last_started_at timestamptz(6),
    last_ended_at timestamptz(6),
    last_outcome text,
    last_error text,
    jobs_claimed bigint NOT NULL DEFAULT 0,
    session_id bigint
);

COMMENT ON TABLE deletion_slots IS 'One row for each worker slot that has ever run.';
COMMENT ON COLUMN deletion_slots.slot IS 'The slot, counted from 1.';
COMMENT ON COLUMN deletion_slots.last_started_at IS 'When its loop last started.';
COMMENT ON COLUMN deletion_slots.last_ended_at IS 'When its loop last ended in order.';
COMMENT ON COLUMN deletion_slots.last_outcome IS 'How it ended: idle, worked, busy, paused.';
COMMENT ON COLUMN deletion_slots.last_error IS 'The last error that ended the loop.';
COMMENT ON COLUMN deletion_slots.jobs_claimed IS 'Jobs claimed in this slot so far.';
COMMENT ON COLUMN deletion_slots.session_id IS 'Process id of its last session.';
