-- deletion_soft_kind
-- Tell how a column of a type can mark a row as deleted.
--
-- Parameters  p_type   the type
-- Returns     text: timestamp, boolean or integer; NULL: it cannot
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_soft_kind('timestamptz'::regtype);

CREATE OR REPLACE FUNCTION deletion_soft_kind(p_type oid)
RETURNS text
LANGUAGE sql
IMMUTABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_soft_kind$
SELECT CASE
    WHEN p_type IN ('timestamp'::regtype, 'timestamptz'::regtype) THEN 'timestamp'
    WHEN p_type = 'bool'::regtype THEN 'boolean'
    WHEN p_type IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN 'integer'
END;
$deletion_soft_kind$;

COMMENT ON FUNCTION deletion_soft_kind(oid) IS
'How a column of a type can mark a row as deleted.';
REVOKE ALL ON FUNCTION deletion_soft_kind(oid) FROM PUBLIC;
