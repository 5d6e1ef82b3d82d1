-- deletion_lost_hold
-- Look for holds in force whose table is not found: it may have another name now.
--
-- Returns     text, the error of every job meanwhile; NULL: there is no such hold
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_lost_hold()
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_lost_hold$
SELECT
    deletion_hold_error(array_agg(h.hold_id)) || ' (no such table is found: release the hold, or '
    'release it and hold the row by the table''s name of now)'
FROM deletion_holds AS h
WHERE
    h.released_at IS NULL
    AND (h.held_until IS NULL OR h.held_until > clock_timestamp())
    AND NOT EXISTS (
        SELECT 1
        FROM deletion_split_name(h.table_name) AS p (parts)
        INNER JOIN pg_namespace AS n ON n.nspname = p.parts[1]
        INNER JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = p.parts[2]
        WHERE c.relkind IN ('r', 'p')
    );
$deletion_lost_hold$;

COMMENT ON FUNCTION deletion_lost_hold() IS
'Look for holds in force whose table is not found: it may have another name.';
REVOKE ALL ON FUNCTION deletion_lost_hold() FROM PUBLIC;
