-- deletion_base_type
-- Find the type below a domain, however many domains there are on the way.
--
-- Parameters  p_type   the type                    p_modifier   what its column adds, as atttypmod
-- Returns     one row: type_oid and type_modifier; the same type where it is no domain
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT format_type(type_oid, type_modifier)
--             FROM deletion_base_type('information_schema.cardinal_number'::regtype, -1);

CREATE OR REPLACE FUNCTION deletion_base_type(
    p_type oid,
    p_modifier integer
) RETURNS TABLE (type_oid oid, type_modifier integer)
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_base_type$
DECLARE
    v_type pg_type;
BEGIN
    type_oid := p_type;
    type_modifier := p_modifier;

    -- Kept as a prepared plan: a function in SQL would be planned anew for each column.
    LOOP
        SELECT t.* INTO v_type FROM pg_type AS t WHERE t.oid = type_oid;
        EXIT WHEN v_type.typtype IS DISTINCT FROM 'd';
        type_oid := v_type.typbasetype;
        type_modifier := v_type.typtypmod;
    END LOOP;

    RETURN NEXT;
END;
$deletion_base_type$;

COMMENT ON FUNCTION deletion_base_type(oid, integer) IS
'The type below a domain, however many domains there are on the way.';
REVOKE ALL ON FUNCTION deletion_base_type(oid, integer) FROM PUBLIC;
