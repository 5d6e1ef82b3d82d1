-- deletion_lock_key
-- Name the advisory lock of a run or of a worker's slot, unlike that of any other installation.
--
-- Parameters  p_kind   run or slot                 p_id   number of the run or slot
-- Returns     bigint, for pg_try_advisory_lock
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_lock_key('slot', 1);

CREATE OR REPLACE FUNCTION deletion_lock_key(
    p_kind text,
    p_id bigint
) RETURNS bigint
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_lock_key$
BEGIN
    -- The table's OID is the installation: it stays when a schema is renamed.
    RETURN hashtextextended(
        format('deletion_jobs:%s:%s:%s', p_kind, 'deletion_jobs'::regclass::oid, p_id), 0
    );
END;
$deletion_lock_key$;

COMMENT ON FUNCTION deletion_lock_key(text, bigint) IS
'The advisory lock of a run or of a worker''s slot.';
REVOKE ALL ON FUNCTION deletion_lock_key(text, bigint) FROM PUBLIC;
