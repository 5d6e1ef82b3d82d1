-- vw_deletion_misfits
-- Rules and declarations that fit the catalog no more: why, and the SQL that takes each away.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader
--
-- Without them rows would go, or stay, by what the catalog says alone: so they stop jobs.

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
-- A table of its own: merged, the reader would need the right to execute what lists them.
CREATE OR REPLACE
ALGORITHM = TEMPTABLE
DEFINER = 'deletion_jobs_owner'@'localhost'
SQL SECURITY DEFINER
VIEW vw_deletion_misfits AS
SELECT
    m.kind,
    m.subject,
    m.child_schema,
    m.child_table,
    m.parent_schema,
    m.parent_table,
    m.is_everywhere,
    m.since,
    m.why,
    -- A reference that is declared again takes the place of the one of its name.
    if(m.kind = 'reference without table', 'declare it anew, or', 'set it anew, then') AS advice,
    m.mend_sql
FROM json_table(
    deletion_misfits(), '$[*]' COLUMNS (
        kind VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.kind',
        subject TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.subject',
        child_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
            PATH '$.child_schema',
        child_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.child_table',
        parent_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
            PATH '$.parent_schema',
        parent_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
            PATH '$.parent_table',
        is_everywhere BOOLEAN PATH '$.is_everywhere',
        since DATETIME(6) PATH '$.since',
        why TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.why',
        mend_sql TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.mend_sql'
    )
) AS m;

GRANT SELECT ON vw_deletion_misfits
TO 'deletion_jobs_operator', 'deletion_jobs_reader';
