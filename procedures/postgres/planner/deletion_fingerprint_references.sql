-- deletion_fingerprint_references
-- Digest a plan's foreign keys and triggers: cheap enough for every step of a run.
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
            '4',
            -- A foreign key makes triggers of the engine's own on the table that it points at: those
            -- are found by an index, where all constraints of the database would have to be read.
            -- Any other trigger may keep rows that a plan takes for gone.
            (
                SELECT string_agg(concat_ws(',', g.oid, g.tgtype, g.tgenabled), ';' ORDER BY g.oid)
                FROM pg_trigger AS g
                WHERE g.tgrelid = ANY (p_tables)
            )
        ))
    );
END;
$deletion_fingerprint_references$;

COMMENT ON FUNCTION deletion_fingerprint_references(oid[]) IS
'Digest of the foreign keys that point at a plan''s tables, and of their triggers.';
REVOKE ALL ON FUNCTION deletion_fingerprint_references(oid[]) FROM PUBLIC;
