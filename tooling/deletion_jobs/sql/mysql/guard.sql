-- Checks first, before anything changes. An IF is not allowed here, hence a statement that is
-- either empty or no SQL at all: the error then quotes it.
SET @dj_sql = (
    SELECT
        if(
            version() LIKE '%MariaDB%'
            OR cast(substring_index(version(), '.', 1) AS UNSIGNED) < 8,
            'deletion_jobs takes MySQL 8.0.22 or newer',
            if(database() IS NULL, 'deletion_jobs needs a database: mysql NAME', 'DO 0')
        ) AS answer
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;
-- Functions take SUPER where the server keeps a binary log, or this setting.
SET @dj_sql = (
    SELECT
        if(
            @@GLOBAL.log_bin
            AND NOT @@GLOBAL.log_bin_trust_function_creators
            AND NOT EXISTS (
                SELECT 1
                FROM information_schema.user_privileges AS u
                WHERE
                    u.privilege_type = 'SUPER'
                    AND u.grantee IN (
                        SELECT concat(
                            '\'', left(current_user(), char_length(current_user())
                            - char_length(substring_index(current_user(), '@', -1)) - 1),
                            '\'@\'', substring_index(current_user(), '@', -1), '\''
                        )
                        UNION ALL
                        SELECT concat('\'', r.role_name, '\'@\'', r.role_host, '\'')
                        FROM information_schema.enabled_roles AS r
                    )
            ),
            'deletion_jobs needs log_bin_trust_function_creators = 1, or SUPER',
            'DO 0'
        ) AS answer
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;
