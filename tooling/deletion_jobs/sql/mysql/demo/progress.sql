-- How far the run is, as anybody may read it meanwhile.
SELECT
    (SELECT coalesce(sum(r.row_count), 0) FROM vw_deletion_receipts AS r) AS rows_changed,
    (
        SELECT coalesce(sum(s.jobs), 0)
        FROM vw_deletion_jobs_status AS s
        WHERE s.status IN ('done', 'failed')
    ) AS jobs_ended,
    (SELECT coalesce(sum(s.jobs), 0) FROM vw_deletion_jobs_status AS s) AS jobs
