-- deletion_sql_levels
-- Write the statements for a frame that holds several levels of rows that refer to each other.
--
-- Parameters  p_edge    the self-reference         p_node   its table
--             p_below   the references that point at the table
-- Returns     one row a statement: kind expand (binds $1 a frame of one level, $2 limit; answers
--             the frame with what hangs from it, level by level, and its number of keys),
--             look_levels ($1 frame; the number of its rows that have children outside the frame)
--             or remove_levels ($1 frame; rows, rows by job)
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_levels(
    p_edge jsonb,
    p_node jsonb,
    p_below jsonb
) RETURNS TABLE (kind text, sql_text text)
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_levels$
WITH part AS (
    SELECT
        (p_node -> 'columns') || (p_edge -> 'columns') AS columns,
        deletion_sql_frame((p_node -> 'columns') || (p_edge -> 'columns'), FALSE) AS frame,
        p_node ->> 'sql' AS table_sql,
        deletion_sql_list(k.columns, 't.%2$s %4$s f.%1$s', ' AND ') || ' AND ' || (p_edge ->> 'found')
        AS found,
        deletion_sql_list(k.columns, 'c.%2$s') AS child_key,
        deletion_sql_list(k.columns, 'own.%1$s') AS own_key,
        deletion_sql_list(k.columns, 'y.%1$s') AS list_key
    FROM (
        SELECT jsonb_agg(c ORDER BY n) AS columns
        FROM jsonb_array_elements(p_node -> 'columns') WITH ORDINALITY AS x (c, n)
        WHERE (c ->> 'key')::boolean
    ) AS k
)

-- A row that is in the first level may hang from another one of it, too.
SELECT 'expand', format(
    $sql$WITH RECURSIVE %1$s,
d AS (
    SELECT f.j, 0 AS l, %2$s FROM f
    UNION ALL
    SELECT f.j, f.l + 1, %3$s
    FROM d AS f
    CROSS JOIN LATERAL (SELECT * FROM %4$s AS c WHERE %5$s OFFSET 0) AS c
)
SELECT coalesce(jsonb_agg(jsonb_build_object('j', x.j, 'l', x.l, %6$s)), '[]'), count(*)
FROM (
    SELECT DISTINCT ON (y.j, %7$s) y.*
    FROM (SELECT * FROM d LIMIT $2) AS y
    ORDER BY y.j, %7$s, y.l
) AS x$sql$,
    -- Both halves of a recursive query have to be of one collation.
    p.frame, deletion_sql_list(p.columns, 'f.%1$s%5$s AS %1$s'), deletion_sql_list(p.columns, 'c.%2$s'),
    p.table_sql, p_edge ->> 'on_frame', deletion_sql_list(p.columns, '''%1$s'', x.%1$s'), p.list_key)
FROM part AS p
UNION ALL
-- Under the lock no row can gain a child: where none has one outside, all of them go at once.
SELECT 'look_levels', format(
    $sql$WITH %1$s
SELECT count(*)
FROM f
INNER JOIN %2$s AS t ON %3$s
WHERE %4$s$sql$,
    p.frame, p.table_sql, p.found,
    (
        SELECT string_agg(format(
            E'\n    EXISTS (SELECT 1 FROM %s AS c WHERE %s%s)', b ->> 'sql', b ->> 'on_parent',
            CASE
                WHEN b -> 'no' = p_edge -> 'no' THEN format(
                    ' AND (%s) NOT IN (SELECT %s FROM f AS own)', p.child_key, p.own_key
                )
                ELSE ''
            END
        ), E'\n    OR ' ORDER BY (b ->> 'no')::integer)
        FROM jsonb_array_elements(p_below) AS b
    ))
FROM part AS p
UNION ALL
SELECT 'remove_levels', format(
    $sql$WITH %1$s,
d AS (
    DELETE FROM %2$s AS t
    USING f
    WHERE %3$s
    RETURNING f.j
)
SELECT coalesce(sum(g.n), 0)::bigint, jsonb_object_agg(g.j, g.n)
FROM (SELECT d.j, count(*) AS n FROM d GROUP BY d.j) AS g$sql$,
    p.frame, p.table_sql, p.found)
FROM part AS p;
$deletion_sql_levels$;

COMMENT ON FUNCTION deletion_sql_levels(jsonb, jsonb, jsonb) IS
'The statements for a frame that holds several levels of rows that refer to each other.';
REVOKE ALL ON FUNCTION deletion_sql_levels(jsonb, jsonb, jsonb) FROM PUBLIC;
