-- deletion_cursor
-- Where a walk stands while a step works: what PL/pgSQL functions hand to each other.

CREATE TYPE deletion_cursor AS (
    run deletion_runs,
    frame deletion_frames,
    below deletion_frames[],
    rows_left bigint,
    has_waits boolean,
    is_locked boolean
);

COMMENT ON TYPE deletion_cursor IS
'Where a walk stands while a step works: its run, frame, the frames below, the batch''s rest.';
