-- deletion_sql_held
-- Write the statement that finds the held rows of a table by the key that was held.
--
-- Parameters  p_node      the table, one of a plan's
--             p_columns   the columns of that key, a jsonb array of names
-- Returns     text; binds $1, an array of {"j": number of the hold, "pk": key}; answers the frame
--             of the rows that are there, each with its table's number ("n"), and their number
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_held(
    p_node jsonb,
    p_columns jsonb
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_held$
SELECT format(
    $sql$WITH i AS MATERIALIZED (
    SELECT i.j, %1$s FROM jsonb_to_recordset($1) AS i (j bigint, pk text)
)
SELECT coalesce(jsonb_agg(jsonb_build_object('n', %2$s, 'j', i.j, %3$s)), '[]'), count(*)
FROM i
CROSS JOIN LATERAL (SELECT %6$s FROM %4$s AS t WHERE %5$s OFFSET 0) AS t$sql$,
    string_agg(
        CASE
            WHEN jsonb_array_length(p_columns) = 1
                THEN format('CAST(i.pk AS %s) AS h%s', c.type_name, c.n)
            ELSE format(
                'CAST(CAST(i.pk AS jsonb) ->> %s AS %s) AS h%s', c.n - 1, c.type_name, c.n
            )
        END, ', ' ORDER BY c.n
    ),
    p_node ->> 'no',
    deletion_sql_list(p_node -> 'columns', '''%1$s'', t.%2$s'),
    p_node ->> 'sql',
    string_agg(format('t.%s %s i.h%s', c.column_name, c.eq, c.n), ' AND ' ORDER BY c.n),
    replace(p_node ->> 'rows', 'c.', 't.')
)
FROM (
    SELECT
        k.n,
        quote_ident(a.attname) AS column_name,
        format_type(a.atttypid, a.atttypmod) AS type_name,
        deletion_equality(deletion_equality_of(a.atttypid, a.atttypid), FALSE) AS eq
    FROM unnest(deletion_attnums((p_node ->> 'oid')::oid, p_columns))
        WITH ORDINALITY AS k (attnum, n)
    INNER JOIN pg_attribute AS a
        ON a.attrelid = (p_node ->> 'oid')::oid AND a.attnum = k.attnum
) AS c;
$deletion_sql_held$;

COMMENT ON FUNCTION deletion_sql_held(jsonb, jsonb) IS
'The statement that finds the held rows of a table by the key that was held.';
REVOKE ALL ON FUNCTION deletion_sql_held(jsonb, jsonb) FROM PUBLIC;
