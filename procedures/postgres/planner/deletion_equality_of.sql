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
DECLARE
    v_left oid := (SELECT b.type_oid FROM deletion_base_type(p_left, -1) AS b);
    v_right oid := (SELECT b.type_oid FROM deletion_base_type(p_right, -1) AS b);
    v_is_same boolean := v_left = v_right;
BEGIN
    -- Domains compare as their base types, varchar as text, cidr as inet, every enum as anyenum.
    v_left := (
        SELECT CASE
            WHEN b.oid = 'varchar'::regtype THEN 'text'::regtype::oid
            WHEN b.oid = 'cidr'::regtype THEN 'inet'::regtype::oid
            WHEN b.typtype = 'e' AND v_is_same THEN 'anyenum'::regtype::oid
            ELSE b.oid
        END
        FROM pg_type AS b
        WHERE b.oid = v_left
    );
    v_right := (
        SELECT CASE
            WHEN b.oid = 'varchar'::regtype THEN 'text'::regtype::oid
            WHEN b.oid = 'cidr'::regtype THEN 'inet'::regtype::oid
            WHEN b.typtype = 'e' AND v_is_same THEN 'anyenum'::regtype::oid
            ELSE b.oid
        END
        FROM pg_type AS b
        WHERE b.oid = v_right
    );

    -- By the types as values: joined to them, the engine read all operators for each column.
    RETURN (
        SELECT a.amopopr
        FROM pg_opclass AS c
        INNER JOIN pg_am AS m ON m.oid = c.opcmethod AND m.amname = 'btree'
        INNER JOIN pg_amop AS a
            ON
                a.amopfamily = c.opcfamily
                AND a.amoplefttype = v_left
                AND a.amoprighttype = v_right
                AND a.amopstrategy = 3
                AND a.amopmethod = c.opcmethod
        WHERE c.opcintype = v_left AND c.opcdefault
        LIMIT 1
    );
END;
$deletion_equality_of$;

COMMENT ON FUNCTION deletion_equality_of(oid, oid) IS
'The operator by which an index would compare a key''s column with a reference''s column.';
REVOKE ALL ON FUNCTION deletion_equality_of(oid, oid) FROM PUBLIC;
