-- deletion_level
-- Locked rows of one table that all go in a step, with what hangs from them.
--
-- node_no is the rows' table in the plan. The arrays are what the plan's statements bind: jobs and
-- keys of the rows, and the keys of the rows that they hang from; in a run of one job the job
-- stands in jobs once, and each parent at least once in parents.

CREATE TYPE deletion_level AS (
    node_no integer,
    jobs bigint[],
    keys bigint[],
    parents bigint[]
);

COMMENT ON TYPE deletion_level IS
'Locked rows of one table that all go in a step, with what hangs from them.';
