-- deletion_is_ours
-- Tell whether a table is one of this project's own.
--
-- Parameters  p_schema   schema of the table
--             p_table    the table
-- Returns     boolean
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_is_ours('shop', 'deletion_jobs');

DROP FUNCTION IF EXISTS deletion_is_ours;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_is_ours(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS BOOLEAN
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Tell whether a table is one of the own tables of this project'
BEGIN
    RETURN p_schema = database() AND p_table IN (
        'deletion_attempts', 'deletion_frames', 'deletion_hold_latches', 'deletion_holds',
        'deletion_jobs', 'deletion_marks', 'deletion_node_columns', 'deletion_node_indexes',
        'deletion_plan_edges', 'deletion_plan_nodes', 'deletion_plan_steps', 'deletion_plans',
        'deletion_receipts', 'deletion_references', 'deletion_rules', 'deletion_runs',
        'deletion_settings', 'deletion_slots', 'deletion_soft_columns', 'deletion_soft_keys',
        'deletion_targets', 'deletion_walk_keys', 'deletion_walk_links'
    );
END$$
DELIMITER ;
