-- deletion_plan_ranks
-- Order the tables of a closure, children first, over its references.
--
-- Parameters  p_tables   the closure, the target first
--             p_edges    jsonb array of {"c": child oid, "p": parent oid, "lasting": boolean};
--                        lasting: nothing but the child's end lets the parent go
-- Returns     one row a table: its rank, 0 for the deepest; NULL for all tables that lie on a
--             cycle of lasting references, or above one
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_plan_ranks(
    p_tables oid[],
    p_edges jsonb
) RETURNS TABLE (table_oid oid, table_rank integer)
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_plan_ranks$
DECLARE
    v_left oid[] := p_tables;
    v_free oid[];
    v_rank integer := 0;
    v_only_lasting boolean := FALSE;
BEGIN
    WHILE v_left <> '{}' LOOP
        SELECT array_agg(l.table_oid)
        INTO v_free
        FROM unnest(v_left) AS l (table_oid)
        WHERE NOT EXISTS (
            SELECT 1
            FROM jsonb_to_recordset(p_edges) AS e (c oid, p oid, lasting boolean)
            WHERE
                e.p = l.table_oid AND e.c <> e.p AND e.c = ANY (v_left)
                AND (e.lasting OR NOT v_only_lasting)
        );

        IF v_free IS NULL THEN
            -- A reference that is set NULL may close a circle: it is set before its rows go.
            EXIT WHEN v_only_lasting;
            v_only_lasting := TRUE;
            CONTINUE;
        END IF;

        RETURN QUERY SELECT f.table_oid, v_rank FROM unnest(v_free) AS f (table_oid);
        v_left := ARRAY(
            SELECT l.table_oid FROM unnest(v_left) AS l (table_oid) WHERE l.table_oid <> ALL (v_free)
        );
        v_rank := v_rank + 1;
        v_only_lasting := FALSE;
    END LOOP;

    RETURN QUERY SELECT l.table_oid, NULL::integer FROM unnest(v_left) AS l (table_oid);
END;
$deletion_plan_ranks$;

COMMENT ON FUNCTION deletion_plan_ranks(oid[], jsonb) IS
'Order of a closure''s tables, children first, over its references.';
REVOKE ALL ON FUNCTION deletion_plan_ranks(oid[], jsonb) FROM PUBLIC;
