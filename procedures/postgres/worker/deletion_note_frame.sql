-- deletion_note_frame
-- Note that a frame's rows come onto the stack, or leave it, where rows may go in a circle.
--
-- Parameters  p_run     the run        p_frame   the frame        p_is_on   FALSE: it leaves
-- Writes      deletion_walk_keys (of fate stack)     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_note_frame(
    p_run deletion_runs,
    p_frame deletion_frames,
    p_is_on boolean
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_note_frame$
BEGIN
    IF NOT p_run.state ? 'careful' THEN
        RETURN;
    END IF;

    IF p_is_on THEN
        INSERT INTO deletion_walk_keys (
            walk_id, job_id, node_no, fate, key_hash, edge_no, is_expanded
        )
        SELECT
            p_run.run_id, (k.value ->> 'j')::bigint, p_frame.node_no, 'stack',
            deletion_frame_hash(k.value), p_frame.edge_no, TRUE
        FROM jsonb_array_elements(p_frame.keys) AS k
        ON CONFLICT DO NOTHING;
    ELSE
        -- Each by the whole index: statistics may take what is on the stack for few.
        DELETE FROM deletion_walk_keys AS w
        WHERE w.ctid = ANY (ARRAY(
            SELECT x.row_id
            FROM jsonb_array_elements(p_frame.keys) AS k
            CROSS JOIN LATERAL (
                SELECT s.ctid AS row_id
                FROM deletion_walk_keys AS s
                WHERE
                    s.walk_id = p_run.run_id AND s.job_id = (k.value ->> 'j')::bigint
                    AND s.node_no = p_frame.node_no AND s.fate = 'stack'
                    AND s.key_hash = deletion_frame_hash(k.value)
                OFFSET 0
            ) AS x
        ));
    END IF;
END;
$deletion_note_frame$;

COMMENT ON FUNCTION deletion_note_frame(deletion_runs, deletion_frames, boolean) IS
'Note that a frame''s rows come onto the stack, or leave it, where rows may go in a circle.';
REVOKE ALL ON FUNCTION deletion_note_frame(deletion_runs, deletion_frames, boolean) FROM PUBLIC;
