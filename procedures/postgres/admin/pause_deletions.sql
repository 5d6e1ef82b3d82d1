-- pause_deletions
-- Let all workers of this installation rest, from their next batch on.
--
-- Parameters  p_reason   why; shown where somebody asks what they wait for
-- Errors      JD002 no reason
-- Writes      deletion_settings (one row)          Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL pause_deletions('nightly load');

CREATE OR REPLACE PROCEDURE pause_deletions(p_reason text)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $pause_deletions$
BEGIN
    IF coalesce(p_reason, '') !~ '[^[:space:]]' THEN
        PERFORM deletion_raise('JD002', 'pause_deletions', 'p_reason is NULL or empty', NULL);
    END IF;

    UPDATE deletion_settings AS s
    SET setting_value = p_reason
    WHERE s.setting_name = 'paused_reason';
END;
$pause_deletions$;

COMMENT ON PROCEDURE pause_deletions(text) IS
'Let all workers of this installation rest, from their next batch on.';
REVOKE ALL ON PROCEDURE pause_deletions(text) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE pause_deletions(text) TO deletion_jobs_operator;
