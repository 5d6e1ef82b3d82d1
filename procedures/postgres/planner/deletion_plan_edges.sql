-- deletion_plan_edges
-- Number a plan's references in the order of the walk, and mark what the check has to look at.
--
-- Parameters  p_closure      the closure's tables
--             p_references   rows of deletion_references_to, as a jsonb array
--             p_nodes        the plan's nodes, as a jsonb array
--             p_count_all    TRUE: the check counts every row (the target has max_rows)
-- Returns     jsonb: edges, can_block, has_waits; error_code and error where types do
--             not compare or rows could not be counted
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_plan_edges(
    p_closure oid[],
    p_references jsonb,
    p_nodes jsonb,
    p_count_all boolean
) RETURNS jsonb
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_plan_edges$
WITH RECURSIVE reference AS (
    SELECT
        e.value AS source,
        r.*,
        r.child_oid = ANY (p_closure) AS in_closure
    FROM jsonb_array_elements(p_references) AS e
    CROSS JOIN LATERAL jsonb_to_record(e.value) AS r (
        child_oid oid, parent_oid oid, reference_name text, action text
    )
),

ranked AS (
    SELECT r.table_oid, r.table_rank
    FROM deletion_plan_ranks(p_closure, (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'c', r.child_oid::bigint, 'p', r.parent_oid::bigint,
            'lasting', r.action IN ('cascade', 'restrict')
        )), '[]')
        FROM reference AS r
        WHERE r.in_closure AND r.action <> 'keep'
    )) AS r
),

circular AS (
    SELECT c.child_oid, c.reference_name FROM deletion_plan_cycle(p_closure, p_references) AS c
),

-- What could be set NULL to let a parent go first, where rows refer to each other in a circle, or
-- get a default.
loose AS (
    SELECT
        r.child_oid, r.reference_name, c.child_oid IS NOT NULL AS is_circular,
        deletion_break_columns(r.source, p_references) AS columns
    FROM reference AS r
    LEFT JOIN circular AS c
        ON c.child_oid = r.child_oid AND c.reference_name = r.reference_name
    WHERE
        r.in_closure AND (
            r.action = 'set_default'
            OR (
                r.action IN ('cascade', 'restrict')
                AND (c.child_oid IS NOT NULL OR r.child_oid = r.parent_oid)
            )
        )
),

-- Tables in circles whose rows the check has to search. A row that may be found in two ways, or is
-- the root, may be entered where it holds its circle together; all others come after what they hang
-- from, and then no circle is left that a NULL does not open.
searched AS (
    SELECT DISTINCT l.child_oid AS table_oid
    FROM loose AS l
    WHERE
        l.is_circular
        AND EXISTS (
            SELECT 1
            FROM loose AS o
            WHERE
                o.is_circular AND o.columns IS NULL
                AND (
                    o.child_oid = p_closure[1]
                    OR (
                        SELECT count(*) FROM reference AS r
                        WHERE r.child_oid = o.child_oid AND r.action IN ('cascade', 'restrict')
                    ) > 1
                )
        )
),

-- Tables whose rows the check must know: those behind which something could block, or get a default
-- that goes as well, those whose circles it searches, and all tables on the way from the target to
-- them.
-- A row that is set NULL first gets no default.
minded AS (
    SELECT r.child_oid, r.parent_oid, r.reference_name, r.in_closure
    FROM reference AS r
    WHERE
        r.action IN ('restrict', 'set_default')
        OR (r.action IN ('set_null', 'scrub') AND EXISTS (
            SELECT 1
            FROM reference AS d
            WHERE d.child_oid = r.child_oid AND d.action = 'set_default'
        ))
),

concerned (table_oid) AS (
    SELECT m.parent_oid
    FROM minded AS m
    UNION
    SELECT s.table_oid
    FROM searched AS s
    UNION
    SELECT m.child_oid
    FROM minded AS m
    WHERE m.in_closure
    UNION
    SELECT r.parent_oid
    FROM reference AS r
    INNER JOIN concerned AS c ON c.table_oid = r.child_oid
    WHERE r.action = 'cascade'
),

