-- deletion_sql_set
-- Write the statement that sets a reference NULL, or to its default, in the rows of a frame.
--
-- Parameters  p_edge, p_parent, p_child   the reference and its nodes
-- Returns     text; binds $1 frame, $2 limit; answers the number of rows, rows to count by job,
--             how many still point where they pointed (a default that is the very key), and, by
--             the action that they were counted for before, rows to count for it no more
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_set(
    p_edge jsonb,
    p_parent jsonb,
    p_child jsonb
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_set$
SELECT format(
    $sql$WITH %1$s,
u AS (
    UPDATE %2$s AS t
    SET %3$s
    FROM (
        SELECT c.ctid AS row_id%10$s, f.j, %4$s
        FROM f
        CROSS JOIN LATERAL (SELECT %11$sc.ctid, c.* FROM %2$s AS c WHERE %5$s OFFSET 0) AS c%14$s
        LIMIT $2
    ) AS f
    WHERE t.ctid = f.row_id%12$s AND %6$s
    RETURNING f.j, coalesce(%6$s, FALSE) AS still, jsonb_build_array(%7$s) AS row_key
)%8$s
SELECT
    (SELECT count(*) FROM u),
    (
        SELECT jsonb_object_agg(g.j, g.n)
        FROM (SELECT s.j, count(*) AS n FROM %9$s AS s GROUP BY s.j) AS g
    ),
    (SELECT count(*) FROM u WHERE u.still)%13$s$sql$,
    deletion_sql_frame(p_parent -> 'columns', (p_edge ->> 'only_found')::boolean),
    p_child ->> 'sql',
    p_edge ->> 'set_columns',
    deletion_sql_list(p_edge -> 'columns', 'c.%2$s AS %1$s'),
    p_edge ->> 'on_frame',
    p_edge ->> 'found',
    concat_ws(', ', quote_literal(p_child ->> 'name'), deletion_sql_list(k.columns, 't.%2$s')),
    CASE WHEN (p_edge ->> 'once')::boolean THEN format(
        $sql$,
s AS (
    INSERT INTO deletion_walk_keys (
        walk_id, job_id, node_no, fate, key_hash, edge_no, keys, is_expanded
    )
    SELECT 0, u.j, -1, 'set_null', deletion_key_hash(u.row_key), 0, %L, TRUE FROM u
    -- Set by two references a row counts for one: that which comes first by name.
    ON CONFLICT (walk_id, job_id, node_no, fate, key_hash) DO UPDATE
    SET keys = excluded.keys || jsonb_build_object('was', deletion_walk_keys.keys ->> 'action')
    WHERE excluded.keys ->> 'action' < deletion_walk_keys.keys ->> 'action'
    RETURNING job_id AS j, keys ->> 'was' AS was
)$sql$, jsonb_build_object('action', p_edge ->> 'action')) ELSE '' END,
    CASE WHEN (p_edge ->> 'once')::boolean THEN 's' ELSE 'u' END,
    -- Rows of two partitions may be at the same place.
    CASE WHEN (p_child ->> 'parts')::boolean THEN ', c.tableoid AS part' ELSE '' END,
    CASE WHEN (p_child ->> 'parts')::boolean THEN 'c.tableoid, ' ELSE '' END,
    CASE WHEN (p_child ->> 'parts')::boolean THEN ' AND t.tableoid = f.part' ELSE '' END,
    CASE WHEN (p_edge ->> 'once')::boolean THEN $sql$,
    (
        SELECT jsonb_object_agg(h.was, h.counts)
        FROM (
            SELECT g.was, jsonb_object_agg(g.j, -g.n) AS counts
            FROM (
                SELECT s.was, s.j, count(*) AS n FROM s WHERE s.was IS NOT NULL GROUP BY s.was, s.j
            ) AS g
            GROUP BY g.was
        ) AS h
    )$sql$ ELSE '' END,
    -- A row that its default does not change, or leads nowhere, goes as well, or came after the check.
    CASE WHEN
        jsonb_typeof(p_edge -> 'default') = 'object' AND NOT (p_edge ->> 'declared')::boolean
        THEN format(
        $sql$
        CROSS JOIN LATERAL (SELECT %1$s) AS v
        WHERE (%2$s) AND (NOT (%3$s) OR %4$s)$sql$,
        p_edge -> 'default' ->> 'values',
        p_edge -> 'default' ->> 'differs',
        p_edge -> 'default' ->> 'is_set',
        format(
            'EXISTS (SELECT 1 FROM %s AS t WHERE %s)', p_parent ->> 'sql',
            p_edge -> 'default' ->> 'match'
        )
    ) ELSE '' END
)
FROM (
    SELECT jsonb_agg(c ORDER BY n) AS columns
    FROM jsonb_array_elements(p_child -> 'columns') WITH ORDINALITY AS x (c, n)
    WHERE (c ->> 'key')::boolean
) AS k;
$deletion_sql_set$;

COMMENT ON FUNCTION deletion_sql_set(jsonb, jsonb, jsonb) IS
'The statement that sets a reference NULL, or to its default, in the rows of a frame.';
REVOKE ALL ON FUNCTION deletion_sql_set(jsonb, jsonb, jsonb) FROM PUBLIC;
