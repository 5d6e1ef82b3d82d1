-- deletion_root_columns
-- Number a partition's columns as the table does that it is a part of.
--
-- Parameters  p_table     the partition, or any other table
--             p_columns   its columns
-- Returns     int2[], in the same order; those of any other table as they are
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_root_columns(
    p_table oid,
    p_columns int2[]
) RETURNS int2[]
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_root_columns$
SELECT CASE
    WHEN pg_partition_root(p_table) IS NULL OR pg_partition_root(p_table) = p_table THEN p_columns
    ELSE ARRAY(
        SELECT r.attnum
        FROM unnest(p_columns) WITH ORDINALITY AS k (attnum, ordinality)
        INNER JOIN pg_attribute AS a ON a.attrelid = p_table AND a.attnum = k.attnum
        INNER JOIN pg_attribute AS r
            ON r.attrelid = pg_partition_root(p_table) AND r.attname = a.attname
        ORDER BY k.ordinality
    )
END;
$deletion_root_columns$;

COMMENT ON FUNCTION deletion_root_columns(oid, int2[]) IS
'Number a partition''s columns as the table does that it is a part of.';
REVOKE ALL ON FUNCTION deletion_root_columns(oid, int2[]) FROM PUBLIC;