-- Of a table that refers to itself the rows that something else leads to: a row has one parent by
-- that reference, so a circle is met by climbing from them, or there is none.
entered (table_oid, is_above) AS (
    SELECT r.child_oid, FALSE
    FROM reference AS r
    WHERE
        r.action = 'cascade' AND r.parent_oid = r.child_oid
        AND NOT EXISTS (SELECT 1 FROM circular AS c WHERE c.child_oid = r.child_oid)
    UNION
    SELECT r.parent_oid, TRUE
    FROM reference AS r
    INNER JOIN entered AS e ON e.table_oid = r.child_oid
    WHERE r.action = 'cascade' AND r.parent_oid <> r.child_oid
),

described AS (
    SELECT
        deletion_plan_edge(r.source, p.node, c.node)
        || jsonb_build_object(
            'waits', r.action NOT IN ('cascade', 'keep')
            AND (r.in_closure OR r.source -> 'set_order' <> '0'),
            'set_order', r.source -> 'set_order',
            'leaf', r.action = 'cascade' AND NOT EXISTS (
                SELECT 1
                FROM reference AS below
                WHERE below.parent_oid = r.child_oid AND below.action <> 'keep'
            ),
            -- What is kept is counted by previews alone.
            'check', p_count_all AND r.action <> 'keep' OR EXISTS (
                SELECT 1
                FROM minded AS m
                WHERE m.child_oid = r.child_oid AND m.reference_name = r.reference_name
            ) OR (
                r.action = 'cascade'
                AND (
                    EXISTS (SELECT 1 FROM concerned AS x WHERE x.table_oid = r.child_oid)
                    OR EXISTS (
                        SELECT 1
                        FROM entered AS x
                        WHERE
                            x.table_oid = r.child_oid
                            AND (x.is_above OR r.parent_oid <> r.child_oid)
                    )
                )
            ),
            -- No trigger or rule can keep a row of it: what was deleted short of the limit is empty.
            'steady', NOT EXISTS (
                SELECT 1
                FROM pg_trigger AS g
                -- Bits of tgtype: for each row, before, on DELETE.
                WHERE g.tgrelid = r.child_oid AND g.tgtype & 11 = 11
            ) AND NOT EXISTS (
                SELECT 1 FROM pg_rewrite AS w WHERE w.ev_class = r.child_oid
            ),
            -- Nor can one add rows elsewhere when it goes: what is empty stays so under a lock.
            'quiet', NOT EXISTS (
                SELECT 1
                FROM pg_trigger AS g
                WHERE
                    (
                        g.tgrelid = r.child_oid
                        OR g.tgrelid IN (SELECT t.relid FROM pg_partition_tree(r.child_oid) AS t)
                    )
                    AND g.tgtype & 8 = 8 AND NOT g.tgisinternal
            ),
            -- Rows with two references to set are changed twice and counted once; rows of the
            -- closure that are set may go later, and are counted as gone.
            'once', r.action IN ('set_null', 'set_default', 'scrub') AND (
                r.in_closure OR (
                    SELECT count(*) FROM reference AS s
                    WHERE
                        s.child_oid = r.child_oid
                        AND s.action IN ('set_null', 'set_default', 'scrub')
                ) > 1
            ),
            -- A row that another one sets first is not found by it.
            'hidden', r.action = 'set_default' AND EXISTS (
                SELECT 1
                FROM reference AS s
                WHERE
                    s.child_oid = r.child_oid AND s.action IN ('set_null', 'scrub')
                    AND EXISTS (
                        SELECT 1
                        FROM jsonb_array_elements(s.source -> 'set_columns') AS c
                        WHERE r.source -> 'child_columns' @> c.value
                    )
            ),
            'circle', coalesce(l.is_circular, FALSE),
            -- What ties rows of such tables, and what leads to them from elsewhere.
            'link', EXISTS (SELECT 1 FROM searched AS s WHERE s.table_oid = r.child_oid)
            AND (
                r.action = 'cascade'
                OR (r.action = 'restrict' AND l.is_circular AND l.columns IS NULL)
            ),
            'break_columns', (
                SELECT jsonb_agg(quote_ident(a.attname) ORDER BY a.attnum)
                FROM pg_attribute AS a
                WHERE a.attrelid = r.child_oid AND a.attnum = ANY (l.columns)
            )
        ) AS edge,
        c.node ->> 'name' AS child_name,
        -- Columns of the system stand in for a key.
        (c.node -> 'columns' -> 0 ->> 'attnum')::int2 < 0 AS is_keyless,
        row_number() OVER (
            ORDER BY
                (p.node ->> 'no')::integer,
                CASE r.action
                    WHEN 'cascade' THEN 0
                    -- What is to be scrubbed is not found any more when its columns are NULL.
                    WHEN 'scrub' THEN 1
                    WHEN 'restrict' THEN 3
                    WHEN 'keep' THEN 4
                    ELSE 2
                END,
                k.table_rank NULLS LAST,
                -- Of tables in a circle those come first that no row of another has to wait for.
                EXISTS (
                    SELECT 1 FROM loose AS o
                    WHERE o.child_oid = r.child_oid AND o.is_circular AND o.columns IS NULL
                ),
                c.node ->> 'name', r.reference_name
        ) AS edge_no
    FROM reference AS r
    INNER JOIN
        (SELECT n.value AS node FROM jsonb_array_elements(p_nodes) AS n) AS p
        ON (p.node ->> 'oid')::oid = r.parent_oid
    INNER JOIN
        (SELECT n.value AS node FROM jsonb_array_elements(p_nodes) AS n) AS c
        ON (c.node ->> 'oid')::oid = r.child_oid
    LEFT JOIN ranked AS k ON k.table_oid = r.child_oid
    LEFT JOIN loose AS l ON l.child_oid = r.child_oid AND l.reference_name = r.reference_name
)

