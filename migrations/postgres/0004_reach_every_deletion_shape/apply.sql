-- 0004_reach_every_deletion_shape: apply
-- Reach every deletion shape on PostgreSQL.
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

-- >>> drop
DROP FUNCTION IF EXISTS deletion_references_to;
DROP FUNCTION IF EXISTS deletion_plan_cycle;
-- <<<

-- >>> procedures/postgres/planner/deletion_find_table.sql
-- deletion_find_table
-- Find a table of the application by the name that somebody gave.
--
-- Parameters  p_name   the table, in any spelling
--             p_verb   the verb that was called
-- Returns     regclass
-- Errors      JD005 no such table; a system table, a view, a partition, temporary
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_find_table('customer');

CREATE OR REPLACE FUNCTION deletion_find_table(
    p_name text,
    p_verb text DEFAULT 'deletion_find_table'
) RETURNS regclass
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_find_table$
DECLARE
    v_parts text[] := deletion_split_name(p_name);
    v_table oid;
    v_problem text;
BEGIN
    -- By name from the catalog: a cast to regclass would need rights on the schema to say no.
    SELECT
        c.oid,
        CASE
            WHEN n.nspname LIKE 'pg\_%' OR n.nspname = 'information_schema'
                THEN 'a system table'
            WHEN c.relkind = 'f' THEN 'a foreign table'
            WHEN c.relispartition THEN 'a partition'
            WHEN c.relpersistence = 't' THEN 'temporary'
            WHEN c.relkind NOT IN ('r', 'p') THEN 'no table'
        END
    INTO v_table, v_problem
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = v_parts[1] AND c.relname = v_parts[2];

    IF v_table IS NULL THEN
        PERFORM deletion_raise('JD005', p_verb, 'no such table', p_name);
    ELSIF v_problem IS NOT NULL THEN
        PERFORM deletion_raise('JD005', p_verb, 'table is ' || v_problem, p_name);
    END IF;

    RETURN v_table::regclass;
END;
$deletion_find_table$;

COMMENT ON FUNCTION deletion_find_table(text, text) IS
'Find a table of the application by the name that somebody gave.';
REVOKE ALL ON FUNCTION deletion_find_table(text, text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_compile.sql
-- deletion_compile
-- Compile a target's plan and make it the current one.
--
-- Parameters  p_entity_table   the target, as it is registered
--             p_hard           the mode: TRUE removes rows
-- Returns     bigint, the plan; one that cannot run carries error_code and error
-- Errors      JD004 the table is no target
-- Writes      deletion_plans, deletion_plan_steps   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_compile(
    p_entity_table text,
    p_hard boolean
) RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
-- The catalog has no index for some of this, and the caller reads by nothing but indexes.
SET enable_seqscan = on
AS $deletion_compile$
DECLARE
    v_graph jsonb;
    v_plan_id bigint;
BEGIN
    -- Two workers that find the same plan stale compile it one after the other.
    PERFORM 1 FROM deletion_targets AS t WHERE t.entity_table = p_entity_table FOR UPDATE;

    IF NOT FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'JD004',
            MESSAGE = left(format('compile: table is no target (%s)', p_entity_table), 128),
            HINT = 'Register it with register_deletion_target.';
    END IF;

    v_plan_id := deletion_fresh_plan(p_entity_table, p_hard);

    IF v_plan_id IS NOT NULL THEN
        RETURN v_plan_id;
    END IF;

    v_graph := deletion_plan_graph(p_entity_table);

    UPDATE deletion_plans AS p
    SET superseded_at = clock_timestamp()
    WHERE
        p.entity_table = p_entity_table AND p.hard_delete = p_hard AND p.superseded_at IS NULL;

    INSERT INTO deletion_plans (
        entity_table, hard_delete, fingerprint, tables, error_code, error, can_block, has_waits
    )
    VALUES (
        p_entity_table,
        p_hard,
        deletion_fingerprint(
            p_entity_table, ARRAY(SELECT jsonb_array_elements_text(v_graph -> 'tables')::oid)
        ),
        v_graph -> 'tables',
        v_graph ->> 'error_code',
        v_graph ->> 'error',
        coalesce((v_graph ->> 'can_block')::boolean, FALSE),
        coalesce((v_graph ->> 'has_waits')::boolean, FALSE)
    )
    RETURNING plan_id INTO v_plan_id;

    IF v_graph ->> 'error_code' IS NULL THEN
        PERFORM deletion_write_plan(v_plan_id, v_graph);
        PERFORM deletion_write_circles(v_plan_id, v_graph);
    END IF;

    RETURN v_plan_id;
END;
$deletion_compile$;

COMMENT ON FUNCTION deletion_compile(text, boolean) IS
'Compile a target''s plan and make it the current one.';
REVOKE ALL ON FUNCTION deletion_compile(text, boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_fingerprint_references.sql
-- deletion_fingerprint_references
-- Digest a plan's foreign keys and triggers: cheap enough for every step of a run.
--
-- Parameters  p_tables   the plan's tables, target and dependants, as their OIDs
-- Returns     text, a hexadecimal MD5
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_fingerprint_references(p_tables oid[])
RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_fingerprint_references$
BEGIN
    -- Kept as a prepared plan: a function in SQL is planned anew in every transaction.
    RETURN (
        SELECT md5(concat_ws(
            '|',
            -- The form of the plans as well: those that an earlier version wrote are stale.
            '4',
            -- A foreign key makes triggers of the engine's own on the table that it points at: those
            -- are found by an index, where all constraints of the database would have to be read.
            -- Any other trigger may keep rows that a plan takes for gone.
            (
                SELECT string_agg(concat_ws(',', g.oid, g.tgtype, g.tgenabled), ';' ORDER BY g.oid)
                FROM pg_trigger AS g
                WHERE g.tgrelid = ANY (p_tables)
            )
        ))
    );
END;
$deletion_fingerprint_references$;

COMMENT ON FUNCTION deletion_fingerprint_references(oid[]) IS
'Digest of the foreign keys that point at a plan''s tables, and of their triggers.';
REVOKE ALL ON FUNCTION deletion_fingerprint_references(oid[]) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_fingerprint.sql
-- deletion_fingerprint
-- Digest every catalog row that a plan was compiled from, so that a change becomes visible.
--
-- Parameters  p_entity_table   the target
--             p_tables         the plan's tables, target and dependants, as their OIDs
-- Returns     text, two hexadecimal MD5: of the references, and of all the rest
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_fingerprint(entity_table, '{16400,16412}') FROM deletion_plans;

CREATE OR REPLACE FUNCTION deletion_fingerprint(
    p_entity_table text,
    p_tables oid[]
) RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
-- The catalog has no index for some of this, and the caller reads by nothing but indexes.
SET enable_seqscan = on
AS $deletion_fingerprint$
BEGIN
    -- Kept as a prepared plan: a function in SQL is planned anew in every transaction.
    RETURN (
        SELECT deletion_fingerprint_references(p_tables) || md5(concat_ws(
            '|',
            (
                SELECT string_agg(concat_ws(',', k.oid, k.conrelid, k.confrelid, k.conname, k.conkey,
                    k.confkey, k.confdeltype, k.confupdtype, k.confdelsetcols, k.conpfeqop), ';'
                    ORDER BY k.oid)
                FROM pg_constraint AS k
                WHERE k.contype = 'f' AND k.confrelid = ANY (p_tables)
            ),
            (
                SELECT string_agg(concat_ws(',', c.oid, c.relnamespace, c.relname, c.relkind,
                    c.relispartition, c.relhassubclass, c.relhasrules, c.relrowsecurity, c.relforcerowsecurity,
                    (
                        -- One string a table: pg_attribute is the largest part of what is read.
                        SELECT string_agg(concat_ws(':', a.attnum, a.attname, a.atttypid, a.atttypmod,
                            a.attnotnull, a.attgenerated), ' ' ORDER BY a.attnum)
                        FROM pg_attribute AS a
                        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                    ),
                    (
                        SELECT string_agg(concat_ws(':', i.indexrelid, i.indkey, i.indisvalid,
                            i.indisready, i.indisunique, i.indpred IS NULL), ' ' ORDER BY i.indexrelid)
                        FROM pg_index AS i
                        WHERE i.indrelid = c.oid
                    )), ';' ORDER BY c.oid)
                FROM pg_class AS c
                WHERE c.oid = ANY (p_tables)
            ),
            (
                SELECT string_agg(concat_ws(',', h.inhparent, h.inhrelid), ';' ORDER BY h.inhrelid)
                FROM pg_inherits AS h
                WHERE h.inhparent = ANY (p_tables)
            ),
            (
                SELECT string_agg(concat_ws(',', n.oid, n.nspname), ';' ORDER BY n.oid)
                FROM pg_namespace AS n
                WHERE n.oid IN (SELECT c.relnamespace FROM pg_class AS c WHERE c.oid = ANY (p_tables))
            ),
            -- Without times: as text they change with the session's time zone, and every plan were stale.
            (
                SELECT string_agg((to_jsonb(r) - 'created_at')::text, ';' ORDER BY r.child_schema, r.child_table, r.reference_name)
                FROM deletion_rules AS r
            ),
            (
                SELECT string_agg((to_jsonb(d) - 'created_at')::text, ';' ORDER BY d.reference_name)
                FROM deletion_references AS d
            ),
            (
                SELECT (to_jsonb(t) - 'created_at')::text
                FROM deletion_targets AS t
                WHERE t.entity_table = p_entity_table
            ),
            -- A limit makes the check count rows that it would not look at otherwise.
            deletion_setting('max_rows')
        ))
    );
END;
$deletion_fingerprint$;

COMMENT ON FUNCTION deletion_fingerprint(text, oid[]) IS
'Digest of every catalog row that a plan was compiled from.';
REVOKE ALL ON FUNCTION deletion_fingerprint(text, oid[]) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_break_columns.sql
-- deletion_break_columns
-- Find the columns of a reference that may be set NULL to let its parent go before the child.
--
-- Parameters  p_reference    a row of deletion_references_to, as jsonb
--             p_references   all rows of deletion_references_to, as a jsonb array
-- Returns     int2[]: nullable, pointed at by nobody, and no part of another reference that
--             cascades, since by that the row may have been found; NULL: there are none
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_break_columns(
    p_reference jsonb,
    p_references jsonb
) RETURNS int2[]
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_break_columns$
WITH reference AS (
    SELECT
        (p_reference ->> 'child_oid')::oid AS child_oid,
        ARRAY(SELECT jsonb_array_elements_text(p_reference -> 'child_columns')::int2) AS columns
),

loose AS (
    SELECT array_agg(a.attnum ORDER BY a.attnum) AS columns
    FROM reference AS r
    INNER JOIN pg_attribute AS a ON a.attrelid = r.child_oid AND a.attnum = ANY (r.columns)
    INNER JOIN pg_type AS y ON y.oid = a.atttypid
    WHERE
        NOT a.attnotnull AND NOT y.typnotnull AND a.attgenerated = ''
        AND NOT EXISTS (
            SELECT 1
            FROM pg_constraint AS k
            WHERE k.contype = 'f' AND k.confrelid = a.attrelid AND a.attnum = ANY (k.confkey)
        )
        AND NOT EXISTS (
            SELECT 1
            FROM jsonb_array_elements(p_references) AS o
            WHERE
                o.value ->> 'action' = 'cascade'
                AND o.value -> 'child_oid' = p_reference -> 'child_oid'
                AND o.value ->> 'reference_name' <> p_reference ->> 'reference_name'
                AND o.value -> 'child_columns' @> to_jsonb(a.attnum)
        )
)

SELECT l.columns
FROM loose AS l
CROSS JOIN reference AS r
-- MATCH FULL wants all or none of them NULL.
WHERE cardinality(l.columns) = cardinality(r.columns) OR NOT EXISTS (
    SELECT 1
    FROM pg_constraint AS k
    WHERE
        k.contype = 'f' AND k.conrelid = r.child_oid
        AND k.conname = p_reference ->> 'reference_name' AND k.confmatchtype = 'f'
);
$deletion_break_columns$;

COMMENT ON FUNCTION deletion_break_columns(jsonb, jsonb) IS
'The columns of a reference that may be set NULL to let its parent go before the child.';
REVOKE ALL ON FUNCTION deletion_break_columns(jsonb, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_plan_cycle.sql
-- deletion_plan_cycle
-- Find the references of a closure by which its tables refer to each other in a circle.
--
-- Parameters  p_closure      the closure's tables
--             p_references   rows of deletion_references_to, as a jsonb array
-- Returns     one row a reference that lasts until the child is gone and lies on a circle; a single
--             reference of a table to itself is none: a row has one parent by it
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_plan_cycle(
    p_closure oid[],
    p_references jsonb
) RETURNS TABLE (child_oid oid, reference_name text)
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_plan_cycle$
WITH RECURSIVE reference AS (
    SELECT r.*
    FROM jsonb_to_recordset(p_references) AS r (
        child_oid oid, parent_oid oid, reference_name text, action text
    )
    WHERE r.action IN ('cascade', 'restrict') AND r.child_oid = ANY (p_closure)
),

ranked AS (
    SELECT r.table_oid, r.table_rank
    FROM deletion_plan_ranks(p_closure, (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'c', r.child_oid::bigint, 'p', r.parent_oid::bigint, 'lasting', TRUE
        )), '[]')
        FROM reference AS r
    )) AS r
),

lasting AS (
    SELECT r.child_oid, r.parent_oid, r.reference_name
    FROM reference AS r
    INNER JOIN ranked AS c ON c.table_oid = r.child_oid AND c.table_rank IS NULL
    WHERE r.child_oid <> r.parent_oid
),

-- Every table above a circle is without a rank as well; only what leads back is in one.
below (parent_oid, met_oid) AS (
    SELECT l.parent_oid, l.child_oid
    FROM lasting AS l
    UNION
    SELECT b.parent_oid, l.child_oid
    FROM below AS b
    INNER JOIN lasting AS l ON l.parent_oid = b.met_oid
),

circular AS (
    SELECT l.child_oid, l.reference_name
    FROM lasting AS l
    INNER JOIN below AS b ON b.parent_oid = l.child_oid AND b.met_oid = l.parent_oid
)

