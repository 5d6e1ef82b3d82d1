-- deletion_equality_of
-- Find the operator by which an index would compare a key's column with a reference's column.
--
-- Parameters  p_left    type of the parent's column
--             p_right   type of the child's column
-- Returns     oid of a pg_operator; NULL where the two types have none in common
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_equality_of('int8'::regtype, 'int4'::regtype)::regoperator;

CREATE OR REPLACE FUNCTION deletion_equality_of(
    p_left oid,
    p_right oid
) RETURNS oid
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_equality_of$
BEGIN
    -- Kept as a prepared plan: a function in SQL is planned anew at every call.
    RETURN (
        -- Domains compare as their base types, varchar as text, every enum as anyenum.
        WITH side AS (
            SELECT
                given.side,
                CASE
                    WHEN b.oid = 'varchar'::regtype THEN 'text'::regtype::oid
                    WHEN b.typtype = 'e' AND p_left = p_right THEN 'anyenum'::regtype::oid
                    ELSE b.oid
                END AS type_oid
            FROM (VALUES ('l', p_left), ('r', p_right)) AS given (side, type_oid)
            INNER JOIN pg_type AS t ON t.oid = given.type_oid
            INNER JOIN pg_type AS b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
        )

        SELECT a.amopopr
        FROM pg_amop AS a
        INNER JOIN pg_am AS m ON m.oid = a.amopmethod AND m.amname = 'btree'
        INNER JOIN pg_opclass AS c
            ON c.opcfamily = a.amopfamily AND c.opcintype = a.amoplefttype AND c.opcdefault
        INNER JOIN side AS l ON l.side = 'l' AND l.type_oid = a.amoplefttype
        INNER JOIN side AS r ON r.side = 'r' AND r.type_oid = a.amoprighttype
        WHERE a.amopstrategy = 3
        LIMIT 1
    );
END;
$deletion_equality_of$;

COMMENT ON FUNCTION deletion_equality_of(oid, oid) IS
'The operator by which an index would compare a key''s column with a reference''s column.';
REVOKE ALL ON FUNCTION deletion_equality_of(oid, oid) FROM PUBLIC;
