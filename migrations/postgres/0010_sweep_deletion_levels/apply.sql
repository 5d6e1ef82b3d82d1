-- 0010_sweep_deletion_levels: apply
-- Sweep deletion levels on PostgreSQL.
--
-- Plain SQL for psql; deletion-jobs sends the same text. Generated from the files
-- named by the markers: edit those, then run deletion-jobs migrations write.

-- >>> tooling/deletion_jobs/sql/postgres/migration_begin.sql
-- One transaction: all of it or nothing, whoever sends it.
BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = 0;
-- A routine may call one that is made after it.
SET LOCAL check_function_bodies = off;

-- Everything goes into the current schema; routines freeze this very path.
DO $migration_begin$
BEGIN
    IF coalesce(current_schema(), 'pg_') LIKE 'pg\_%' THEN
        RAISE EXCEPTION 'the search_path names no schema that exists';
    END IF;

    PERFORM set_config('search_path', quote_ident(current_schema()) || ', pg_temp', TRUE);
    PERFORM set_config('deletion_jobs.installer', current_setting('role'), TRUE);
END;
$migration_begin$;
-- <<<

-- >>> tooling/deletion_jobs/sql/postgres/migration_owner.sql
-- From here on the objects belong to the owner, who may create them only now.
DO $migration_owner$
BEGIN
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO deletion_jobs_owner', current_schema());
END;
$migration_owner$;

SET LOCAL ROLE deletion_jobs_owner;
-- <<<

-- A step in its midst would call what is no more, and its job would fail: no step works meanwhile.
-- Each begins with its run's row.
LOCK TABLE deletion_runs IN SHARE MODE;

-- >>> drop
DROP FUNCTION IF EXISTS deletion_sweep_away;
-- <<<

-- >>> schema/postgres/types/deletion_level.sql
-- deletion_level
-- Locked rows of one table that all go in a step, with what hangs from them.
--
-- node_no is the rows' table in the plan. The arrays are what the plan's statements bind: jobs and
-- keys of the rows, and the keys of the rows that they hang from; in a run of one job the job
-- stands in jobs once, and each parent at least once in parents.

CREATE TYPE deletion_level AS (
    node_no integer,
    jobs bigint[],
    keys bigint[],
    parents bigint[]
);

COMMENT ON TYPE deletion_level IS
'Locked rows of one table that all go in a step, with what hangs from them.';
-- <<<

-- >>> schema/postgres/types/deletion_subtree.sql
-- deletion_subtree
-- Locked rows with all that hangs from them: what the functions of a sweep hand to each other.
--
-- levels are the locked rows of each table, the topmost first. found is what goes, children first:
-- a jsonb array of sql, table, rows, jobs (job -> rows), and level, the number of the locked rows
-- that the statement binds. rows_left is what is left of the batch; below 0, there are more rows
-- than that, and found and levels do not hold all of them.

CREATE TYPE deletion_subtree AS (
    levels deletion_level[],
    found jsonb,
    rows_left bigint
);

COMMENT ON TYPE deletion_subtree IS
'Locked rows with all that hangs from them: what the functions of a sweep hand to each other.';
-- <<<

-- >>> procedures/postgres/planner/deletion_plan_trees.sql
-- deletion_plan_trees
-- Find the tables of a plan whose rows can go with all that hangs from them, level by level.
--
-- Parameters  p_nodes   the plan's nodes           p_edges   its references
-- Returns     integer[], the numbers of those nodes: what hangs from them does so by foreign keys
--             of single whole numbers that cascade, no trigger sees any of it go, and none of
--             their tables is reached twice, so that each row is counted once
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_plan_trees(
    p_nodes jsonb,
    p_edges jsonb
) RETURNS integer[]
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_plan_trees$
DECLARE
    v_parents integer[];
    v_children integer[];
    v_sound integer[];
    v_trees integer[] := '{}'::integer[];
    -- Pairs: a tree, and a table below it.
    v_tops integer[] := '{}'::integer[];
    v_members integer[] := '{}'::integer[];
    v_new_trees integer[];
    v_new_tops integer[];
    v_new_members integer[];
BEGIN
    SELECT array_agg((e.value ->> 'parent')::integer), array_agg((e.value ->> 'child')::integer)
    INTO v_parents, v_children
    FROM jsonb_array_elements(p_edges) AS e
    WHERE e.value ->> 'action' <> 'keep';

    v_sound := ARRAY(
        SELECT n.node_no
        FROM (
            SELECT (x.value ->> 'no')::integer AS node_no, x.value -> 'columns' AS columns
            FROM jsonb_array_elements(p_nodes) AS x
        ) AS n
        INNER JOIN (
            SELECT
                (e.value ->> 'parent')::integer AS parent_no,
                bool_and(
                    e.value ->> 'action' = 'cascade' AND NOT (e.value ->> 'self')::boolean
                    AND (e.value ->> 'steady')::boolean AND (e.value ->> 'quiet')::boolean
                    AND (e.value ->> 'plain')::boolean
                ) AS is_sound
            FROM jsonb_array_elements(p_edges) AS e
            WHERE e.value ->> 'action' <> 'keep'
            GROUP BY (e.value ->> 'parent')::integer
        ) AS b ON b.parent_no = n.node_no
        WHERE
            b.is_sound
            AND jsonb_array_length(n.columns) = 1
            AND n.columns -> 0 ->> 'type' IN ('smallint', 'integer', 'bigint')
            AND n.columns -> 0 ->> 'eq' = 'OPERATOR(pg_catalog.=)'
    );

    -- From the leaves upwards: what is above a table that is none is none either.
    LOOP
        WITH link AS (
            SELECT l.parent_no, l.child_no FROM unnest(v_parents, v_children) AS l (parent_no, child_no)
        ),

        candidate AS (
            SELECT l.parent_no
            FROM link AS l
            WHERE l.parent_no = ANY (v_sound) AND l.parent_no <> ALL (v_trees)
            GROUP BY l.parent_no
            HAVING bool_and(l.child_no = ANY (v_trees) OR l.child_no <> ALL (v_parents))
        ),

        reached AS (
            SELECT l.parent_no, l.child_no
            FROM link AS l
            WHERE l.parent_no IN (SELECT c.parent_no FROM candidate AS c)
            UNION ALL
            SELECT l.parent_no, p.member
            FROM link AS l
            INNER JOIN unnest(v_tops, v_members) AS p (top, member) ON p.top = l.child_no
            WHERE l.parent_no IN (SELECT c.parent_no FROM candidate AS c)
        ),

        tree AS (
            SELECT r.parent_no
            FROM reached AS r
            GROUP BY r.parent_no
            HAVING count(*) = count(DISTINCT r.child_no)
        )

        SELECT
            (SELECT array_agg(t.parent_no) FROM tree AS t),
            array_agg(r.parent_no), array_agg(r.child_no)
        INTO v_new_trees, v_new_tops, v_new_members
        FROM reached AS r
        WHERE r.parent_no IN (SELECT t.parent_no FROM tree AS t);

        EXIT WHEN v_new_trees IS NULL;
        v_trees := v_trees || v_new_trees;
        v_tops := v_tops || v_new_tops;
        v_members := v_members || v_new_members;
    END LOOP;

    RETURN v_trees;
