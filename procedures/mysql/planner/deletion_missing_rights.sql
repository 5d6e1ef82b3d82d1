-- deletion_missing_rights
-- Tell which rights on a table the owner account still needs.
--
-- Parameters  p_table_name   the table, by the name that plans show
--             p_rights       what is needed, a JSON array such as ["SELECT", "DELETE"]
-- Returns     text, the missing ones with commas between; NULL: none
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_missing_rights('customer', '["SELECT", "DELETE"]');

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
DROP FUNCTION IF EXISTS deletion_missing_rights;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_missing_rights(
    p_table_name VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_rights JSON
) RETURNS VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Tell which rights on a table the owner account still needs'
BEGIN
    DECLARE v_path VARCHAR(270) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SET v_path = deletion_quote_path(p_table_name);

    -- In a routine of the definer these views show what the definer holds.
    RETURN (
        SELECT group_concat(n.privilege ORDER BY n.privilege SEPARATOR ', ')
        FROM json_table(
            p_rights, '$[*]' COLUMNS (
                privilege VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
            )
        ) AS n
        WHERE
            n.privilege NOT IN (
                SELECT u.privilege_type
                FROM information_schema.user_privileges AS u
                WHERE u.grantee = '''deletion_jobs_owner''@''localhost'''
                UNION ALL
                SELECT s.privilege_type
                FROM information_schema.schema_privileges AS s
                WHERE
                    s.grantee = '''deletion_jobs_owner''@''localhost'''
                    AND v_path LIKE concat(deletion_quote_name(s.table_schema), '.%')
                UNION ALL
                SELECT t.privilege_type
                FROM information_schema.table_privileges AS t
                WHERE
                    t.grantee = '''deletion_jobs_owner''@''localhost'''
                    AND v_path = concat(
                        deletion_quote_name(t.table_schema), '.', deletion_quote_name(t.table_name)
                    )
            )
    );
END$$
DELIMITER ;
