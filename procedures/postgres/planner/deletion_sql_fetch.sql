-- deletion_sql_fetch
-- Write the statement that reads the keys of the rows that hang from a frame by one reference.
--
-- Parameters  p_edge, p_parent, p_child   the reference and its nodes
--                         beyond in the edge: a further condition on child rows c;
--                         own in the edge: further columns of the frame to hand on
--             p_ordered   TRUE: in the order of the child's key, after the cursor $3
-- Returns     text; binds $1 frame, $2 limit (and $3 cursor); answers the child's frame and its
--             number of keys
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_fetch(
    p_edge jsonb,
    p_parent jsonb,
    p_child jsonb,
    p_ordered boolean
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_fetch$
SELECT format(
    $sql$WITH %1$s
SELECT coalesce(jsonb_agg(jsonb_build_object('j', x.j%6$s, %2$s)), '[]'), count(*)
FROM (
    SELECT f.j%7$s, %3$s
    FROM f
    %4$s
    %5$sLIMIT $2
) AS x$sql$,
    deletion_sql_frame(
        (p_parent -> 'columns') || coalesce(p_edge -> 'own', '[]'),
        (p_edge ->> 'only_found')::boolean
    ),
    deletion_sql_list((p_child -> 'columns') || (p_edge -> 'columns'), '''%1$s'', x.%1$s'),
    deletion_sql_list((p_child -> 'columns') || (p_edge -> 'columns'), 'c.%2$s AS %1$s'),
    CASE
        -- OFFSET 0 keeps the frame outside and the index inside, whatever the statistics say.
        WHEN p_edge ->> 'index' IS NOT NULL THEN format(
            'CROSS JOIN LATERAL (SELECT %s FROM %s AS c WHERE %s%s OFFSET 0) AS c',
            p_child ->> 'rows', p_child ->> 'sql', p_edge ->> 'on_frame', k.beyond
        )
        ELSE format(
            'INNER JOIN %s AS c ON %s%s', p_child ->> 'sql', p_edge ->> 'on_frame', k.beyond
        )
    END,
    CASE WHEN p_ordered THEN format(
        E'WHERE $3 IS NULL OR (%s) > (%s)\n    ORDER BY %1$s\n    ',
        deletion_sql_list(k.columns, 'c.%2$s'),
        deletion_sql_list(k.columns, 'CAST($3 ->> ''%1$s'' AS %3$s)')
    ) ELSE '' END,
    coalesce(deletion_sql_list(p_edge -> 'own', ', ''%1$s'', x.%1$s', ''), ''),
    coalesce(deletion_sql_list(p_edge -> 'own', ', f.%1$s', ''), '')
)
FROM (
    SELECT
        jsonb_agg(c ORDER BY n) AS columns,
        -- A frame of several levels holds some of its rows' children itself.
        CASE WHEN (p_edge ->> 'expands')::boolean THEN format(
            ' AND (%s) NOT IN (SELECT %s FROM f AS own WHERE own.l IS NOT NULL)',
            deletion_sql_list(jsonb_agg(c ORDER BY n), 'c.%2$s'),
            deletion_sql_list(jsonb_agg(c ORDER BY n), 'own.%1$s')
        ) ELSE coalesce(p_edge ->> 'beyond', '') END AS beyond
    FROM jsonb_array_elements(p_child -> 'columns') WITH ORDINALITY AS x (c, n)
    WHERE (c ->> 'key')::boolean
) AS k;
$deletion_sql_fetch$;

COMMENT ON FUNCTION deletion_sql_fetch(jsonb, jsonb, jsonb, boolean) IS
'The statement that reads the keys of the rows that hang from a frame by one reference.';
REVOKE ALL ON FUNCTION deletion_sql_fetch(jsonb, jsonb, jsonb, boolean) FROM PUBLIC;
