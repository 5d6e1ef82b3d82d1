-- Nothing is changed where somebody else's object bears a name that this migration needs. Of ours,
-- tables are known by their comment, views and routines by their definer: run again, it passes.
SET @dj_sql = (
    SELECT coalesce(min(concat('deletion_jobs needs this name: ', n.kind, ' ', n.name)), 'DO 0')
    FROM (
        SELECT
            'table' AS kind,
            t.table_name AS name
        FROM information_schema.tables AS t
        WHERE
            t.table_schema = database()
            AND t.table_name IN (
                %(tables)s
            )
            AND (t.table_name, t.table_comment) NOT IN (
                %(comments)s
            )
        UNION ALL
        SELECT
            'view' AS kind,
            t.table_name AS name
        FROM information_schema.tables AS t
        LEFT JOIN information_schema.views AS v
            ON
                v.table_schema = t.table_schema
                AND v.table_name = t.table_name
                AND v.definer = 'deletion_jobs_owner@localhost'
        WHERE
            t.table_schema = database()
            AND v.table_name IS NULL
            AND t.table_name IN (
                %(views)s
            )
        UNION ALL
        SELECT
            lower(r.routine_type) AS kind,
            r.routine_name AS name
        FROM information_schema.routines AS r
        WHERE
            r.routine_schema = database()
            AND r.definer <> 'deletion_jobs_owner@localhost'
            AND (r.routine_type, r.routine_name) IN (
                %(routines)s
            )
    ) AS n
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;