SELECT jsonb_build_object(
    'edges', coalesce(
        jsonb_agg(d.edge || jsonb_build_object('no', d.edge_no) ORDER BY d.edge_no), '[]'
    ),
    'can_block', coalesce(bool_or(
        (d.edge ->> 'check')::boolean
        OR (d.edge ->> 'self')::boolean AND d.edge ->> 'action' = 'cascade'
        AND NOT (d.edge ->> 'circle')::boolean
    ), FALSE),
    'has_waits', coalesce(bool_or(
        (d.edge ->> 'waits')::boolean OR (d.edge ->> 'circle')::boolean
    ), FALSE)
) || CASE
    -- Where a row without a key lies tells it apart until somebody changes it, and no longer.
    WHEN bool_or((d.edge ->> 'once')::boolean AND d.is_keyless) THEN jsonb_build_object(
        'error_code', 'JD005',
        'error', min(d.child_name) FILTER (WHERE (d.edge ->> 'once')::boolean AND d.is_keyless)
        || ' has no key, and its rows cannot be counted once for several references'
    )
    WHEN bool_and((d.edge ->> 'comparable')::boolean) THEN '{}'::jsonb
    WHEN count(*) = 0 THEN '{}'::jsonb
    ELSE jsonb_build_object(
        'error_code', 'JD005',
        'error', 'columns that cannot be compared exactly: ' || string_agg(d.edge ->> 'reference', ', ')
            FILTER (WHERE NOT (d.edge ->> 'comparable')::boolean)
    )
END
FROM described AS d
-- What is kept without a way to compare is not read at all.
WHERE d.edge ->> 'action' <> 'keep' OR (d.edge ->> 'comparable')::boolean;
$deletion_plan_edges$;

COMMENT ON FUNCTION deletion_plan_edges(oid[], jsonb, jsonb, boolean) IS
'A plan''s references in the order of the walk, and what the check has to look at.';
REVOKE ALL ON FUNCTION deletion_plan_edges(oid[], jsonb, jsonb, boolean) FROM PUBLIC;
