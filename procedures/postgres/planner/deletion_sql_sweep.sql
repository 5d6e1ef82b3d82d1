-- deletion_sql_sweep
-- Write the statements that lock, empty and remove a frame's worth of rows in one transaction.
--
-- Parameters  p_edge     the reference that leads to the rows
--             p_parent   its parent's node         p_child   its child's node, the rows' table
--             p_below    the references that point at the rows, each with the key column of its
--                        rows: it leads to rows without dependants, to rows that are swept as
--                        well, or to rows of the same table, of which those are taken that none
--                        hangs from; all foreign keys of whole numbers, with an index
-- Returns     one row a statement, with its reference: take ($1 the parent's frame, $2 limit;
--             arrays of the jobs, keys and parents of the rows that it found and locked), and,
--             each binding $1 jobs, $2 keys, $3 parents, $4 limit: count (rows, rows by job),
--             sweep and remove_all (nothing: the engine counts), and take_below (as take, of the
--             rows that hang from those, $4 at most); take_one, count_one, remove_all_one and
--             take_below_one do the same for a run of one job, $3 each parent once or more;
--             take_found_one does so with $2 where the rows lie, as deletion_sql_find found them
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_sweep(
    p_edge jsonb,
    p_parent jsonb,
    p_child jsonb,
    p_below jsonb
) RETURNS TABLE (edge_no integer, kind text, sql_text text)
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_sweep$
WITH row_of AS (
    SELECT
        (p_edge ->> 'no')::integer AS edge_no,
        p_child ->> 'sql' AS table_sql,
        p_child -> 'columns' -> 0 ->> 'name' AS key_name,
        p_edge ->> 'child_column' AS parent_name,
        coalesce((
            SELECT string_agg(
                format(
                    E'\n    AND NOT EXISTS (SELECT 1 FROM %s AS c WHERE %s)',
                    b ->> 'sql', b ->> 'on_parent'
                ), '' ORDER BY (b ->> 'no')::integer
            )
            FROM jsonb_array_elements(p_below) AS b
            WHERE (b ->> 'self')::boolean
        ), '') || CASE
            -- A row that refers to itself is not its own child.
            WHEN (p_edge ->> 'self')::boolean THEN format(
                E'\n    AND t.%s <> t.%s',
                p_child -> 'columns' -> 0 ->> 'name', p_edge ->> 'child_column'
            )
            ELSE ''
        END AS childless
)

SELECT r.edge_no, 'take', format(
    $sql$WITH %1$s,
i AS MATERIALIZED (
    SELECT f.j, t.%2$s::bigint AS k1, t.%3$s::bigint AS p1
    FROM f
    CROSS JOIN LATERAL (SELECT * FROM %4$s AS c WHERE %5$s OFFSET 0) AS t
    %6$sLIMIT $2
)
SELECT array_agg(x.j), array_agg(x.k1), array_agg(x.p1), (SELECT count(*) FROM i)
FROM (
    SELECT i.j, i.k1, i.p1
    FROM i
    INNER JOIN %4$s AS t ON t.%2$s = i.k1 AND (t.%3$s = i.p1) IS TRUE
    ORDER BY t.%2$s
    FOR UPDATE OF t
) AS x$sql$,
    deletion_sql_frame(p_parent -> 'columns', (p_edge ->> 'only_found')::boolean),
    r.key_name, r.parent_name, r.table_sql,
    p_edge ->> 'on_frame',
    coalesce('WHERE TRUE' || nullif(r.childless, '') || E'\n    ', '')
)
FROM row_of AS r
UNION ALL
-- For a run of one job nothing has to be kept of the rows but their keys, and whose they are. They
-- are locked as they are found, the order in which an application's own statement locks them.
SELECT r.edge_no, k.kind, format(
    $sql$WITH %1$s
SELECT ARRAY[(SELECT min(f.j) FROM f)], array_agg(x.k1), array_agg(DISTINCT x.p1), count(*)
FROM (
    SELECT t.%2$s::bigint AS k1, t.%3$s::bigint AS p1
    FROM %4$s AS t
    WHERE %5$s%6$s
    %7$sFOR UPDATE OF t
) AS x$sql$,
    deletion_sql_frame(p_parent -> 'columns', (p_edge ->> 'only_found')::boolean),
    r.key_name, r.parent_name, r.table_sql, format(k.template, r.parent_name), r.childless,
    k.bound
)
FROM row_of AS r
CROSS JOIN (
    VALUES
    ('take_one', 't.%s = ANY (ARRAY(SELECT f.k1 FROM f))', E'LIMIT $2\n    '),
    (
        'take_found_one',
        't.ctid = ANY (ARRAY(SELECT unnest($2))) AND (t.%s IN (SELECT f.k1 FROM f)) IS TRUE', ''
    )
) AS k (kind, template, bound)
WHERE
    jsonb_array_length(p_parent -> 'columns') = 1
    -- Of several partitions a row's place alone does not tell which row it is.
    AND NOT (k.kind = 'take_found_one' AND (p_child ->> 'parts')::boolean)
