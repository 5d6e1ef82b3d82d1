-- deletion_load_frame
-- Make the stored frame below the walk's present one, or the topmost, the walk's; split it where
-- it is over the batch.
--
-- Parameters  p_walk   the walk
-- Returns     the walk, its frame NULL where the stack is empty
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_load_frame(p_walk deletion_cursor)
RETURNS deletion_cursor
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_load_frame$
DECLARE
    v_walk deletion_cursor := p_walk;
    v_frame deletion_frames;
    v_batch integer := (p_walk.run).batch_rows;
    v_depth integer := (p_walk.frame).depth - 1;
BEGIN
    -- Stored frames below are never touched in between: taking one out makes it the walk's own.
    -- From the end of the index: those of earlier steps stay in it as long as an old snapshot does.
    DELETE FROM deletion_frames AS f
    WHERE f.ctid = (
        SELECT t.ctid
        FROM deletion_frames AS t
        WHERE
            t.run_id = (p_walk.run).run_id
            AND t.depth BETWEEN coalesce(v_depth, 0) AND coalesce(v_depth, 2147483647)
        ORDER BY t.depth DESC
        LIMIT 1
    )
    RETURNING f.* INTO v_frame;

    IF
        v_frame.keys -> 0 ? 'l'
        AND (v_frame.key_count > v_batch OR (p_walk.run).error LIKE '23503: %')
    THEN
        -- Rows of several levels cannot be parted: they are found again, fewer at a time, or, where
        -- a foreign key refused what a trigger added between them, level by level.
        UPDATE deletion_frames AS f
        SET edge_pos = 0, fetch_cursor = NULL
        WHERE f.run_id = v_frame.run_id AND f.depth = v_frame.depth - 1;
        v_walk.frame := v_frame;
        RETURN deletion_load_frame(v_walk);
    END IF;

    IF v_frame.key_count > v_batch THEN
        -- Contention has halved the batch: the rest waits one below, found by the same reference.
        v_frame.fetch_cursor := NULL;
        INSERT INTO deletion_frames
        SELECT (jsonb_populate_record(v_frame, jsonb_build_object(
            'keys', (
                SELECT jsonb_agg(k.value ORDER BY k.ordinality)
                FROM jsonb_array_elements(v_frame.keys) WITH ORDINALITY AS k
                WHERE k.ordinality > v_batch
            ),
            'key_count', v_frame.key_count - v_batch,
            'edge_pos', 0
        ))).*;
        v_frame.keys := (
            SELECT jsonb_agg(k.value ORDER BY k.ordinality)
            FROM jsonb_array_elements(v_frame.keys) WITH ORDINALITY AS k
            WHERE k.ordinality <= v_batch
        );
        v_frame.key_count := v_batch;
        v_frame.depth := v_frame.depth + 1;
    END IF;

    v_walk.frame := v_frame;
    RETURN v_walk;
END;
$deletion_load_frame$;

COMMENT ON FUNCTION deletion_load_frame(deletion_cursor) IS
'Make the run''s topmost stored frame the walk''s present one; a frame over the batch is split.';
REVOKE ALL ON FUNCTION deletion_load_frame(deletion_cursor) FROM PUBLIC;
