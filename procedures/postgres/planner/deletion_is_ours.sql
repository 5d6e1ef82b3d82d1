-- deletion_is_ours
-- Tell whether a table belongs to this installation.
--
-- Parameters  p_table   the table
-- Returns     boolean
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_is_ours('deletion_jobs'::regclass);

CREATE OR REPLACE FUNCTION deletion_is_ours(p_table regclass)
RETURNS boolean
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_is_ours$
-- An application may have tables of such names too, but not of our owner's.
SELECT EXISTS (
    SELECT 1
    FROM pg_class AS c
    INNER JOIN pg_class AS j
        ON
            j.oid = 'deletion_jobs'::regclass AND j.relnamespace = c.relnamespace
            AND j.relowner = c.relowner
    WHERE c.oid = p_table AND starts_with(c.relname, 'deletion_')
);
$deletion_is_ours$;

COMMENT ON FUNCTION deletion_is_ours(regclass) IS
'Tell whether a table belongs to this installation.';
REVOKE ALL ON FUNCTION deletion_is_ours(regclass) FROM PUBLIC;
