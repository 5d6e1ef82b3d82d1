-- deletion_soft_done
-- Note that rows of a frame are dealt with.
--
-- Parameters  p_node_no   their table              p_keys   the frame
-- Writes      deletion_soft_keys                   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_soft_done(
    p_node_no integer,
    p_keys jsonb
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_soft_done$
BEGIN
    UPDATE deletion_soft_keys AS k
    SET is_done = TRUE
    FROM (
        SELECT (e.value ->> 'j')::bigint AS job_id, deletion_frame_hash(e.value) AS key_hash
        FROM jsonb_array_elements(p_keys) AS e
        OFFSET 0
    ) AS f
    WHERE k.job_id = f.job_id AND k.node_no = p_node_no AND k.key_hash = f.key_hash;
END;
$deletion_soft_done$;

COMMENT ON FUNCTION deletion_soft_done(integer, jsonb) IS
'Note that rows of a frame are dealt with.';
REVOKE ALL ON FUNCTION deletion_soft_done(integer, jsonb) FROM PUBLIC;
