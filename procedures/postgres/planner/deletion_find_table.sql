-- deletion_find_table
-- Find a table of the application by the name that somebody gave.
--
-- Parameters  p_name   the table, in any spelling
--             p_verb   the verb that was called
-- Returns     regclass
-- Errors      JD005 no such table; a system table, a view, a partition, temporary
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_find_table('customer');

CREATE OR REPLACE FUNCTION deletion_find_table(
    p_name text,
    p_verb text DEFAULT 'deletion_find_table'
) RETURNS regclass
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_find_table$
DECLARE
    v_parts text[] := deletion_split_name(p_name);
    v_table oid;
    v_problem text;
BEGIN
    -- By name from the catalog: a cast to regclass would need rights on the schema to say no.
    SELECT
        c.oid,
        CASE
            WHEN starts_with(n.nspname, 'pg_') OR n.nspname = 'information_schema'
                THEN 'a system table'
            WHEN c.relkind = 'f' THEN 'a foreign table'
            WHEN c.relispartition THEN 'a partition'
            WHEN c.relpersistence = 't' THEN 'temporary'
            WHEN c.relkind NOT IN ('r', 'p') THEN 'no table'
        END
    INTO v_table, v_problem
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = v_parts[1] AND c.relname = v_parts[2];

    IF v_table IS NULL THEN
        PERFORM deletion_raise('JD005', p_verb, 'no such table', p_name);
    ELSIF v_problem IS NOT NULL THEN
        PERFORM deletion_raise('JD005', p_verb, 'table is ' || v_problem, p_name);
    END IF;

    RETURN v_table::regclass;
END;
$deletion_find_table$;

COMMENT ON FUNCTION deletion_find_table(text, text) IS
'Find a table of the application by the name that somebody gave.';
REVOKE ALL ON FUNCTION deletion_find_table(text, text) FROM PUBLIC;
