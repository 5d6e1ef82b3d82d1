-- pause_deletions
-- Let all workers of this installation rest, from their next batch on.
--
-- Parameters  p_reason   why; shown where somebody asks what they wait for
-- Errors      JD002 no reason
-- Writes      deletion_settings (one row)          Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL pause_deletions('nightly load');

DROP PROCEDURE IF EXISTS pause_deletions;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE pause_deletions(
    IN p_reason TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Let all workers of this installation rest, from their next batch on'
BEGIN
    IF trim(coalesce(p_reason, '')) = '' THEN
        CALL deletion_raise('JD002', 'pause_deletions', 'p_reason is NULL or empty', NULL);
    END IF;

    UPDATE deletion_settings AS s
    SET s.setting_value = p_reason
    WHERE s.setting_name = 'paused_reason';
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE pause_deletions
TO 'deletion_jobs_operator';
