-- deletion_plan_node
-- Describe a table of a plan: its name, key, and the further columns that references point at.
--
-- Parameters  p_no          number of the node in the plan, 0 for the target
--             p_table       the table
--             p_key         its key columns
--             p_referenced  columns that references of the plan point at
--             p_in_closure  FALSE for a table that only non-cascading references reach
-- Returns     jsonb: no, oid, sql (deletion_sql_table), name, closure, and columns, each with its
--             name in frames (f: k1.. key, u1.. others), name, type, attnum, folds (TRUE: texts may
--             be equal that differ) and collate
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_plan_node(0, 'users'::regclass, '{1}', '{1,4}', TRUE);

CREATE OR REPLACE FUNCTION deletion_plan_node(
    p_no integer,
    p_table oid,
    p_key int2[],
    p_referenced int2[],
    p_in_closure boolean
) RETURNS jsonb
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_plan_node$
WITH wanted AS (
    SELECT 'k' || k.ordinality AS f, k.attnum, 1 AS part, k.ordinality
    FROM unnest(p_key) WITH ORDINALITY AS k (attnum, ordinality)
    UNION ALL
    SELECT 'u' || row_number() OVER (ORDER BY u.attnum), u.attnum, 2, u.attnum
    FROM (SELECT DISTINCT r.attnum FROM unnest(p_referenced) AS r (attnum)) AS u
    WHERE u.attnum <> ALL (coalesce(p_key, '{-6,-1}'))
    UNION ALL
    -- Rows without a key are told apart by their place, for as long as nobody changes them.
    SELECT 'k' || k.ordinality, k.attnum, 1, k.ordinality
    FROM unnest(CASE
        WHEN p_key IS NOT NULL THEN NULL
        WHEN EXISTS (SELECT 1 FROM pg_class AS c WHERE c.oid = p_table AND c.relkind = 'p')
            THEN '{-6,-1}'::int2[]
        ELSE '{-1}'::int2[]
    END) WITH ORDINALITY AS k (attnum, ordinality)
)

SELECT jsonb_build_object(
    'no', p_no,
    'oid', p_table::bigint,
    'sql', deletion_sql_table(c.oid),
    'parts', c.relkind = 'p',
    -- What a subquery has to hand on: columns of the system are no part of *.
    'rows', CASE
        WHEN p_key IS NULL OR -6 = ANY (p_referenced) THEN 'c.tableoid, c.ctid, c.*' ELSE '*'
    END,
    'name', deletion_entity_name(c.oid),
    'closure', p_in_closure,
    'columns', (
        SELECT jsonb_agg(jsonb_build_object(
            'f', w.f,
            'name', quote_ident(a.attname),
            -- Never a domain: its checks are no concern of frames, and rows that are not there have
            -- no value.
            'type', format_type(b.type_oid, b.type_modifier),
            'attnum', a.attnum,
            'eq', deletion_equality(deletion_equality_of(a.atttypid, a.atttypid), FALSE),
            'key', w.part = 1,
            'folds', deletion_type_family(a.atttypid) IN ('string', 'padded') AND (
                b.type_oid NOT IN (
                    'text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'name'::regtype
                )
                OR NOT l.collisdeterministic
            ),
            'collate', CASE
                WHEN l.collname <> 'default' THEN format(' COLLATE %I.%I', ln.nspname, l.collname)
            END
        ) ORDER BY w.part, w.ordinality)
        FROM wanted AS w
        INNER JOIN pg_attribute AS a ON a.attrelid = p_table AND a.attnum = w.attnum
        CROSS JOIN LATERAL deletion_base_type(a.atttypid, a.atttypmod) AS b
        LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
        LEFT JOIN pg_namespace AS ln ON ln.oid = l.collnamespace
    )
)
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = p_table;
$deletion_plan_node$;

COMMENT ON FUNCTION deletion_plan_node(integer, oid, int2[], int2[], boolean) IS
'A table of a plan: its name, key, and the further columns that references point at.';
REVOKE ALL ON FUNCTION deletion_plan_node(integer, oid, int2[], int2[], boolean) FROM PUBLIC;
