-- deletion_type_family
-- Tell what kind of key a type makes.
--
-- Parameters  p_type   the type
-- Returns     text, the family; NULL: keys cannot be of that type, since its values have several
--             spellings that no cast can make one (floats, arrays, JSON and others)
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_type_family('numeric'::regtype);

CREATE OR REPLACE FUNCTION deletion_type_family(p_type regtype)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_type_family$
WITH RECURSIVE base AS (
    SELECT t.oid, t.typtype, t.typcategory, t.typnamespace, t.typbasetype
    FROM pg_type AS t
    WHERE t.oid = p_type
    UNION ALL
    SELECT t.oid, t.typtype, t.typcategory, t.typnamespace, t.typbasetype
    FROM base AS b
    INNER JOIN pg_type AS t ON t.oid = b.typbasetype
    WHERE b.typtype = 'd'
)

SELECT CASE
    WHEN b.typtype = 'e' THEN 'label'
    WHEN b.typtype <> 'b' OR b.typcategory = 'A' THEN NULL
    WHEN b.oid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN 'integer'
    WHEN b.oid = 'numeric'::regtype THEN 'decimal'
    WHEN b.oid = 'bpchar'::regtype THEN 'padded'
    WHEN b.typcategory = 'S' THEN 'string'
    WHEN b.oid = 'bytea'::regtype THEN 'bytes'
    WHEN b.oid IN ('bit'::regtype, 'varbit'::regtype) THEN 'bits'
    WHEN b.oid = 'bool'::regtype THEN 'boolean'
    WHEN b.oid IN (
        'date'::regtype, 'time'::regtype, 'timetz'::regtype, 'timestamp'::regtype,
        'timestamptz'::regtype, 'interval'::regtype
    ) THEN b.oid::regtype::text
    WHEN b.oid IN (
        'uuid'::regtype, 'inet'::regtype, 'cidr'::regtype, 'macaddr'::regtype,
        'macaddr8'::regtype, 'oid'::regtype
    ) THEN 'other'
    -- A type that an extension brings is taken at its word.
    WHEN b.typcategory = 'U' AND b.typnamespace <> 'pg_catalog'::regnamespace THEN 'other'
END
FROM base AS b
WHERE b.typtype <> 'd';
$deletion_type_family$;

COMMENT ON FUNCTION deletion_type_family(regtype) IS 'Tell what kind of key a type makes.';
REVOKE ALL ON FUNCTION deletion_type_family(regtype) FROM PUBLIC;
