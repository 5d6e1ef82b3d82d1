-- deletion_schedule_name
-- Name a job of pg_cron so that no two installations of a server share one.
--
-- Parameters  p_part   what comes last: a slot, or what else is scheduled; '' for what all have
-- Returns     text, deletion_jobs:<database>:<schema>:<part>
-- Writes      nothing                              Commits  no
-- Execute     deletion_jobs_operator
-- Example     SELECT deletion_schedule_name('1');

CREATE OR REPLACE FUNCTION deletion_schedule_name(p_part text)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_schedule_name$
-- Before pg_cron 1.5 names end after 63 bytes, and longer ones would become one.
SELECT format(
    'deletion_jobs:%s:%s',
    CASE WHEN octet_length(h.home) <= 40 THEN h.home ELSE md5(h.home) END, p_part
)
FROM (
    SELECT format('%s:%s', current_database(), n.nspname) AS home
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = 'deletion_jobs'::regclass
) AS h;
$deletion_schedule_name$;

COMMENT ON FUNCTION deletion_schedule_name(text) IS
'Name a job of pg_cron so that no two installations of a server share one.';
REVOKE ALL ON FUNCTION deletion_schedule_name(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_schedule_name(text) TO deletion_jobs_operator;
