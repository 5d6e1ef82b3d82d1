-- deletion_sql_find
-- Write the query for where the rows lie that hang from a frame by one reference.
--
-- Parameters  p_edge, p_child   the reference and the child's node
-- Returns     text, a SELECT of ctids that stands behind the frame's CTE
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_find(
    p_edge jsonb,
    p_child jsonb
) RETURNS text
LANGUAGE sql
IMMUTABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_find$
SELECT CASE
    WHEN (p_edge ->> 'single')::boolean THEN format(
        'SELECT c.ctid FROM %s AS c WHERE c.%s %s ANY (%s) AND %s',
        p_child ->> 'sql', p_edge ->> 'child_column', p_edge ->> 'any_eq',
        CASE
            WHEN p_edge ->> 'index' IS NULL THEN format('SELECT f.%s FROM f', p_edge ->> 'frame_column')
            ELSE format('ARRAY(SELECT f.%s FROM f)', p_edge ->> 'frame_column')
        END,
        p_edge ->> 'condition_c'
    )
    ELSE format(
        'SELECT c.ctid%1$s FROM f CROSS JOIN LATERAL '
        || '(SELECT c.ctid%1$s FROM %2$s AS c WHERE %3$s OFFSET 0) AS c',
        -- Rows of two partitions may be at the same place.
        CASE WHEN (p_child ->> 'parts')::boolean THEN ', c.tableoid' ELSE '' END,
        p_child ->> 'sql', p_edge ->> 'on_frame'
    )
END;
$deletion_sql_find$;

COMMENT ON FUNCTION deletion_sql_find(jsonb, jsonb) IS
'The query for where the rows lie that hang from a frame by one reference.';
REVOKE ALL ON FUNCTION deletion_sql_find(jsonb, jsonb) FROM PUBLIC;
