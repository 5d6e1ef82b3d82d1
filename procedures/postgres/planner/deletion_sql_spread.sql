-- deletion_sql_spread
-- Write the statement that notes for soft jobs what hangs from a frame by one reference.
--
-- Parameters  p_plan_id               the plan
--             p_edge, p_parent, p_child   the reference and its nodes
-- Returns     text; binds $1 frame, $2 limit, $3 cursor (NULL: from the start); answers the number
--             of rows read and the last of them, from which the next page goes on
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_spread(
    p_plan_id bigint,
    p_edge jsonb,
    p_parent jsonb,
    p_child jsonb
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_spread$
SELECT format(
    $sql$WITH %1$s,
x AS MATERIALIZED (
    SELECT f.j, %2$s
    FROM f
    %3$s
    WHERE $3 IS NULL OR (%4$s, f.j) > (%5$s, CAST($3 ->> 'j' AS bigint))
    ORDER BY %4$s, f.j
    LIMIT $2
),
met AS (
    INSERT INTO deletion_soft_keys (job_id, node_no, key_hash, plan_id, edge_no, keys)
    SELECT x.j, %6$s, deletion_key_hash(jsonb_build_array(%7$s)), %8$s, %9$s, jsonb_build_object(%10$s)
    FROM x
    ON CONFLICT DO NOTHING
)
SELECT count(*), (
    SELECT jsonb_build_object('j', x.j, %11$s) FROM x ORDER BY %12$s, x.j DESC LIMIT 1
)
FROM x$sql$,
    deletion_sql_frame(p_parent -> 'columns', (p_edge ->> 'only_found')::boolean),
    deletion_sql_list((p_child -> 'columns') || (p_edge -> 'columns'), 'c.%2$s AS %1$s'),
    CASE
        WHEN p_edge ->> 'index' IS NOT NULL THEN format(
            'CROSS JOIN LATERAL (SELECT %s FROM %s AS c WHERE %s OFFSET 0) AS c',
            p_child ->> 'rows', p_child ->> 'sql', p_edge ->> 'on_frame'
        )
        ELSE format('INNER JOIN %s AS c ON %s', p_child ->> 'sql', p_edge ->> 'on_frame')
    END,
    deletion_sql_list(k.columns, 'c.%2$s'),
    deletion_sql_list(k.columns, 'CAST($3 ->> ''%1$s'' AS %3$s)'),
    p_child ->> 'no',
    deletion_sql_list(k.columns, 'x.%1$s'),
    p_plan_id,
    p_edge ->> 'no',
    deletion_sql_list((p_child -> 'columns') || (p_edge -> 'columns'), '''%1$s'', x.%1$s'),
    deletion_sql_list(k.columns, '''%1$s'', x.%1$s'),
    deletion_sql_list(k.columns, 'x.%1$s DESC')
)
FROM (
    SELECT jsonb_agg(c ORDER BY n) AS columns
    FROM jsonb_array_elements(p_child -> 'columns') WITH ORDINALITY AS x (c, n)
    WHERE (c ->> 'key')::boolean
) AS k;
$deletion_sql_spread$;

COMMENT ON FUNCTION deletion_sql_spread(bigint, jsonb, jsonb, jsonb) IS
'The statement that notes for soft jobs what hangs from a frame by one reference.';
REVOKE ALL ON FUNCTION deletion_sql_spread(bigint, jsonb, jsonb, jsonb) FROM PUBLIC;
