-- deletion_fresh_plan
-- Find the current plan of a target, if the catalog is still as it was compiled from.
--
-- Parameters  p_entity_table   the target            p_hard   the mode
-- Returns     bigint, the plan; NULL: there is none, or it is stale
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_fresh_plan('users', TRUE);

DROP FUNCTION IF EXISTS deletion_fresh_plan;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_fresh_plan(
    p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_hard BOOLEAN
) RETURNS BIGINT UNSIGNED
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the current plan of a target, if the catalog is still as it was compiled from'
BEGIN
    RETURN (
        SELECT p.plan_id
        FROM deletion_plans AS p
        WHERE
            p.entity_table = p_entity_table
            AND p.hard_delete = p_hard
            AND p.superseded_at IS NULL
            AND p.fingerprint = deletion_fingerprint(p.entity_table, p.tables)
    );
END$$
DELIMITER ;
