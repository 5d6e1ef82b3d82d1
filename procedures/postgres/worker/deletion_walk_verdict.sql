-- deletion_walk_verdict
-- Fail the jobs that a finished walk shows cannot end: rows in the way, or rows in a ring.
--
-- Parameters  p_run   the run, fenced
-- Writes      deletion_attempts, deletion_jobs, deletion_frames, deletion_walk_keys   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_walk_verdict(p_run deletion_runs)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_walk_verdict$
DECLARE
    v_step deletion_plan_steps;
    v_job_id bigint;
    v_rows bigint;
    v_sample text;
    v_error text;
    v_together bigint[] := ARRAY[]::bigint[];
    v_is_loose boolean;
    v_is_careful boolean := FALSE;
BEGIN
    PERFORM deletion_walk_defaults(p_run.run_id, p_run.plan_id);

    FOR v_job_id, v_error IN
        SELECT b.job_id, 'JD006: ' || string_agg(
            format('%s row%s of %s behind %s', b.row_count,
                CASE WHEN b.row_count = 1 THEN '' ELSE 's' END, b.table_name, b.reference_name),
            ', ' ORDER BY b.table_name, b.reference_name
        )
        FROM deletion_blocking(p_run.run_id, p_run.plan_id) AS b
        GROUP BY b.job_id
    LOOP
        PERFORM deletion_fail_jobs(p_run.run_id, ARRAY[v_job_id], v_error);
    END LOOP;

    FOR v_step IN
        SELECT s.*
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_run.plan_id AND s.kind = 'cycle'
        ORDER BY s.step_no
    LOOP
        v_is_loose := EXISTS (
            SELECT 1
            FROM deletion_plan_steps AS s
            WHERE s.plan_id = p_run.plan_id AND s.edge_no = v_step.edge_no AND s.kind = 'loose'
        );

        -- How many rows a walk has met the planner cannot know: taking them for few, it would
        -- compare each with all. What has to go by an index says so by itself.
        PERFORM deletion_allow_hash(TRUE), set_config('enable_nestloop', 'off', TRUE);

        FOR v_job_id, v_rows, v_sample IN EXECUTE v_step.sql_text USING p_run.run_id LOOP
            v_is_careful := TRUE;
            CONTINUE WHEN v_is_loose;

            IF v_rows <= deletion_setting_int('batch_rows') THEN
                v_together := v_together || v_job_id;
            ELSE
                PERFORM deletion_fail_jobs(p_run.run_id, ARRAY[v_job_id], format(
                    'JD007: %s rows of %s go in a circle by %s, such as %s (%s)',
                    v_rows, v_step.table_name, v_step.reference_name, v_step.table_name, v_sample
                ));
            END IF;
        END LOOP;

        PERFORM deletion_allow_hash(FALSE), set_config('enable_nestloop', 'on', TRUE);
    END LOOP;

    IF v_is_careful THEN
        -- A ring that can be opened, or goes in one transaction, is walked with care.
        UPDATE deletion_runs AS r
        SET state = r.state || '{"careful": true}'
        WHERE r.run_id = p_run.run_id;
    END IF;

    PERFORM deletion_go_together(p_run, v_together) WHERE v_together <> '{}';
END;
$deletion_walk_verdict$;

COMMENT ON FUNCTION deletion_walk_verdict(deletion_runs) IS
'Fail the jobs that a finished walk shows cannot end: rows in the way, or rows in a circle.';
REVOKE ALL ON FUNCTION deletion_walk_verdict(deletion_runs) FROM PUBLIC;
