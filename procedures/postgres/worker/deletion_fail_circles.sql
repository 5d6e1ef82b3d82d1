-- deletion_fail_circles
-- Fail the jobs that hold a circle of rows which nothing opens and no batch holds.
--
-- Parameters  p_run   the run, fenced              p_jobs   jobs whose rows were peeled; NULL: none
-- Returns     bigint[], the jobs that failed
-- Writes      deletion_attempts, deletion_jobs, deletion_frames, deletion_walk_keys,
--             deletion_walk_links                  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_fail_circles(
    p_run deletion_runs,
    p_jobs bigint[]
) RETURNS bigint[]
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_fail_circles$
DECLARE
    v_job_id bigint;
    v_circle record;
    v_failed bigint[] := ARRAY[]::bigint[];
BEGIN
    FOR v_job_id IN SELECT j.id FROM unnest(p_jobs) AS j (id) ORDER BY j.id LOOP
        v_circle := deletion_largest_circle(p_run.run_id, p_run.plan_id, v_job_id);
        CONTINUE WHEN v_circle.p_rows <= deletion_setting_int('batch_rows');
        v_failed := v_failed || v_job_id;
        PERFORM deletion_fail_jobs(p_run.run_id, ARRAY[v_job_id], format(
            'JD007: %s rows of %s go in a circle by %s, such as %s',
            v_circle.p_rows,
            (
                SELECT string_agg(DISTINCT s.table_name, ', ')
                FROM deletion_plan_steps AS s
                WHERE s.plan_id = p_run.plan_id AND s.node_no = ANY (v_circle.p_nodes)
            ),
            (
                SELECT string_agg(DISTINCT s.reference_name, ', ')
                FROM deletion_plan_steps AS s
                WHERE s.plan_id = p_run.plan_id AND v_circle.p_edges ? s.edge_no::text
            ),
            v_circle.p_sample
        ));
    END LOOP;

    RETURN v_failed;
END;
$deletion_fail_circles$;

COMMENT ON FUNCTION deletion_fail_circles(deletion_runs, bigint[]) IS
'Fail the jobs that hold a circle of rows which nothing opens and no batch holds.';
REVOKE ALL ON FUNCTION deletion_fail_circles(deletion_runs, bigint[]) FROM PUBLIC;
