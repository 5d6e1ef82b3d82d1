-- deletion_target_name
-- Find the name that a target is registered under.
--
-- Parameters  p_table   the table, with or without our own schema before it
-- Returns     text; NULL: the table is no target
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_target_name('shop.customer');

DROP FUNCTION IF EXISTS deletion_target_name;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_target_name(
    p_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the name that a target is registered under'
BEGIN
    DECLARE v_home VARCHAR(65) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT concat(database(), '.');
    DECLARE v_found VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT (SELECT t.entity_table FROM deletion_targets AS t WHERE t.entity_table = p_table);

    IF v_found IS NULL AND left(p_table, char_length(v_home)) = v_home THEN
        SET v_found = (
            SELECT t.entity_table
            FROM deletion_targets AS t
            WHERE t.entity_table = substring(p_table, char_length(v_home) + 1)
        );
    END IF;

    RETURN v_found;
END$$
DELIMITER ;
