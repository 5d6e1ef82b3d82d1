-- Each migration builds on all before it: one sent twice, or too early, leaves old objects behind.
SET @dj_sql = (
    SELECT
        CASE
            WHEN coalesce(sum(find_in_set(y.migration_id, %(chosen)s) > 0), 0) > 0
                THEN 'deletion_jobs has some of this already: deletion-jobs sql --after upgrades'
            WHEN %(after)s IS NOT NULL AND coalesce(sum(y.migration_id = %(after)s), 0) = 0
                THEN 'deletion_jobs lacks what --after names: deletion-jobs status tells'
            ELSE 'DO 0'
        END
    FROM _yoyo_migration AS y
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;
