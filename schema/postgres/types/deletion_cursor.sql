-- deletion_cursor
-- Where a walk stands while a step works: what PL/pgSQL functions hand to each other.
--
-- locks is the number of frames, from the present one downwards, whose rows this step has locked
-- before it followed the first of their references, each with all rows of the one above it: what it
-- has emptied below them stays empty until it ends.

CREATE TYPE deletion_cursor AS (
    run deletion_runs,
    frame deletion_frames,
    below deletion_frames[],
    rows_left bigint,
    has_waits boolean,
    locks integer
);

COMMENT ON TYPE deletion_cursor IS
'Where a walk stands while a step works: its run, frame, the frames below, the batch''s rest.';