SELECT c.child_oid, c.reference_name FROM circular AS c
UNION
SELECT r.child_oid, r.reference_name
FROM reference AS r
WHERE
    r.child_oid = r.parent_oid
    AND (
        EXISTS (SELECT 1 FROM circular AS c WHERE c.child_oid = r.child_oid)
        OR (
            SELECT count(*) FROM reference AS s
            WHERE s.child_oid = r.child_oid AND s.parent_oid = r.child_oid
        ) > 1
    );
$deletion_plan_cycle$;

COMMENT ON FUNCTION deletion_plan_cycle(oid[], jsonb) IS
'The references of a closure by which its tables refer to each other in a circle.';
REVOKE ALL ON FUNCTION deletion_plan_cycle(oid[], jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_table.sql
-- deletion_sql_table
-- Write a table's name as the statements of a plan name it.
--
-- Parameters  p_table   the table
-- Returns     text, qualified and quoted; where the table has partitions, marked: of it ONLY is
--             nothing, so that word is taken away again
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_sql_table('customer'::regclass);

CREATE OR REPLACE FUNCTION deletion_sql_table(p_table oid)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_table$
SELECT CASE c.relkind WHEN 'p' THEN '/*whole*/ ' ELSE '' END || format('%I.%I', n.nspname, c.relname)
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = p_table;
$deletion_sql_table$;

COMMENT ON FUNCTION deletion_sql_table(oid) IS
'A table''s name as the statements of a plan name it.';
REVOKE ALL ON FUNCTION deletion_sql_table(oid) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_plan_edge.sql
-- deletion_plan_edge
-- Describe a reference of a plan, with the conditions that its statements are made of.
--
-- Parameters  p_reference   a row of deletion_references_to, as jsonb
--             p_parent      the parent's node      p_child   the child's node
-- Returns     jsonb: parent, child, reference, action, index, self, and as SQL text
--             on_frame   child row c hangs from frame row f
--             on_parent  child row c hangs from parent row t
--             found      row t of the child table is still where frame row f found it
--             expands    TRUE: a frame may hold several levels of it
--             only_found TRUE: roots that were not there have no such children
--             plain      TRUE: an indexed foreign key of single whole numbers
--             set_columns  the SET list of an UPDATE;  columns  the frame columns p1.. of the child
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_plan_edge(
    p_reference jsonb,
    p_parent jsonb,
    p_child jsonb
) RETURNS jsonb
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_plan_edge$
WITH pair AS (
    SELECT
        x.ordinality AS i,
        p ->> 'f' AS frame_column,
        p ->> 'name' AS parent_name,
        p ->> 'type' AS parent_type,
        quote_ident(a.attname) AS child_name,
        format_type(a.atttypid, a.atttypmod) AS child_type,
        coalesce(
            x.operator::oid,
            deletion_equality_of(
                (
                    SELECT pa.atttypid
                    FROM pg_attribute AS pa
                    WHERE
                        pa.attrelid = (p_parent ->> 'oid')::oid
                        AND pa.attnum = x.parent_column::int2
                ),
                a.atttypid
            )
        ) AS operator,
        deletion_equality(deletion_equality_of(a.atttypid, a.atttypid), FALSE) AS own_eq
    FROM
        ROWS FROM (
            jsonb_array_elements_text(p_reference -> 'child_columns'),
            jsonb_array_elements_text(p_reference -> 'parent_columns'),
            jsonb_array_elements_text(coalesce(nullif(p_reference -> 'operators', 'null'), '[]'))
        ) WITH ORDINALITY AS x (child_column, parent_column, operator, ordinality)
    INNER JOIN pg_attribute AS a
        ON a.attrelid = (p_child ->> 'oid')::oid AND a.attnum = x.child_column::int2
    INNER JOIN jsonb_array_elements(p_parent -> 'columns') AS p
        ON (p ->> 'attnum')::int2 = x.parent_column::int2
),

discriminator AS (
    SELECT format(
        '%I %s CAST(%L AS %s)',
        a.attname,
        deletion_equality(deletion_equality_of(a.atttypid, a.atttypid), FALSE),
        p_reference ->> 'discriminator_value',
        format_type(a.atttypid, a.atttypmod)
    ) AS condition
    FROM pg_attribute AS a
    WHERE
        a.attrelid = (p_child ->> 'oid')::oid
        AND a.attnum = (p_reference ->> 'discriminator_column')::int2
),

part AS (
    -- Rows of the other partitions are pointed at by nobody, whatever values they hold.
    SELECT
        format('%s = ANY (%L::oid[])', p ->> 'f', t.oids) AS condition,
        format('tableoid = ANY (%L::oid[])', t.oids) AS parent_condition
    FROM (
        SELECT array_agg(r.relid::oid) AS oids
        FROM pg_partition_tree((p_reference ->> 'parent_part')::oid) AS r
        WHERE r.isleaf
    ) AS t
    INNER JOIN jsonb_array_elements(p_parent -> 'columns') AS p ON (p ->> 'attnum')::int2 = -6
    WHERE p_reference ->> 'parent_part' IS NOT NULL
),

own_row AS (
    -- A row that refers to itself is not its own child.
    SELECT
        string_agg(format('c.%s %s f.%s', k ->> 'name', k ->> 'eq', k ->> 'f'), ' AND ')
        AS in_frame,
        string_agg(format('c.%1$s %2$s t.%1$s', k ->> 'name', k ->> 'eq'), ' AND ') AS in_table
    FROM jsonb_array_elements(p_child -> 'columns') AS k
    WHERE (k ->> 'key')::boolean AND p_parent ->> 'oid' = p_child ->> 'oid'
)

SELECT jsonb_build_object(
    'parent', p_parent -> 'no',
    'child', p_child -> 'no',
    'reference', p_reference -> 'reference_name',
    -- The table as the reference's statements name it: the one partition that has it.
    'sql', coalesce(
        deletion_sql_table((p_reference ->> 'child_part')::oid), p_child ->> 'sql'
    ),
    'parts', coalesce((
        SELECT q.relkind = 'p' FROM pg_class AS q WHERE q.oid = (p_reference ->> 'child_part')::oid
    ), (p_child ->> 'parts')::boolean),
    'action', p_reference -> 'action',
    'index', p_reference -> 'index_name',
    'self', p_parent ->> 'oid' = p_child ->> 'oid',
    -- Rows of one table that hang from each other can go in one statement.
    'expands', p_parent ->> 'oid' = p_child ->> 'oid' AND p_reference ->> 'action' = 'cascade'
    AND p_reference ->> 'index_name' IS NOT NULL AND p_child ->> 'rows' = '*'
    AND coalesce(p_reference ->> 'child_part', p_reference ->> 'parent_part') IS NULL
    AND NOT EXISTS (
        SELECT 1
        FROM pg_constraint AS own
        WHERE
            own.conrelid = (p_child ->> 'oid')::oid AND own.confrelid = own.conrelid
            AND own.contype = 'f' AND own.confdeltype = 'r'
    ),
    'declared', (p_reference ->> 'is_declared')::boolean,
    -- Only a declared reference can hold rows of a root that is not there.
    'only_found', p_parent ->> 'no' = '0' AND NOT (p_reference ->> 'is_declared')::boolean,
    -- A foreign key between single whole numbers: its rows can be counted and deleted by arrays.
    'plain', NOT (p_reference ->> 'is_declared')::boolean AND count(*) = 1
    AND bool_and(
        pair.child_type IN ('smallint', 'integer', 'bigint')
        AND pair.parent_type IN ('smallint', 'integer', 'bigint')
        AND deletion_equality(pair.operator, FALSE) = 'OPERATOR(pg_catalog.=)'
    ) AND p_reference ->> 'index_name' IS NOT NULL
    AND coalesce(p_reference ->> 'child_part', p_reference ->> 'parent_part') IS NULL,
    'comparable', bool_and(pair.operator IS NOT NULL),
    'single', count(*) = 1 AND p_reference ->> 'parent_part' IS NULL
    AND NOT (p_child ->> 'parts')::boolean,
    'child_column', min(pair.child_name),
    'frame_column', min(pair.frame_column),
    -- Sides exchanged: hashed lookups of the child's column among the frame's values.
    'any_eq', min(deletion_equality(pair.operator, TRUE)),
    'condition_c', coalesce((SELECT 'c.' || d.condition FROM discriminator AS d), 'TRUE'),
    'parent_columns', jsonb_agg(jsonb_build_object(
        'f', pair.frame_column, 'type', pair.parent_type
    ) ORDER BY pair.i),
    'columns', jsonb_agg(jsonb_build_object(
        'f', 'p' || pair.i, 'name', pair.child_name, 'type', pair.child_type
    ) ORDER BY pair.i),
    'on_frame', string_agg(format('f.%s %s c.%s', pair.frame_column,
        deletion_equality(pair.operator, FALSE), pair.child_name), ' AND ' ORDER BY pair.i)
    || coalesce((SELECT ' AND c.' || d.condition FROM discriminator AS d), '')
    || coalesce((SELECT ' AND NOT (' || o.in_frame || ')' FROM own_row AS o), '')
    || coalesce((SELECT ' AND f.' || s.condition FROM part AS s), ''),
    'on_parent', string_agg(format('t.%s %s c.%s', pair.parent_name,
        deletion_equality(pair.operator, FALSE), pair.child_name), ' AND ' ORDER BY pair.i)
    || coalesce((SELECT ' AND c.' || d.condition FROM discriminator AS d), '')
    || coalesce((SELECT ' AND NOT (' || o.in_table || ')' FROM own_row AS o), '')
    || coalesce((SELECT ' AND t.' || s.parent_condition FROM part AS s), ''),
    'found', string_agg(format('t.%s %s f.p%s', pair.child_name, pair.own_eq, pair.i),
        ' AND ' ORDER BY pair.i)
    || coalesce((SELECT ' AND t.' || d.condition FROM discriminator AS d), ''),
    'set_columns', (
        SELECT string_agg(format(
            '%I = %s',
            a.attname,
            CASE p_reference ->> 'action' WHEN 'set_default' THEN 'DEFAULT' ELSE 'NULL' END
        ), ', ' ORDER BY a.attnum)
        FROM jsonb_array_elements_text(p_reference -> 'set_columns') AS s
        INNER JOIN pg_attribute AS a
            ON a.attrelid = (p_child ->> 'oid')::oid AND a.attnum = s::int2
    )
)
FROM pair;
$deletion_plan_edge$;

COMMENT ON FUNCTION deletion_plan_edge(jsonb, jsonb, jsonb) IS
'A reference of a plan, with the conditions that its statements are made of.';
REVOKE ALL ON FUNCTION deletion_plan_edge(jsonb, jsonb, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_plan_edges.sql
-- deletion_plan_edges
-- Number a plan's references in the order of the walk, and mark what the check has to look at.
--
-- Parameters  p_closure      the closure's tables
--             p_references   rows of deletion_references_to, as a jsonb array
--             p_nodes        the plan's nodes, as a jsonb array
--             p_count_all    TRUE: the check counts every row (the target has max_rows)
-- Returns     jsonb: edges, can_block, has_waits; error_code and error where types do not compare
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
        WHERE r.in_closure
    )) AS r
),

circular AS (
    SELECT c.child_oid, c.reference_name FROM deletion_plan_cycle(p_closure, p_references) AS c
),

-- What could be set NULL to let a parent go first, where rows refer to each other in a circle.
loose AS (
    SELECT
        r.child_oid, r.reference_name, c.child_oid IS NOT NULL AS is_circular,
        deletion_break_columns(r.source, p_references) AS columns
    FROM reference AS r
    LEFT JOIN circular AS c
        ON c.child_oid = r.child_oid AND c.reference_name = r.reference_name
    WHERE
        r.action IN ('cascade', 'restrict') AND r.in_closure
        AND (c.child_oid IS NOT NULL OR r.child_oid = r.parent_oid)
),

