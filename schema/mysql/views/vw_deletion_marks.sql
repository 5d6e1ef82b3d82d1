-- vw_deletion_marks
-- Which rows soft jobs have marked, and what became of the marks.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE
ALGORITHM = UNDEFINED
DEFINER = 'deletion_jobs_owner'@'localhost'
SQL SECURITY DEFINER
VIEW vw_deletion_marks AS
SELECT
    m.job_id,
    j.entity_table,
    j.entity_pk,
    m.table_name,
    m.row_key,
    m.column_name,
    m.old_value,
    m.new_value,
    m.state,
    m.marked_at
FROM deletion_marks AS m
LEFT JOIN deletion_jobs AS j ON j.id = m.job_id;

GRANT SELECT ON vw_deletion_marks
TO 'deletion_jobs_operator', 'deletion_jobs_reader';
