-- deletion_sql_frame
-- Write the CTE that turns a frame's JSON into typed rows.
--
-- Parameters  p_columns      columns of a node or edge: a jsonb array of {f, type}
--             p_only_found   TRUE: without roots that were not there: should one come back, it
--                            and what hangs from it by a foreign key are another story
-- Returns     text, "f AS MATERIALIZED (...)", which reads the frame from $1
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_frame(
    p_columns jsonb,
    p_only_found boolean
) RETURNS text
LANGUAGE sql
IMMUTABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_frame$
SELECT
    E'f AS MATERIALIZED (\n    SELECT * FROM jsonb_to_recordset($1) AS f (j bigint, m integer, l integer'
    || coalesce(string_agg(format(', %s %s', c ->> 'f', c ->> 'type'), '' ORDER BY n), '')
    || CASE WHEN p_only_found THEN E')\n    WHERE f.m IS NULL\n)' ELSE E')\n)' END
FROM jsonb_array_elements(p_columns) WITH ORDINALITY AS x (c, n);
$deletion_sql_frame$;

COMMENT ON FUNCTION deletion_sql_frame(jsonb, boolean) IS
'The CTE that turns a frame''s JSON into typed rows.';
REVOKE ALL ON FUNCTION deletion_sql_frame(jsonb, boolean) FROM PUBLIC;
