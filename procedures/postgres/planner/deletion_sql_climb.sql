-- deletion_sql_climb
-- Write the statements that climb from rows to those they hang from by one reference.
--
-- Parameters  p_edge, p_parent, p_child   the reference and its nodes
-- Returns     one row a statement: kind climb ($1 rows of the child's table; answers the parents,
--             each with the "j" of its child, and their number), above (the same, and holds the
--             parents until the step commits), and for a declared reference to the target
--             climb_root ($1 the roots, $2 such rows; answers, for each root that a row hangs from,
--             {"j": job, "h": the row's "j"}, and their number)
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_climb(
    p_edge jsonb,
    p_parent jsonb,
    p_child jsonb
) RETURNS TABLE (kind text, sql_text text)
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_climb$
WITH key AS (
    SELECT jsonb_agg(c ORDER BY n) AS columns
    FROM jsonb_array_elements(p_child -> 'columns') WITH ORDINALITY AS x (c, n)
    WHERE (c ->> 'key')::boolean
)

SELECT d.kind, format(
    $sql$WITH %1$s
SELECT
    coalesce(jsonb_agg(jsonb_build_object('n', %2$s, 'j', f.j, %3$s)), '[]'),
    count(*)
FROM f
CROSS JOIN LATERAL (SELECT %8$s FROM %4$s AS c WHERE %5$s OFFSET 0) AS c
CROSS JOIN LATERAL (SELECT %9$s FROM %6$s AS t WHERE %7$s OFFSET 0%10$s) AS t$sql$,
    deletion_sql_frame(k.columns, FALSE),
    p_parent ->> 'no',
    deletion_sql_list(p_parent -> 'columns', '''%1$s'', t.%2$s'),
    p_child ->> 'sql',
    deletion_sql_list(k.columns, 'c.%2$s %4$s f.%1$s', ' AND '),
    p_parent ->> 'sql',
    p_edge ->> 'on_parent',
    p_child ->> 'rows',
    replace(p_parent ->> 'rows', 'c.', 't.'),
    d.strength
)
FROM key AS k
CROSS JOIN (VALUES ('climb', ''), ('above', ' FOR SHARE')) AS d (kind, strength)
UNION ALL
-- Of a root that is not there a declared reference still tells the key.
SELECT 'climb_root', format(
    $sql$WITH %1$s
SELECT coalesce(jsonb_agg(jsonb_build_object('j', f.j, 'h', h.j)), '[]'), count(*)
FROM f
CROSS JOIN jsonb_to_recordset($2) AS h (j bigint, %2$s)
CROSS JOIN LATERAL (SELECT %6$s FROM %3$s AS c WHERE %4$s OFFSET 0) AS c
WHERE %5$s$sql$,
    deletion_sql_frame(p_parent -> 'columns', FALSE),
    deletion_sql_list(k.columns, '%1$s %3$s'),
    p_child ->> 'sql',
    deletion_sql_list(k.columns, 'c.%2$s %4$s h.%1$s', ' AND '),
    p_edge ->> 'on_frame',
    p_child ->> 'rows'
)
FROM key AS k
WHERE p_parent ->> 'no' = '0' AND (p_edge ->> 'declared')::boolean;
$deletion_sql_climb$;

COMMENT ON FUNCTION deletion_sql_climb(jsonb, jsonb, jsonb) IS
'The statements that climb from rows to those they hang from by one reference.';
REVOKE ALL ON FUNCTION deletion_sql_climb(jsonb, jsonb, jsonb) FROM PUBLIC;