-- Tables whose rows the check must know: those behind which something could block, those of a
-- circle that is not open anywhere, and all tables on the way from the target to them.
concerned (table_oid) AS (
    SELECT r.parent_oid
    FROM reference AS r
    WHERE r.action = 'restrict'
    UNION
    SELECT l.child_oid
    FROM loose AS l
    WHERE
        l.is_circular
        AND EXISTS (SELECT 1 FROM loose AS o WHERE o.is_circular AND o.columns IS NULL)
    UNION
    SELECT r.child_oid
    FROM reference AS r
    WHERE r.action = 'restrict' AND r.in_closure
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
            'waits', r.action <> 'cascade' AND r.in_closure,
            'leaf', r.action = 'cascade' AND NOT EXISTS (
                SELECT 1 FROM reference AS below WHERE below.parent_oid = r.child_oid
            ),
            'check', p_count_all OR r.action = 'restrict' OR (
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
            -- Rows with two references to set are changed twice and counted once; rows of the
            -- closure that are set may go later, and are counted as gone.
            'once', r.action IN ('set_null', 'set_default') AND (
                r.in_closure OR (
                    SELECT count(*) FROM reference AS s
                    WHERE s.child_oid = r.child_oid AND s.action IN ('set_null', 'set_default')
                ) > 1
            ),
            'circle', coalesce(l.is_circular, FALSE),
            'break_columns', (
                SELECT jsonb_agg(quote_ident(a.attname) ORDER BY a.attnum)
                FROM pg_attribute AS a
                WHERE a.attrelid = r.child_oid AND a.attnum = ANY (l.columns)
            )
        ) AS edge,
        row_number() OVER (
            ORDER BY
                (p.node ->> 'no')::integer,
                CASE r.action WHEN 'cascade' THEN 0 WHEN 'restrict' THEN 2 ELSE 1 END,
                k.table_rank NULLS LAST, c.node ->> 'name', r.reference_name
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
) || CASE WHEN bool_and((d.edge ->> 'comparable')::boolean) THEN '{}'::jsonb
    WHEN count(*) = 0 THEN '{}'::jsonb
    ELSE jsonb_build_object(
        'error_code', 'JD005',
        'error', 'columns of different types: ' || string_agg(d.edge ->> 'reference', ', ')
            FILTER (WHERE NOT (d.edge ->> 'comparable')::boolean)
    )
END
FROM described AS d;
$deletion_plan_edges$;

COMMENT ON FUNCTION deletion_plan_edges(oid[], jsonb, jsonb, boolean) IS
'A plan''s references in the order of the walk, and what the check has to look at.';
REVOKE ALL ON FUNCTION deletion_plan_edges(oid[], jsonb, jsonb, boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_plan_graph.sql
-- deletion_plan_graph
-- Work out the tables and references of a target's deletion, in the order of the walk.
--
-- Parameters  p_entity_table   the target, as it is registered
-- Returns     jsonb: nodes (deletion_plan_node), edges (deletion_plan_edge with no, leaf, waits,
--             check), tables (OIDs), can_block, has_waits; error_code and error where no plan
--             can run
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_plan_graph(p_entity_table text)
RETURNS jsonb
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_plan_graph$
DECLARE
    v_root oid;
    v_key int2[];
    v_max_rows bigint;
    v_closure oid[];
    v_front oid[];
    v_tables oid[];
    v_references jsonb;
    v_nodes jsonb;
    v_error text;
BEGIN
    SELECT
        c.oid, deletion_attnums(c.oid, t.key_columns),
        coalesce(t.max_rows, deletion_setting_int('max_rows'))
    INTO v_root, v_key, v_max_rows
    FROM deletion_targets AS t
    INNER JOIN pg_namespace AS n ON n.nspname = t.table_schema
    INNER JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = t.table_name
    WHERE t.entity_table = p_entity_table;

    IF v_root IS NULL OR v_key IS NULL THEN
        RETURN jsonb_build_object('tables', '[]'::jsonb, 'error_code', 'JD005',
            'error', format('%s is gone, or its key is', p_entity_table));
    END IF;

    v_closure := ARRAY[v_root];
    v_front := v_closure;

    WHILE v_front IS NOT NULL LOOP
        SELECT array_agg(DISTINCT r.child_oid)
        INTO v_front
        FROM deletion_references_to(v_front) AS r
        WHERE r.action = 'cascade' AND r.child_oid <> ALL (v_closure);
        v_closure := v_closure || coalesce(v_front, '{}');
    END LOOP;

    SELECT coalesce(jsonb_agg(to_jsonb(r)), '[]')
    INTO v_references
    FROM deletion_references_to(v_closure) AS r
    WHERE r.action <> 'keep';

    SELECT v_closure || coalesce(array_agg(DISTINCT r.child_oid), '{}')
    INTO v_tables
    FROM jsonb_to_recordset(v_references) AS r (child_oid oid)
    WHERE r.child_oid <> ALL (v_closure);

    v_error := deletion_plan_problem(v_tables);

    IF v_error IS NOT NULL THEN
        RETURN jsonb_build_object(
            'tables', to_jsonb(v_tables), 'error_code', 'JD005', 'error', v_error
        );
    END IF;

    SELECT jsonb_agg(
        deletion_plan_node(
            (t.ordinality - 1)::integer,
            t.table_oid,
            CASE WHEN t.table_oid = v_root THEN v_key ELSE deletion_node_key(t.table_oid) END,
            ARRAY(
                SELECT jsonb_array_elements_text(r.parent_columns)::int2
                FROM jsonb_to_recordset(v_references) AS r (parent_oid oid, parent_columns jsonb)
                WHERE r.parent_oid = t.table_oid
                UNION
                SELECT CAST(-6 AS int2)
                FROM jsonb_to_recordset(v_references) AS r (parent_oid oid, parent_part oid)
                WHERE r.parent_oid = t.table_oid AND r.parent_part IS NOT NULL
            ),
            t.table_oid = ANY (v_closure)
        ) ORDER BY t.ordinality
    )
    INTO v_nodes
    FROM unnest(v_tables) WITH ORDINALITY AS t (table_oid, ordinality);

    RETURN jsonb_build_object(
        'nodes', v_nodes,
        'tables', to_jsonb(v_tables || ARRAY(
            SELECT p.relid::oid
            FROM unnest(v_tables) AS t (table_oid)
            CROSS JOIN LATERAL pg_partition_tree(t.table_oid) AS p
            WHERE p.level > 0
        )),
        'max_rows', v_max_rows
    ) || deletion_plan_edges(v_closure, v_references, v_nodes, v_max_rows IS NOT NULL);
END;
$deletion_plan_graph$;

COMMENT ON FUNCTION deletion_plan_graph(text) IS
'The tables and references of a target''s deletion, in the order of the walk.';
REVOKE ALL ON FUNCTION deletion_plan_graph(text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_plan_node.sql
-- deletion_plan_node
-- Describe a table of a plan: its name, key, and the further columns that references point at.
--
-- Parameters  p_no          number of the node in the plan, 0 for the target
--             p_table       the table
--             p_key         its key columns
--             p_referenced  columns that references of the plan point at
--             p_in_closure  FALSE for a table that only non-cascading references reach
-- Returns     jsonb: no, oid, sql (quoted name), name, closure, and columns, each with its name
--             in frames (f: k1.. key, u1.. others), name, type and attnum
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
            'type', format_type(a.atttypid, a.atttypmod),
            'attnum', a.attnum,
            'eq', deletion_equality(deletion_equality_of(a.atttypid, a.atttypid), FALSE),
            'key', w.part = 1
        ) ORDER BY w.part, w.ordinality)
        FROM wanted AS w
        INNER JOIN pg_attribute AS a ON a.attrelid = p_table AND a.attnum = w.attnum
    )
)
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = p_table;
$deletion_plan_node$;

COMMENT ON FUNCTION deletion_plan_node(integer, oid, int2[], int2[], boolean) IS
'A table of a plan: its name, key, and the further columns that references point at.';
REVOKE ALL ON FUNCTION deletion_plan_node(integer, oid, int2[], int2[], boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_plan_problem.sql
-- deletion_plan_problem
-- Say why tables cannot take part in a plan, if one of them cannot.
--
-- Parameters  p_tables   the tables of the plan, closure and others
-- Returns     text naming the first such table and the reason; NULL: all can
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_plan_problem(p_tables oid[])
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_plan_problem$
SELECT format('%s %s', deletion_entity_name(c.oid), p.problem)
FROM pg_class AS c
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN c.relkind = 'f' THEN 'is a foreign table'
        WHEN c.relkind NOT IN ('r', 'p') THEN 'is no ordinary table'
        WHEN EXISTS (
            SELECT 1
            FROM pg_partition_tree(c.oid) AS p
            INNER JOIN pg_class AS q ON q.oid = p.relid AND q.relkind NOT IN ('r', 'p')
        ) THEN 'has a partition that is no ordinary table'
        WHEN EXISTS (
            SELECT 1
            FROM pg_attribute AS a
            INNER JOIN pg_type AS t ON t.oid = a.atttypid
            LEFT JOIN pg_type AS b ON b.oid = t.typbasetype
            WHERE
                a.attrelid = c.oid AND a.attnum = ANY (deletion_node_key(c.oid))
                AND (
                    coalesce(b.oid, t.oid) IN ('float4'::regtype, 'float8'::regtype)
                    OR coalesce(b.typcategory, t.typcategory) = 'A'
                )
        ) THEN 'has a key of a type that does not compare exactly'
    END AS problem
) AS p
WHERE c.oid = ANY (p_tables) AND p.problem IS NOT NULL
ORDER BY array_position(p_tables, c.oid)
LIMIT 1;
$deletion_plan_problem$;

COMMENT ON FUNCTION deletion_plan_problem(oid[]) IS
'Why a table cannot take part in a plan, if one of the given tables cannot.';
REVOKE ALL ON FUNCTION deletion_plan_problem(oid[]) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_root_columns.sql
-- deletion_root_columns
-- Number a partition's columns as the table does that it is a part of.
--
-- Parameters  p_table     the partition, or any other table
--             p_columns   its columns
-- Returns     int2[], in the same order; those of any other table as they are
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_root_columns(
    p_table oid,
    p_columns int2[]
) RETURNS int2[]
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_root_columns$
SELECT CASE
    WHEN pg_partition_root(p_table) IS NULL OR pg_partition_root(p_table) = p_table THEN p_columns
    ELSE ARRAY(
        SELECT r.attnum
        FROM unnest(p_columns) WITH ORDINALITY AS k (attnum, ordinality)
        INNER JOIN pg_attribute AS a ON a.attrelid = p_table AND a.attnum = k.attnum
        INNER JOIN pg_attribute AS r
            ON r.attrelid = pg_partition_root(p_table) AND r.attname = a.attname
        ORDER BY k.ordinality
    )
END;
$deletion_root_columns$;

COMMENT ON FUNCTION deletion_root_columns(oid, int2[]) IS
'Number a partition''s columns as the table does that it is a part of.';
REVOKE ALL ON FUNCTION deletion_root_columns(oid, int2[]) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_references_to.sql
-- deletion_references_to
-- List the references that point at given tables, each with the action that rules leave it.
--
-- Parameters  p_parents   the tables that are pointed at
-- Returns     one row a reference: its tables, columns in order, comparison operators, action,
--             the columns that a SET NULL or SET DEFAULT changes, its supporting index, and the
--             partition that alone holds it (child_part) or is pointed at (parent_part)
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT * FROM deletion_references_to(ARRAY['users'::regclass]::oid[]);

CREATE OR REPLACE FUNCTION deletion_references_to(p_parents oid[])
RETURNS TABLE (
    child_oid oid,
    parent_oid oid,
    reference_name text,
    action text,
    is_declared boolean,
    child_columns int2[],
    parent_columns int2[],
    operators oid[],
    set_columns int2[],
    discriminator_column int2,
    discriminator_value text,
    index_name text,
    child_part oid,
    parent_part oid
)
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_references_to$
WITH from_catalog AS (
    SELECT
        k.conrelid AS child_oid,
        k.confrelid AS parent_oid,
        k.conname::text AS reference_name,
        CASE k.confdeltype
            WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set_null' WHEN 'd' THEN 'set_default'
            ELSE 'restrict'
        END AS action,
        FALSE AS is_declared,
        k.conkey AS child_columns,
        k.confkey AS parent_columns,
        k.conpfeqop AS operators,
        coalesce(k.confdelsetcols, k.conkey) AS set_columns,
        NULL::int2 AS discriminator_column,
        NULL::text AS discriminator_value
    FROM pg_constraint AS k
    -- Of a key on a partitioned table each partition has a copy.
    WHERE
        k.contype = 'f' AND k.conparentid = 0 AND k.confrelid IN (
            SELECT t.relid
            FROM unnest(p_parents) AS p (oid)
            CROSS JOIN LATERAL pg_partition_tree(p.oid) AS t
            UNION ALL
            SELECT p.oid FROM unnest(p_parents) AS p (oid)
        )
),

declared AS (
    SELECT
        c.oid AS child_oid,
        p.oid AS parent_oid,
        d.reference_name::text AS reference_name,
        d.action::text AS action,
        TRUE AS is_declared,
        deletion_attnums(c.oid, d.child_columns) AS child_columns,
        deletion_attnums(p.oid, d.parent_columns) AS parent_columns,
        NULL::oid[] AS operators,
        deletion_attnums(c.oid, d.child_columns) AS set_columns,
        (deletion_attnums(c.oid, jsonb_build_array(d.discriminator_column)))[1]
        AS discriminator_column,
        d.discriminator_value::text AS discriminator_value
    FROM deletion_references AS d
    INNER JOIN pg_namespace AS cn ON cn.nspname = d.child_schema
    INNER JOIN pg_class AS c ON c.relnamespace = cn.oid AND c.relname = d.child_table
    INNER JOIN pg_namespace AS pn ON pn.nspname = d.parent_schema
    INNER JOIN pg_class AS p ON p.relnamespace = pn.oid AND p.relname = d.parent_table
    WHERE p.oid = ANY (p_parents)
),

every AS (
    SELECT f.* FROM from_catalog AS f
    UNION ALL
    SELECT d.* FROM declared AS d
)

SELECT
    coalesce(pg_partition_root(e.child_oid)::oid, e.child_oid) AS child_oid,
    coalesce(pg_partition_root(e.parent_oid)::oid, e.parent_oid) AS parent_oid,
    e.reference_name,
    -- A column that cannot be NULL blocks as the engine would, but before anything is touched.
    CASE
        WHEN coalesce(r.action, e.action) = 'set_null' AND EXISTS (
            SELECT 1
            FROM pg_attribute AS a
            INNER JOIN pg_type AS y ON y.oid = a.atttypid
            WHERE
                a.attrelid = e.child_oid AND a.attnum = ANY (e.set_columns)
                AND (a.attnotnull OR y.typnotnull)
        ) THEN 'restrict'
        -- The engine would change rows behind the column as well: unbounded, and uncounted.
        WHEN coalesce(r.action, e.action) IN ('set_null', 'set_default') AND EXISTS (
            SELECT 1
            FROM pg_constraint AS k
            WHERE
                k.contype = 'f' AND k.confrelid = e.child_oid AND k.confkey && e.set_columns
                AND k.confupdtype IN ('c', 'n', 'd')
        ) THEN 'restrict'
        ELSE coalesce(r.action, e.action)
    END AS action,
    e.is_declared,
    -- A partition may number its columns in its own way.
    deletion_root_columns(e.child_oid, e.child_columns),
    deletion_root_columns(e.parent_oid, e.parent_columns),
    e.operators,
    deletion_root_columns(e.child_oid, e.set_columns),
    (deletion_root_columns(e.child_oid, ARRAY[e.discriminator_column]))[1],
    e.discriminator_value,
    (
        SELECT i.indexrelid::regclass::text
        FROM pg_index AS i
        WHERE
            i.indrelid = e.child_oid AND i.indisvalid AND i.indisready
            AND (
                i.indpred IS NULL
                -- What leaves out nothing but rows that refer to none leaves out none of ours.
                OR (
                    cardinality(e.child_columns) = 1 AND e.discriminator_column IS NULL
                    AND pg_get_expr(i.indpred, i.indrelid) = (
                        SELECT format('(%I IS NOT NULL)', a.attname)
                        FROM pg_attribute AS a
                        WHERE a.attrelid = e.child_oid AND a.attnum = e.child_columns[1]
                    )
                )
            )
            -- The index leads with the reference's columns, the discriminator among them or not.
            AND e.child_columns <@ (i.indkey::int2[])[
                0:cardinality(e.child_columns) - 1 + (e.discriminator_column IS NOT NULL)::int
            ]
            AND (i.indkey::int2[])[
                0:cardinality(e.child_columns) - 1 + (e.discriminator_column IS NOT NULL)::int
            ] <@ (e.child_columns || coalesce(e.discriminator_column, e.child_columns[1]))
        ORDER BY i.indnatts, i.indexrelid
        LIMIT 1
    ) AS index_name,
    CASE WHEN pg_partition_root(e.child_oid) <> e.child_oid THEN e.child_oid END AS child_part,
    CASE WHEN pg_partition_root(e.parent_oid) <> e.parent_oid THEN e.parent_oid END AS parent_part
