-- deletion_rows_by_job
-- Count a level's rows by job.
--
-- Parameters  p_level   the rows
-- Returns     jsonb, job -> rows
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_rows_by_job(p_level deletion_level)
RETURNS jsonb
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_rows_by_job$
BEGIN
    -- In a run of one job it stands there once.
    IF cardinality(p_level.jobs) = 1 THEN
        RETURN jsonb_build_object(p_level.jobs[1], cardinality(p_level.keys));
    END IF;

    RETURN (
        SELECT jsonb_object_agg(g.job_id, g.row_count)
        FROM (
            SELECT j.job_id, count(*) AS row_count
            FROM unnest(p_level.jobs) AS j (job_id)
            GROUP BY j.job_id
        ) AS g
    );
END;
$deletion_rows_by_job$;

COMMENT ON FUNCTION deletion_rows_by_job(deletion_level) IS 'A level''s rows by job.';
REVOKE ALL ON FUNCTION deletion_rows_by_job(deletion_level) FROM PUBLIC;
