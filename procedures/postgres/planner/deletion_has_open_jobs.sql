-- deletion_has_open_jobs
-- Tell whether any job of a target is pending or running.
--
-- Parameters  p_entity_table   the target, as it is registered
-- Returns     boolean
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_has_open_jobs('customer');

CREATE OR REPLACE FUNCTION deletion_has_open_jobs(p_entity_table text)
RETURNS boolean
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_has_open_jobs$
SELECT EXISTS (
    SELECT 1
    FROM deletion_jobs AS j
    WHERE j.entity_table = p_entity_table AND j.status IN ('pending', 'running')
);
$deletion_has_open_jobs$;

COMMENT ON FUNCTION deletion_has_open_jobs(text) IS
'Tell whether any job of a target is pending or running.';
REVOKE ALL ON FUNCTION deletion_has_open_jobs(text) FROM PUBLIC;
