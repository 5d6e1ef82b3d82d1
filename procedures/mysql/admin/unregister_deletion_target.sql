-- unregister_deletion_target
-- Allow no further deletions from a table; jobs that have ended stay as history.
--
-- Parameters  p_table   the target, which may be gone itself
-- Errors      JD002 NULL; JD003 jobs of it are pending or running; JD004 table is no target
-- Writes      deletion_targets (one row), deletion_plans     Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL unregister_deletion_target('customer');

DROP PROCEDURE IF EXISTS unregister_deletion_target;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE unregister_deletion_target(
    IN p_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Allow no further deletions from a table; jobs that have ended stay as history'
BEGIN
    DECLARE v_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SET v_entity_table = deletion_target_name(p_table);

    IF p_table IS NULL THEN
        CALL deletion_raise('JD002', 'unregister_deletion_target', 'p_table is NULL', NULL);
    ELSEIF v_entity_table IS NULL THEN
        CALL deletion_raise('JD004', 'unregister_deletion_target', 'table is no target', p_table);
    ELSEIF deletion_has_open_jobs(v_entity_table) THEN
        CALL deletion_raise(
            'JD003', 'unregister_deletion_target', 'jobs are pending or running', v_entity_table
        );
    END IF;

    -- A session in safe mode deletes and changes what it has no key for up to a limit alone.
    DELETE FROM deletion_targets AS t WHERE t.entity_table = v_entity_table LIMIT 1;

    UPDATE deletion_plans AS p
    SET p.superseded_at = utc_timestamp(6)
    WHERE p.entity_table = v_entity_table AND p.superseded_at IS NULL
    LIMIT 1000;
END$$
DELIMITER ;
