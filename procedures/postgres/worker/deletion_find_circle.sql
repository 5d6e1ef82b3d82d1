-- deletion_find_circle
-- Find all that has to go with one row, if it is few enough to go in one transaction.
--
-- Parameters  p_run     the run        p_frame   the row's frame        p_key   the row in it
--             p_limit   most rows
-- Returns     text that tells the rows from any others; NULL: they are too many, or rows refer to
--             them that stay, and may not
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_find_circle(
    p_run deletion_runs,
    p_frame deletion_frames,
    p_key jsonb,
    p_limit bigint
) RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_find_circle$
DECLARE
    v_read bigint;
    v_total bigint := 1;
BEGIN
    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = p_run.run_id AND w.fate <> 'stack';
    INSERT INTO deletion_walk_keys (
        walk_id, job_id, node_no, fate, key_hash, edge_no, keys, is_expanded
    )
    VALUES (
        p_run.run_id, (p_key ->> 'j')::bigint, p_frame.node_no, 'delete', deletion_frame_hash(p_key),
        p_frame.edge_no, p_key - 'j', FALSE
    );

    LOOP
        v_read := deletion_walk(p_run.run_id, p_run.plan_id, TRUE);
        EXIT WHEN v_read IS NULL AND NOT deletion_join_circle(p_run);
        SELECT count(*) INTO v_total
        FROM deletion_walk_keys AS w
        WHERE w.walk_id = p_run.run_id AND w.fate = 'delete';
        EXIT WHEN v_total > p_limit;
    END LOOP;

    IF v_total > p_limit OR EXISTS (
        SELECT 1
        FROM deletion_walk_keys AS w
        WHERE
            w.walk_id = p_run.run_id AND w.fate NOT IN ('delete', 'keep', 'stack')
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_walk_keys AS d
                WHERE
                    d.walk_id = w.walk_id AND d.job_id = w.job_id AND d.node_no = w.node_no
                    AND d.fate = 'delete' AND d.key_hash = w.key_hash
                OFFSET 0
            )
    ) THEN
        RETURN NULL;
    END IF;

    RETURN (
        SELECT string_agg(w.node_no || encode(w.key_hash, 'hex'), ' ' ORDER BY w.node_no, w.key_hash)
        FROM deletion_walk_keys AS w
        WHERE w.walk_id = p_run.run_id AND w.fate = 'delete'
    );
END;
$deletion_find_circle$;

COMMENT ON FUNCTION deletion_find_circle(deletion_runs, deletion_frames, jsonb, bigint) IS
'Find all that has to go with one row, if it is few enough to go in one transaction.';
REVOKE ALL ON FUNCTION deletion_find_circle(deletion_runs, deletion_frames, jsonb, bigint)
FROM PUBLIC;
