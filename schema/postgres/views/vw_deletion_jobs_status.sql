-- vw_deletion_jobs_status
-- How many jobs there are in each status, in the order in which a job goes through them.
--
-- Read by     deletion_jobs_app, deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE VIEW vw_deletion_jobs_status AS
SELECT
    j.status,
    count(*) AS jobs,
    max(j.finished_at) AS last_finished
FROM deletion_jobs AS j
GROUP BY j.status
ORDER BY array_position(ARRAY['pending', 'running', 'done', 'failed', 'cancelled'], j.status);

COMMENT ON VIEW vw_deletion_jobs_status IS 'One row for each status that some job has.';
GRANT SELECT ON vw_deletion_jobs_status
TO deletion_jobs_app, deletion_jobs_operator, deletion_jobs_reader;
