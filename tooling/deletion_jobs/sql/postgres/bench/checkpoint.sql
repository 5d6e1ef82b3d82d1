-- The first change of a page after a checkpoint writes the whole page: warming pays for some.
CHECKPOINT  -- noqa: PRS
