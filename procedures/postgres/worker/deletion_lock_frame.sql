-- deletion_lock_frame
-- Lock a frame's rows before their children are emptied, where the plan can make use of it.
--
-- Parameters  p_plan_id   the plan                 p_frame   the frame
-- Returns     the frame, locked; NULL: the plan cannot make use of the lock, or rows have moved or
--             gone meanwhile
-- Writes      nothing; locks the frame's rows      Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_lock_frame(
    p_plan_id bigint,
    p_frame deletion_frames
) RETURNS deletion_frames
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_lock_frame$
DECLARE
    v_sql text;
    v_found bigint;
BEGIN
    SELECT s.sql_text INTO v_sql
    FROM deletion_plan_steps AS s
    WHERE
        s.plan_id = p_plan_id AND s.edge_no = p_frame.edge_no AND s.kind = 'lock'
        AND EXISTS (
            SELECT 1
            FROM deletion_plan_steps AS r
            WHERE r.plan_id = s.plan_id AND r.edge_no = s.edge_no AND r.kind = 'remove_now'
        );

    IF v_sql IS NULL THEN
        RETURN NULL;
    END IF;

    -- Where rows came under the lock (a trigger adds them) they may do so again.
    IF EXISTS (
        SELECT 1
        FROM deletion_runs AS r
        WHERE r.ctid = deletion_run_place(p_frame.run_id) AND r.error IS NOT NULL
    ) THEN
        RETURN NULL;
    END IF;

    EXECUTE v_sql INTO v_found USING p_frame.keys;

    -- Of rows that left meanwhile one may be back, and is not locked.
    IF v_found < p_frame.key_count THEN
        RETURN NULL;
    END IF;

    -- The values that children point at may have changed while the lock was waited for.
    IF jsonb_path_exists(p_frame.keys, '$[*].u1') THEN
        RETURN deletion_refresh_frame(p_plan_id, p_frame);
    END IF;

    RETURN p_frame;
END;
$deletion_lock_frame$;

COMMENT ON FUNCTION deletion_lock_frame(bigint, deletion_frames) IS
'Lock a frame''s rows before their children are emptied, where the plan can make use of it.';
REVOKE ALL ON FUNCTION deletion_lock_frame(bigint, deletion_frames) FROM PUBLIC;
