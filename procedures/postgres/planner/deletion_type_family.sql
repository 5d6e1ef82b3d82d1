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
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_type_family$
DECLARE
    v_type pg_type;
BEGIN
    SELECT t.* INTO v_type
    FROM deletion_base_type(p_type, -1) AS b
    INNER JOIN pg_type AS t ON t.oid = b.type_oid;

    RETURN CASE
        WHEN v_type.typtype = 'e' THEN 'label'
        WHEN v_type.typtype <> 'b' OR v_type.typcategory = 'A' THEN NULL
        WHEN v_type.oid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN 'integer'
        WHEN v_type.oid = 'numeric'::regtype THEN 'decimal'
        WHEN v_type.oid = 'bpchar'::regtype THEN 'padded'
        WHEN v_type.typcategory = 'S' THEN 'string'
        WHEN v_type.oid = 'bytea'::regtype THEN 'bytes'
        WHEN v_type.oid IN ('bit'::regtype, 'varbit'::regtype) THEN 'bits'
        WHEN v_type.oid = 'bool'::regtype THEN 'boolean'
        WHEN v_type.oid IN (
            'date'::regtype, 'time'::regtype, 'timetz'::regtype, 'timestamp'::regtype,
            'timestamptz'::regtype, 'interval'::regtype
        ) THEN v_type.oid::regtype::text
        WHEN v_type.oid IN (
            'uuid'::regtype, 'inet'::regtype, 'cidr'::regtype, 'macaddr'::regtype,
            'macaddr8'::regtype
        ) THEN 'other'
        WHEN v_type.oid = 'oid'::regtype THEN 'oid'
        -- A type that an extension brings is taken at its word.
        WHEN v_type.typcategory = 'U' AND v_type.typnamespace <> 'pg_catalog'::regnamespace THEN 'other'
    END;
END;
$deletion_type_family$;

COMMENT ON FUNCTION deletion_type_family(regtype) IS 'Tell what kind of key a type makes.';
REVOKE ALL ON FUNCTION deletion_type_family(regtype) FROM PUBLIC;
