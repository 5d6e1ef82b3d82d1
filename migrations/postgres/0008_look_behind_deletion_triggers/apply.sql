-- 0008_look_behind_deletion_triggers: apply
-- Look behind deletion triggers on PostgreSQL.
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

-- >>> procedures/postgres/admin/register_deletion_target.sql
-- register_deletion_target
-- Allow deletions from a table, and fix the key by which its rows are named.
--
-- Parameters  p_table         the table, with or without its schema
--             p_key_columns   JSON array of the columns of a NOT NULL unique key, in the order
--                             in which jobs name them; NULL: the primary key
--             p_max_rows      a job that would change more rows fails; NULL: the setting max_rows
-- Errors      JD002 no such key, limit below 1; JD003 another key while jobs are open; JD005 no
--             such table, one of ours, no key, or a key of a type that does not compare exactly
-- Writes      deletion_targets (one row; again: changes it);
--             locks deletion_settings (max_pending, shared)     Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL register_deletion_target('customer');

CREATE OR REPLACE PROCEDURE register_deletion_target(
    p_table text,
    p_key_columns jsonb DEFAULT NULL,
    p_max_rows bigint DEFAULT NULL
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $register_deletion_target$
DECLARE
    c_verb CONSTANT text := 'register_deletion_target';
    v_table regclass;
    v_entity_table text;
    v_key int2[];
    v_columns jsonb;
    v_types jsonb;
    v_is_same boolean;
    v_is_limited boolean;
    v_bad_column text;
BEGIN
    IF p_table IS NULL THEN
        PERFORM deletion_raise('JD002', c_verb, 'p_table is NULL', NULL);
    ELSIF p_max_rows < 1 THEN
        PERFORM deletion_raise('JD002', c_verb, 'p_max_rows is below 1', p_max_rows::text);
    END IF;

    v_table := deletion_find_table(p_table, c_verb);
    v_entity_table := deletion_entity_name(v_table);

    IF deletion_is_ours(v_table) THEN
        PERFORM deletion_raise('JD005', c_verb, 'table belongs to deletion-jobs', p_table);
    ELSIF length(v_entity_table) > 64 THEN
        PERFORM deletion_raise(
            'JD005', c_verb, 'name is longer than 64 characters', v_entity_table
        );
    END IF;

    v_key := deletion_unique_key(v_table, p_key_columns);

    IF v_key IS NULL AND p_key_columns IS NULL THEN
        PERFORM deletion_raise(
            'JD005', c_verb, 'table has no primary key', p_table,
            'Name the columns of a NOT NULL unique key.'
        );
    ELSIF v_key IS NULL THEN
        PERFORM deletion_raise(
            'JD002', c_verb, format('no NOT NULL unique key of %s', v_entity_table),
            p_key_columns::text
        );
    END IF;

    SELECT format('%s %s', a.attname, format_type(a.atttypid, a.atttypmod)) INTO v_bad_column
    FROM pg_attribute AS a
    WHERE
        a.attrelid = v_table AND a.attnum = ANY (v_key)
        AND deletion_type_family(a.atttypid) IS NULL
    LIMIT 1;

    IF FOUND THEN
        PERFORM deletion_raise('JD005', c_verb, 'key does not compare exactly', v_bad_column);
    END IF;

    SELECT jsonb_agg(a.attname ORDER BY k.pos), jsonb_agg(
        format_type(a.atttypid, a.atttypmod) ORDER BY k.pos
    )
    INTO v_columns, v_types
    FROM unnest(v_key) WITH ORDINALITY AS k (attnum, pos)
    INNER JOIN pg_attribute AS a ON a.attrelid = v_table AND a.attnum = k.attnum;

    -- A column that was renamed is the same: its number is, and its old name is gone.
    SELECT
        t.key_columns = v_columns
        OR (
            t.key_types = v_types
            AND coalesce(t.key_places = to_jsonb(v_key), FALSE)
            AND NOT EXISTS (
                SELECT 1
                FROM jsonb_array_elements_text(t.key_columns) AS k (name)
                INNER JOIN pg_attribute AS a
                    ON a.attrelid = v_table AND a.attname = k.name AND NOT a.attisdropped
                WHERE NOT v_columns ? k.name
            )
        )
    INTO v_is_same
    FROM deletion_targets AS t
    WHERE t.entity_table = v_entity_table;

    -- The keys of open jobs would come to mean other rows.
    IF NOT v_is_same AND deletion_has_open_jobs(v_entity_table) THEN
        PERFORM deletion_raise(
            'JD003', c_verb, 'jobs by another key are still open', v_entity_table
        );
    END IF;

    -- Whoever changes the setting now waits, and then sees this target.
    SELECT s.setting_value IS NOT NULL INTO v_is_limited
    FROM deletion_settings AS s
    WHERE s.setting_name = 'max_pending'
    FOR SHARE;

    INSERT INTO deletion_targets AS t (
        entity_table, table_schema, table_name, key_columns, key_types, plain_key, is_limited,
        max_rows, key_places
    )
    SELECT
        v_entity_table,
        n.nspname,
        c.relname,
        v_columns,
        v_types,
        deletion_plain_key(v_types),
        v_is_limited,
        p_max_rows,
        to_jsonb(v_key)
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = v_table
    ON CONFLICT (entity_table) DO UPDATE
    SET
        key_columns = excluded.key_columns,
        key_types = excluded.key_types,
        plain_key = excluded.plain_key,
        is_limited = excluded.is_limited,
        max_rows = excluded.max_rows,
        keyed_at = CASE WHEN v_is_same THEN t.keyed_at ELSE clock_timestamp() END,
        key_places = excluded.key_places;
END;
$register_deletion_target$;

COMMENT ON PROCEDURE register_deletion_target(text, jsonb, bigint) IS
'Allow deletions from a table, and fix the key by which its rows are named.';
REVOKE ALL ON PROCEDURE register_deletion_target(text, jsonb, bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_fingerprint_references.sql
-- deletion_fingerprint_references
-- Digest a plan's foreign keys, triggers, partitions and names: cheap enough for every step.
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
            '6',
            -- A foreign key makes triggers of the engine's own on the table that it points at: those
            -- are found by an index, where all constraints of the database would have to be read.
            -- Any other trigger may keep rows that a plan takes for gone.
            (
                SELECT string_agg(concat_ws(',', g.oid, g.tgtype, g.tgenabled), ';' ORDER BY g.oid)
                FROM pg_trigger AS g
                WHERE g.tgrelid = ANY (p_tables)
            ),
            -- A partition that comes brings keys of its own along, and one that goes keeps its rows;
            -- a table that becomes one has the keys of the partitioned table.
            (
                SELECT string_agg(concat_ws(',', h.inhparent, h.inhrelid, h.inhdetachpending), ';'
                    ORDER BY h.inhrelid, h.inhparent)
                FROM pg_inherits AS h
                WHERE h.inhparent = ANY (p_tables) OR h.inhrelid = ANY (p_tables)
            ),
            -- Statements name tables and columns: a name that another has taken over since would
            -- make them delete other rows, and no error would say so.
            (
                SELECT sum(hashtextextended(c.relname::text, c.oid::bigint # (c.relnamespace::bigint << 31)))
                FROM pg_class AS c
                WHERE c.oid = ANY (p_tables)
            ),
            (
                SELECT sum(hashtextextended(a.attname::text, a.attrelid::bigint * 1600 + a.attnum))
                FROM pg_attribute AS a
                WHERE a.attrelid = ANY (p_tables) AND a.attnum > 0
            )
        ))
    );
END;
$deletion_fingerprint_references$;

COMMENT ON FUNCTION deletion_fingerprint_references(oid[]) IS
'Digest of the foreign keys that point at a plan''s tables, their triggers, partitions and names.';
REVOKE ALL ON FUNCTION deletion_fingerprint_references(oid[]) FROM PUBLIC;
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
        AND n.node -> 'columns' -> 0 ->> 'eq' = 'OPERATOR(pg_catalog.=)' AS is_swept
    FROM node AS n
    LEFT JOIN edge AS e
        ON (e.edge ->> 'parent')::integer = n.node_no AND e.action <> 'keep'
    GROUP BY n.node_no, n.node
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

-- >>> procedures/postgres/worker/deletion_load_frame.sql
-- deletion_load_frame
-- Make the stored frame below the walk's present one, or the topmost, the walk's; split it where
-- it is over the batch.
--
-- Parameters  p_walk   the walk
-- Returns     the walk, its frame NULL where the stack is empty
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_load_frame(p_walk deletion_cursor)
RETURNS deletion_cursor
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_load_frame$
DECLARE
    v_walk deletion_cursor := p_walk;
    v_frame deletion_frames;
    v_batch integer := (p_walk.run).batch_rows;
    v_depth integer := (p_walk.frame).depth - 1;
BEGIN
    -- Stored frames below are never touched in between: taking one out makes it the walk's own.
    -- From the end of the index: those of earlier steps stay in it as long as an old snapshot does.
    DELETE FROM deletion_frames AS f
    WHERE f.ctid = (
        SELECT t.ctid
        FROM deletion_frames AS t
        WHERE
            t.run_id = (p_walk.run).run_id
            AND t.depth BETWEEN coalesce(v_depth, 0) AND coalesce(v_depth, 2147483647)
        ORDER BY t.depth DESC
        LIMIT 1
    )
    RETURNING f.* INTO v_frame;

    IF
        v_frame.keys -> 0 ? 'l'
        AND (v_frame.key_count > v_batch OR (p_walk.run).error LIKE '23503: %')
    THEN
        -- Rows of several levels cannot be parted: they are found again, fewer at a time, or, where
        -- a foreign key refused what a trigger added between them, level by level.
        UPDATE deletion_frames AS f
        SET edge_pos = 0, fetch_cursor = NULL
        WHERE f.run_id = v_frame.run_id AND f.depth = v_frame.depth - 1;
        v_walk.frame := v_frame;
        RETURN deletion_load_frame(v_walk);
    END IF;

    IF v_frame.key_count > v_batch THEN
        -- Contention has halved the batch: the rest waits one below, found by the same reference.
        v_frame.fetch_cursor := NULL;
        INSERT INTO deletion_frames
        SELECT (jsonb_populate_record(v_frame, jsonb_build_object(
            'keys', (
                SELECT jsonb_agg(k.value ORDER BY k.ordinality)
                FROM jsonb_array_elements(v_frame.keys) WITH ORDINALITY AS k
                WHERE k.ordinality > v_batch
            ),
            'key_count', v_frame.key_count - v_batch,
            'edge_pos', 0
        ))).*;
        v_frame.keys := (
            SELECT jsonb_agg(k.value ORDER BY k.ordinality)
            FROM jsonb_array_elements(v_frame.keys) WITH ORDINALITY AS k
            WHERE k.ordinality <= v_batch
        );
        v_frame.key_count := v_batch;
        v_frame.depth := v_frame.depth + 1;
    END IF;

    v_walk.frame := v_frame;
    RETURN v_walk;
END;
$deletion_load_frame$;

COMMENT ON FUNCTION deletion_load_frame(deletion_cursor) IS
'Make the run''s topmost stored frame the walk''s present one; a frame over the batch is split.';
REVOKE ALL ON FUNCTION deletion_load_frame(deletion_cursor) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_expand.sql
-- deletion_expand
-- Take what hangs from a narrow frame, by the same self-reference, into the frame: level by level.
--
-- Parameters  p_run     the run        p_frame   the frame, just fetched      p_limit   most rows
-- Returns     the frame, held; NULL: the plan has no such statement, a foreign key refused what a
--             trigger added between its levels, or rows moved meanwhile
-- Writes      nothing; locks the frame's rows      Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_expand(
    p_run deletion_runs,
    p_frame deletion_frames,
    p_limit integer
) RETURNS deletion_frames
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_expand$
DECLARE
    v_frame deletion_frames := p_frame;
    v_sql text;
    v_held deletion_frames;
BEGIN
    SELECT s.sql_text INTO v_sql
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = p_run.plan_id AND s.edge_no = p_frame.edge_no AND s.kind = 'expand';

    -- A step was lost to it: level by level, such a row finds its parent.
    IF v_sql IS NULL OR p_run.error LIKE '23503: %' THEN
        RETURN NULL;
    END IF;

    EXECUTE v_sql INTO v_frame.keys, v_frame.key_count USING p_frame.keys, p_limit;
    v_held := deletion_hold_frame(p_run.plan_id, v_frame);

    -- What hangs from a row that moved is in the frame as well: it is fetched level by level instead.
    IF v_held.run_id IS NOT NULL THEN
        RETURN NULL;
    END IF;

    RETURN v_frame;
END;
$deletion_expand$;

COMMENT ON FUNCTION deletion_expand(deletion_runs, deletion_frames, integer) IS
'Take what hangs from a narrow frame, by the same self-reference, into the frame.';
REVOKE ALL ON FUNCTION deletion_expand(deletion_runs, deletion_frames, integer) FROM PUBLIC;
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
