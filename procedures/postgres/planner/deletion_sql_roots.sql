-- deletion_sql_roots
-- Write the statement that finds the rows that jobs name.
--
-- Parameters  p_node    the target's node
-- Returns     text; binds $1, an array of {"j": job, "pk": key}; answers the root frame (rows that
--             are not there carry "m": 1, rows whose key is spelled otherwise "m": 2), its number
--             of keys, and how many of the keys are not as their type prints them
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_roots(p_node jsonb)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_roots$
SELECT format(
    $sql$WITH i AS MATERIALIZED (
    SELECT i.j, i.pk, %1$s FROM jsonb_to_recordset($1) AS i (j bigint, pk text)
)
SELECT
    coalesce(jsonb_agg(
        CASE
            WHEN t.%4$s IS NULL THEN jsonb_build_object('j', i.j, 'm', 1, %2$s)%8$s
            ELSE jsonb_build_object('j', i.j, %3$s)
        END
        ORDER BY i.j
    ), '[]'),
    count(*),
    count(*) FILTER (WHERE %7$s)
FROM i
LEFT JOIN %5$s AS t ON %6$s$sql$,
    CASE
        WHEN jsonb_array_length(k.columns) = 1 THEN deletion_sql_list(
            k.columns, 'CAST(i.pk AS %3$s) AS %1$s'
        )
        ELSE (
            SELECT string_agg(format(
                'CAST(CAST(i.pk AS jsonb) ->> %s AS %s) AS %s', n - 1, c ->> 'type', c ->> 'f'
            ), ', ' ORDER BY n)
            FROM jsonb_array_elements(k.columns) WITH ORDINALITY AS x (c, n)
        )
    END,
    deletion_sql_list(k.columns, '''%1$s'', i.%1$s'),
    deletion_sql_list(p_node -> 'columns', '''%1$s'', t.%2$s'),
    k.columns -> 0 ->> 'name',
    p_node ->> 'sql',
    deletion_sql_list(k.columns, 't.%2$s %4$s i.%1$s', ' AND '),
    CASE
        WHEN jsonb_array_length(k.columns) = 1
            THEN deletion_sql_list(k.columns, 'i.pk <> CAST(i.%1$s AS text)')
        ELSE 'FALSE'
    END,
    -- Jobs tell these apart; the collation of the column, or its type, does not.
    CASE WHEN k.folding IS NULL THEN '' ELSE format(
        E'\n            WHEN %s THEN jsonb_build_object(''j'', i.j, ''m'', 2, %s)',
        deletion_sql_list(
            k.folding, 'CAST(t.%2$s AS text) COLLATE "C" <> CAST(i.%1$s AS text) COLLATE "C"', ' OR '
        ),
        deletion_sql_list(k.columns, '''%1$s'', i.%1$s')
    ) END
)
FROM (
    SELECT
        jsonb_agg(c ORDER BY n) FILTER (WHERE (c ->> 'key')::boolean) AS columns,
        jsonb_agg(c ORDER BY n) FILTER (
            WHERE (c ->> 'key')::boolean AND (c ->> 'folds')::boolean
        ) AS folding
    FROM jsonb_array_elements(p_node -> 'columns') WITH ORDINALITY AS x (c, n)
) AS k;
$deletion_sql_roots$;

COMMENT ON FUNCTION deletion_sql_roots(jsonb) IS
'The statement that finds the rows that jobs name.';
REVOKE ALL ON FUNCTION deletion_sql_roots(jsonb) FROM PUBLIC;
