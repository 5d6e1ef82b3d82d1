-- deletion_key_hash
-- Digest a row's key, so that keys of every type and length fit one index.
--
-- Parameters  p_key   a JSON array of the key's values
-- Returns     bytea, 32 bytes (SHA-256)
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_key_hash('[42]');

CREATE OR REPLACE FUNCTION deletion_key_hash(p_key jsonb)
RETURNS bytea
LANGUAGE sql
IMMUTABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_key_hash$
SELECT sha256(convert_to(p_key::text, 'UTF8'));
$deletion_key_hash$;

COMMENT ON FUNCTION deletion_key_hash(jsonb) IS
'Digest of a row''s key.';
REVOKE ALL ON FUNCTION deletion_key_hash(jsonb) FROM PUBLIC;
