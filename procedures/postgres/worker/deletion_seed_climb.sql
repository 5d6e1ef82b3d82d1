-- deletion_seed_climb
-- Begin, or go on with, a climb at rows that are held, or that stand above them.
--
-- Parameters  p_walk_id   the run, or a preview's negative number
--             p_rows      the rows, as deletion_held_rows gives them
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_seed_climb(
    p_walk_id bigint,
    p_rows jsonb
) RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_seed_climb$
INSERT INTO deletion_walk_keys (
    walk_id, job_id, node_no, fate, key_hash, edge_no, keys, is_expanded
)
SELECT
    p_walk_id, (k.value ->> 'j')::bigint, (k.value ->> 'n')::integer, 'held',
    deletion_frame_hash(k.value), 0, k.value - 'j' - 'n', FALSE
FROM jsonb_array_elements(p_rows) AS k
WHERE NOT k.value ? 'lost'
ON CONFLICT DO NOTHING;
$deletion_seed_climb$;

COMMENT ON FUNCTION deletion_seed_climb(bigint, jsonb) IS
'Begin, or go on with, a climb at rows that are held, or that stand above them.';
REVOKE ALL ON FUNCTION deletion_seed_climb(bigint, jsonb) FROM PUBLIC;