FROM every AS e
INNER JOIN pg_class AS t ON t.oid = e.child_oid
INNER JOIN pg_namespace AS n ON n.oid = t.relnamespace
LEFT JOIN deletion_rules AS r
    ON
        r.child_schema = n.nspname AND r.child_table = t.relname
        AND r.reference_name = e.reference_name;
$deletion_references_to$;

COMMENT ON FUNCTION deletion_references_to(oid[]) IS
'The references that point at given tables, each with the action that rules leave it.';
REVOKE ALL ON FUNCTION deletion_references_to(oid[]) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_cycle.sql
-- deletion_sql_cycle
-- Write the statement that finds rows of a walk that go in a circle by a self-reference.
--
-- Parameters  p_edge   the self-reference                    p_node   its table
-- Returns     text; binds $1, the walk whose keys are known; answers job, number of rows in its
--             largest circle, and one of them
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- A row has one parent by the reference, so a circle is entered by another reference, or is the
-- root's own: climbing from the rows found otherwise, one that meets itself again is in a circle.
-- A row that refers to itself is none: it goes in one statement with itself.

CREATE OR REPLACE FUNCTION deletion_sql_cycle(
    p_edge jsonb,
    p_node jsonb
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_cycle$
-- As texts, since not every type of a key can be hashed, which UNION needs to end at a circle that
-- the start is not part of.
SELECT format(
    $sql$WITH RECURSIVE up AS (
    SELECT w.job_id, %1$s
    FROM deletion_walk_keys AS w
    CROSS JOIN LATERAL jsonb_to_record(w.keys) AS f (%2$s)
    CROSS JOIN LATERAL (SELECT * FROM ONLY %3$s AS c WHERE %4$s%5$s OFFSET 0) AS c
    WHERE w.walk_id = $1 AND w.node_no = %6$s AND w.fate = 'delete' AND w.edge_no <> %7$s
        AND NOT (%8$s)
    UNION
    SELECT up.job_id, %9$s
    FROM up
    CROSS JOIN LATERAL (SELECT * FROM ONLY %3$s AS c WHERE %10$s%5$s OFFSET 0) AS c
    WHERE NOT (%11$s)
)
SELECT g.job_id, max(g.n), min(g.sample)
FROM (
    SELECT up.job_id, count(*) AS n, min(concat_ws(', ', %12$s)) AS sample
    FROM up
    WHERE EXISTS (
        SELECT 1 FROM up AS met WHERE met.job_id = up.job_id AND %13$s AND %14$s
    )
    GROUP BY up.job_id, %12$s
) AS g
GROUP BY g.job_id$sql$,
    r.start_list,
    deletion_sql_list(k.columns, '%1$s %3$s'),
    p_node ->> 'sql',
    deletion_sql_list(k.columns, 'c.%2$s %4$s f.%1$s', ' AND '),
    CASE WHEN p_edge ->> 'condition_c' = 'TRUE' THEN '' ELSE ' AND ' || (p_edge ->> 'condition_c') END,
    p_node ->> 'no',
    p_edge ->> 'no',
    r.own,
    r.next_list,
    r.above,
    r.met,
    r.starts,
    r.same_start,
    replace(r.met, 'up.', 'met.')
)
FROM (
    SELECT jsonb_agg(c ORDER BY n) AS columns
    FROM jsonb_array_elements(p_node -> 'columns') WITH ORDINALITY AS x (c, n)
    WHERE (c ->> 'key')::boolean
) AS k
CROSS JOIN (
    SELECT
        string_agg(format('c.%1$s::text AS s%3$s, c.%2$s::text AS a%3$s', x.parent ->> 'name',
            x.child ->> 'name', x.n), ', ' ORDER BY x.n) AS start_list,
        string_agg(format('up.s%1$s, c.%2$s::text', x.n, x.child ->> 'name'), ', ' ORDER BY x.n)
        AS next_list,
        string_agg(format('c.%1$s %2$s CAST(up.a%3$s AS %4$s)', x.parent ->> 'name',
            x.parent ->> 'eq', x.n, x.parent ->> 'type'), ' AND ' ORDER BY x.n) AS above,
        string_agg(format('CAST(c.%2$s AS %3$s) %4$s c.%1$s', x.parent ->> 'name', x.child ->> 'name',
            x.parent ->> 'type', x.parent ->> 'eq'), ' AND ' ORDER BY x.n) AS own,
        string_agg(format('CAST(up.a%1$s AS %2$s) %3$s CAST(up.s%1$s AS %2$s)', x.n,
            x.parent ->> 'type', x.parent ->> 'eq'), ' AND ' ORDER BY x.n) AS met,
        string_agg(format('up.s%1$s', x.n), ', ' ORDER BY x.n) AS starts,
        string_agg(format('met.s%1$s = up.s%1$s', x.n), ' AND ' ORDER BY x.n) AS same_start
    FROM (
        SELECT c.n, c.value AS child, (
            SELECT o.value
            FROM jsonb_array_elements(p_node -> 'columns') AS o
            WHERE o.value ->> 'f' = p.value ->> 'f'
        ) AS parent
        FROM jsonb_array_elements(p_edge -> 'columns') WITH ORDINALITY AS c (value, n)
        INNER JOIN jsonb_array_elements(p_edge -> 'parent_columns') WITH ORDINALITY AS p (value, n)
            ON p.n = c.n
    ) AS x
) AS r;
$deletion_sql_cycle$;

COMMENT ON FUNCTION deletion_sql_cycle(jsonb, jsonb) IS
'The statement that finds rows that are their own ancestors by a self-reference.';
REVOKE ALL ON FUNCTION deletion_sql_cycle(jsonb, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_drain.sql
-- deletion_sql_drain
-- Write the statement that deletes rows without dependants that hang from a frame.
--
-- Parameters  p_edge, p_parent, p_child   the reference and its nodes
--             p_one_job   TRUE: for a frame of one job, where the engine's row count is enough
-- Returns     text; binds $1 frame, $2 limit; answers the number of rows, rows by job, and how
--             many it found and could not delete; for one job nothing
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_drain(
    p_edge jsonb,
    p_parent jsonb,
    p_child jsonb,
    p_one_job boolean
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_drain$
WITH pair AS (
    SELECT jsonb_agg(jsonb_build_object(
        'f', c.value -> 'f', 'name', p.value -> 'f', 'type', p.value -> 'type'
    ) ORDER BY c.n) AS columns
    FROM jsonb_array_elements(p_edge -> 'columns') WITH ORDINALITY AS c (value, n)
    INNER JOIN jsonb_array_elements(p_edge -> 'parent_columns')
        WITH ORDINALITY AS p (value, n) ON p.n = c.n
)

-- One Tid Scan; the condition once more, for a row that moves while its lock is waited for.
-- Rows are counted by job without a join: the frame's own rows name the job of each group.
SELECT format(
    CASE WHEN (p_child ->> 'parts')::boolean AND p_one_job THEN $sql$WITH %1$s,
r AS MATERIALIZED (
    SELECT DISTINCT x.part, x.row_id
    FROM (
        %3$s
        LIMIT $2
    ) AS x (row_id, part)
)
DELETE FROM ONLY %2$s AS c
USING r
WHERE c.ctid = r.row_id AND c.tableoid = r.part AND %4$s$sql$
    WHEN (p_child ->> 'parts')::boolean THEN $sql$WITH %1$s,
r AS MATERIALIZED (
    SELECT DISTINCT x.part, x.row_id
    FROM (
        %3$s
        LIMIT $2
    ) AS x (row_id, part)
),
d AS (
    DELETE FROM ONLY %2$s AS c
    USING r
    WHERE c.ctid = r.row_id AND c.tableoid = r.part AND %4$s
    RETURNING %5$s
)
SELECT
    coalesce(sum(b.n), 0)::bigint,
    jsonb_object_agg(b.j, b.n) FILTER (WHERE b.n > 0),
    (SELECT count(*) FROM r) - coalesce(sum(b.n), 0)::bigint
FROM (
    SELECT a.j, sum(a.n)::bigint AS n
    FROM (
        SELECT max(g.j) AS j, sum(g.n) AS n
        FROM (
            SELECT %6$s, NULL::bigint AS j, 1 AS n FROM d
            UNION ALL
            SELECT %7$s, f.j, 0 FROM f
        ) AS g
        GROUP BY %8$s
    ) AS a
    GROUP BY a.j
) AS b$sql$
    WHEN p_one_job THEN $sql$WITH %1$s
DELETE FROM ONLY %2$s AS c
WHERE
    c.ctid = ANY (ARRAY(
        %3$s
        LIMIT $2
    ))
    AND %4$s$sql$
    ELSE $sql$WITH %1$s,
r AS MATERIALIZED (
    SELECT ARRAY(
        %3$s
        LIMIT $2
    ) AS ids
),
d AS (
    DELETE FROM ONLY %2$s AS c
    WHERE
        c.ctid = ANY ((SELECT r.ids FROM r)::tid[])
        AND %4$s
    RETURNING %5$s
)
SELECT
    coalesce(sum(b.n), 0)::bigint,
    jsonb_object_agg(b.j, b.n) FILTER (WHERE b.n > 0),
    (SELECT cardinality(r.ids) FROM r) - coalesce(sum(b.n), 0)::bigint
FROM (
    SELECT a.j, sum(a.n)::bigint AS n
    FROM (
        SELECT max(g.j) AS j, sum(g.n) AS n
        FROM (
            SELECT %6$s, NULL::bigint AS j, 1 AS n FROM d
            UNION ALL
            SELECT %7$s, f.j, 0 FROM f
        ) AS g
        GROUP BY %8$s
    ) AS a
    GROUP BY a.j
) AS b$sql$ END,
    deletion_sql_frame(p_parent -> 'columns', (p_edge ->> 'only_found')::boolean),
    p_child ->> 'sql',
    CASE
        WHEN (p_edge ->> 'single')::boolean THEN format(
            'SELECT c.ctid FROM ONLY %s AS c WHERE c.%s %s ANY (%s) AND %s',
            p_child ->> 'sql', p_edge ->> 'child_column', p_edge ->> 'any_eq',
            CASE
                WHEN p_edge ->> 'index' IS NULL THEN format('SELECT f.%s FROM f', p_edge ->> 'frame_column')
                ELSE format('ARRAY(SELECT f.%s FROM f)', p_edge ->> 'frame_column')
            END,
            p_edge ->> 'condition_c'
        )
        ELSE format(
            'SELECT c.ctid%1$s FROM f CROSS JOIN LATERAL '
            || '(SELECT c.ctid%1$s FROM ONLY %2$s AS c WHERE %3$s OFFSET 0) AS c',
            CASE WHEN (p_child ->> 'parts')::boolean THEN ', c.tableoid' ELSE '' END,
            p_child ->> 'sql', p_edge ->> 'on_frame'
        )
    END,
    CASE
        WHEN (p_edge ->> 'single')::boolean THEN format(
            '(c.%s %s ANY (SELECT f.%s FROM f)) IS TRUE AND %s',
            p_edge ->> 'child_column', p_edge ->> 'any_eq', p_edge ->> 'frame_column',
            p_edge ->> 'condition_c'
        )
        ELSE format('EXISTS (SELECT 1 FROM f WHERE %s)', p_edge ->> 'on_frame')
    END,
    deletion_sql_list(p_edge -> 'columns', 'c.%2$s AS %1$s'),
    deletion_sql_list(pair.columns, 'CAST(d.%1$s AS %3$s) AS %1$s'),
    deletion_sql_list(pair.columns, 'f.%2$s'),
    deletion_sql_list(pair.columns, 'g.%1$s')
)
FROM pair;
$deletion_sql_drain$;

COMMENT ON FUNCTION deletion_sql_drain(jsonb, jsonb, jsonb, boolean) IS
'The statement that deletes rows without dependants that hang from a frame.';
REVOKE ALL ON FUNCTION deletion_sql_drain(jsonb, jsonb, jsonb, boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_fetch.sql
-- deletion_sql_fetch
-- Write the statement that reads the keys of the rows that hang from a frame by one reference.
--
-- Parameters  p_edge, p_parent, p_child   the reference and its nodes
--                         beyond in the edge: a further condition on child rows c
--             p_ordered   TRUE: in the order of the child's key, after the cursor $3
-- Returns     text; binds $1 frame, $2 limit (and $3 cursor); answers the child's frame and its
--             number of keys
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_fetch(
    p_edge jsonb,
    p_parent jsonb,
    p_child jsonb,
    p_ordered boolean
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_fetch$
SELECT format(
    $sql$WITH %1$s
SELECT coalesce(jsonb_agg(jsonb_build_object('j', x.j, %2$s)), '[]'), count(*)
FROM (
    SELECT f.j, %3$s
    FROM f
    %4$s
    %5$sLIMIT $2
) AS x$sql$,
    deletion_sql_frame(p_parent -> 'columns', (p_edge ->> 'only_found')::boolean),
    deletion_sql_list((p_child -> 'columns') || (p_edge -> 'columns'), '''%1$s'', x.%1$s'),
    deletion_sql_list((p_child -> 'columns') || (p_edge -> 'columns'), 'c.%2$s AS %1$s'),
    CASE
        -- OFFSET 0 keeps the frame outside and the index inside, whatever the statistics say.
        WHEN p_edge ->> 'index' IS NOT NULL THEN format(
            'CROSS JOIN LATERAL (SELECT %s FROM ONLY %s AS c WHERE %s%s OFFSET 0) AS c',
            p_child ->> 'rows', p_child ->> 'sql', p_edge ->> 'on_frame', k.beyond
        )
        ELSE format(
            'INNER JOIN ONLY %s AS c ON %s%s', p_child ->> 'sql', p_edge ->> 'on_frame', k.beyond
        )
    END,
    CASE WHEN p_ordered THEN format(
        E'WHERE $3 IS NULL OR (%s) > (%s)\n    ORDER BY %1$s\n    ',
        deletion_sql_list(k.columns, 'c.%2$s'),
        deletion_sql_list(k.columns, 'CAST($3 ->> ''%1$s'' AS %3$s)')
    ) ELSE '' END
)
FROM (
    SELECT
        jsonb_agg(c ORDER BY n) AS columns,
        -- A frame of several levels holds some of its rows' children itself.
        CASE WHEN (p_edge ->> 'expands')::boolean THEN format(
            ' AND (%s) NOT IN (SELECT %s FROM f AS own WHERE own.l IS NOT NULL)',
            deletion_sql_list(jsonb_agg(c ORDER BY n), 'c.%2$s'),
            deletion_sql_list(jsonb_agg(c ORDER BY n), 'own.%1$s')
        ) ELSE coalesce(p_edge ->> 'beyond', '') END AS beyond
    FROM jsonb_array_elements(p_child -> 'columns') WITH ORDINALITY AS x (c, n)
    WHERE (c ->> 'key')::boolean
) AS k;
$deletion_sql_fetch$;

COMMENT ON FUNCTION deletion_sql_fetch(jsonb, jsonb, jsonb, boolean) IS
'The statement that reads the keys of the rows that hang from a frame by one reference.';
REVOKE ALL ON FUNCTION deletion_sql_fetch(jsonb, jsonb, jsonb, boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_set.sql
-- deletion_sql_set
-- Write the statement that sets a reference NULL, or to its default, in the rows of a frame.
--
-- Parameters  p_edge, p_parent, p_child   the reference and its nodes
-- Returns     text; binds $1 frame, $2 limit; answers the number of rows, rows to count by job,
--             and how many still point where they pointed (a default that is the very key)
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_set(
    p_edge jsonb,
    p_parent jsonb,
    p_child jsonb
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_set$
SELECT format(
    $sql$WITH %1$s,
u AS (
    UPDATE ONLY %2$s AS t
    SET %3$s
    FROM (
        SELECT c.ctid AS row_id%10$s, f.j, %4$s
        FROM f
        CROSS JOIN LATERAL (SELECT %11$sc.ctid, c.* FROM ONLY %2$s AS c WHERE %5$s OFFSET 0) AS c
        LIMIT $2
    ) AS f
    WHERE t.ctid = f.row_id%12$s AND %6$s
    RETURNING f.j, coalesce(%6$s, FALSE) AS still, jsonb_build_array(%7$s) AS row_key
)%8$s
SELECT
    (SELECT count(*) FROM u),
    (
        SELECT jsonb_object_agg(g.j, g.n)
        FROM (SELECT s.j, count(*) AS n FROM %9$s AS s GROUP BY s.j) AS g
    ),
    (SELECT count(*) FROM u WHERE u.still)$sql$,
    deletion_sql_frame(p_parent -> 'columns', (p_edge ->> 'only_found')::boolean),
    p_child ->> 'sql',
    p_edge ->> 'set_columns',
    deletion_sql_list(p_edge -> 'columns', 'c.%2$s AS %1$s'),
    p_edge ->> 'on_frame',
    p_edge ->> 'found',
    concat_ws(', ', quote_literal(p_child ->> 'name'), deletion_sql_list(k.columns, 't.%2$s')),
    CASE WHEN (p_edge ->> 'once')::boolean THEN format(
        $sql$,
s AS (
    INSERT INTO deletion_walk_keys (
        walk_id, job_id, node_no, fate, key_hash, edge_no, keys, is_expanded
    )
    SELECT 0, u.j, -1, 'set_null', deletion_key_hash(u.row_key), 0, %L, TRUE FROM u
    ON CONFLICT DO NOTHING
    RETURNING job_id AS j
)$sql$, jsonb_build_object('action', p_edge ->> 'action')) ELSE '' END,
    CASE WHEN (p_edge ->> 'once')::boolean THEN 's' ELSE 'u' END,
    -- Rows of two partitions may be at the same place.
    CASE WHEN (p_child ->> 'parts')::boolean THEN ', c.tableoid AS part' ELSE '' END,
    CASE WHEN (p_child ->> 'parts')::boolean THEN 'c.tableoid, ' ELSE '' END,
    CASE WHEN (p_child ->> 'parts')::boolean THEN ' AND t.tableoid = f.part' ELSE '' END
)
FROM (
    SELECT jsonb_agg(c ORDER BY n) AS columns
    FROM jsonb_array_elements(p_child -> 'columns') WITH ORDINALITY AS x (c, n)
    WHERE (c ->> 'key')::boolean
) AS k;
$deletion_sql_set$;

COMMENT ON FUNCTION deletion_sql_set(jsonb, jsonb, jsonb) IS
'The statement that sets a reference NULL, or to its default, in the rows of a frame.';
REVOKE ALL ON FUNCTION deletion_sql_set(jsonb, jsonb, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_circle.sql
-- deletion_sql_circle
-- Write the statements that a walk needs where rows refer to each other in a circle.
--
-- Parameters  p_nodes   the plan's nodes           p_edges   its edges
-- Returns     one row a statement: edge_no, node_no, kind and text
--             fetch_beyond   as fetch_more, without rows that are on the stack of the walk $4
--             break          binds $1 frame, $2 limit, $3 walk: children of the frame that are on
--                            the stack lose the reference; answers their number
--             break_own      binds $1 frame, $2 limit: the frame's own rows lose a reference that
--                            would keep its parent; answers their number
--             lock_circle    binds $1 walk: its rows of one table are locked; answers their number
--             remove_circle  binds $1 walk: all its rows go; answers node and rows by job
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_circle(
    p_nodes jsonb,
    p_edges jsonb
) RETURNS TABLE (edge_no integer, node_no integer, kind text, sql_text text)
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_circle$
WITH node AS (
    SELECT
        (n.value ->> 'no')::integer AS no,
        n.value AS node,
        n.value ->> 'sql' AS table_sql,
        (n.value ->> 'closure')::boolean AS in_closure,
        (
            SELECT jsonb_agg(c.value ORDER BY c.ordinality)
            FROM jsonb_array_elements(n.value -> 'columns') WITH ORDINALITY AS c
            WHERE (c.value ->> 'key')::boolean
        ) AS keys
    FROM jsonb_array_elements(p_nodes) AS n
),

edge AS (
    SELECT
        (e.value ->> 'no')::integer AS no, e.value AS edge, e.value ->> 'action' AS action,
        p.node AS parent,
        c.node || jsonb_build_object('sql', e.value -> 'sql', 'parts', e.value -> 'parts') AS child,
        c.no AS child_no, e.value ->> 'sql' AS table_sql, c.keys,
        -- Every key that such a walk has on its stack is among its scratch rows.
        format(
            'EXISTS (SELECT 1 FROM deletion_walk_keys AS w WHERE w.walk_id = %%s AND w.job_id = 0'
            || ' AND w.node_no = %s AND w.fate = ''keep'' AND w.key_hash = deletion_key_hash('
            || 'jsonb_build_array(%s))%%s)',
            c.no, replace(deletion_sql_list(c.keys, 'c.%2$s'), '%', '%%')
        ) AS on_stack
    FROM jsonb_array_elements(p_edges) AS e
    INNER JOIN node AS p ON p.no = (e.value ->> 'parent')::integer
    INNER JOIN node AS c ON c.no = (e.value ->> 'child')::integer
),

found AS (
    SELECT
        n.*,
        format(
            'SELECT w.job_id AS j, k.* FROM deletion_walk_keys AS w'
            || ' CROSS JOIN LATERAL jsonb_to_record(w.keys) AS k (%s)'
            || ' WHERE w.walk_id = $1 AND w.node_no = %s AND w.fate = ''delete''',
            deletion_sql_list(n.keys, '%1$s %3$s'), n.no
        ) AS frame,
        deletion_sql_list(n.keys, 't.%2$s %4$s f.%1$s', ' AND ') AS same
    FROM node AS n
    WHERE n.in_closure
)

SELECT e.no, e.child_no, 'fetch_beyond', deletion_sql_fetch(
    e.edge || jsonb_build_object(
        'expands', FALSE, 'beyond', ' AND NOT ' || format(e.on_stack, '$4', '')
    ),
    e.parent, e.child, TRUE
)
FROM edge AS e
WHERE e.action = 'cascade' AND NOT (e.edge ->> 'leaf')::boolean
UNION ALL
SELECT e.no, e.child_no, 'break', format(
    $sql$WITH %1$s,
u AS (
    UPDATE ONLY %2$s AS t
    SET %3$s
    FROM (
        SELECT c.ctid AS row_id, c.tableoid AS part, %4$s
        FROM f
        CROSS JOIN LATERAL (SELECT c.tableoid, c.ctid, c.* FROM ONLY %2$s AS c WHERE %5$s OFFSET 0) AS c
        WHERE %6$s
        LIMIT $2
    ) AS f
    WHERE t.ctid = f.row_id AND t.tableoid = f.part AND %7$s
    RETURNING 1
)
SELECT count(*) FROM u$sql$,
    deletion_sql_frame(e.parent -> 'columns', (e.edge ->> 'only_found')::boolean),
    e.table_sql, (
        SELECT string_agg(b.name || ' = NULL', ', ')
        FROM jsonb_array_elements_text(e.edge -> 'break_columns') AS b (name)
    ),
    deletion_sql_list(e.edge -> 'columns', 'c.%2$s AS %1$s'), e.edge ->> 'on_frame',
    format(e.on_stack, '$3', format(' AND w.edge_no <> %s', e.no)), e.edge ->> 'found'
)
FROM edge AS e
WHERE e.action = 'cascade' AND jsonb_typeof(e.edge -> 'break_columns') = 'array'
UNION ALL
-- By a reference that restricts no row was found: rows that go anyway may give it up.
SELECT i.no, o.child_no, 'break_own', format(
    $sql$WITH %1$s,
u AS (
    UPDATE ONLY %2$s AS t
    SET %3$s
    FROM (
        SELECT f.*
        FROM f INNER JOIN ONLY %2$s AS t ON %4$s
        WHERE %5$s
        LIMIT $2
    ) AS f
    WHERE %4$s
    RETURNING 1
)
SELECT count(*) FROM u$sql$,
    deletion_sql_frame((o.child -> 'columns') || coalesce(i.edge -> 'columns', '[]'), i.no = 0),
    o.table_sql,
    (
        SELECT string_agg(DISTINCT b.value #>> '{}' || ' = NULL', ', ')
        FROM jsonb_path_query(jsonb_agg(o.edge -> 'break_columns'), '$[*][*]') AS b (value)
    ),
    deletion_sql_list(o.keys, 't.%2$s %4$s f.%1$s', ' AND ')
    || coalesce(' AND ' || (i.edge ->> 'found'), ''),
    string_agg(
        format('(%s)', deletion_sql_list(o.edge -> 'columns', 't.%2$s IS NOT NULL', ' AND ')),
        ' OR ' ORDER BY o.no
    )
)
FROM edge AS o
INNER JOIN (
    SELECT e.no, e.child_no, e.edge FROM edge AS e WHERE e.action = 'cascade'
    UNION ALL
    SELECT 0, 0, NULL
) AS i ON i.child_no = o.child_no
WHERE o.action = 'restrict' AND jsonb_typeof(o.edge -> 'break_columns') = 'array'
GROUP BY i.no, i.edge, o.child_no, o.child, o.table_sql, o.keys
UNION ALL
SELECT 0, f.no, 'lock_circle', format(
    'SELECT count(*) FROM (SELECT 1 FROM (%s) AS f INNER JOIN ONLY %s AS t ON %s ORDER BY %s'
    || ' FOR UPDATE OF t) AS locked',
    f.frame, f.table_sql, f.same, deletion_sql_list(f.keys, 't.%2$s')
)
FROM found AS f
UNION ALL
-- In one statement, at whose end the engine looks whether anything still refers to the rows.
SELECT 0, 0, 'remove_circle', format(
    E'WITH %s\nSELECT g.node_no, jsonb_object_agg(g.j, g.n), sum(g.n)::bigint\nFROM (\n    %s\n'
    || E') AS g\nGROUP BY g.node_no',
    string_agg(format(
        E'd%s AS (\n    DELETE FROM ONLY %s AS t\n    USING (%s) AS f\n    WHERE %s\n'
        || E'    RETURNING f.j\n)',
        f.no, f.table_sql, f.frame, f.same
    ), E',\n' ORDER BY f.no),
    string_agg(format(
        'SELECT %1$s AS node_no, d.j, count(*) AS n FROM d%1$s AS d GROUP BY d.j', f.no
    ), E'\n    UNION ALL\n    ' ORDER BY f.no)
)
FROM found AS f;
$deletion_sql_circle$;

COMMENT ON FUNCTION deletion_sql_circle(jsonb, jsonb) IS
'The statements that a walk needs where rows refer to each other in a circle.';
REVOKE ALL ON FUNCTION deletion_sql_circle(jsonb, jsonb) FROM PUBLIC;
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

told AS (
    SELECT
        n.node_no,
        coalesce(jsonb_agg(e.edge) FILTER (WHERE e.edge_no IS NOT NULL), '[]') AS edges,
        coalesce(bool_and(e.edge ->> 'index' IS NOT NULL), TRUE) AS is_indexed,
        -- One whole number is all that is to be known of a row, and all below it goes at once.
        NOT (p_graph ->> 'has_waits')::boolean AND coalesce(bool_and(
            (e.edge ->> 'leaf')::boolean AND (e.edge ->> 'steady')::boolean
            AND (e.edge ->> 'plain')::boolean
        ), FALSE)
        -- A row below by two references would be counted by both.
        AND count(DISTINCT e.edge ->> 'child') = count(e.edge)
        AND jsonb_array_length(n.node -> 'columns') = 1
        AND n.node -> 'columns' -> 0 ->> 'type' IN ('smallint', 'integer', 'bigint')
        AND n.node -> 'columns' -> 0 ->> 'eq' = 'OPERATOR(pg_catalog.=)' AS is_swept
    FROM node AS n
    LEFT JOIN edge AS e ON (e.edge ->> 'parent')::integer = n.node_no
    GROUP BY n.node_no, n.node
),

below AS (
    SELECT
        l.*,
        -- What was found empty under the lock stays so; and where a frame was pushed, the walk comes
        -- back without the lock.
        coalesce((
            SELECT bool_and(
                e.value ->> 'action' = 'cascade' AND (e.value ->> 'steady')::boolean
                AND NOT (e.value ->> 'declared')::boolean
            )
            FROM jsonb_array_elements(l.edges) AS e
        ), FALSE) AND NOT (p_graph ->> 'has_waits')::boolean AS is_exact
    FROM told AS l
),

statement AS (
    -- The target's own: the tables held against DDL, the roots found, then locked and removed.
    SELECT 0 AS edge_no, 1 AS part, 'guard' AS kind, (
        SELECT 'LOCK TABLE ' || string_agg('ONLY ' || (n.node ->> 'sql'), ', ' ORDER BY n.node_no)
            || ' IN ROW EXCLUSIVE MODE'
        FROM node AS n
        WHERE (n.node ->> 'closure')::boolean
    ) AS sql_text, TRUE AS is_indexed
    UNION ALL
    SELECT 0, 2, 'roots', deletion_sql_roots(n.node), TRUE FROM node AS n WHERE n.node_no = 0
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
    UNION ALL
    SELECT e.edge_no, 4, 'fetch_more',
        deletion_sql_fetch(e.edge, e.parent, e.child, TRUE), e.edge ->> 'index' IS NOT NULL
    FROM edge AS e
    UNION ALL
    SELECT e.edge_no, 5, 'drain',
        deletion_sql_drain(e.edge, e.parent, e.child, FALSE), e.edge ->> 'index' IS NOT NULL
    FROM edge AS e
    WHERE (e.edge ->> 'leaf')::boolean
    UNION ALL
    SELECT e.edge_no, 5, 'drain_one',
        deletion_sql_drain(e.edge, e.parent, e.child, TRUE), e.edge ->> 'index' IS NOT NULL
    FROM edge AS e
    WHERE (e.edge ->> 'leaf')::boolean
    UNION ALL
    SELECT e.edge_no, 5, 'set',
        deletion_sql_set(e.edge, e.parent, e.child), e.edge ->> 'index' IS NOT NULL
    FROM edge AS e
    WHERE e.action IN ('set_null', 'set_default')
    UNION ALL
    SELECT e.edge_no, 6, 'size',
        format('SELECT count(*) FROM (SELECT 1 FROM ONLY %s LIMIT $1) AS x', e.child ->> 'sql'),
        FALSE
    FROM edge AS e
    WHERE e.edge ->> 'index' IS NULL
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
    WHERE (e.edge ->> 'expands')::boolean AND NOT (p_graph ->> 'has_waits')::boolean
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
    is_leaf, waits, in_check, index_name, sql_text
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
    replace(s.sql_text, 'ONLY /*whole*/ ', '')
FROM statement AS s
LEFT JOIN edge AS e ON e.edge_no = s.edge_no;
$deletion_write_plan$;

COMMENT ON FUNCTION deletion_write_plan(bigint, jsonb) IS
'Store a compiled plan: its graph as rows, each step with its finished SQL.';
REVOKE ALL ON FUNCTION deletion_write_plan(bigint, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_write_circles.sql
-- deletion_write_circles
-- Store the further steps of a plan whose rows may refer to each other in a circle.
--
-- Parameters  p_plan_id   the plan's row           p_graph   deletion_plan_graph's answer
-- Writes      deletion_plan_steps                  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_write_circles(
    p_plan_id bigint,
    p_graph jsonb
) RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_write_circles$
WITH edge AS (
    SELECT (e.value ->> 'no')::integer AS edge_no, e.value AS edge
    FROM jsonb_array_elements(p_graph -> 'edges') AS e
),

statement AS (
    SELECT c.edge_no, c.node_no, c.kind, c.sql_text
    FROM deletion_sql_circle(p_graph -> 'nodes', p_graph -> 'edges') AS c
    UNION ALL
    -- It is known that tables go in a circle: every run of the plan looks at its stack.
    SELECT e.edge_no, (e.edge ->> 'child')::integer, 'circle', NULL
    FROM edge AS e
    WHERE (e.edge ->> 'circle')::boolean
    UNION ALL
    -- Its columns may be set NULL.
    SELECT e.edge_no, (e.edge ->> 'child')::integer, 'loose', NULL
    FROM edge AS e
    WHERE jsonb_typeof(e.edge -> 'break_columns') = 'array'
)

INSERT INTO deletion_plan_steps (
    plan_id, step_no, kind, node_no, parent_node_no, edge_no, table_name, reference_name, action,
    index_name, sql_text
)
SELECT
    p_plan_id,
    (SELECT max(t.step_no) FROM deletion_plan_steps AS t WHERE t.plan_id = p_plan_id)
    + row_number() OVER (ORDER BY s.edge_no, s.kind, s.node_no),
    s.kind,
    s.node_no,
    (e.edge ->> 'parent')::integer,
    s.edge_no,
    n.value ->> 'name',
    e.edge ->> 'reference',
    e.edge ->> 'action',
    CASE WHEN e.edge IS NULL THEN 'key' ELSE e.edge ->> 'index' END,
    replace(s.sql_text, 'ONLY /*whole*/ ', '')
FROM statement AS s
LEFT JOIN edge AS e ON e.edge_no = s.edge_no
INNER JOIN jsonb_array_elements(p_graph -> 'nodes') AS n
    ON (n.value ->> 'no')::integer = s.node_no
WHERE EXISTS (
    SELECT 1
    FROM edge AS o
    WHERE
        (o.edge ->> 'circle')::boolean
        OR ((o.edge ->> 'self')::boolean AND o.edge ->> 'action' IN ('cascade', 'restrict'))
);
$deletion_write_circles$;

COMMENT ON FUNCTION deletion_write_circles(bigint, jsonb) IS
'Store the further steps of a plan whose rows may refer to each other in a circle.';
REVOKE ALL ON FUNCTION deletion_write_circles(bigint, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_advance.sql
-- deletion_advance
-- Walk on: as many moves of the stack as fit the run's batch, in the caller's transaction.
--
-- Parameters  p_run   the run, fenced
-- Returns     boolean, TRUE where the stack is empty: the jobs' rows are gone
-- Writes      the application's tables, deletion_frames, deletion_receipts, deletion_runs
-- Commits     no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_advance(p_run deletion_runs)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_advance$
DECLARE
    v_walk deletion_cursor;
    v_step deletion_plan_steps;
    v_frame deletion_frames;
    v_until timestamptz := clock_timestamp()
    + make_interval(secs => deletion_setting_int('batch_ms') / 1000.0);
BEGIN
    v_walk.run := p_run;
    v_walk.rows_left := p_run.batch_rows;
    v_walk.has_waits := p_run.state ? 'careful' OR (
        SELECT p.has_waits FROM deletion_plans AS p WHERE p.plan_id = p_run.plan_id
    );
    v_walk.is_locked := FALSE;
    v_walk.below := '{}';
    PERFORM deletion_hold_frames(p_run);
    PERFORM deletion_note_stack(p_run);
    v_walk := deletion_load_frame(v_walk);

    -- Roots that go in this transaction with all below them are locked first: then no reference that
    -- was emptied has to be looked at once more.
    IF
        (v_walk.frame).edge_no = 0 AND (v_walk.frame).edge_pos = 0 AND NOT v_walk.has_waits
        AND (v_walk.frame).key_count * (1 + (p_run.state -> 'fan' ->> '0')::float8) <= v_walk.rows_left
    THEN
        v_frame := deletion_lock_frame(p_run.plan_id, v_walk.frame);
        v_walk.is_locked := v_frame.run_id IS NOT NULL;
        v_walk.frame := CASE WHEN v_walk.is_locked THEN v_frame ELSE v_walk.frame END;
    END IF;

    WHILE (v_walk.frame).run_id IS NOT NULL LOOP
        -- The next reference of the frame's table that has something to do in this phase.
        SELECT s.* INTO v_step
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_run.plan_id AND s.parent_node_no = (v_walk.frame).node_no
            AND s.edge_no > (v_walk.frame).edge_pos
            AND (
                s.kind = 'drain'
                OR (s.kind = 'set' AND (NOT s.waits OR (v_walk.run).state ? 'set'))
                OR (
                    s.kind = CASE
                        WHEN p_run.state ? 'careful' THEN 'fetch_beyond'
                        WHEN v_walk.has_waits THEN 'fetch_more'
                        ELSE 'fetch'
                    END
                    AND s.action = 'cascade' AND NOT s.is_leaf
                )
            )
        ORDER BY s.edge_no
        LIMIT 1;

        IF FOUND AND v_step.kind IN ('drain', 'set') THEN
            EXIT WHEN v_walk.rows_left = 0;
            v_walk := deletion_change(v_walk, v_step);
        ELSIF FOUND THEN
            -- A frame whose rows would not fit what is left of the batch begins the next one.
            EXIT WHEN v_walk.rows_left < p_run.batch_rows / 2
                AND (v_walk.run).state -> 'fan' ? v_step.node_no::text;
            v_walk := deletion_sweep(v_walk, v_step);
        ELSE
            -- The frame goes in one transaction: what is left of this one may be too little.
            EXIT WHEN v_walk.rows_left < (v_walk.frame).key_count;
            v_walk := deletion_remove(v_walk);
        END IF;

        EXIT WHEN clock_timestamp() >= v_until;
    END LOOP;

    PERFORM deletion_save_walk(v_walk);
    RETURN (v_walk.frame).run_id IS NULL;
END;
$deletion_advance$;

COMMENT ON FUNCTION deletion_advance(deletion_runs) IS
'Walk on: as many moves of the stack as fit the run''s batch.';
REVOKE ALL ON FUNCTION deletion_advance(deletion_runs) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_check.sql
-- deletion_check
-- Look, before the first row is touched, at whatever can be known to fail; a bounded step.
--
-- Parameters  p_run   the run, fenced
-- Returns     text: more, or ended where no job is left
-- Writes      deletion_runs, deletion_frames, deletion_walk_keys, deletion_attempts,
--             deletion_jobs                        Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_check(p_run deletion_runs)
RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_check$
DECLARE
    v_error text;
    v_can_block boolean;
BEGIN
    IF p_run.state ->> 'stage' IS NULL THEN
        v_error := coalesce(
            deletion_missing_privilege(p_run.plan_id), deletion_unindexed(p_run.plan_id)
        );

        IF v_error IS NOT NULL THEN
            PERFORM deletion_settle(p_run.run_id, NULL, 'failed', v_error, TRUE, NULL);
            PERFORM deletion_end_run(p_run.run_id, 'failed', v_error);
            RETURN 'ended';
        END IF;

        PERFORM deletion_find_roots(p_run);
        SELECT p.can_block INTO v_can_block FROM deletion_plans AS p WHERE p.plan_id = p_run.plan_id;

        IF v_can_block THEN
            PERFORM deletion_seed_walk(p_run.run_id, f.keys)
            FROM deletion_frames AS f
            WHERE f.run_id = p_run.run_id;
            UPDATE deletion_runs AS r SET state = '{"stage": "walk"}' WHERE r.run_id = p_run.run_id;
            RETURN 'more';
        END IF;
    ELSIF NOT deletion_walk_on(p_run.run_id, p_run.plan_id) THEN
        RETURN 'more';
    ELSE
        PERFORM deletion_walk_verdict(p_run);
        DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = p_run.run_id;
    END IF;

    IF NOT EXISTS (SELECT 1 FROM deletion_frames AS f WHERE f.run_id = p_run.run_id) THEN
        PERFORM deletion_end_run(p_run.run_id, 'failed', NULL);
        RETURN 'ended';
    END IF;

    UPDATE deletion_runs AS r
    SET
        phase = 'advance',
        state = jsonb_strip_nulls(jsonb_build_object(
            'fan', p.fan_out,
            'careful', nullif(r.state ? 'careful' OR EXISTS (
                SELECT 1
                FROM deletion_plan_steps AS s
                WHERE s.plan_id = p.plan_id AND s.kind = 'circle'
            ), FALSE)
        ))
    FROM deletion_plans AS p
    WHERE r.run_id = p_run.run_id AND p.plan_id = r.plan_id;
    RETURN 'more';
END;
$deletion_check$;

COMMENT ON FUNCTION deletion_check(deletion_runs) IS
'Look, before the first row is touched, at whatever can be known to fail; a bounded step.';
REVOKE ALL ON FUNCTION deletion_check(deletion_runs) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_find_circle.sql
-- deletion_find_circle
-- Find all that hangs from one row, if it is few enough to go in one transaction.
--
-- Parameters  p_run     the run        p_frame   the row's frame        p_key   the row in it
--             p_limit   most rows
-- Returns     text that tells the rows from any others; NULL: they are too many, or rows that stay
--             refer to them
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_find_circle(
    p_run deletion_runs,
    p_frame deletion_frames,
    p_key jsonb,
    p_limit bigint
) RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_find_circle$
DECLARE
    v_read bigint;
    v_total bigint := 1;
BEGIN
    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = p_run.run_id AND w.job_id <> 0;
    INSERT INTO deletion_walk_keys (
        walk_id, job_id, node_no, fate, key_hash, edge_no, keys, is_expanded
    )
    VALUES (
        p_run.run_id, (p_key ->> 'j')::bigint, p_frame.node_no, 'delete', deletion_frame_hash(p_key),
        p_frame.edge_no, p_key - 'j', FALSE
    );

    LOOP
        v_read := deletion_walk(p_run.run_id, p_run.plan_id, TRUE);
        EXIT WHEN v_read IS NULL;
        SELECT count(*) INTO v_total
        FROM deletion_walk_keys AS w
        WHERE w.walk_id = p_run.run_id AND w.job_id <> 0 AND w.fate = 'delete';
        EXIT WHEN v_total > p_limit;
    END LOOP;

    IF v_total > p_limit OR EXISTS (
        SELECT 1
        FROM deletion_walk_keys AS w
        WHERE
            w.walk_id = p_run.run_id AND w.job_id <> 0 AND w.fate <> 'delete'
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_walk_keys AS d
                WHERE
                    d.walk_id = w.walk_id AND d.job_id = w.job_id AND d.node_no = w.node_no
                    AND d.fate = 'delete' AND d.key_hash = w.key_hash
            )
    ) THEN
        RETURN NULL;
    END IF;

    RETURN (
        SELECT string_agg(w.node_no || encode(w.key_hash, 'hex'), ' ' ORDER BY w.node_no, w.key_hash)
        FROM deletion_walk_keys AS w
        WHERE w.walk_id = p_run.run_id AND w.job_id <> 0 AND w.fate = 'delete'
    );
END;
$deletion_find_circle$;

COMMENT ON FUNCTION deletion_find_circle(deletion_runs, deletion_frames, jsonb, bigint) IS
'Find all that hangs from one row, if it is few enough to go in one transaction.';
REVOKE ALL ON FUNCTION deletion_find_circle(deletion_runs, deletion_frames, jsonb, bigint)
FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_left_over.sql
-- deletion_left_over
-- Decide what becomes of a frame some of whose rows could not be removed.
--
-- Parameters  p_walk   the walk, its frame holding what is left
--             p_step   the plan's remove step of that frame
-- Returns     the walk: another pass over the frame, or the frame below
-- Errors      JD006 nothing more can be done about the rows
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_left_over(
    p_walk deletion_cursor,
    p_step deletion_plan_steps
) RETURNS deletion_cursor
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_left_over$
DECLARE
    v_walk deletion_cursor := p_walk;
    v_run deletion_runs := p_walk.run;
    v_frame deletion_frames := p_walk.frame;
BEGIN
    IF v_run.rows_changed <= v_frame.rows_at_pass AND v_run.state ? 'careful' THEN
        v_walk := deletion_open_circle(v_walk);
        v_run := v_walk.run;
    END IF;

    IF v_run.rows_changed > v_frame.rows_at_pass OR v_walk.rows_left = 0 THEN
        -- Something went in this pass, so more may go in the next.
        v_frame.idle_passes := 0;
    ELSIF p_walk.has_waits AND v_frame.edge_no <> 0 THEN
        -- Rows wait for others that hang from elsewhere in the closure: those come first.
        RETURN deletion_pop(v_walk);
    ELSIF p_walk.has_waits AND NOT v_run.state ? 'set' THEN
        -- All that could go is gone: what still refers to rows of the closure survives, and is set.
        v_run.state := v_run.state || '{"set": true}';
        v_frame.idle_passes := 0;
    ELSIF v_run.state ? 'careful' AND NOT v_run.state ? 'together' THEN
        -- What is left goes in circles, or lies above one.
        v_run.state := v_run.state || '{"together": true}';
        v_frame.idle_passes := 0;
    ELSIF v_frame.idle_passes = 0 THEN
        -- A child may have come between its reference's pass and the lock: look once more.
        v_frame.idle_passes := 1;
    ELSE
        PERFORM deletion_stuck(v_run, v_frame, p_step);
    END IF;

    v_walk.is_locked := FALSE;
    v_frame.edge_pos := 0;
    v_frame.fetch_cursor := NULL;
    v_frame.rows_at_pass := v_run.rows_changed;
    v_walk.run := v_run;
    v_walk.frame := v_frame;
    RETURN v_walk;
END;
$deletion_left_over$;

COMMENT ON FUNCTION deletion_left_over(deletion_cursor, deletion_plan_steps) IS
'Decide what becomes of a frame some of whose rows could not be removed.';
REVOKE ALL ON FUNCTION deletion_left_over(deletion_cursor, deletion_plan_steps) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_note_frame.sql
-- deletion_note_frame
-- Note that a frame's rows come onto the stack, or leave it, where rows may go in a circle.
--
-- Parameters  p_run     the run        p_frame   the frame        p_is_on   FALSE: it leaves
-- Writes      deletion_walk_keys (of no job, and kept)     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_note_frame(
    p_run deletion_runs,
    p_frame deletion_frames,
    p_is_on boolean
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_note_frame$
BEGIN
    IF NOT p_run.state ? 'careful' THEN
        RETURN;
    END IF;

    IF p_is_on THEN
        INSERT INTO deletion_walk_keys (
            walk_id, job_id, node_no, fate, key_hash, edge_no, is_expanded
        )
        SELECT
            p_run.run_id, 0, p_frame.node_no, 'keep', deletion_frame_hash(k.value), p_frame.edge_no,
            TRUE
        FROM jsonb_array_elements(p_frame.keys) AS k
        ON CONFLICT DO NOTHING;
    ELSE
        DELETE FROM deletion_walk_keys AS w
        USING jsonb_array_elements(p_frame.keys) AS k
        WHERE
            w.walk_id = p_run.run_id AND w.job_id = 0 AND w.node_no = p_frame.node_no
            AND w.fate = 'keep' AND w.key_hash = deletion_frame_hash(k.value);
    END IF;
END;
$deletion_note_frame$;

COMMENT ON FUNCTION deletion_note_frame(deletion_runs, deletion_frames, boolean) IS
'Note that a frame''s rows come onto the stack, or leave it, where rows may go in a circle.';
REVOKE ALL ON FUNCTION deletion_note_frame(deletion_runs, deletion_frames, boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_note_stack.sql
-- deletion_note_stack
-- Note anew which rows are on a run's stored stack, where rows may go in a circle.
--
-- Parameters  p_run   the run, its frames held
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_note_stack(p_run deletion_runs)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_note_stack$
BEGIN
    IF p_run.state ? 'careful' THEN
        DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = p_run.run_id;
        PERFORM deletion_note_frame(p_run, f, TRUE)
        FROM deletion_frames AS f
        WHERE f.run_id = p_run.run_id;
    END IF;
END;
$deletion_note_stack$;

COMMENT ON FUNCTION deletion_note_stack(deletion_runs) IS
'Note anew which rows are on a run''s stored stack, where rows may go in a circle.';
REVOKE ALL ON FUNCTION deletion_note_stack(deletion_runs) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_open_circle.sql
-- deletion_open_circle
-- Get on where the present frame's rows wait for rows that wait for them.
--
-- Parameters  p_walk   the walk, its frame holding what is left
-- Returns     the walk; where nothing was changed, it was of no use
-- Writes      the application's tables, deletion_receipts     Commits  no
-- Execute     the owner only
--
-- Rows on the stack lose the reference by which they would go before the frame's rows: they stay
-- reachable by the one they were found by. When nothing else goes on any more, rows that cannot be
-- parted go together.

CREATE OR REPLACE FUNCTION deletion_open_circle(p_walk deletion_cursor)
RETURNS deletion_cursor
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_open_circle$
DECLARE
    v_walk deletion_cursor := p_walk;
    v_run deletion_runs := p_walk.run;
    v_sql text;
    v_rows bigint;
    v_key jsonb;
    v_gone bytea[] := ARRAY[]::bytea[];
BEGIN
    FOR v_sql IN
        SELECT s.sql_text
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = v_run.plan_id
            AND (
                (s.kind = 'break' AND s.parent_node_no = (p_walk.frame).node_no)
                OR (
                    s.kind = 'break_own' AND s.edge_no = (p_walk.frame).edge_no
                    AND v_run.state ? 'together'
                )
            )
        ORDER BY s.step_no
    LOOP
        EXIT WHEN v_walk.rows_left = 0;
        EXECUTE v_sql INTO v_rows USING (p_walk.frame).keys, v_walk.rows_left, v_run.run_id;
        v_run.rows_changed := v_run.rows_changed + v_rows;
        v_walk.rows_left := v_walk.rows_left - v_rows;
    END LOOP;

    v_walk.run := v_run;

    IF v_run.rows_changed > (p_walk.run).rows_changed OR NOT v_run.state ? 'together' THEN
        RETURN v_walk;
    END IF;

    FOR v_key IN SELECT k.value FROM jsonb_array_elements((p_walk.frame).keys) AS k LOOP
        EXIT WHEN v_walk.rows_left = 0;
        CONTINUE WHEN v_key ? 'm' OR deletion_frame_hash(v_key) = ANY (v_gone);
        v_rows := v_walk.rows_left;
        v_walk := deletion_remove_circle(v_walk, v_key);

        IF v_walk.rows_left < v_rows THEN
            v_gone := v_gone || ARRAY(
                SELECT w.key_hash
                FROM deletion_walk_keys AS w
                WHERE
                    w.walk_id = v_run.run_id AND w.job_id <> 0 AND w.fate = 'delete'
                    AND w.node_no = (p_walk.frame).node_no
            );
        END IF;
    END LOOP;

    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = v_run.run_id AND w.job_id <> 0;
    RETURN v_walk;
END;
$deletion_open_circle$;

COMMENT ON FUNCTION deletion_open_circle(deletion_cursor) IS
'Get on where the present frame''s rows wait for rows that wait for them.';
REVOKE ALL ON FUNCTION deletion_open_circle(deletion_cursor) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_missing_privilege.sql
-- deletion_missing_privilege
-- Say which right on a plan's tables the owner account lacks, or which policy would filter it.
--
-- Parameters  p_plan_id   the plan
-- Returns     text, an error that names table and right; NULL: nothing is missing
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_missing_privilege(p_plan_id bigint)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_missing_privilege$
WITH used AS (
    SELECT DISTINCT
        s.table_name,
        to_regclass(s.table_name)::oid AS table_oid,
        CASE
            WHEN s.kind IN ('remove', 'drain') THEN 'DELETE'
            WHEN s.kind IN ('set', 'lock', 'break', 'break_own') THEN 'UPDATE'
            ELSE 'SELECT'
        END AS privilege,
        -- A lock is content with any column; what is set needs the right on those it sets.
        s.kind = 'lock' AS any_column
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = p_plan_id AND s.kind <> 'guard'
)

SELECT CASE
    WHEN row_security_active(u.table_oid)
        THEN format('42501: row-level security of %s applies to %s', u.table_name, current_user)
    ELSE format('42501: %s has no %s on %s', current_user, u.privilege, u.table_name)
END
FROM used AS u
WHERE
    row_security_active(u.table_oid)
    OR NOT CASE
        WHEN u.any_column THEN has_any_column_privilege(u.table_oid, u.privilege)
        ELSE has_table_privilege(u.table_oid, u.privilege)
    END
ORDER BY u.table_name, u.privilege
LIMIT 1;
$deletion_missing_privilege$;

COMMENT ON FUNCTION deletion_missing_privilege(bigint) IS
'Which right on a plan''s tables the owner account lacks, or which policy would filter it.';
REVOKE ALL ON FUNCTION deletion_missing_privilege(bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_pop.sql
-- deletion_pop
-- Drop the walk's present frame and go on with the one below it.
--
-- Parameters  p_walk   the walk
-- Returns     the walk, its frame NULL where the stack is empty
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_pop(p_walk deletion_cursor)
RETURNS deletion_cursor
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_pop$
DECLARE
    v_walk deletion_cursor := p_walk;
    v_last integer := cardinality(p_walk.below);
BEGIN
    v_walk.is_locked := FALSE;
    PERFORM deletion_note_frame(p_walk.run, p_walk.frame, FALSE);

    IF v_last = 0 THEN
        RETURN deletion_load_frame(v_walk);
    END IF;

    v_walk.frame := v_walk.below[v_last];
    v_walk.below := v_walk.below[:v_last - 1];
    RETURN v_walk;
END;
$deletion_pop$;

COMMENT ON FUNCTION deletion_pop(deletion_cursor) IS
'Drop the walk''s present frame and go on with the one below it.';
REVOKE ALL ON FUNCTION deletion_pop(deletion_cursor) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_remove_circle.sql
-- deletion_remove_circle
-- Remove a row with all that hangs from it at once: lock them, look once more, delete.
--
-- Parameters  p_walk   the walk                    p_key   a row of its present frame
-- Returns     the walk; its rows_left is 0 where only a whole batch would hold the rows
-- Errors      JD006 rows are found and not changed
-- Writes      the application's tables, deletion_receipts, deletion_walk_keys     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_remove_circle(
    p_walk deletion_cursor,
    p_key jsonb
) RETURNS deletion_cursor
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_remove_circle$
DECLARE
    v_walk deletion_cursor := p_walk;
    v_run deletion_runs := p_walk.run;
    -- Contention may have halved the batch: rows that cannot be parted go by the setting.
    v_limit bigint := greatest(v_run.batch_rows, deletion_setting_int('batch_rows'));
    v_rows_of text;
    v_sql text;
    v_locked bigint := 0;
    v_gone bigint := 0;
    v_rows bigint;
    v_node_no integer;
    v_by_job jsonb;
    v_table text;
BEGIN
    v_rows_of := deletion_find_circle(v_run, p_walk.frame, p_key, v_limit);

    IF v_rows_of IS NULL THEN
        RETURN v_walk;
    END IF;

    FOR v_sql IN
        SELECT s.sql_text
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = v_run.plan_id AND s.kind = 'lock_circle'
            AND EXISTS (
                SELECT 1
                FROM deletion_walk_keys AS w
                WHERE
                    w.walk_id = v_run.run_id AND w.job_id <> 0 AND w.node_no = s.node_no
                    AND w.fate = 'delete'
            )
        ORDER BY s.node_no
    LOOP
        EXECUTE v_sql INTO v_rows USING v_run.run_id;
        v_locked := v_locked + v_rows;
    END LOOP;

    IF v_locked > p_walk.rows_left AND p_walk.rows_left < v_run.batch_rows THEN
        v_walk.rows_left := 0;
        RETURN v_walk;
    END IF;

    -- Under the lock no foreign key can gain a row: what is found now is what goes.
    IF v_locked = 0
        OR deletion_find_circle(v_run, p_walk.frame, p_key, v_limit) IS DISTINCT FROM v_rows_of
    THEN
        RETURN v_walk;
    END IF;

    SELECT s.sql_text INTO STRICT v_sql
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = v_run.plan_id AND s.kind = 'remove_circle';

    FOR v_node_no, v_by_job, v_rows IN EXECUTE v_sql USING v_run.run_id LOOP
        SELECT s.table_name INTO v_table
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = v_run.plan_id AND s.kind = 'lock_circle' AND s.node_no = v_node_no;
        PERFORM deletion_add_receipts(v_run.run_id, v_table, 'delete', v_by_job);
        PERFORM deletion_uncount(v_run.run_id, v_table, (
            SELECT jsonb_agg(w.keys || jsonb_build_object('j', w.job_id))
            FROM deletion_walk_keys AS w
            WHERE
                w.walk_id = v_run.run_id AND w.job_id <> 0 AND w.node_no = v_node_no
                AND w.fate = 'delete'
        )) WHERE v_run.state ? 'set';
        v_gone := v_gone + v_rows;
    END LOOP;

    IF v_gone < v_locked THEN
        RAISE EXCEPTION USING
            ERRCODE = 'JD006',
            MESSAGE = format(
                'rows of %s are found and not changed (a trigger or a policy keeps them)', v_table
            );
    END IF;

    v_run.rows_changed := v_run.rows_changed + v_gone;
    v_walk.rows_left := greatest(0, v_walk.rows_left - v_gone);
    v_walk.run := v_run;
    RETURN v_walk;
END;
$deletion_remove_circle$;

COMMENT ON FUNCTION deletion_remove_circle(deletion_cursor, jsonb) IS
'Remove a row with all that hangs from it at once: lock them, look once more, delete.';
REVOKE ALL ON FUNCTION deletion_remove_circle(deletion_cursor, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_push.sql
-- deletion_push
-- Fetch a frame's worth of keys by one reference and make them the walk's present frame.
--
-- Parameters  p_walk   the walk                    p_step   the plan's fetch step
-- Returns     the walk
-- Writes      nothing                              Commits  no
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
    -- Rows changed for each key of such a frame, as seen so far in this run.
    v_fan_out float8 := (v_run.state -> 'fan' ->> p_step.node_no::text)::float8;
    v_limit integer := least(v_run.batch_rows, CASE
        WHEN v_fan_out IS NULL THEN 100
        ELSE greatest(1, floor(0.85 * v_run.batch_rows / (1 + v_fan_out)))
    END);
BEGIN
    PERFORM deletion_allow_hash(TRUE) WHERE p_step.index_name IS NULL;
    EXECUTE p_step.sql_text INTO v_child.keys, v_child.key_count
    USING v_frame.keys, v_limit, v_frame.fetch_cursor, v_run.run_id;
    PERFORM deletion_allow_hash(FALSE) WHERE p_step.index_name IS NULL;

    IF v_child.key_count < v_limit THEN
        v_frame.edge_pos := p_step.edge_no;
        v_frame.fetch_cursor := NULL;
    ELSE
        -- Only plans in which rows have to wait for others read on; all else begins in front.
        v_frame.fetch_cursor := CASE WHEN p_walk.has_waits THEN v_child.keys -> -1 END;
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

        IF v_child.depth > 100000 THEN
            RAISE EXCEPTION USING
                ERRCODE = 'JD007',
                MESSAGE = format('rows of %s refer to each other in a circle', p_step.table_name);
        END IF;

        PERFORM deletion_note_frame(v_run, v_child, TRUE);
        v_walk.below := v_walk.below || v_frame;
        v_walk.frame := v_child;
        v_walk.is_locked := FALSE;

        -- A chain would be walked a row a frame: a narrow frame takes in what hangs from it.
        IF
            p_step.node_no = v_frame.node_no AND NOT p_walk.has_waits
            AND v_child.key_count * 20 < v_limit
        THEN
            v_wide := deletion_expand(v_run, v_child, v_limit);

            IF v_wide.key_count > v_child.key_count THEN
                v_walk.frame := v_wide;
                RETURN v_walk;
            END IF;
        END IF;

        -- Children that fit this transaction are emptied under their parents' lock: then no
        -- second look is needed.
        IF NOT p_walk.has_waits AND v_child.key_count * (1 + v_fan_out) < p_walk.rows_left THEN
            v_child := deletion_lock_frame(v_run.plan_id, v_child);
            v_walk.is_locked := v_child.run_id IS NOT NULL;
            v_walk.frame := CASE WHEN v_walk.is_locked THEN v_child ELSE v_walk.frame END;
        END IF;

        -- From here on a row that moves would leave its children behind, deleted.
        IF NOT v_walk.is_locked THEN
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

-- >>> procedures/postgres/worker/deletion_stuck.sql
-- deletion_stuck
-- Raise the error that says why rows of a frame cannot be removed.
--
-- Parameters  p_run     the run        p_frame   the frame, holding the rows that stay
--             p_step    the plan's remove step of that frame
-- Errors      JD006 always: the rows that block, or a table whose rows are found and not changed
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_stuck(
    p_run deletion_runs,
    p_frame deletion_frames,
    p_step deletion_plan_steps
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_stuck$
DECLARE
    v_step deletion_plan_steps;
    v_keys jsonb;
    v_count bigint;
    v_unchanged text := p_step.table_name;
    v_blocking text;
BEGIN
    FOR v_step IN
        SELECT s.*
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_run.plan_id AND s.parent_node_no = p_frame.node_no AND s.kind = 'fetch'
        ORDER BY s.edge_no
    LOOP
        PERFORM deletion_allow_hash(v_step.index_name IS NULL);
        EXECUTE v_step.sql_text INTO v_keys, v_count USING p_frame.keys, 1000;
        CONTINUE WHEN v_count = 0;

        IF v_step.action = 'restrict' THEN
            v_blocking := concat_ws(', ', v_blocking, format(
                '%s%s rows of %s behind %s', CASE WHEN v_count = 1000 THEN 'at least ' ELSE '' END,
                v_count, v_step.table_name, v_step.reference_name
            ));
        ELSE
            v_unchanged := v_step.table_name;
        END IF;
    END LOOP;

    IF p_run.state ? 'careful' AND v_blocking IS NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'JD007',
            MESSAGE = format(
                'rows of %s go in a circle that no batch holds, one is %s',
                p_step.table_name, (p_frame.keys -> 0) - 'j'
            );
    END IF;

    RAISE EXCEPTION USING
        ERRCODE = 'JD006',
        MESSAGE = coalesce(v_blocking, format(
            'rows of %s are found and not changed (a trigger or a policy keeps them)', v_unchanged
        ));
END;
$deletion_stuck$;

COMMENT ON FUNCTION deletion_stuck(deletion_runs, deletion_frames, deletion_plan_steps) IS
'Raise the error that says why rows of a frame cannot be removed.';
REVOKE ALL ON FUNCTION deletion_stuck(deletion_runs, deletion_frames, deletion_plan_steps)
FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_sweep.sql
-- deletion_sweep
-- Fetch, lock, empty and remove a frame's worth of rows at once, where all of it fits the batch.
--
-- Parameters  p_walk   the walk                    p_step   the plan's fetch step
-- Returns     the walk; where the rows do not fit, or the plan has no such statements, they are
--             its present frame, as deletion_push leaves them
-- Errors      40001 others changed the rows meanwhile: the step is tried again, row by row
-- Writes      the application's tables, deletion_receipts     Commits  no
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
    v_fan_out float8 := (v_run.state -> 'fan' ->> p_step.node_no::text)::float8;
    -- A little less than what fits by the rows seen so far: too many cost a second look.
    v_limit integer := CAST(floor(0.97 * p_walk.rows_left / (1 + v_fan_out)) AS integer);
    v_one text := CASE WHEN v_run.job_count = 1 THEN '_one' ELSE '' END;
    v_take text;
    v_remove text;
    v_jobs bigint[];
    v_keys bigint[];
    v_parents bigint[];
    v_below record;
    v_left bigint;
    v_seen bigint;
    v_count bigint;
    v_by_job jsonb;
    v_found jsonb := '[]'::jsonb;
BEGIN
    SELECT
        min(s.sql_text) FILTER (WHERE s.kind = 'take' || v_one),
        min(s.sql_text) FILTER (WHERE s.kind = 'remove_all' || v_one)
    INTO v_take, v_remove
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = v_run.plan_id AND s.edge_no = p_step.edge_no;

    -- Where rows went while they were counted, they may do so again (a trigger takes them): each
    -- such step would be lost, and the batch halved.
    IF
        v_take IS NULL OR p_walk.has_waits OR coalesce(v_limit, 0) = 0 OR v_run.retries > 0
        OR v_run.error LIKE '40001:%'
    THEN
        RETURN deletion_push(p_walk, p_step);
    END IF;

    -- In a statement of its own: a child that was committed while it waited is seen by the next.
    EXECUTE v_take INTO v_jobs, v_keys, v_parents, v_seen USING v_frame.keys, v_limit;

    IF v_seen < v_limit THEN
        v_frame.edge_pos := p_step.edge_no;
        v_walk.frame := v_frame;
    END IF;

    -- Others took rows while they were waited for, or gave them another key.
    IF coalesce(cardinality(v_keys), 0) < v_seen THEN
        v_walk.is_locked := FALSE;
    END IF;

    IF v_keys IS NULL THEN
        RETURN v_walk;
    END IF;

    v_left := p_walk.rows_left - cardinality(v_keys);

    FOR v_below IN
        SELECT c.sql_text AS count_sql, w.sql_text AS sweep_sql, w.table_name
        FROM deletion_plan_steps AS w
        INNER JOIN deletion_plan_steps AS c ON c.plan_id = w.plan_id AND c.edge_no = w.edge_no
        WHERE
            w.plan_id = v_run.plan_id AND w.parent_node_no = p_step.node_no AND w.kind = 'sweep'
            AND c.kind = 'count' || v_one
        ORDER BY w.edge_no
    LOOP
        EXECUTE v_below.count_sql INTO v_count, v_by_job USING v_jobs, v_keys, v_parents, v_left + 1;
        v_left := v_left - v_count;
        EXIT WHEN v_left < 0;
        CONTINUE WHEN v_count = 0;
        v_found := v_found || jsonb_build_object(
            'sql', v_below.sweep_sql, 'table', v_below.table_name, 'rows', v_count,
            'jobs', coalesce(v_by_job, jsonb_build_object(v_jobs[1], v_count))
        );
    END LOOP;

    IF v_left < 0 THEN
        -- More than was expected, and nothing changed yet: they are walked as any other frame.
        RETURN deletion_push(p_walk, p_step);
    END IF;

    v_found := v_found || jsonb_build_object(
        'sql', v_remove, 'table', p_step.table_name, 'rows', cardinality(v_keys),
        'jobs', CASE
            WHEN v_run.job_count = 1 THEN jsonb_build_object(v_jobs[1], cardinality(v_keys))
            ELSE (
                SELECT jsonb_object_agg(g.job_id, g.row_count)
                FROM (
                    SELECT k.job_id, count(*) AS row_count
                    FROM unnest(v_jobs) AS k (job_id)
                    GROUP BY k.job_id
                ) AS g
            )
        END
    );
    v_count := deletion_sweep_away(v_run.run_id, v_found, v_jobs, v_keys, v_parents);
    v_run.rows_changed := v_run.rows_changed + v_count;
    v_run.state := v_run.state || jsonb_build_object('fan', (v_run.state -> 'fan')
        || jsonb_build_object(p_step.node_no::text, v_count::float8 / cardinality(v_keys) - 1));
    v_walk.rows_left := v_walk.rows_left - v_count;
    v_walk.run := v_run;
    RETURN v_walk;
END;
$deletion_sweep$;

COMMENT ON FUNCTION deletion_sweep(deletion_cursor, deletion_plan_steps) IS
'Fetch, lock, empty and remove a frame''s worth of rows at once, where it fits the batch.';
REVOKE ALL ON FUNCTION deletion_sweep(deletion_cursor, deletion_plan_steps) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_walk_verdict.sql
-- deletion_walk_verdict
-- Fail the jobs that a finished walk shows cannot end: rows in the way, or rows in a circle.
--
-- Parameters  p_run   the run, fenced
-- Writes      deletion_attempts, deletion_jobs, deletion_frames, deletion_walk_keys   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_walk_verdict(p_run deletion_runs)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_walk_verdict$
DECLARE
    v_step deletion_plan_steps;
    v_job_id bigint;
    v_rows bigint;
    v_sample text;
    v_error text;
BEGIN
    FOR v_job_id, v_error IN
        SELECT b.job_id, 'JD006: ' || string_agg(
            format('%s row%s of %s behind %s', b.row_count,
                CASE WHEN b.row_count = 1 THEN '' ELSE 's' END, b.table_name, b.reference_name),
            ', ' ORDER BY b.table_name, b.reference_name
        )
        FROM deletion_blocking(p_run.run_id, p_run.plan_id) AS b
        GROUP BY b.job_id
    LOOP
        PERFORM deletion_fail_jobs(p_run.run_id, ARRAY[v_job_id], v_error);
    END LOOP;

    FOR v_step IN
        SELECT s.*
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_run.plan_id AND s.kind = 'cycle'
        ORDER BY s.step_no
    LOOP
        -- How many rows a walk has met the planner cannot know: taking them for few, it would
        -- compare each with all. What has to go by an index says so by itself.
        PERFORM deletion_allow_hash(TRUE), set_config('enable_nestloop', 'off', TRUE);

        FOR v_job_id, v_rows, v_sample IN EXECUTE v_step.sql_text USING p_run.run_id LOOP
            -- A circle that can be opened, or goes in one transaction, is walked with care.
            UPDATE deletion_runs AS r
            SET state = r.state || '{"careful": true}'
            WHERE r.run_id = p_run.run_id;
            CONTINUE WHEN v_rows <= deletion_setting_int('batch_rows') OR EXISTS (
                SELECT 1
                FROM deletion_plan_steps AS s
                WHERE s.plan_id = p_run.plan_id AND s.edge_no = v_step.edge_no AND s.kind = 'loose'
            );
            PERFORM deletion_fail_jobs(p_run.run_id, ARRAY[v_job_id], format(
                'JD007: %s rows of %s go in a circle by %s, one is %s',
                v_rows, v_step.table_name, v_step.reference_name, v_sample
            ));
        END LOOP;

        PERFORM deletion_allow_hash(FALSE), set_config('enable_nestloop', 'on', TRUE);
    END LOOP;
END;
$deletion_walk_verdict$;

COMMENT ON FUNCTION deletion_walk_verdict(deletion_runs) IS
'Fail the jobs that a finished walk shows cannot end: rows in the way, or rows in a circle.';
REVOKE ALL ON FUNCTION deletion_walk_verdict(deletion_runs) FROM PUBLIC;
-- <<<

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
