SELECT
    cast(substring_index(version(), '.', 1) AS UNSIGNED) * 10000
    + cast(substring_index(substring_index(version(), '.', 2), '.', -1) AS UNSIGNED) * 100
    + cast(substring_index(substring_index(version(), '.', 3), '.', -1) AS UNSIGNED)
        AS version_number,
    version() AS version,
    @@version_comment AS version_comment,
    database() AS database_name,
    database() AS schema_name,
    current_user() AS user_name,
    @@read_only AS is_standby,
    (
        SELECT count(*)
        FROM information_schema.user_privileges AS u
        WHERE
            u.grantee = concat(
                quote(left(current_user(), char_length(current_user())
                - char_length(substring_index(current_user(), '@', -1)) - 1)),
                '@', quote(substring_index(current_user(), '@', -1))
            )
            AND u.privilege_type IN ('CREATE USER', 'SUPER')
    ) AS may_make_roles,
    (
        SELECT count(*)
        FROM information_schema.user_privileges AS u
        WHERE
            u.grantee = concat(
                quote(left(current_user(), char_length(current_user())
                - char_length(substring_index(current_user(), '@', -1)) - 1)),
                '@', quote(substring_index(current_user(), '@', -1))
            )
            AND u.privilege_type IN ('SET_USER_ID', 'SET_ANY_DEFINER', 'SUPER')
    ) AS may_become_owner
