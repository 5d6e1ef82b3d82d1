-- deletion_same_value
-- Tell whether two values of a column, as they were declared, are one to the column.
--
-- Parameters  p_table, p_column    the column, by its number
--             p_first, p_second    the values, as text
-- Returns     boolean; where the column cannot say, they are
-- Writes      nothing, and reads no row of the table     Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_same_value('comment'::regclass, 2::int2, 'post', 'POST');

CREATE OR REPLACE FUNCTION deletion_same_value(
    p_table oid,
    p_column int2,
    p_first text,
    p_second text
) RETURNS boolean
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_same_value$
DECLARE
    v_is_same boolean;
    v_sql text;
BEGIN
    IF p_first = p_second THEN
        RETURN TRUE;
    END IF;

    SELECT format(
        'SELECT CAST(%1$L AS %3$s) %4$s CAST(%2$L AS %3$s)%5$s',
        p_first, p_second, format_type(a.atttypid, a.atttypmod),
        deletion_equality(deletion_equality_of(a.atttypid, a.atttypid), FALSE),
        (
            SELECT format(' COLLATE %I.%I', n.nspname, c.collname)
            FROM pg_collation AS c
            INNER JOIN pg_namespace AS n ON n.oid = c.collnamespace
            WHERE c.oid = a.attcollation
        )
    )
    INTO STRICT v_sql
    FROM pg_attribute AS a
    WHERE a.attrelid = p_table AND a.attnum = p_column;

    EXECUTE v_sql INTO v_is_same;
    RETURN coalesce(v_is_same, TRUE);
EXCEPTION
    WHEN OTHERS THEN
        RETURN TRUE;
END;
$deletion_same_value$;

COMMENT ON FUNCTION deletion_same_value(oid, int2, text, text) IS
'Tell whether two values of a column, as they were declared, are one to the column.';
REVOKE ALL ON FUNCTION deletion_same_value(oid, int2, text, text) FROM PUBLIC;
