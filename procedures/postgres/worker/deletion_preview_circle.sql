-- deletion_preview_circle
-- Say of a preview's finished walk which rows go in a circle that would stop the job.
--
-- Parameters  p_walk_id, p_plan_id   the walk
--             p_until                when to stop
-- Returns     record: p_found, references by which rows go so, an array: table t, reference r,
--             number of rows n; p_is_over, FALSE: it was cut short
-- Writes      deletion_walk_keys, deletion_walk_links     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_preview_circle(
    IN p_walk_id bigint,
    IN p_plan_id bigint,
    IN p_until timestamptz,
    OUT p_found jsonb,
    OUT p_is_over boolean
) RETURNS record
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_preview_circle$
DECLARE
    v_batch CONSTANT bigint := deletion_setting_int('batch_rows');
    v_step deletion_plan_steps;
    v_job_id bigint;
    v_rows bigint;
    v_sample text;
    v_stage text;
    v_circle record;
BEGIN
    p_found := '[]';
    p_is_over := TRUE;

    FOR v_step IN
        SELECT s.*
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_plan_id AND s.kind = 'cycle'
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_plan_steps AS l
                WHERE l.plan_id = s.plan_id AND l.edge_no = s.edge_no AND l.kind = 'loose'
            )
        ORDER BY s.step_no
    LOOP
        PERFORM deletion_allow_hash(TRUE), set_config('enable_nestloop', 'off', TRUE);
        EXECUTE v_step.sql_text INTO v_job_id, v_rows, v_sample USING p_walk_id;
        PERFORM deletion_allow_hash(FALSE), set_config('enable_nestloop', 'on', TRUE);
        CONTINUE WHEN v_rows IS NULL OR v_rows <= v_batch;
        p_found := p_found || jsonb_build_object(
            't', v_step.table_name, 'r', v_step.reference_name, 'n', v_rows
        );
    END LOOP;

    FOREACH v_stage IN ARRAY ARRAY['place', 'peel'] LOOP
        -- All that is left would go in one transaction.
        SELECT count(*) INTO v_rows
        FROM deletion_walk_keys AS w
        WHERE
            w.walk_id = p_walk_id AND w.fate = 'delete'
            AND w.node_no = ANY (deletion_linked_nodes(p_plan_id));

        IF v_rows <= v_batch THEN
            RETURN;
        END IF;

        PERFORM deletion_begin_untie(p_walk_id, p_plan_id, v_stage, ARRAY[0]);

        LOOP
            p_is_over := CASE
                WHEN v_stage = 'place' THEN deletion_place(p_walk_id, p_plan_id)
                ELSE deletion_peel(p_walk_id)
            END = 0;
            EXIT WHEN p_is_over;

            IF clock_timestamp() >= p_until THEN
                RETURN;
            END IF;
        END LOOP;
    END LOOP;

    v_circle := deletion_largest_circle(p_walk_id, p_plan_id, 0);

    IF v_circle.p_rows > v_batch THEN
        p_found := p_found || (
            SELECT jsonb_agg(jsonb_build_object(
                't', s.table_name, 'r', s.reference_name, 'n', v_circle.p_edges -> s.edge_no::text
            ) ORDER BY s.edge_no)
            FROM deletion_plan_steps AS s
            WHERE
                s.plan_id = p_plan_id AND s.kind = 'link'
                AND v_circle.p_edges ? s.edge_no::text
        );
    END IF;
END;
$deletion_preview_circle$;

COMMENT ON FUNCTION deletion_preview_circle(bigint, bigint, timestamptz) IS
'Say of a preview''s finished walk which rows go in a circle that would stop the job.';
REVOKE ALL ON FUNCTION deletion_preview_circle(bigint, bigint, timestamptz) FROM PUBLIC;
