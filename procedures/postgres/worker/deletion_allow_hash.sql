-- deletion_allow_hash
-- Let the next statement read whole tables and hash them, for a reference without an index.
--
-- Parameters  p_allow   TRUE: allow                FALSE: indexes only, as for all else
-- Writes      nothing; settings of the transaction     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_allow_hash(p_allow boolean)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_allow_hash$
BEGIN
    PERFORM
        pg_catalog.set_config(s.name, CASE WHEN p_allow THEN 'on' ELSE 'off' END, TRUE)
    FROM (VALUES ('enable_hashjoin'), ('enable_seqscan')) AS s (name);
END;
$deletion_allow_hash$;

COMMENT ON FUNCTION deletion_allow_hash(boolean) IS
'Let the next statement read whole tables and hash them, for a reference without an index.';
REVOKE ALL ON FUNCTION deletion_allow_hash(boolean) FROM PUBLIC;
