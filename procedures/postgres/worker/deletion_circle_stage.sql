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
        -- Roots that hang from nothing of the same job; the others come when it is their turn.
        UPDATE deletion_walk_keys AS w
        SET is_expanded = FALSE
        WHERE
            w.walk_id = p_run.run_id AND w.node_no = 0 AND w.edge_no = 0 AND w.fate = 'delete'
            AND 0 = ANY (v_linked)
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_walk_links AS l
                WHERE
                    l.walk_id = w.walk_id AND l.job_id = w.job_id AND l.child_node_no = 0
                    AND l.child_hash = w.key_hash
                    AND NOT EXISTS (
                        SELECT 1
                        FROM deletion_plan_steps AS s
                        WHERE
                            s.plan_id = p_run.plan_id AND s.edge_no = l.edge_no
                            AND s.kind = 'loose'
                    )
            );
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

    IF p_stage = 'place' AND v_large IS NOT NULL THEN
        -- All rows are compared with all links, by a hash: as many as there are, their statistics
        -- do not tell.
        PERFORM deletion_allow_hash(TRUE), set_config('enable_nestloop', 'off', TRUE);

        -- Rows that were taken out hang from these by nothing that holds.
        DELETE FROM deletion_walk_links AS l
        WHERE
            l.walk_id = p_run.run_id AND l.job_id = ANY (v_large)
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_walk_keys AS w
                WHERE
                    w.walk_id = l.walk_id AND w.job_id = l.job_id AND w.node_no = l.child_node_no
                    AND w.fate = 'delete' AND w.key_hash = l.child_hash
            );
        UPDATE deletion_walk_keys AS w
        SET is_expanded = FALSE
        WHERE
            w.walk_id = p_run.run_id AND w.job_id = ANY (v_large) AND w.node_no = ANY (v_linked)
            AND w.fate = 'delete'
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_walk_links AS l
                WHERE
                    l.walk_id = w.walk_id AND l.job_id = w.job_id AND l.parent_node_no = w.node_no
                    AND l.parent_hash = w.key_hash
            );

        PERFORM deletion_allow_hash(FALSE), set_config('enable_nestloop', 'on', TRUE);
        -- Jobs with few rows left wait for the others: what holds them fits a batch anyway.
        RETURN 'peel';
    END IF;

    v_large := deletion_fail_circles(p_run, v_large);
    v_jobs := ARRAY(SELECT j.id FROM unnest(v_jobs) AS j (id) WHERE j.id <> ALL (v_large));
    PERFORM deletion_go_together(p_run, v_jobs) WHERE v_jobs <> '{}';
    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = p_run.run_id;
    DELETE FROM deletion_walk_links AS l WHERE l.walk_id = p_run.run_id;
    RETURN 'done';
END;
$deletion_circle_stage$;

COMMENT ON FUNCTION deletion_circle_stage(deletion_runs, text) IS
'Decide how the search for circles of rows goes on, when a stage of it has ended.';
REVOKE ALL ON FUNCTION deletion_circle_stage(deletion_runs, text) FROM PUBLIC;
