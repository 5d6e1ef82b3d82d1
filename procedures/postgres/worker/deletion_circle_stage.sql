-- deletion_circle_stage
-- Decide how the search for circles of rows goes on, when a stage of it has ended.
--
-- Parameters  p_run     the run, fenced            p_stage   the stage: walk, place or peel
-- Returns     text, the next stage; done: nothing is left to search for
-- Writes      deletion_walk_keys, deletion_walk_links, deletion_runs, deletion_attempts,
--             deletion_jobs, deletion_frames       Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_circle_stage(
    p_run deletion_runs,
    p_stage text
) RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_circle_stage$
DECLARE
    v_linked CONSTANT integer[] := deletion_linked_nodes(p_run.plan_id);
    v_batch CONSTANT bigint := deletion_setting_int('batch_rows');
    v_jobs bigint[];
    v_large bigint[];
BEGIN
    IF p_stage = 'walk' AND v_linked <> '{}' THEN
        PERFORM deletion_begin_untie(p_run.run_id, p_run.plan_id, 'place', NULL);
        RETURN 'place';
    END IF;

    -- What is left of a job is in circles that nothing opens, or below one.
    SELECT array_agg(j.job_id), array_agg(j.job_id) FILTER (WHERE j.row_count > v_batch)
    INTO v_jobs, v_large
    FROM (
        SELECT w.job_id, count(*) AS row_count
        FROM deletion_walk_keys AS w
        WHERE
            w.walk_id = p_run.run_id AND w.node_no = ANY (v_linked) AND w.fate = 'delete'
        GROUP BY w.job_id
    ) AS j;

    IF p_stage = 'place' AND v_jobs IS NOT NULL THEN
        -- Rows that had their turn go after these, and let go of them.
        PERFORM deletion_allow_hash(TRUE), set_config('enable_nestloop', 'off', TRUE);
        UPDATE deletion_walk_links AS l
        SET is_let_go = TRUE
        FROM deletion_walk_keys AS p
        WHERE
            l.walk_id = p_run.run_id AND l.job_id = ANY (v_jobs) AND NOT l.is_let_go
            AND p.walk_id = l.walk_id AND p.job_id = l.job_id AND p.node_no = l.parent_node_no
            AND p.fate = 'delete' AND p.key_hash = l.parent_hash
            AND l.edge_no IN (
                SELECT s.edge_no
                FROM deletion_plan_steps AS s
                WHERE s.plan_id = p_run.plan_id AND s.kind = 'link' AND s.action = 'cascade'
            )
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_walk_keys AS c
                WHERE
                    c.walk_id = l.walk_id AND c.job_id = l.job_id AND c.node_no = l.child_node_no
                    AND c.fate = 'delete' AND c.key_hash = l.child_hash
            );
        PERFORM deletion_allow_hash(FALSE), set_config('enable_nestloop', 'on', TRUE);
    END IF;

    IF p_stage = 'place' AND v_large IS NOT NULL THEN
        PERFORM deletion_begin_untie(p_run.run_id, p_run.plan_id, 'peel', v_large);
        -- Jobs with few rows left wait for the others: what holds them fits a batch anyway.
        RETURN 'peel';
    END IF;

    v_large := deletion_fail_circles(p_run, v_large);
    v_jobs := ARRAY(SELECT j.id FROM unnest(v_jobs) AS j (id) WHERE j.id <> ALL (v_large));
    PERFORM deletion_go_together(p_run, v_jobs) WHERE v_jobs <> '{}';
    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = p_run.run_id;
    DELETE FROM deletion_walk_links AS l WHERE l.walk_id = p_run.run_id AND NOT l.is_let_go;
    RETURN 'done';
END;
$deletion_circle_stage$;

COMMENT ON FUNCTION deletion_circle_stage(deletion_runs, text) IS
'Decide how the search for circles of rows goes on, when a stage of it has ended.';
REVOKE ALL ON FUNCTION deletion_circle_stage(deletion_runs, text) FROM PUBLIC;
