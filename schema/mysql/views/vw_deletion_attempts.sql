-- vw_deletion_attempts
-- Each time that a job was taken up, what had been asked, and how it ended.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE
ALGORITHM = UNDEFINED
DEFINER = 'deletion_jobs_owner'@'localhost'
SQL SECURITY DEFINER
VIEW vw_deletion_attempts AS
SELECT
    a.job_id,
    j.entity_table,
    j.entity_pk,
    a.attempt_no,
    a.run_id,
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
LEFT JOIN deletion_jobs AS j ON j.id = a.job_id;

GRANT SELECT ON vw_deletion_attempts
TO 'deletion_jobs_operator', 'deletion_jobs_reader';