UNION ALL
-- By their own keys: of a parent with many more children than most the planner thinks too well.
SELECT r.edge_no, 'remove_all', format(
    'DELETE FROM %1$s AS t USING unnest($2, $3) AS f (k1, p1)'
    || ' WHERE t.%2$s = f.k1 AND (t.%3$s = f.p1) IS TRUE%4$s',
    r.table_sql, r.key_name, r.parent_name, r.childless
)
FROM row_of AS r
UNION ALL
SELECT r.edge_no, 'remove_all_one', format(
    'DELETE FROM %1$s AS t WHERE t.%2$s = ANY (ARRAY(SELECT unnest($2)))'
    || ' AND (t.%3$s = ANY ($3)) IS TRUE%4$s',
    r.table_sql, r.key_name, r.parent_name, r.childless
)
FROM row_of AS r
UNION ALL
-- Under their parents' lock no row can come by a foreign key: what was counted is what goes.
-- An array that the planner sees costs it a look at every element, more than the scan itself.
SELECT (b ->> 'no')::integer, s.kind, format(s.template, b ->> 'sql', b ->> 'child_column')
FROM jsonb_array_elements(p_below) AS b
CROSS JOIN (
    VALUES
    ('count', $sql$SELECT coalesce(sum(g.n), 0)::bigint, jsonb_object_agg(g.j, g.n)
FROM (
    SELECT x.j, count(*) AS n
    FROM (
        SELECT f.j
        FROM unnest($1, $2) AS f (j, k1)
        CROSS JOIN LATERAL (SELECT 1 FROM %1$s AS c WHERE c.%2$s = f.k1 OFFSET 0) AS c
        LIMIT $4
    ) AS x
    GROUP BY x.j
) AS g$sql$),
    ('count_one', $sql$SELECT count(*), NULL::jsonb
FROM (SELECT 1 FROM %1$s AS c WHERE c.%2$s = ANY (ARRAY(SELECT unnest($2))) LIMIT $4) AS x$sql$),
    ('sweep', 'DELETE FROM %1$s AS c WHERE c.%2$s = ANY (ARRAY(SELECT unnest($2)))')
) AS s (kind, template)
WHERE NOT (b ->> 'self')::boolean AND (b ->> 'leaf')::boolean
UNION ALL
-- Rows that others hang from: no child can come to them, nor can they move, from here on.
SELECT
    (b ->> 'no')::integer, s.kind,
    format(s.template, b ->> 'sql', b ->> 'child_column', b ->> 'key')
FROM jsonb_array_elements(p_below) AS b
CROSS JOIN (
    VALUES
    ('take_below', $sql$SELECT array_agg(x.j), array_agg(x.k1), array_agg(x.p1), count(*)
FROM (
    SELECT f.j, t.k1, f.k1 AS p1
    FROM unnest($1, $2) AS f (j, k1)
    CROSS JOIN LATERAL (
        SELECT c.%3$s::bigint AS k1 FROM %1$s AS c WHERE c.%2$s = f.k1 FOR UPDATE OF c
    ) AS t
    LIMIT $4
) AS x$sql$),
    ('take_below_one', $sql$SELECT $1, array_agg(x.k1), $2, count(*)
FROM (
    SELECT c.%3$s::bigint AS k1
    FROM %1$s AS c
    WHERE c.%2$s = ANY (ARRAY(SELECT unnest($2)))
    LIMIT $4
    FOR UPDATE OF c
) AS x$sql$)
) AS s (kind, template)
WHERE NOT (b ->> 'self')::boolean AND NOT (b ->> 'leaf')::boolean;
$deletion_sql_sweep$;

COMMENT ON FUNCTION deletion_sql_sweep(jsonb, jsonb, jsonb, jsonb) IS
'The statements that lock, empty and remove a frame''s worth of rows in one transaction.';
REVOKE ALL ON FUNCTION deletion_sql_sweep(jsonb, jsonb, jsonb, jsonb) FROM PUBLIC;
