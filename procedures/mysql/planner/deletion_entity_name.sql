-- deletion_entity_name
-- Name a table as jobs, plans and receipts do.
--
-- Parameters  p_schema   schema of the table
--             p_table    the table
-- Returns     text: the table, with its schema only where that is not our own
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_entity_name('shop', 'customer');

DROP FUNCTION IF EXISTS deletion_entity_name;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_entity_name(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Name a table as jobs, plans and receipts do'
BEGIN
    -- Inside a routine DATABASE() is the routine's own, whatever the caller has chosen.
    RETURN if(p_schema = database(), p_table, concat(p_schema, '.', p_table));
END$$
DELIMITER ;
