-- deletion_unique_key
-- Find the columns that name one row: those that were asked for, if they do, or the primary key.
--
-- Parameters  p_table     the table
--             p_columns   column names, a JSON array; NULL: the primary key
-- Returns     int2[] in the order asked for; NULL: not the columns of a NOT NULL unique key
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_unique_key('customer'::regclass, '["email"]');

CREATE OR REPLACE FUNCTION deletion_unique_key(
    p_table regclass,
    p_columns jsonb
) RETURNS int2[]
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_unique_key$
DECLARE
    v_columns int2[] := deletion_columns(p_table, p_columns);
    v_key int2[];
BEGIN
    IF v_columns IS NULL AND p_columns IS NOT NULL THEN
        RETURN NULL;
    END IF;

    -- indkey counts from 0 and lists INCLUDE columns too; a deferrable key may hold twice.
    SELECT (i.indkey::int2[])[0:i.indnkeyatts - 1] INTO v_key
    FROM pg_index AS i
    WHERE
        i.indrelid = p_table AND i.indisunique AND i.indisvalid AND i.indimmediate
        AND i.indpred IS NULL AND i.indexprs IS NULL
        AND CASE
            WHEN p_columns IS NULL THEN i.indisprimary
            ELSE
                i.indnkeyatts = cardinality(v_columns)
                AND v_columns @> (i.indkey::int2[])[0:i.indnkeyatts - 1]
        END
    LIMIT 1;

    IF EXISTS (
        SELECT 1
        FROM pg_attribute AS a
        WHERE a.attrelid = p_table AND a.attnum = ANY (v_key) AND NOT a.attnotnull
    ) THEN
        RETURN NULL;
    END IF;

    -- Sliced arrays keep their bounds; the catalog functions expect 1.
    RETURN CASE WHEN v_key IS NOT NULL THEN coalesce(v_columns, ARRAY(SELECT unnest(v_key))) END;
END;
$deletion_unique_key$;

COMMENT ON FUNCTION deletion_unique_key(regclass, jsonb) IS
'Find the columns that name one row: those that were asked for, if they do, or the primary key.';
REVOKE ALL ON FUNCTION deletion_unique_key(regclass, jsonb) FROM PUBLIC;
