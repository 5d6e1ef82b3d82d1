-- deletion_sql_cascade
-- Write the statements for rows of which what hangs from them is left to the engine's own cascade.
--
-- Parameters  p_edge     the reference that leads to the rows
--             p_parent   its parent's node         p_child   its child's node, the rows' table
--             p_below    the references that point at the rows, as deletion_sql_sweep takes them
-- Returns     one row a statement, with its reference: peek_one and peek_found_one, as take_one and
--             take_found_one of deletion_sql_sweep, without a lock; tally for the table and for each
--             that hangs from it: how many of its rows this transaction has deleted. None where the
--             engine would do otherwise than the plan, or where somebody else has a word in it:
--             triggers, policies, inherited tables
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_cascade(
    p_edge jsonb,
    p_parent jsonb,
    p_child jsonb,
    p_below jsonb
) RETURNS TABLE (edge_no integer, kind text, sql_text text)
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_cascade$
WITH tallied AS (
    SELECT
        (p_edge ->> 'no')::integer AS edge_no, (p_child ->> 'oid')::oid AS table_oid,
        TRUE AS is_own
    UNION ALL
    SELECT (b ->> 'no')::integer, (b ->> 'child_oid')::oid, FALSE
    FROM jsonb_array_elements(p_below) AS b
),

is_left AS (
    SELECT
        jsonb_array_length(p_parent -> 'columns') = 1
        AND NOT (p_edge ->> 'self')::boolean
        AND NOT EXISTS (
            SELECT 1
            FROM jsonb_array_elements(p_below) AS b
            WHERE (b ->> 'self')::boolean
        )
        -- The plan's references are all that the engine knows, and cascade there as well.
        AND (
            SELECT
                count(*) = jsonb_array_length(p_below) AND coalesce(bool_and(k.confdeltype = 'c'), TRUE)
            FROM pg_constraint AS k
            WHERE k.contype = 'f' AND k.confrelid = (p_child ->> 'oid')::oid
        )
        AND NOT EXISTS (
            SELECT 1
            FROM tallied AS t
            INNER JOIN pg_class AS c ON c.oid = t.table_oid
            WHERE
                c.relkind <> 'r' OR c.relispartition OR c.relhassubclass OR c.relrowsecurity
                OR EXISTS (
                    SELECT 1
                    FROM pg_trigger AS g
                    WHERE
                        g.tgrelid = c.oid
                        -- Of the engine's own all have to be at work.
                        AND CASE
                            WHEN g.tgisinternal THEN g.tgenabled NOT IN ('O', 'A')
                            ELSE g.tgenabled <> 'D' AND g.tgtype & 8 <> 0
                        END
                )
        ) AS value
),

row_of AS (
    SELECT
        (p_edge ->> 'no')::integer AS edge_no,
        deletion_sql_frame(p_parent -> 'columns', (p_edge ->> 'only_found')::boolean) AS frame,
        p_child ->> 'sql' AS table_sql,
        p_child -> 'columns' -> 0 ->> 'name' AS key_name,
        p_edge ->> 'child_column' AS parent_name
)

SELECT r.edge_no, k.kind, format(
    $sql$WITH %1$s
SELECT ARRAY[(SELECT min(f.j) FROM f)], array_agg(x.k1), array_agg(DISTINCT x.p1), count(*)
FROM (
    SELECT t.%2$s::bigint AS k1, t.%3$s::bigint AS p1
    FROM %4$s AS t
    WHERE %5$s
) AS x$sql$,
    r.frame, r.key_name, r.parent_name, r.table_sql, format(k.template, r.parent_name)
)
FROM row_of AS r
CROSS JOIN (
    VALUES
    ('peek_one', 't.%s = ANY (ARRAY(SELECT f.k1 FROM f)) LIMIT $2'),
    (
        'peek_found_one',
        't.ctid = ANY (ARRAY(SELECT unnest($2))) AND (t.%s IN (SELECT f.k1 FROM f)) IS TRUE'
    )
) AS k (kind, template)
WHERE (SELECT l.value FROM is_left AS l)
UNION ALL
-- The engine's own count of the transaction: its triggers tell nobody how many rows they deleted.
SELECT
    t.edge_no, 'tally',
    format('SELECT pg_catalog.pg_stat_get_xact_tuples_deleted(%s)', t.table_oid)
FROM tallied AS t
WHERE (SELECT l.value FROM is_left AS l);
$deletion_sql_cascade$;

COMMENT ON FUNCTION deletion_sql_cascade(jsonb, jsonb, jsonb, jsonb) IS
'The statements for rows of which what hangs from them is left to the engine''s own cascade.';
REVOKE ALL ON FUNCTION deletion_sql_cascade(jsonb, jsonb, jsonb, jsonb) FROM PUBLIC;
