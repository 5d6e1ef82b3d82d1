-- deletion_missing_privilege
-- Say which right on a plan's tables the owner account lacks, or which policy would filter it.
--
-- Parameters  p_plan_id   the plan
-- Returns     text, an error that names table and right; NULL: nothing is missing
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_missing_privilege(p_plan_id bigint)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_missing_privilege$
SELECT CASE l.privilege
    WHEN 'BYPASSRLS'
        THEN format('42501: row-level security of %s applies to %s', l.table_name, current_user)
    WHEN 'USAGE' THEN format('42501: %s has no USAGE on schema %s', current_user, l.schema_sql)
    ELSE format('42501: %s has no %s on %s', current_user, l.privilege, l.table_name)
END
FROM deletion_lacked_rights(p_plan_id) AS l
-- Who has no right at all is told of deleting first.
ORDER BY l.table_name, l.privilege
LIMIT 1;
$deletion_missing_privilege$;

COMMENT ON FUNCTION deletion_missing_privilege(bigint) IS
'Which right on a plan''s tables the owner account lacks, or which policy would filter it.';
REVOKE ALL ON FUNCTION deletion_missing_privilege(bigint) FROM PUBLIC;
