-- deletion_sql_restore
-- Write the statement that takes marks back from the rows of a table that still hold them.
--
-- Parameters  p_node   the table, with its soft-delete column
-- Returns     text; binds $1, an array of {"id": mark, "k": key, "o": old value, "n": new value};
--             answers the marks that were taken back, and their number
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_restore(p_node jsonb)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_restore$
SELECT format(
    $sql$WITH f AS MATERIALIZED (
    SELECT
        CAST(e.value ->> 'id' AS bigint) AS id, %1$s,
        CAST(e.value ->> 'o' AS %2$s) AS old, CAST(e.value ->> 'n' AS %2$s) AS new
    FROM jsonb_array_elements($1) AS e
),
u AS (
    UPDATE %3$s AS t
    SET %4$s = f.old
    FROM f
    WHERE %5$s AND t.%4$s OPERATOR(pg_catalog.=) f.new
    RETURNING f.id
)
SELECT coalesce(jsonb_agg(u.id), '[]'), count(*) FROM u$sql$,
    (
        SELECT string_agg(format(
            'CAST(e.value -> ''k'' ->> %s AS %s) AS %s', n - 1, c ->> 'type', c ->> 'f'
        ), ', ' ORDER BY n)
        FROM jsonb_array_elements(k.columns) WITH ORDINALITY AS x (c, n)
    ),
    p_node #>> '{soft,type}',
    p_node ->> 'sql',
    p_node #>> '{soft,name}',
    deletion_sql_list(k.columns, 't.%2$s %4$s f.%1$s', ' AND ')
)
FROM (
    SELECT jsonb_agg(c ORDER BY n) AS columns
    FROM jsonb_array_elements(p_node -> 'columns') WITH ORDINALITY AS x (c, n)
    WHERE (c ->> 'key')::boolean
) AS k;
$deletion_sql_restore$;

COMMENT ON FUNCTION deletion_sql_restore(jsonb) IS
'The statement that takes marks back from the rows of a table that still hold them.';
REVOKE ALL ON FUNCTION deletion_sql_restore(jsonb) FROM PUBLIC;
