-- resume_deletions
-- Let the workers go on after pause_deletions; nothing happens where they were not paused.
--
-- Writes      deletion_settings (one row)          Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL resume_deletions();

CREATE OR REPLACE PROCEDURE resume_deletions()
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $resume_deletions$
BEGIN
    UPDATE deletion_settings AS s
    SET setting_value = NULL
    WHERE s.setting_name = 'paused_reason' AND s.setting_value IS NOT NULL;
END;
$resume_deletions$;

COMMENT ON PROCEDURE resume_deletions() IS
'Let the workers go on after pause_deletions.';
REVOKE ALL ON PROCEDURE resume_deletions() FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE resume_deletions() TO deletion_jobs_operator;
