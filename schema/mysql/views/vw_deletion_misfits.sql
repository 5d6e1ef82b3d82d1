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
    s.kind,
    if(s.kind = 'reference without table', s.name, concat(s.name, ' of ', s.table_name)) AS subject,
    s.child_schema,
    s.child_table,
    s.parent_schema,
    s.parent_table,
    s.is_everywhere,
    s.since,
    concat(
        CASE s.kind
            WHEN 'rule without reference' THEN concat(
                'the rule for ', s.name, ' of ', s.table_name, ' fits no ',
                if(s.is_everywhere, 'table', 'reference')
            )
            WHEN 'reference without table' THEN concat(
                'the declared reference ', s.name, ' fits no table'
            )
            ELSE concat('the soft-delete column ', s.name, ' of ', s.table_name, ' fits no table')
        END,
        coalesce(concat(' (no ', s.lost, ')'), '')
    ) AS why,
    -- A reference that is declared again takes the place of the one of its name.
    if(s.kind = 'reference without table', 'declare it anew, or', 'set it anew, then') AS advice,
    concat(
        'CALL `', deletion_home(), '`.',
        CASE s.kind
            WHEN 'rule without reference' THEN concat(
                'set_deletion_rule(', quote(s.table_name), ', ', quote(s.name), ', NULL, NULL);'
            )
            WHEN 'reference without table' THEN concat(
                'declare_deletion_reference(', quote(s.name),
                ', NULL, NULL, NULL, NULL, NULL, NULL, NULL);'
            )
            ELSE concat('set_soft_deletion(', quote(s.table_name), ', NULL, NULL, NULL);')
        END
    ) AS mend_sql
FROM (
    SELECT m.*, deletion_entity_name(m.child_schema, m.child_table) AS table_name
    FROM json_table(
        deletion_misfits(), '$[*]' COLUMNS (
            kind VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.kind',
            name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.name',
            child_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
                PATH '$.child_schema',
            child_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
                PATH '$.child_table',
            parent_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
                PATH '$.parent_schema',
            parent_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
                PATH '$.parent_table',
            lost VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.lost',
            is_everywhere BOOLEAN PATH '$.is_everywhere',
            since DATETIME(6) PATH '$.since'
        )
    ) AS m
) AS s;

GRANT SELECT ON vw_deletion_misfits
TO 'deletion_jobs_operator', 'deletion_jobs_reader';
