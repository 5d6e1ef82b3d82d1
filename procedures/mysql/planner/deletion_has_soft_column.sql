-- deletion_has_soft_column
-- Tell whether a target's own rows can be marked as deleted.
--
-- Parameters  p_entity_table   the target, as it is registered
-- Returns     boolean
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_has_soft_column('customer');

DROP FUNCTION IF EXISTS deletion_has_soft_column;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_has_soft_column(
    p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS BOOLEAN
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Tell whether the rows of a target itself can be marked as deleted'
BEGIN
    RETURN EXISTS (
        SELECT 1
        FROM deletion_targets AS t
        INNER JOIN deletion_soft_columns AS s
            ON s.table_schema = t.table_schema AND s.table_name = t.table_name
        WHERE t.entity_table = p_entity_table
    );
END$$
DELIMITER ;
