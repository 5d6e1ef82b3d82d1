-- deletion_sql_mark
-- Write the statement that marks the rows of a frame, or looks at those that cannot be marked.
--
-- Parameters  p_plan_id   the plan                 p_node   the table
--             p_edge      the reference by which the frame was found; NULL: the jobs' roots
-- Returns     text; binds $1 frame, $2 the time of the run; answers the frame of the rows that are
--             still where they were found, how many were marked, these by job, and how many should
--             have been and hold no mark (a trigger keeps them)
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_mark(
    p_plan_id bigint,
    p_node jsonb,
    p_edge jsonb
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_mark$
SELECT format(
    CASE WHEN p_node ? 'soft' THEN
        $sql$WITH %1$s,
held AS MATERIALIZED (
    SELECT f.j, %2$s, t.%6$s AS old
    FROM f INNER JOIN %3$s AS t ON %4$s
    ORDER BY %5$s
    FOR NO KEY UPDATE OF t
),
u AS (
    UPDATE %3$s AS t
    SET %6$s = %7$s
    FROM held AS f
    WHERE %8$s AND %9$s
    RETURNING
        f.j, %10$s AS row_key, to_jsonb(f.old) AS old_value, to_jsonb(t.%6$s) AS new_value,
        %9$s AS is_live
),
m AS (
    INSERT INTO deletion_marks (
        job_id, table_name, row_key, column_name, old_value, new_value, plan_id, key_hash
    )
    SELECT
        u.j, %11$L, u.row_key, %12$L, u.old_value, u.new_value, %13$s,
        deletion_key_hash(jsonb_build_array(%11$L) || u.row_key)
    FROM u
    WHERE NOT u.is_live
)
SELECT
    (SELECT coalesce(jsonb_agg(jsonb_build_object('j', h.j, %14$s)), '[]') FROM held AS h),
    (SELECT count(*) FROM u WHERE NOT u.is_live),
    (
        SELECT jsonb_object_agg(g.j, g.n)
        FROM (SELECT u.j, count(*) AS n FROM u WHERE NOT u.is_live GROUP BY u.j) AS g
    ),
    (SELECT count(*) FROM (SELECT DISTINCT %15$s FROM held AS h WHERE %16$s) AS live)
    - (SELECT count(*) FROM u WHERE NOT u.is_live)$sql$
    ELSE
        $sql$WITH %1$s
SELECT coalesce(jsonb_agg(jsonb_build_object('j', h.j, %14$s)), '[]'), 0::bigint, NULL::jsonb, 0::bigint
FROM (
    SELECT f.j, %2$s
    FROM f INNER JOIN %3$s AS t ON %4$s
) AS h$sql$
    END,
    deletion_sql_frame(
        (p_node -> 'columns') || coalesce(p_edge -> 'columns', '[]'), p_edge IS NULL
    ),
    -- The key as it was found, what references point at as it is now.
    deletion_sql_list(k.columns, 'f.%1$s')
    || coalesce(', ' || deletion_sql_list(k.others, 't.%2$s AS %1$s'), ''),
    p_node ->> 'sql',
    deletion_sql_list(k.columns, 't.%2$s %4$s f.%1$s', ' AND ')
    || coalesce(' AND ' || (p_edge ->> 'found'), ''),
    deletion_sql_list(k.columns, 't.%2$s'),
    p_node #>> '{soft,name}',
    p_node #>> '{soft,value}',
    deletion_sql_list(k.columns, 't.%2$s %4$s f.%1$s', ' AND '),
    format(p_node #>> '{soft,live}', 't.' || (p_node #>> '{soft,name}')),
    format('jsonb_build_array(%s)', deletion_sql_list(k.columns, 't.%2$s')),
    p_node ->> 'name',
    p_node #>> '{soft,column}',
    p_plan_id,
    deletion_sql_list(p_node -> 'columns', '''%1$s'', h.%1$s'),
    deletion_sql_list(k.columns, 'h.%1$s'),
    format(p_node #>> '{soft,live}', 'h.old')
)
FROM (
    SELECT
        jsonb_agg(c ORDER BY n) FILTER (WHERE (c ->> 'key')::boolean) AS columns,
        jsonb_agg(c ORDER BY n) FILTER (WHERE NOT (c ->> 'key')::boolean) AS others
    FROM jsonb_array_elements(p_node -> 'columns') WITH ORDINALITY AS x (c, n)
) AS k;
$deletion_sql_mark$;

COMMENT ON FUNCTION deletion_sql_mark(bigint, jsonb, jsonb) IS
'The statement that marks the rows of a frame, or looks at those that cannot be marked.';
REVOKE ALL ON FUNCTION deletion_sql_mark(bigint, jsonb, jsonb) FROM PUBLIC;
