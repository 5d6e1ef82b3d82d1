-- deletion_rewrite_problem
-- Say which table of a plan has a rewrite rule that would take the place of the plan's statements.
--
-- Parameters  p_deleted   the tables that rows are deleted from
--             p_set       the tables that rows are set in
-- Returns     text naming table and rule; NULL: there is none
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- The engine's own cascade goes through them as well, and breaks its references where they say so.

CREATE OR REPLACE FUNCTION deletion_rewrite_problem(
    p_deleted oid[],
    p_set oid[]
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_rewrite_problem$
SELECT format(
    '%s has a rule of the engine on %s (%s)',
    deletion_entity_name(w.ev_class), CASE w.ev_type WHEN '4' THEN 'DELETE' ELSE 'UPDATE' END,
    w.rulename
)
FROM pg_rewrite AS w
WHERE
    w.ev_class = ANY (p_deleted || p_set)
    AND CASE w.ev_type
        WHEN '4' THEN w.ev_class = ANY (p_deleted)
        WHEN '2' THEN w.ev_class = ANY (p_set)
    END
    AND w.ev_enabled IN ('O', 'A')
ORDER BY 1
LIMIT 1;
$deletion_rewrite_problem$;

COMMENT ON FUNCTION deletion_rewrite_problem(oid[], oid[]) IS
'Which table of a plan has a rewrite rule that would take the place of the plan''s statements.';
REVOKE ALL ON FUNCTION deletion_rewrite_problem(oid[], oid[]) FROM PUBLIC;
