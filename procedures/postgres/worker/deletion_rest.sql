-- deletion_rest
-- Say how long a worker should rest before its next step.
--
-- Parameters  p_state   what the last step answered
-- Returns     float8, seconds
-- Writes      nothing                              Commits  no
-- Execute     deletion_jobs_worker, deletion_jobs_operator

CREATE OR REPLACE FUNCTION deletion_rest(p_state text)
RETURNS float8
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $deletion_rest$
BEGIN
    RETURN CASE p_state
        -- Whoever was in the way gets a moment, and two workers do not meet again in step.
        WHEN 'retry' THEN 0.05 + random() * 0.2
        ELSE deletion_setting_int('pause_ms') / 1000.0
    END;
END;
$deletion_rest$;

COMMENT ON FUNCTION deletion_rest(text) IS
'How long a worker should rest before its next step, in seconds.';
REVOKE ALL ON FUNCTION deletion_rest(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_rest(text) TO deletion_jobs_worker, deletion_jobs_operator;
