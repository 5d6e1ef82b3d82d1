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
    -- OFFSET 0: each is looked up by all of the key, however few rows the statistics know of.
    WHERE k.ctid = ANY (ARRAY(
        SELECT f.row_id
        FROM jsonb_array_elements(p_keys) AS e
        CROSS JOIN LATERAL (
            SELECT s.ctid AS row_id
            FROM deletion_soft_keys AS s
            WHERE
                s.job_id = (e.value ->> 'j')::bigint AND s.node_no = p_node_no
                AND s.key_hash = deletion_frame_hash(e.value)
            OFFSET 0
        ) AS f
    ));
END;
$deletion_soft_done$;

COMMENT ON FUNCTION deletion_soft_done(integer, jsonb) IS
'Note that rows of a frame are dealt with.';
REVOKE ALL ON FUNCTION deletion_soft_done(integer, jsonb) FROM PUBLIC;
