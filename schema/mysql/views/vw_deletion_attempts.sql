-- vw_deletion_attempts
-- Each time that a job was taken up: what had been asked, by which run, and how it ended.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE
ALGORITHM = UNDEFINED
DEFINER = 'deletion_jobs_owner'@'localhost'
SQL SECURITY DEFINER
VIEW vw_deletion_attempts AS
SELECT
    a.job_id,
    a.attempt_no,
    j.entity_table,
    j.entity_pk,
    a.run_id,
    r.slot,
    r.session_id,
    r.job_count AS jobs_in_run,
    a.started_at,
    a.ended_at,
    a.outcome,
    a.error,
    a.is_counted,
    a.is_past,
    a.alone_next,
    a.cancel_requested_at,
    a.asked_reason,
    a.asked_hard_delete,
    a.asked_scheduled_at,
    a.asked_by,
    a.asked_at
FROM deletion_attempts AS a
LEFT JOIN deletion_jobs AS j ON j.id = a.job_id
LEFT JOIN deletion_runs AS r ON r.run_id = a.run_id;

GRANT SELECT ON vw_deletion_attempts
TO 'deletion_jobs_operator', 'deletion_jobs_reader';
