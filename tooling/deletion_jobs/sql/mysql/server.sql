-- A right may be held by a role, as managed servers give theirs.
WITH me AS (
    -- Not by quote(): a quote within a name stands there as it is.
    SELECT
        concat(
            '\'', left(current_user(), char_length(current_user())
            - char_length(substring_index(current_user(), '@', -1)) - 1),
            '\'@\'', substring_index(current_user(), '@', -1), '\''
        ) AS grantee,
        FALSE AS is_role
    UNION ALL
    SELECT concat('\'', r.role_name, '\'@\'', r.role_host, '\''), TRUE
    FROM information_schema.enabled_roles AS r
),

held AS (
    SELECT u.privilege_type
    FROM information_schema.user_privileges AS u
    WHERE u.grantee IN (SELECT m.grantee FROM me AS m)
)

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
        FROM held AS h
        WHERE h.privilege_type IN ('CREATE USER', 'SUPER')
    ) AS may_make_roles,
    (
        SELECT count(*)
        FROM held AS h
        WHERE h.privilege_type IN ('SET_USER_ID', 'SET_ANY_DEFINER', 'SUPER')
    ) AS may_become_owner,
    -- The server asks for nothing less than SUPER, whatever the function says of itself (1419).
    NOT @@GLOBAL.log_bin OR @@GLOBAL.log_bin_trust_function_creators OR EXISTS (
        SELECT 1
        FROM held AS h
        WHERE h.privilege_type = 'SUPER'
    ) AS may_make_functions,
    -- Rights of others, roles too, are shown to those alone who may read the schema mysql.
    EXISTS (SELECT 1 FROM me AS m WHERE m.is_role) AND NOT EXISTS (
        SELECT 1
        FROM me AS m
        INNER JOIN information_schema.user_privileges AS u ON u.grantee = m.grantee
        WHERE m.is_role
    ) AS hides_roles
