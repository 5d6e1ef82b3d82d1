-- deletion_subtree
-- Locked rows with all that hangs from them: what the functions of a sweep hand to each other.
--
-- levels are the locked rows of each table, the topmost first. found is what goes, children first:
-- a jsonb array of sql, table, rows, jobs (job -> rows), and level, the number of the locked rows
-- that the statement binds. rows_left is what is left of the batch; below 0, there are more rows
-- than that, and found and levels do not hold all of them.

CREATE TYPE deletion_subtree AS (
    levels deletion_level[],
    found jsonb,
    rows_left bigint
);

COMMENT ON TYPE deletion_subtree IS
'Locked rows with all that hangs from them: what the functions of a sweep hand to each other.';
