-- deletion_parse_roots
-- Read the keys of a run's jobs one by one, and fail the jobs whose keys are none.
--
-- Parameters  p_run   the run
-- Returns     jsonb array of {"j": job, "pk": key}, of the jobs that are left
-- Errors      55P03 a caller holds the attempt of a job whose key is none
-- Writes      deletion_attempts, deletion_jobs     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_parse_roots(p_run deletion_runs)
RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_parse_roots$
DECLARE
    v_roots jsonb := '[]'::jsonb;
    v_job record;
BEGIN
    -- A row inserted by hand may name its key in any spelling, or one that is none.
    FOR v_job IN
        SELECT j.id, j.entity_pk
        FROM deletion_attempts AS a
        INNER JOIN deletion_jobs AS j ON j.id = a.job_id
        WHERE a.run_id = p_run.run_id AND a.outcome IS NULL
        ORDER BY j.id
    LOOP
        BEGIN
            v_roots := v_roots || jsonb_build_object(
                'j', v_job.id, 'pk', deletion_parse_key(p_run.entity_table, v_job.entity_pk)
            );
        EXCEPTION
            WHEN SQLSTATE 'JD002' THEN
                PERFORM deletion_fail_jobs(p_run.run_id, ARRAY[v_job.id], format(
                    'JD002: the key does not parse (%s)', v_job.entity_pk
                ));
        END;
    END LOOP;

    RETURN v_roots;
END;
$deletion_parse_roots$;

COMMENT ON FUNCTION deletion_parse_roots(deletion_runs) IS
'Read the keys of a run''s jobs one by one, and fail the jobs whose keys are none.';
REVOKE ALL ON FUNCTION deletion_parse_roots(deletion_runs) FROM PUBLIC;
