-- deletion_sql_default
-- Write the statement that finds rows whose default no parent will have, before any is touched.
--
-- Parameters  p_edge, p_parent, p_child   a reference whose rows get a default, and its nodes
-- Returns     text; binds $1, a walk that has ended: such rows of it that stay get the fate of
--             those that block. NULL: what the default is to be cannot be known beforehand
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- The engine refuses a default that is in no row of the parent, or in one that is deleted as well:
-- it looks when all is done, and undoes it all. A job would have removed much by then. A declared
-- reference may point at nothing; but what points again at a row that goes would have no end.
-- OFFSET 0: looked up row by row by all of an index, and not joined to what the statistics, which
-- know nothing of a walk, take for few.

CREATE OR REPLACE FUNCTION deletion_sql_default(
    p_edge jsonb,
    p_parent jsonb,
    p_child jsonb
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_default$
SELECT format(
    $sql$UPDATE deletion_walk_keys AS w
SET fate = 'restrict', edge_no = %1$s
FROM (
    SELECT s.ctid AS row_id
    FROM deletion_walk_keys AS s
    CROSS JOIN LATERAL jsonb_to_record(s.keys) AS f (%2$s)
    CROSS JOIN LATERAL (SELECT * FROM %3$s AS c WHERE %4$s OFFSET 0) AS c
    CROSS JOIN LATERAL (SELECT %5$s) AS v
    WHERE s.walk_id = $1 AND s.node_no = %6$s AND s.fate = 'set_default'
        AND NOT EXISTS (
            SELECT 1
            FROM deletion_walk_keys AS d
            WHERE d.walk_id = $1 AND d.job_id = s.job_id AND d.node_no = %6$s
                AND d.fate IN (%13$s) AND d.key_hash = s.key_hash
            OFFSET 0
        )
        -- Of several references that would set it a row is known by one.
        AND (s.edge_no = %1$s OR EXISTS (
            SELECT 1 FROM %7$s AS t WHERE %8$s AND %9$s
        ))
        AND (%10$s OR %11$s AND %12$s)
    OFFSET 0
) AS v
WHERE w.ctid = v.row_id$sql$,
    p_edge ->> 'no',
    deletion_sql_list(c.columns, '%1$s %3$s'),
    p_child ->> 'sql',
    deletion_sql_list(c.columns, 'c.%2$s %4$s f.%1$s', ' AND '),
    p_edge -> 'default' ->> 'values',
    p_child ->> 'no',
    p_parent ->> 'sql',
    p_edge ->> 'on_parent',
    k.is_gone,
    p_edge -> 'default' ->> 'misses',
    p_edge -> 'default' ->> 'is_set',
    CASE
        WHEN (p_edge ->> 'declared')::boolean THEN format(
            '(EXISTS (SELECT 1 FROM %s AS t WHERE %s AND %s)%s)',
            p_parent ->> 'sql', p_edge -> 'default' ->> 'match', k.is_gone,
            -- A root that is not there has nothing but its key.
            CASE WHEN p_parent ->> 'no' = '0' THEN format(
                ' OR EXISTS (SELECT 1 FROM deletion_walk_keys AS d CROSS JOIN LATERAL'
                || ' jsonb_to_record(d.keys) AS m (%s) WHERE d.walk_id = $1 AND d.job_id = s.job_id'
                || ' AND d.node_no = 0 AND d.fate = ''delete'' AND d.keys ? ''m'' AND %s)',
                deletion_sql_list(p_edge -> 'parent_columns', '%1$s %3$s'),
                p_edge -> 'default' ->> 'match_root'
            ) ELSE '' END
        )
        ELSE format(
            'NOT EXISTS (SELECT 1 FROM %s AS t WHERE %s AND NOT %s)',
            p_parent ->> 'sql', p_edge -> 'default' ->> 'match', k.is_gone
        )
    END,
    -- Rows that go, block already, or are set first by another reference over the same column.
    concat_ws(
        ', ', '''delete''', '''restrict''',
        CASE WHEN (p_edge ->> 'hidden')::boolean THEN '''set_null'', ''scrub''' END
    )
)
FROM (
    SELECT jsonb_agg(x.c ORDER BY x.n) AS columns
    FROM jsonb_array_elements(p_child -> 'columns') WITH ORDINALITY AS x (c, n)
    WHERE (x.c ->> 'key')::boolean
) AS c
CROSS JOIN (
    SELECT format(
        'EXISTS (SELECT 1 FROM deletion_walk_keys AS d WHERE d.walk_id = $1'
        || ' AND d.job_id = s.job_id AND d.node_no = %s AND d.fate = ''delete'''
        || ' AND d.key_hash = deletion_key_hash(jsonb_build_array(%s)) OFFSET 0)',
        p_parent ->> 'no', deletion_sql_list(jsonb_agg(x.c ORDER BY x.n), 't.%2$s')
    ) AS is_gone
    FROM jsonb_array_elements(p_parent -> 'columns') WITH ORDINALITY AS x (c, n)
    WHERE (x.c ->> 'key')::boolean
) AS k
WHERE jsonb_typeof(p_edge -> 'default') = 'object';
$deletion_sql_default$;

COMMENT ON FUNCTION deletion_sql_default(jsonb, jsonb, jsonb) IS
'The statement that finds rows whose default no parent will have, before any is touched.';
REVOKE ALL ON FUNCTION deletion_sql_default(jsonb, jsonb, jsonb) FROM PUBLIC;
