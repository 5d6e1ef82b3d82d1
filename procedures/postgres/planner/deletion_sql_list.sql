-- deletion_sql_list
-- Write a list with one entry for each of given columns.
--
-- Parameters  p_columns    a jsonb array of {f, name, type, eq, collate}
--             p_format     the entry: %1$s name in frames, %2$s column, %3$s type, %4$s operator,
--                          %5$s collation
--             p_separator  between entries
-- Returns     text
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_sql_list('[{"f":"k1","name":"id"}]', 't.%2$s = f.%1$s', ' AND ');

CREATE OR REPLACE FUNCTION deletion_sql_list(
    p_columns jsonb,
    p_format text,
    p_separator text DEFAULT ', '
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_list$
SELECT string_agg(
    format(p_format, c ->> 'f', c ->> 'name', c ->> 'type', c ->> 'eq', c ->> 'collate'),
    p_separator ORDER BY n
)
FROM jsonb_array_elements(p_columns) WITH ORDINALITY AS x (c, n);
$deletion_sql_list$;

COMMENT ON FUNCTION deletion_sql_list(jsonb, text, text) IS
'A list with one entry for each of given columns.';
REVOKE ALL ON FUNCTION deletion_sql_list(jsonb, text, text) FROM PUBLIC;
