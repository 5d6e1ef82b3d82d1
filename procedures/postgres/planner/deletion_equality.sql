-- deletion_equality
-- Say which operator compares two columns of a key, spelled with its schema.
--
-- Parameters  p_operator   the operator, as pg_constraint or an index's operator family names it
--             p_commuted   TRUE for the same comparison with its sides exchanged
-- Returns     text, for example OPERATOR(pg_catalog.=)
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_equality(c.conpfeqop[1], FALSE) FROM pg_constraint AS c;

CREATE OR REPLACE FUNCTION deletion_equality(
    p_operator oid,
    p_commuted boolean
) RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_equality$
BEGIN
    -- Kept as a prepared plan: a function in SQL is planned anew at every call.
    RETURN (
        -- A bare "=" would be looked up along the search path, where another schema's type has none.
        SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname)
        FROM pg_operator AS given
        INNER JOIN pg_operator AS o
            ON o.oid = CASE WHEN p_commuted THEN given.oprcom ELSE given.oid END
        INNER JOIN pg_namespace AS n ON n.oid = o.oprnamespace
        WHERE given.oid = p_operator
    );
END;
$deletion_equality$;

COMMENT ON FUNCTION deletion_equality(oid, boolean) IS
'The operator that compares two columns of a key, spelled with its schema.';
REVOKE ALL ON FUNCTION deletion_equality(oid, boolean) FROM PUBLIC;
