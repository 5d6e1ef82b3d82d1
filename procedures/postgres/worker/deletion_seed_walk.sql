-- deletion_seed_walk
-- Begin a walk of check or preview at the rows that jobs name.
--
-- Parameters  p_walk_id   the run; a preview uses its session's negative number
--             p_keys      the root frame
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_seed_walk(
    p_walk_id bigint,
    p_keys jsonb
) RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_seed_walk$
INSERT INTO deletion_walk_keys (
    walk_id, job_id, node_no, fate, key_hash, edge_no, keys, is_expanded
)
SELECT
    p_walk_id, (k.value ->> 'j')::bigint, 0, 'delete', deletion_frame_hash(k.value), 0,
    k.value - 'j', FALSE
FROM jsonb_array_elements(p_keys) AS k
ON CONFLICT DO NOTHING;
$deletion_seed_walk$;

COMMENT ON FUNCTION deletion_seed_walk(bigint, jsonb) IS
'Begin a walk of check or preview at the rows that jobs name.';
REVOKE ALL ON FUNCTION deletion_seed_walk(bigint, jsonb) FROM PUBLIC;
