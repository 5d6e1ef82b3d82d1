-- deletion_node_key
-- Choose the columns by which rows of a table are told apart while they are deleted.
--
-- Parameters  p_table   the table
-- Returns     int2[], the primary key, else the shortest unique key without NULLs; NULL: none
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_node_key('order_items'::regclass);

CREATE OR REPLACE FUNCTION deletion_node_key(p_table oid)
RETURNS int2[]
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_node_key$
SELECT (i.indkey::int2[])[0:i.indnkeyatts - 1]
FROM pg_index AS i
WHERE
    i.indrelid = p_table AND i.indisunique AND i.indisvalid AND i.indimmediate
    AND i.indpred IS NULL AND i.indexprs IS NULL
    AND NOT EXISTS (
        SELECT 1
        FROM pg_attribute AS a
        WHERE
            a.attrelid = i.indrelid AND NOT a.attnotnull
            AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
    )
ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid
LIMIT 1;
$deletion_node_key$;

COMMENT ON FUNCTION deletion_node_key(oid) IS
'The columns by which rows of a table are told apart while they are deleted.';
REVOKE ALL ON FUNCTION deletion_node_key(oid) FROM PUBLIC;
