-- Checks first, before anything changes. An IF is not allowed here, hence a statement that is
-- either empty or no SQL at all: the error then quotes it.
SET @dj_sql = (
    SELECT
        if(
            version() LIKE '%MariaDB%'
            OR cast(substring_index(version(), '.', 1) AS UNSIGNED) < 8,
            'deletion_jobs takes MySQL 8.0.21 or newer',
            if(database() IS NULL, 'deletion_jobs needs a database: mysql NAME', 'DO 0')
        ) AS answer
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;