END;
$deletion_plan_trees$;

COMMENT ON FUNCTION deletion_plan_trees(jsonb, jsonb) IS
'The tables of a plan whose rows can go with all that hangs from them, level by level.';
REVOKE ALL ON FUNCTION deletion_plan_trees(jsonb, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_sweep.sql
-- deletion_sql_sweep
-- Write the statements that lock, empty and remove a frame's worth of rows in one transaction.
--
-- Parameters  p_edge     the reference that leads to the rows
--             p_parent   its parent's node         p_child   its child's node, the rows' table
--             p_below    the references that point at the rows, each with the key column of its
--                        rows: it leads to rows without dependants, to rows that are swept as
--                        well, or to rows of the same table, of which those are taken that none
--                        hangs from; all foreign keys of whole numbers, with an index
-- Returns     one row a statement, with its reference: take ($1 the parent's frame, $2 limit;
--             arrays of the jobs, keys and parents of the rows that it found and locked), and,
--             each binding $1 jobs, $2 keys, $3 parents, $4 limit: count (rows, rows by job),
--             sweep and remove_all (nothing: the engine counts), and take_below (as take, of the
--             rows that hang from those, $4 at most); take_one, count_one, remove_all_one and
--             take_below_one do the same for a run of one job, $3 each parent once or more;
--             take_found_one does so with $2 where the rows lie, as deletion_sql_find found them
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_sweep(
    p_edge jsonb,
    p_parent jsonb,
    p_child jsonb,
    p_below jsonb
) RETURNS TABLE (edge_no integer, kind text, sql_text text)
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_sweep$
WITH row_of AS (
    SELECT
        (p_edge ->> 'no')::integer AS edge_no,
        p_child ->> 'sql' AS table_sql,
        p_child -> 'columns' -> 0 ->> 'name' AS key_name,
        p_edge ->> 'child_column' AS parent_name,
        coalesce((
            SELECT string_agg(
                format(
                    E'\n    AND NOT EXISTS (SELECT 1 FROM %s AS c WHERE %s)',
                    b ->> 'sql', b ->> 'on_parent'
                ), '' ORDER BY (b ->> 'no')::integer
            )
            FROM jsonb_array_elements(p_below) AS b
            WHERE (b ->> 'self')::boolean
        ), '') || CASE
            -- A row that refers to itself is not its own child.
            WHEN (p_edge ->> 'self')::boolean THEN format(
                E'\n    AND t.%s <> t.%s',
                p_child -> 'columns' -> 0 ->> 'name', p_edge ->> 'child_column'
            )
            ELSE ''
        END AS childless
)

SELECT r.edge_no, 'take', format(
    $sql$WITH %1$s,
i AS MATERIALIZED (
    SELECT f.j, t.%2$s::bigint AS k1, t.%3$s::bigint AS p1
    FROM f
    CROSS JOIN LATERAL (SELECT * FROM %4$s AS c WHERE %5$s OFFSET 0) AS t
    %6$sLIMIT $2
)
SELECT array_agg(x.j), array_agg(x.k1), array_agg(x.p1), (SELECT count(*) FROM i)
FROM (
    SELECT i.j, i.k1, i.p1
    FROM i
    INNER JOIN %4$s AS t ON t.%2$s = i.k1 AND (t.%3$s = i.p1) IS TRUE
    ORDER BY t.%2$s
    FOR UPDATE OF t
) AS x$sql$,
    deletion_sql_frame(p_parent -> 'columns', (p_edge ->> 'only_found')::boolean),
    r.key_name, r.parent_name, r.table_sql,
    p_edge ->> 'on_frame',
    coalesce('WHERE TRUE' || nullif(r.childless, '') || E'\n    ', '')
)
FROM row_of AS r
UNION ALL
-- For a run of one job nothing has to be kept of the rows but their keys, and whose they are. They
-- are locked as they are found, the order in which an application's own statement locks them.
SELECT r.edge_no, k.kind, format(
    $sql$WITH %1$s
SELECT ARRAY[(SELECT min(f.j) FROM f)], array_agg(x.k1), array_agg(DISTINCT x.p1), count(*)
FROM (
    SELECT t.%2$s::bigint AS k1, t.%3$s::bigint AS p1
    FROM %4$s AS t
    WHERE %5$s%6$s
    %7$sFOR UPDATE OF t
) AS x$sql$,
    deletion_sql_frame(p_parent -> 'columns', (p_edge ->> 'only_found')::boolean),
    r.key_name, r.parent_name, r.table_sql, format(k.template, r.parent_name), r.childless,
    k.bound
)
FROM row_of AS r
CROSS JOIN (
    VALUES
    ('take_one', 't.%s = ANY (ARRAY(SELECT f.k1 FROM f))', E'LIMIT $2\n    '),
    (
        'take_found_one',
        't.ctid = ANY (ARRAY(SELECT unnest($2))) AND (t.%s IN (SELECT f.k1 FROM f)) IS TRUE', ''
    )
) AS k (kind, template, bound)
WHERE
    jsonb_array_length(p_parent -> 'columns') = 1
    -- Of several partitions a row's place alone does not tell which row it is.
    AND NOT (k.kind = 'take_found_one' AND (p_child ->> 'parts')::boolean)
UNION ALL
-- By their own keys: of a parent with many more children than most the planner thinks too well.
SELECT r.edge_no, 'remove_all', format(
    'DELETE FROM %1$s AS t USING unnest($2, $3) AS f (k1, p1)'
    || ' WHERE t.%2$s = f.k1 AND (t.%3$s = f.p1) IS TRUE%4$s',
    r.table_sql, r.key_name, r.parent_name, r.childless
)
FROM row_of AS r
UNION ALL
SELECT r.edge_no, 'remove_all_one', format(
    'DELETE FROM %1$s AS t WHERE t.%2$s = ANY (ARRAY(SELECT unnest($2)))'
    || ' AND (t.%3$s = ANY ($3)) IS TRUE%4$s',
    r.table_sql, r.key_name, r.parent_name, r.childless
)
FROM row_of AS r
UNION ALL
-- Under their parents' lock no row can come by a foreign key: what was counted is what goes.
-- An array that the planner sees costs it a look at every element, more than the scan itself.
SELECT (b ->> 'no')::integer, s.kind, format(s.template, b ->> 'sql', b ->> 'child_column')
FROM jsonb_array_elements(p_below) AS b
CROSS JOIN (
    VALUES
    ('count', $sql$SELECT coalesce(sum(g.n), 0)::bigint, jsonb_object_agg(g.j, g.n)
FROM (
    SELECT x.j, count(*) AS n
    FROM (
        SELECT f.j
        FROM unnest($1, $2) AS f (j, k1)
        CROSS JOIN LATERAL (SELECT 1 FROM %1$s AS c WHERE c.%2$s = f.k1 OFFSET 0) AS c
        LIMIT $4
    ) AS x
    GROUP BY x.j
) AS g$sql$),
    ('count_one', $sql$SELECT count(*), NULL::jsonb
FROM (SELECT 1 FROM %1$s AS c WHERE c.%2$s = ANY (ARRAY(SELECT unnest($2))) LIMIT $4) AS x$sql$),
    ('sweep', 'DELETE FROM %1$s AS c WHERE c.%2$s = ANY (ARRAY(SELECT unnest($2)))')
) AS s (kind, template)
WHERE NOT (b ->> 'self')::boolean AND (b ->> 'leaf')::boolean
UNION ALL
-- Rows that others hang from: no child can come to them, nor can they move, from here on.
SELECT
    (b ->> 'no')::integer, s.kind,
    format(s.template, b ->> 'sql', b ->> 'child_column', b ->> 'key')
FROM jsonb_array_elements(p_below) AS b
CROSS JOIN (
    VALUES
    ('take_below', $sql$SELECT array_agg(x.j), array_agg(x.k1), array_agg(x.p1), count(*)
FROM (
    SELECT f.j, t.k1, f.k1 AS p1
    FROM unnest($1, $2) AS f (j, k1)
    CROSS JOIN LATERAL (
        SELECT c.%3$s::bigint AS k1 FROM %1$s AS c WHERE c.%2$s = f.k1 FOR UPDATE OF c
    ) AS t
    LIMIT $4
) AS x$sql$),
    ('take_below_one', $sql$SELECT $1, array_agg(x.k1), $2, count(*)
FROM (
    SELECT c.%3$s::bigint AS k1
    FROM %1$s AS c
    WHERE c.%2$s = ANY (ARRAY(SELECT unnest($2)))
    LIMIT $4
    FOR UPDATE OF c
) AS x$sql$)
) AS s (kind, template)
WHERE NOT (b ->> 'self')::boolean AND NOT (b ->> 'leaf')::boolean;
$deletion_sql_sweep$;

COMMENT ON FUNCTION deletion_sql_sweep(jsonb, jsonb, jsonb, jsonb) IS
'The statements that lock, empty and remove a frame''s worth of rows in one transaction.';
REVOKE ALL ON FUNCTION deletion_sql_sweep(jsonb, jsonb, jsonb, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_write_plan.sql
-- deletion_write_plan
-- Store a compiled plan: its graph as rows, each step with its finished SQL.
--
-- Parameters  p_plan_id   the plan's row           p_graph   deletion_plan_graph's answer
-- Writes      deletion_plan_steps                  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_write_plan(
    p_plan_id bigint,
    p_graph jsonb
) RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_write_plan$
WITH node AS (
    SELECT (n.value ->> 'no')::integer AS node_no, n.value AS node
    FROM jsonb_array_elements(p_graph -> 'nodes') AS n
),

edge AS (
    SELECT
        (e.value ->> 'no')::integer AS edge_no,
        e.value AS edge,
        e.value ->> 'action' AS action,
        p.node AS parent,
        c.node || jsonb_build_object('sql', e.value -> 'sql', 'parts', e.value -> 'parts') AS child
    FROM jsonb_array_elements(p_graph -> 'edges') AS e
    INNER JOIN node AS p ON p.node_no = (e.value ->> 'parent')::integer
    INNER JOIN node AS c ON c.node_no = (e.value ->> 'child')::integer
),

-- Worked out once, not for each table.
tree AS MATERIALIZED (
    SELECT CASE
        WHEN (p_graph ->> 'has_waits')::boolean THEN '{}'
        ELSE deletion_plan_trees(p_graph -> 'nodes', p_graph -> 'edges')
    END AS nodes
),

told AS (
    SELECT
        n.node_no,
        coalesce(jsonb_agg(
            e.edge || jsonb_build_object('key', e.child -> 'columns' -> 0 -> 'name')
        ) FILTER (WHERE e.edge_no IS NOT NULL), '[]') AS edges,
        coalesce(bool_and(e.edge ->> 'index' IS NOT NULL), TRUE) AS is_indexed,
        -- One whole number is all that is to be known of a row, and all below it goes at once.
        -- Or all that does not hang from it in its own table: the rest takes another way.
        NOT (p_graph ->> 'has_waits')::boolean AND coalesce(bool_and(
            ((e.edge ->> 'leaf')::boolean OR (e.edge ->> 'expands')::boolean)
            AND (e.edge ->> 'steady')::boolean AND (e.edge ->> 'quiet')::boolean
            AND (e.edge ->> 'plain')::boolean
        ), FALSE)
        -- A row below by two references would be counted by both.
        AND count(DISTINCT e.edge ->> 'child') FILTER (WHERE NOT (e.edge ->> 'self')::boolean)
        = count(e.edge) FILTER (WHERE NOT (e.edge ->> 'self')::boolean)
        AND jsonb_array_length(n.node -> 'columns') = 1
        AND n.node -> 'columns' -> 0 ->> 'type' IN ('smallint', 'integer', 'bigint')
        AND n.node -> 'columns' -> 0 ->> 'eq' = 'OPERATOR(pg_catalog.=)'
        OR n.node_no = ANY (t.nodes) AS is_swept
    FROM node AS n
    CROSS JOIN tree AS t
    LEFT JOIN edge AS e
        ON (e.edge ->> 'parent')::integer = n.node_no AND e.action <> 'keep'
    GROUP BY n.node_no, n.node, t.nodes
),

below AS (
    SELECT
        l.*,
        -- What was found empty under the lock stays so: no other session can add a row, and no
        -- trigger of a row that goes. Of frames above, each has gone under a lock of its own.
        coalesce((
            SELECT bool_and(
                e.value ->> 'action' = 'cascade' AND (e.value ->> 'steady')::boolean
                AND (e.value ->> 'quiet')::boolean AND NOT (e.value ->> 'declared')::boolean
            )
            FROM jsonb_array_elements(l.edges) AS e
        ), FALSE) AND NOT (p_graph ->> 'has_waits')::boolean AS is_exact
    FROM told AS l
),

statement AS (
    -- The target's own: the tables held against DDL, the roots found, then locked and removed.
    SELECT 0 AS edge_no, 1 AS part, 'guard' AS kind, (
        SELECT 'LOCK TABLE ' || string_agg(n.node ->> 'sql', ', ' ORDER BY n.node_no)
            || ' IN ROW EXCLUSIVE MODE'
        FROM node AS n
        WHERE (n.node ->> 'closure')::boolean
    ) AS sql_text, TRUE AS is_indexed
    UNION ALL
    SELECT 0, 2, 'roots', deletion_sql_roots(n.node), TRUE FROM node AS n WHERE n.node_no = 0
    UNION ALL
    SELECT 0, 3, 'live', l.sql_text, TRUE
    FROM node AS n
    CROSS JOIN LATERAL (SELECT deletion_sql_live(n.node) AS sql_text) AS l
    WHERE n.node_no = 0 AND l.sql_text IS NOT NULL
    UNION ALL
    SELECT 0, 8, r.kind, r.sql_text, b.is_indexed
    FROM node AS n
    INNER JOIN below AS b ON b.node_no = n.node_no
    CROSS JOIN LATERAL deletion_sql_removal(n.node, NULL, b.edges, b.is_exact) AS r
    WHERE n.node_no = 0
    UNION ALL
    SELECT e.edge_no, 3, 'fetch',
        deletion_sql_fetch(e.edge, e.parent, e.child, FALSE), e.edge ->> 'index' IS NOT NULL
    FROM edge AS e
    -- What is kept is read by previews alone.
    WHERE e.action <> 'keep'
    UNION ALL
    SELECT e.edge_no, 4, 'fetch_more',
        deletion_sql_fetch(e.edge, e.parent, e.child, TRUE), e.edge ->> 'index' IS NOT NULL
    FROM edge AS e
    UNION ALL
    SELECT e.edge_no, 5, 'drain' || k.suffix,
        deletion_sql_drain(e.edge, e.parent, e.child, k.is_one, k.is_found),
        e.edge ->> 'index' IS NOT NULL
    FROM edge AS e
    CROSS JOIN (VALUES
        ('', FALSE, FALSE), ('_one', TRUE, FALSE), ('_found', FALSE, TRUE), ('_found_one', TRUE, TRUE)
    ) AS k (suffix, is_one, is_found)
    -- Of several partitions a row's place alone does not tell which row it is.
    WHERE (e.edge ->> 'leaf')::boolean AND NOT (k.is_found AND (e.edge ->> 'parts')::boolean)
    UNION ALL
    SELECT e.edge_no, 4, 'find', format(
            E'WITH %s\nSELECT ARRAY(\n    %s\n    LIMIT $2\n)',
            deletion_sql_frame(e.parent -> 'columns', (e.edge ->> 'only_found')::boolean),
            deletion_sql_find(e.edge, e.child)
        ), e.edge ->> 'index' IS NOT NULL
    FROM edge AS e
    INNER JOIN below AS b ON b.node_no = (e.edge ->> 'child')::integer
    WHERE ((e.edge ->> 'leaf')::boolean OR b.is_swept) AND NOT (e.edge ->> 'parts')::boolean
    UNION ALL
    SELECT e.edge_no, 5, 'set',
        deletion_sql_set(e.edge, e.parent, e.child), e.edge ->> 'index' IS NOT NULL
    FROM edge AS e
    WHERE e.action IN ('set_null', 'set_default', 'scrub')
    UNION ALL
    SELECT e.edge_no, 6, 'size',
        format('SELECT count(*) FROM (SELECT 1 FROM %s LIMIT $1) AS x', e.child ->> 'sql'),
        FALSE
    FROM edge AS e
    WHERE e.edge ->> 'index' IS NULL AND e.action <> 'keep'
    UNION ALL
    SELECT e.edge_no, 7, 'default', d.sql_text, TRUE
    FROM edge AS e
    CROSS JOIN LATERAL (
        SELECT deletion_sql_default(e.edge, e.parent, e.child) AS sql_text
    ) AS d
    WHERE d.sql_text IS NOT NULL
    UNION ALL
    SELECT e.edge_no, 7, 'cycle', deletion_sql_cycle(e.edge, e.child), FALSE
    FROM edge AS e
    WHERE
        e.action IN ('cascade', 'restrict') AND (e.edge ->> 'self')::boolean
        AND NOT (e.edge ->> 'circle')::boolean
    UNION ALL
    SELECT e.edge_no, 8, r.kind, r.sql_text, b.is_indexed
    FROM edge AS e
    INNER JOIN below AS b ON b.node_no = (e.edge ->> 'child')::integer
    CROSS JOIN LATERAL deletion_sql_removal(e.child, e.edge, b.edges, b.is_exact) AS r
    WHERE e.action = 'cascade' AND NOT (e.edge ->> 'leaf')::boolean
    UNION ALL
    SELECT e.edge_no, 10, r.kind, r.sql_text, b.is_indexed
    FROM edge AS e
    INNER JOIN below AS b ON b.node_no = (e.edge ->> 'child')::integer
    CROSS JOIN LATERAL deletion_sql_levels(e.edge, e.child, b.edges) AS r
    WHERE
        (e.edge ->> 'expands')::boolean AND NOT (p_graph ->> 'has_waits')::boolean
        -- One statement takes all levels: what a trigger adds meanwhile behind one of them a foreign
        -- key refuses, a declared reference does not.
        AND ((e.edge ->> 'quiet')::boolean OR NOT EXISTS (
            SELECT 1
            FROM jsonb_array_elements(b.edges) AS d
            WHERE (d.value ->> 'declared')::boolean
        ))
    UNION ALL
    -- Once for a table, whichever of its references leads to it.
    SELECT DISTINCT r.edge_no, 9, r.kind, r.sql_text, TRUE
    FROM edge AS e
    INNER JOIN below AS b ON b.node_no = (e.edge ->> 'child')::integer AND b.is_swept
    CROSS JOIN LATERAL deletion_sql_sweep(e.edge, e.parent, e.child, b.edges) AS r
    WHERE
        e.action = 'cascade' AND (e.edge ->> 'plain')::boolean AND (e.edge ->> 'steady')::boolean
)

INSERT INTO deletion_plan_steps (
    plan_id, step_no, kind, node_no, parent_node_no, edge_no, table_name, reference_name, action,
    is_leaf, waits, in_check, index_name, sql_text, set_order
)
SELECT
    p_plan_id,
    row_number() OVER (
        ORDER BY s.edge_no, s.part,
            CASE s.kind WHEN 'hold' THEN 0 WHEN 'lock' THEN 1 WHEN 'remove' THEN 2 ELSE 3 END,
            s.kind
    ),
    s.kind,
    coalesce((e.edge ->> 'child')::integer, 0),
    (e.edge ->> 'parent')::integer,
    s.edge_no,
    coalesce(e.child ->> 'name', (SELECT n.node ->> 'name' FROM node AS n WHERE n.node_no = 0)),
    e.edge ->> 'reference',
    e.action,
    coalesce((e.edge ->> 'leaf')::boolean, FALSE),
    coalesce((e.edge ->> 'waits')::boolean, FALSE),
    coalesce((e.edge ->> 'check')::boolean, FALSE),
    -- NULL tells the run that this statement has to read a whole table.
    CASE WHEN s.is_indexed THEN coalesce(e.edge ->> 'index', 'key') END,
    s.sql_text,
    coalesce((e.edge ->> 'set_order')::smallint, 0)
FROM statement AS s
LEFT JOIN edge AS e ON e.edge_no = s.edge_no;
$deletion_write_plan$;

COMMENT ON FUNCTION deletion_write_plan(bigint, jsonb) IS
'Store a compiled plan: its graph as rows, each step with its finished SQL.';
REVOKE ALL ON FUNCTION deletion_write_plan(bigint, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_push.sql
-- deletion_push
-- Fetch a frame's worth of keys by one reference and make them the walk's present frame.
--
-- Parameters  p_walk   the walk                    p_step   the plan's fetch step
-- Returns     the walk
-- Writes      deletion_frames, deletion_walk_keys     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_push(
    p_walk deletion_cursor,
    p_step deletion_plan_steps
) RETURNS deletion_cursor
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_push$
DECLARE
    v_walk deletion_cursor := p_walk;
    v_frame deletion_frames := p_walk.frame;
    v_child deletion_frames;
    v_wide deletion_frames;
    v_run deletion_runs := p_walk.run;
    v_is_self boolean := p_step.node_no = v_frame.node_no AND NOT p_walk.has_waits;
    -- Rows changed for each key of such a frame, as seen so far in this run.
    v_fan_out float8 := (v_run.state -> 'fan' ->> p_step.node_no::text)::float8;
    -- Rows of one table that hang from each other have no fan-out that would tell of the next ones,
    -- and all that are on the stack are held in each step: few, and those below them page by page.
    v_limit integer := least(v_run.batch_rows, CASE
        WHEN v_is_self THEN
            greatest(1, least(p_walk.rows_left, greatest(100, v_run.batch_rows / 10)))
        WHEN v_fan_out IS NULL THEN 100
        -- Of rows that are locked, all that hangs from them was thought to fit: a few that are left
        -- over would be walked by themselves, and by then the locks are gone.
        ELSE greatest(1, floor(
            CASE WHEN p_walk.locks > 0 THEN 1 ELSE 0.85 END * v_run.batch_rows / (1 + v_fan_out)
        ))
    END);
    -- What deletion_sweep found at once is no place to read on from.
    v_last jsonb := CASE
        WHEN NOT v_frame.fetch_cursor ?| ARRAY['is_end', 'tips'] THEN v_frame.fetch_cursor
    END;
BEGIN
    PERFORM deletion_allow_hash(TRUE) WHERE p_step.index_name IS NULL;
    EXECUTE p_step.sql_text INTO v_child.keys, v_child.key_count
    USING v_frame.keys, v_limit, v_last, v_run.run_id;
    PERFORM deletion_allow_hash(FALSE) WHERE p_step.index_name IS NULL;

    -- Rows of the last page may get another key before they are held. Where their parent is there,
    -- the look before it goes finds them; where it is gone, only another page does.
    IF
        v_child.key_count = 0
        OR (v_child.key_count < v_limit AND NOT (
            v_frame.edge_no = 0 AND jsonb_path_exists(v_frame.keys, '$[*].m')
        ))
    THEN
        v_frame.edge_pos := p_step.edge_no;
        v_frame.fetch_cursor := NULL;
    ELSE
        -- Only plans in which rows have to wait for others read on; all else begins in front.
        -- What was found at once is still to be taken.
        v_frame.fetch_cursor := CASE
            WHEN p_walk.has_waits THEN v_child.keys -> -1
            WHEN v_frame.fetch_cursor ?| ARRAY['is_end', 'tips'] THEN v_frame.fetch_cursor
        END;
    END IF;

    v_walk.frame := v_frame;

    IF v_child.key_count > 0 THEN
        v_child.run_id := v_run.run_id;
        v_child.depth := v_frame.depth + 1;
        v_child.node_no := p_step.node_no;
        v_child.edge_no := p_step.edge_no;
        v_child.edge_pos := 0;
        v_child.rows_at_pass := v_run.rows_changed;
        v_child.idle_passes := 0;
        v_child.rows_here := 0;
        v_child.updated_at := clock_timestamp();

        -- No ring was there at the check: a long chain, or one that was closed since. From now on
        -- rows of the stack are not pushed again.
        IF v_child.depth >= 100000 AND NOT v_run.state ? 'careful' THEN
            v_run.state := v_run.state || '{"careful": true}';
            v_walk.run := v_run;
        END IF;

        PERFORM deletion_note_frame(v_run, v_child, TRUE);
        v_walk.below := v_walk.below || v_frame;

        -- A long list would be copied by each move.
        IF cardinality(v_walk.below) >= 50 THEN
            INSERT INTO deletion_frames SELECT (f).* FROM unnest(v_walk.below) AS f;
            v_walk.below := '{}';
        END IF;

        v_walk.frame := v_child;
        v_walk.locks := 0;

        -- A chain would be walked a row a frame: a narrow frame takes in what hangs from it; all
        -- that fits a batch, where as few hang from what the frame before took in.
        IF v_is_self AND v_child.key_count * 20 < v_limit THEN
            v_wide := deletion_expand(v_run, v_child, CASE
                WHEN v_frame.keys -> 0 ? 'l' THEN v_run.batch_rows ELSE v_limit
            END);

            IF v_wide.key_count > v_child.key_count THEN
                v_walk.frame := v_wide;
                RETURN v_walk;
            END IF;
        END IF;

        -- Children that fit this transaction are emptied under their parents' lock: then no
        -- second look is needed.
        IF NOT p_walk.has_waits AND v_child.key_count * (1 + v_fan_out) <= p_walk.rows_left THEN
            v_child := deletion_lock_frame(v_run.plan_id, v_child);

            -- All that were found are locked, so the frame below keeps its lock as well. Rows that
            -- hang from it in its own table may be some that it holds itself.
            IF v_child.run_id IS NOT NULL THEN
                v_walk.locks := 1 + CASE
                    WHEN
                        p_step.node_no <> v_frame.node_no
                        AND v_child.key_count = (v_walk.frame).key_count
                        THEN p_walk.locks
                    ELSE 0
                END;
                v_walk.frame := v_child;
            END IF;
        END IF;

        -- From here on a row that moves would leave its children behind, deleted.
        IF v_walk.locks = 0 THEN
            v_child := deletion_hold_frame(v_run.plan_id, v_walk.frame);
            v_walk.frame := CASE
                WHEN v_child.run_id IS NOT NULL THEN v_child ELSE v_walk.frame
            END;
        END IF;
    END IF;

    RETURN v_walk;
END;
$deletion_push$;

COMMENT ON FUNCTION deletion_push(deletion_cursor, deletion_plan_steps) IS
'Fetch a frame''s worth of keys by one reference and make them the walk''s present frame.';
REVOKE ALL ON FUNCTION deletion_push(deletion_cursor, deletion_plan_steps) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_rows_by_job.sql
-- deletion_rows_by_job
-- Count a level's rows by job.
--
-- Parameters  p_level   the rows
-- Returns     jsonb, job -> rows
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_rows_by_job(p_level deletion_level)
RETURNS jsonb
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_rows_by_job$
BEGIN
    -- In a run of one job it stands there once.
    IF cardinality(p_level.jobs) = 1 THEN
        RETURN jsonb_build_object(p_level.jobs[1], cardinality(p_level.keys));
    END IF;

    RETURN (
        SELECT jsonb_object_agg(g.job_id, g.row_count)
        FROM (
            SELECT j.job_id, count(*) AS row_count
            FROM unnest(p_level.jobs) AS j (job_id)
            GROUP BY j.job_id
        ) AS g
    );
END;
$deletion_rows_by_job$;

COMMENT ON FUNCTION deletion_rows_by_job(deletion_level) IS 'A level''s rows by job.';
REVOKE ALL ON FUNCTION deletion_rows_by_job(deletion_level) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_take_below.sql
-- deletion_take_below
-- Count all that hangs from locked rows, level by level; lock those that others hang from.
--
-- Parameters  p_run     the run                    p_level   the locked rows
--             p_most    most rows below them
-- Returns     these rows with what is below them, of which found does not hold themselves
-- Writes      nothing; locks rows                  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_take_below(
    p_run deletion_runs,
    p_level deletion_level,
    p_most bigint
) RETURNS deletion_subtree
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_take_below$
DECLARE
    v_one text := CASE WHEN p_run.job_count = 1 THEN '_one' ELSE '' END;
    v_tree deletion_subtree;
    v_no integer := 1;
    v_level deletion_level;
    v_next deletion_level;
    v_below record;
    v_count bigint;
    v_by_job jsonb;
BEGIN
    v_tree.levels := ARRAY[p_level];
    v_tree.found := '[]';
    v_tree.rows_left := p_most;

    WHILE v_no <= cardinality(v_tree.levels) LOOP
        v_level := v_tree.levels[v_no];

        FOR v_below IN
            SELECT
                c.sql_text, c.node_no, c.table_name, c.kind LIKE 'take%' AS is_taken,
                d.sql_text AS delete_sql
            FROM deletion_plan_steps AS c
            INNER JOIN deletion_plan_steps AS d ON d.plan_id = c.plan_id AND d.edge_no = c.edge_no
            WHERE
                c.plan_id = p_run.plan_id AND c.parent_node_no = v_level.node_no
                AND (
                    (c.kind = 'count' || v_one AND d.kind = 'sweep')
                    OR (c.kind = 'take_below' || v_one AND d.kind = 'remove_all' || v_one)
                )
            ORDER BY c.edge_no
        LOOP
            -- In a statement of its own: a child that was committed while the lock on its parent was
            -- waited for is seen by the next.
            IF v_below.is_taken THEN
                EXECUTE v_below.sql_text
                INTO v_next.jobs, v_next.keys, v_next.parents, v_count
                USING v_level.jobs, v_level.keys, v_level.parents, v_tree.rows_left + 1;
                v_next.node_no := v_below.node_no;
                v_by_job := deletion_rows_by_job(v_next);
            ELSE
                EXECUTE v_below.sql_text INTO v_count, v_by_job
                USING v_level.jobs, v_level.keys, v_level.parents, v_tree.rows_left + 1;
            END IF;

            v_tree.rows_left := v_tree.rows_left - v_count;

            IF v_tree.rows_left < 0 THEN
                RETURN v_tree;
            END IF;

            CONTINUE WHEN v_count = 0;

            IF v_below.is_taken THEN
                v_tree.levels := v_tree.levels || v_next;
            END IF;

            -- What is found later hangs from what was found before, or from its like.
            v_tree.found := jsonb_build_object(
                'sql', v_below.delete_sql, 'table', v_below.table_name, 'rows', v_count,
                'level', CASE WHEN v_below.is_taken THEN cardinality(v_tree.levels) ELSE v_no END,
                'jobs', coalesce(v_by_job, jsonb_build_object(v_level.jobs[1], v_count))
            ) || v_tree.found;
        END LOOP;

        v_no := v_no + 1;
    END LOOP;

    RETURN v_tree;
END;
$deletion_take_below$;

COMMENT ON FUNCTION deletion_take_below(deletion_runs, deletion_level, bigint) IS
'Count all that hangs from locked rows, level by level; lock those that others hang from.';
REVOKE ALL ON FUNCTION deletion_take_below(deletion_runs, deletion_level, bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_sweep_away.sql
-- deletion_sweep_away
-- Delete what deletion_sweep has locked and counted, and write the receipts.
--
-- Parameters  p_run_id   the run                  p_tree   all that is to go
-- Returns     bigint, the number of rows deleted
-- Errors      40001 others took some of the rows meanwhile: the step is tried again, row by row
-- Writes      the application's tables, deletion_receipts     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sweep_away(
    p_run_id bigint,
    p_tree deletion_subtree
) RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sweep_away$
DECLARE
    v_item jsonb;
    v_level deletion_level;
    v_rows bigint;
    v_total bigint := 0;
BEGIN
    FOR v_item IN SELECT x.value FROM jsonb_array_elements(p_tree.found) AS x LOOP
        v_level := p_tree.levels[(v_item ->> 'level')::integer];
        EXECUTE v_item ->> 'sql' USING v_level.jobs, v_level.keys, v_level.parents;
        GET DIAGNOSTICS v_rows = ROW_COUNT;

        -- Somebody took some of these rows away in between; whose they were, nobody counted.
        IF v_rows <> (v_item ->> 'rows')::bigint THEN
            RAISE EXCEPTION USING
                ERRCODE = 'serialization_failure',
                MESSAGE = format(
                    'rows of %s changed while they were counted (%s of %s found)',
                    v_item ->> 'table', v_rows, v_item ->> 'rows'
                );
        END IF;

        v_total := v_total + v_rows;
    END LOOP;

    PERFORM deletion_add_receipts(
        p_run_id, array_agg(x.value ->> 'table'), 'delete', array_agg(x.value -> 'jobs')
    )
    FROM jsonb_array_elements(p_tree.found) AS x;
    RETURN v_total;
END;
$deletion_sweep_away$;

COMMENT ON FUNCTION deletion_sweep_away(bigint, deletion_subtree) IS
'Delete what deletion_sweep has locked and counted, and write the receipts.';
REVOKE ALL ON FUNCTION deletion_sweep_away(bigint, deletion_subtree) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_sweep.sql
-- deletion_sweep
-- Fetch, lock, empty and remove a frame's worth of rows at once, where all of it fits the batch.
--
-- Parameters  p_walk   the walk                    p_step   the plan's fetch step
-- Returns     the walk; where the rows do not fit, or the plan has no such statements, they are
--             its present frame, as deletion_push leaves them
-- Errors      40001 others changed the rows meanwhile: the step is tried again, row by row
-- Writes      the application's tables, deletion_receipts, deletion_found_rows     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sweep(
    p_walk deletion_cursor,
    p_step deletion_plan_steps
) RETURNS deletion_cursor
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sweep$
DECLARE
    v_walk deletion_cursor := p_walk;
    v_run deletion_runs := p_walk.run;
    v_frame deletion_frames := p_walk.frame;
    -- Rows that hang from each other go first where nothing hangs from them; the others then, in
    -- frames of their own.
    v_is_tree boolean := EXISTS (
        SELECT 1
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = v_run.plan_id AND s.parent_node_no = p_step.node_no AND s.kind = 'expand'
    );
    -- Levels below the first: how many rows they hold differs more from row to row.
    v_is_deep boolean := EXISTS (
        SELECT 1
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = v_run.plan_id AND s.parent_node_no = p_step.node_no
            AND s.kind = 'take_below'
    );
    v_fan CONSTANT text := CASE WHEN v_is_tree THEN 'tip' ELSE '' END || p_step.node_no;
    v_fan_out float8 := coalesce(
        (v_run.state -> 'fan' ->> v_fan)::float8,
        CASE WHEN v_is_tree THEN greatest(0, p_walk.rows_left / 100.0 - 1) END
    );
    -- A little less than what fits by the rows seen so far: too many cost a second look.
    v_limit integer := CAST(floor(
        CASE WHEN v_is_deep THEN 0.9 ELSE 0.97 END * p_walk.rows_left / (1 + v_fan_out)
    ) AS integer);
    v_one text := CASE WHEN v_run.job_count = 1 THEN '_one' ELSE '' END;
    v_take text;
    v_take_found text;
    v_remove text;
    v_taken record;
    v_row_ids tid[];
    v_level deletion_level;
    v_below deletion_subtree;
    v_seen bigint;
    v_count bigint;
BEGIN
    SELECT
        min(s.sql_text) FILTER (WHERE s.kind = 'take' || v_one),
        min(s.sql_text) FILTER (WHERE s.kind = 'take_found' || v_one),
        min(s.sql_text) FILTER (WHERE s.kind = 'remove_all' || v_one)
    INTO v_take, v_take_found, v_remove
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = v_run.plan_id AND s.edge_no = p_step.edge_no;

    -- Where rows went while they were counted, they may do so again (a trigger takes them): each
    -- such step would be lost, and the batch halved.
    IF
        v_take IS NULL OR p_walk.has_waits OR coalesce(v_limit, 0) = 0 OR v_run.retries > 0
        OR v_run.error LIKE '40001:%' OR v_frame.fetch_cursor ? 'tips'
        -- A frame of several levels holds some of the rows itself.
        OR (v_is_tree AND v_frame.keys -> 0 ? 'l')
    THEN
        RETURN deletion_push(p_walk, p_step);
    END IF;

    IF
        v_take_found IS NOT NULL AND p_walk.locks = 0
        AND (v_frame.fetch_cursor IS NOT NULL OR v_frame.rows_here >= 4 * v_run.batch_rows)
    THEN
        -- Each batch from the start would pass what all earlier ones left in the index.
        v_taken := deletion_take_found(v_frame, p_step, v_limit);
        v_frame := v_taken.p_frame;
        v_walk.frame := v_frame;
        v_row_ids := v_taken.p_row_ids;

        IF v_row_ids IS NULL THEN
            IF v_is_tree AND v_frame.edge_pos = p_step.edge_no THEN
                v_walk.frame.edge_pos := (p_walk.frame).edge_pos;
                v_walk.frame.fetch_cursor := '{"tips": true}';
            END IF;

            RETURN v_walk;
        END IF;

        EXECUTE v_take_found INTO v_level.jobs, v_level.keys, v_level.parents, v_seen
        USING v_frame.keys, v_row_ids;
    ELSE
        -- In a statement of its own: a child that was committed while it waited is seen by the next.
        EXECUTE v_take INTO v_level.jobs, v_level.keys, v_level.parents, v_seen
        USING v_frame.keys, v_limit;

        -- Others took rows while they were waited for, or gave them another key: they are looked
        -- for once more.
        IF coalesce(cardinality(v_level.keys), 0) < v_seen THEN
            v_walk.locks := 0;
        ELSIF v_seen < v_limit THEN
            IF v_is_tree THEN
                v_frame.fetch_cursor := '{"tips": true}';
            ELSE
                v_frame.edge_pos := p_step.edge_no;
            END IF;

            v_walk.frame := v_frame;
        END IF;
    END IF;

    IF v_level.keys IS NULL THEN
        RETURN v_walk;
    END IF;

    v_level.node_no := p_step.node_no;
    v_below := deletion_take_below(v_run, v_level, p_walk.rows_left - cardinality(v_level.keys));

    IF v_below.rows_left < 0 THEN
        -- More than was expected, and nothing changed yet: they are walked as any other frame.
        IF v_row_ids IS NULL AND NOT v_is_tree AND NOT v_is_deep THEN
            RETURN deletion_push(p_walk, p_step);
        END IF;

        -- They are taken once more.
        IF v_row_ids IS NOT NULL THEN
            v_frame.fetch_cursor := v_frame.fetch_cursor || jsonb_build_object(
                'taken', (v_frame.fetch_cursor ->> 'taken')::bigint - cardinality(v_row_ids)
            );
        END IF;

        -- Nor were all of them the last ones.
        v_walk.frame := CASE WHEN v_is_deep AND v_row_ids IS NULL THEN p_walk.frame ELSE v_frame END;

        IF cardinality(v_level.keys) = 1 THEN
            RETURN deletion_push(v_walk, p_step);
        END IF;

        -- Fewer of them are taken, by what is known of them now.
        v_run.state := v_run.state || jsonb_build_object('fan', coalesce(v_run.state -> 'fan', '{}')
            || jsonb_build_object(
                v_fan, 2 * p_walk.rows_left::float8 / cardinality(v_level.keys)
            ));
        v_walk.run := v_run;
        RETURN v_walk;
    END IF;

    v_below.found := v_below.found || jsonb_build_object(
        'sql', v_remove, 'table', p_step.table_name, 'rows', cardinality(v_level.keys),
        'level', 1, 'jobs', deletion_rows_by_job(v_level)
    );
    v_count := deletion_sweep_away(v_run.run_id, v_below);
    v_run.rows_changed := v_run.rows_changed + v_count;
    v_run.state := v_run.state || jsonb_build_object('fan', coalesce(v_run.state -> 'fan', '{}')
        || jsonb_build_object(v_fan, v_count::float8 / cardinality(v_level.keys) - 1));
    v_frame.rows_here := v_frame.rows_here + v_count;
    v_walk.frame := v_frame;
    v_walk.rows_left := v_walk.rows_left - v_count;
    v_walk.run := v_run;
    RETURN v_walk;
END;
$deletion_sweep$;

COMMENT ON FUNCTION deletion_sweep(deletion_cursor, deletion_plan_steps) IS
'Fetch, lock, empty and remove a frame''s worth of rows at once, where it fits the batch.';
REVOKE ALL ON FUNCTION deletion_sweep(deletion_cursor, deletion_plan_steps) FROM PUBLIC;
-- <<<

-- What was compiled before lacks the new steps, and goes on without them: no plan has this
-- fingerprint. Where none would be compiled anew all stay as they are.
UPDATE deletion_plans AS p
SET fingerprint = ''
FROM deletion_settings AS s
WHERE
    p.superseded_at IS NULL
    AND s.setting_name = 'recompile' AND coalesce(s.setting_value, s.default_value) = 'true';

-- >>> tooling/deletion_jobs/sql/postgres/migration_release.sql
-- Back to the installing user; the owner keeps no right to create.
DO $migration_release$
BEGIN
    PERFORM set_config('role', current_setting('deletion_jobs.installer'), TRUE);
    EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM deletion_jobs_owner', current_schema());
END;
$migration_release$;
-- <<<

-- >>> tooling/deletion_jobs/sql/postgres/migration_commit.sql
COMMIT;
-- <<<
