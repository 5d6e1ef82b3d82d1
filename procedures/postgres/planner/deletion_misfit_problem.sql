-- deletion_misfit_problem
-- Say which rule or declaration fits the catalog no more, and so stops a plan, if one does.
--
-- Parameters  p_tables   the tables of the plan, closure and others, with their partitions
-- Returns     text naming it, with the SQL that takes it away; NULL: none stops this plan
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_misfit_problem(p_tables oid[])
RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_misfit_problem$
BEGIN
    RETURN (
        SELECT format('%s: %s %s', m.why, m.advice, m.mend_sql)
        FROM vw_deletion_misfits AS m
        WHERE
            m.is_everywhere
            OR EXISTS (
                SELECT 1
                FROM pg_class AS c
                INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
                WHERE
                    c.oid = ANY (p_tables)
                    AND (
                        (n.nspname = m.child_schema AND c.relname = m.child_table)
                        -- Another key may lead to the rows that the lost one led to.
                        OR (n.nspname = m.parent_schema AND c.relname = m.parent_table)
                    )
            )
        ORDER BY m.kind, m.why
        LIMIT 1
    );
END;
$deletion_misfit_problem$;

COMMENT ON FUNCTION deletion_misfit_problem(oid[]) IS
'Which rule or declaration fits the catalog no more, and so stops a plan, if one does.';
REVOKE ALL ON FUNCTION deletion_misfit_problem(oid[]) FROM PUBLIC;
