-- deletion_has_open_jobs
-- Tell whether jobs of a target are pending or running.
--
-- Parameters  p_entity_table   the target, as it is registered
-- Returns     boolean
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_has_open_jobs('customer');

DROP FUNCTION IF EXISTS deletion_has_open_jobs;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_has_open_jobs(
    p_entity_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS BOOLEAN
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Tell whether jobs of a target are pending or running'
BEGIN
    -- By status: of finished jobs there may be millions.
    RETURN EXISTS (
        SELECT 1
        FROM deletion_jobs AS j FORCE INDEX (idx_dj_status_sched)
        WHERE j.status IN ('pending', 'running') AND j.entity_table = p_entity_table
    );
END$$
DELIMITER ;
