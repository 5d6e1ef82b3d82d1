-- resume_deletions
-- Let the workers go on after pause_deletions; nothing happens where they were not paused.
--
-- Writes      deletion_settings (one row)          Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL resume_deletions();

DROP PROCEDURE IF EXISTS resume_deletions;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE resume_deletions()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Let the workers go on after pause_deletions'
BEGIN
    UPDATE deletion_settings AS s
    SET s.setting_value = NULL
    WHERE s.setting_name = 'paused_reason' AND s.setting_value IS NOT NULL;
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE resume_deletions
TO 'deletion_jobs_operator';
