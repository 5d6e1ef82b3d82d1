-- deletion_fingerprint_references
-- Digest a plan's foreign keys, triggers, partitions and names: cheap enough for every step.
--
-- Parameters  p_tables   the plan's tables, target and dependants, as their OIDs
-- Returns     text, a hexadecimal MD5
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_fingerprint_references(p_tables oid[])
RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_fingerprint_references$
BEGIN
    -- Kept as a prepared plan: a function in SQL is planned anew in every transaction.
    RETURN (
        SELECT md5(concat_ws(
            '|',
            -- The form of the plans as well: those that an earlier version wrote are stale.
            '6',
            -- A foreign key makes triggers of the engine's own on the table that it points at: those
            -- are found by an index, where all constraints of the database would have to be read.
            -- Any other trigger may keep rows that a plan takes for gone.
            (
                SELECT string_agg(concat_ws(',', g.oid, g.tgtype, g.tgenabled), ';' ORDER BY g.oid)
                FROM pg_trigger AS g
                WHERE g.tgrelid = ANY (p_tables)
            ),
            -- A partition that comes brings keys of its own along, and one that goes keeps its rows;
            -- a table that becomes one has the keys of the partitioned table.
            (
                SELECT string_agg(concat_ws(',', h.inhparent, h.inhrelid, h.inhdetachpending), ';'
                    ORDER BY h.inhrelid, h.inhparent)
                FROM pg_inherits AS h
                WHERE h.inhparent = ANY (p_tables) OR h.inhrelid = ANY (p_tables)
            ),
            -- Statements name tables and columns: a name that another has taken over since would
            -- make them delete other rows, and no error would say so.
            (
                SELECT sum(hashtextextended(c.relname::text, c.oid::bigint # (c.relnamespace::bigint << 31)))
                FROM pg_class AS c
                WHERE c.oid = ANY (p_tables)
            ),
            (
                SELECT sum(hashtextextended(a.attname::text, a.attrelid::bigint * 1600 + a.attnum))
                FROM pg_attribute AS a
                WHERE a.attrelid = ANY (p_tables) AND a.attnum > 0
            )
        ))
    );
END;
$deletion_fingerprint_references$;

COMMENT ON FUNCTION deletion_fingerprint_references(oid[]) IS
'Digest of the foreign keys that point at a plan''s tables, their triggers, partitions and names.';
REVOKE ALL ON FUNCTION deletion_fingerprint_references(oid[]) FROM PUBLIC;
