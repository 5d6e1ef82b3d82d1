DO $guard_users$
BEGIN
    IF NOT EXISTS (
        SELECT 1
        FROM (
            SELECT TRUE AS type_fits, TRUE AS is_unique  -- users_column.sql
        ) AS u
        WHERE u.type_fits AND u.is_unique
    ) THEN
        RAISE EXCEPTION 'the table of users is missing, or its key is no unique integer column'
            USING HINT = 'deletion-jobs sql --users-table NAME --users-column NAME names another '
                'one, --no-users-key goes without.';
    END IF;
END;
$guard_users$;
