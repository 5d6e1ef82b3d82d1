-- deletion_sql_cycle
-- Write the statement that finds rows of a walk that go in a circle by a self-reference.
--
-- Parameters  p_edge   the self-reference                    p_node   its table
-- Returns     text; binds $1, the walk whose keys are known; answers job, number of rows in its
--             largest circle, and one of them
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- A row has one parent by the reference, so a circle is entered by another reference, or is the
-- root's own: climbing from the rows found otherwise, one that meets itself again is in a circle.
-- A row that refers to itself is none: it goes in one statement with itself.

CREATE OR REPLACE FUNCTION deletion_sql_cycle(
    p_edge jsonb,
    p_node jsonb
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_cycle$
-- As texts, since not every type of a key can be hashed, which UNION needs to end at a circle that
-- the start is not part of.
SELECT format(
    $sql$WITH RECURSIVE up AS (
    SELECT w.job_id, %1$s
    FROM deletion_walk_keys AS w
    CROSS JOIN LATERAL jsonb_to_record(w.keys) AS f (%2$s)
    CROSS JOIN LATERAL (SELECT * FROM %3$s AS c WHERE %4$s%5$s OFFSET 0) AS c
    WHERE w.walk_id = $1 AND w.node_no = %6$s AND w.fate = 'delete' AND w.edge_no <> %7$s
        AND NOT (%8$s)
    UNION
    SELECT up.job_id, %9$s
    FROM up
    CROSS JOIN LATERAL (SELECT * FROM %3$s AS c WHERE %10$s%5$s OFFSET 0) AS c
    WHERE NOT (%11$s)
)
SELECT g.job_id, max(g.n), min(g.sample)
FROM (
    SELECT up.job_id, count(*) AS n, min(concat_ws(', ', %12$s)) AS sample
    FROM up
    WHERE EXISTS (
        SELECT 1 FROM up AS met WHERE met.job_id = up.job_id AND %13$s AND %14$s
    )
    GROUP BY up.job_id, %12$s
) AS g
GROUP BY g.job_id$sql$,
    r.start_list,
    deletion_sql_list(k.columns, '%1$s %3$s'),
    p_node ->> 'sql',
    deletion_sql_list(k.columns, 'c.%2$s %4$s f.%1$s', ' AND '),
    CASE WHEN p_edge ->> 'condition_c' = 'TRUE' THEN '' ELSE ' AND ' || (p_edge ->> 'condition_c') END,
    p_node ->> 'no',
    p_edge ->> 'no',
    r.own,
    r.next_list,
    r.above,
    r.met,
    r.starts,
    r.same_start,
    replace(r.met, 'up.', 'met.')
)
FROM (
    SELECT jsonb_agg(c ORDER BY n) AS columns
    FROM jsonb_array_elements(p_node -> 'columns') WITH ORDINALITY AS x (c, n)
    WHERE (c ->> 'key')::boolean
) AS k
CROSS JOIN (
    SELECT
        string_agg(format('c.%1$s::text%4$s AS s%3$s, c.%2$s::text%4$s AS a%3$s', x.parent ->> 'name',
            x.child ->> 'name', x.n, x.parent ->> 'collate'), ', ' ORDER BY x.n) AS start_list,
        string_agg(format('up.s%1$s, c.%2$s::text%3$s', x.n, x.child ->> 'name',
            x.parent ->> 'collate'), ', ' ORDER BY x.n) AS next_list,
        string_agg(format('c.%1$s %2$s CAST(up.a%3$s AS %4$s)', x.parent ->> 'name',
            x.parent ->> 'eq', x.n, x.parent ->> 'type'), ' AND ' ORDER BY x.n) AS above,
        string_agg(format('CAST(c.%2$s AS %3$s)%5$s %4$s c.%1$s', x.parent ->> 'name', x.child ->> 'name',
            x.parent ->> 'type', x.parent ->> 'eq', x.parent ->> 'collate'), ' AND ' ORDER BY x.n) AS own,
        string_agg(format('CAST(up.a%1$s AS %2$s) %3$s CAST(up.s%1$s AS %2$s)', x.n,
            x.parent ->> 'type', x.parent ->> 'eq'), ' AND ' ORDER BY x.n) AS met,
        string_agg(format('up.s%1$s', x.n), ', ' ORDER BY x.n) AS starts,
        string_agg(format('met.s%1$s = up.s%1$s', x.n), ' AND ' ORDER BY x.n) AS same_start
    FROM (
        SELECT c.n, c.value AS child, (
            SELECT o.value
            FROM jsonb_array_elements(p_node -> 'columns') AS o
            WHERE o.value ->> 'f' = p.value ->> 'f'
        ) AS parent
        FROM jsonb_array_elements(p_edge -> 'columns') WITH ORDINALITY AS c (value, n)
        INNER JOIN jsonb_array_elements(p_edge -> 'parent_columns') WITH ORDINALITY AS p (value, n)
            ON p.n = c.n
    ) AS x
) AS r;
$deletion_sql_cycle$;

COMMENT ON FUNCTION deletion_sql_cycle(jsonb, jsonb) IS
'The statement that finds rows that are their own ancestors by a self-reference.';
REVOKE ALL ON FUNCTION deletion_sql_cycle(jsonb, jsonb) FROM PUBLIC;
