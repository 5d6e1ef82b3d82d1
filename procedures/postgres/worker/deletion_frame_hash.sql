-- deletion_frame_hash
-- Digest the key of one row of a frame.
--
-- Parameters  p_row   an object of a frame: the key's values are k1, k2 ..
-- Returns     bytea, as deletion_key_hash of those values
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_frame_hash(p_row jsonb)
RETURNS bytea
LANGUAGE sql
IMMUTABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_frame_hash$
SELECT deletion_key_hash(jsonb_agg(e.value ORDER BY substr(e.key, 2)::integer))
FROM jsonb_each(p_row) AS e
WHERE e.key LIKE 'k%';
$deletion_frame_hash$;

COMMENT ON FUNCTION deletion_frame_hash(jsonb) IS
'Digest of the key of one row of a frame.';
REVOKE ALL ON FUNCTION deletion_frame_hash(jsonb) FROM PUBLIC;
