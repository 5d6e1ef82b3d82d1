SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM (
            SELECT TRUE AS type_fits, TRUE AS is_unique  -- users_column.sql
        ) AS u
        WHERE u.type_fits AND u.is_unique
    ),
    'DO 0',
    'deletion_jobs finds no users(id) BIGINT UNSIGNED: --users-table, --no-users-key'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;
