-- The jobs that could not be done, and why.
SELECT
    j.id,
    j.entity_table,
    j.entity_pk,
    j.status,
    j.error
FROM vw_deletion_jobs AS j
WHERE j.status = 'failed'
ORDER BY j.id
