-- deletion_add_partitions
-- List tables and all their partitions: a change of any of them makes a plan stale.
--
-- Parameters  p_tables   the tables of a plan
-- Returns     oid[], the tables first, in their order
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_add_partitions(ARRAY['customer'::regclass]::oid[]);

CREATE OR REPLACE FUNCTION deletion_add_partitions(p_tables oid[])
RETURNS oid[]
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_add_partitions$
SELECT p_tables || ARRAY(
    SELECT p.relid::oid
    FROM unnest(p_tables) AS t (table_oid)
    CROSS JOIN LATERAL pg_partition_tree(t.table_oid) AS p
    WHERE p.level > 0
);
$deletion_add_partitions$;

COMMENT ON FUNCTION deletion_add_partitions(oid[]) IS
'Tables and all their partitions: a change of any of them makes a plan stale.';
REVOKE ALL ON FUNCTION deletion_add_partitions(oid[]) FROM PUBLIC;
