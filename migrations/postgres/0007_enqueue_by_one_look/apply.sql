-- 0007_enqueue_by_one_look: apply
-- Enqueue by one look on PostgreSQL.
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

-- How many frames are locked, not only whether the present one is.
ALTER TYPE deletion_cursor DROP ATTRIBUTE is_locked;
ALTER TYPE deletion_cursor ADD ATTRIBUTE locks integer;

-- What every enqueue asks stands in the one row that it reads.
ALTER TABLE deletion_targets ADD COLUMN is_limited boolean NOT NULL DEFAULT FALSE;
COMMENT ON COLUMN deletion_targets.is_limited IS
'Whether max_pending is set: here too, so that an enqueue has one look.';
UPDATE deletion_targets AS t
SET is_limited = TRUE
FROM deletion_settings AS s
WHERE s.setting_name = 'max_pending' AND s.setting_value IS NOT NULL;

-- === schema/postgres/tables/deletion_targets.sql c85ce53cf14103f15bd0398f207ec303f0904f547c5f8f305c8f37386cf94748  -- noqa: LT05
-- === schema/postgres/types/deletion_cursor.sql f5204b9c86ebf4fedd13751b2487529baa5ba45d7a735d12e47808abf3f21f43  -- noqa: LT05

-- >>> procedures/postgres/api/enqueue_deletion.sql
-- enqueue_deletion
-- Ask that one row, and everything that hangs from it, be deleted.
--
-- Parameters  p_table          the target, with or without its schema
--             p_pk             the row's key as text; a composite one as a JSON array
--             p_reason         why; may be NULL
--             p_hard_delete    TRUE: remove for good; FALSE: soft delete
--             p_scheduled_at   when to start; NULL: as soon as possible
--             p_created_by     the user who asks; may be NULL
--             p_job_id         OUT: the job, a new one or the one that this row has already
-- Errors      JD002 NULL, or a key that does not parse; JD004 no target; JD011 soft delete is
--             not possible; JD013 more pending jobs than allowed
-- Writes      deletion_jobs (one row), deletion_attempts     Commits  no
-- Execute     deletion_jobs_app
-- Example     CALL enqueue_deletion('customer', '42', 'closed', TRUE, NULL, NULL, NULL);

CREATE OR REPLACE PROCEDURE enqueue_deletion(
    IN p_table text,
    IN p_pk text,
    IN p_reason text,
    IN p_hard_delete boolean,
    IN p_scheduled_at timestamptz,
    IN p_created_by bigint,
    OUT p_job_id bigint
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $enqueue_deletion$
DECLARE
    v_entity_table text;
BEGIN
    -- Nearly every caller sends the registered name, a key as its type prints it, and a row that has
    -- no job: that should cost little more than the INSERT. No plain form is longer than 64.
    INSERT INTO deletion_jobs AS j (
        entity_table, entity_pk, reason, hard_delete, scheduled_at, created_by
    )
    SELECT t.entity_table, p_pk::varchar(64), p_reason, TRUE, p_scheduled_at, p_created_by
    FROM deletion_targets AS t
    WHERE t.entity_table = p_table AND p_pk ~ t.plain_key AND p_hard_delete AND NOT t.is_limited
    ON CONFLICT (entity_table, entity_pk) DO NOTHING
    RETURNING j.id INTO p_job_id;

    IF p_job_id IS NULL THEN
        v_entity_table := deletion_check_wish('enqueue_deletion', p_table, p_hard_delete);
        p_job_id := deletion_enqueue(
            'enqueue_deletion',
            v_entity_table,
            deletion_parse_key(v_entity_table, p_pk, 'enqueue_deletion'),
            p_reason,
            p_hard_delete,
            p_scheduled_at,
            p_created_by
        );
    END IF;
END;
$enqueue_deletion$;

COMMENT ON PROCEDURE
enqueue_deletion(text, text, text, boolean, timestamptz, bigint, OUT bigint) IS
'Ask that one row, and everything that hangs from it, be deleted.';
REVOKE ALL ON PROCEDURE
enqueue_deletion(text, text, text, boolean, timestamptz, bigint, OUT bigint) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE
enqueue_deletion(text, text, text, boolean, timestamptz, bigint, OUT bigint)
TO deletion_jobs_app;
-- <<<

-- >>> procedures/postgres/admin/run_deletion_jobs.sql
-- run_deletion_jobs
-- Work due deletion jobs until none is due or the time is over; the schedulers call this.
--
-- Parameters  p_slot          the worker's slot, one call at a time in each; NULL: no slot
--             p_run_seconds   how long to work; NULL: the setting run_seconds
--             p_home          leave it out: the installation this procedure belongs to
-- Errors      JD002 not a positive number; 57014 the call was cancelled (its jobs have returned)
-- Writes      the application's tables, and all tables of runs and jobs     Commits  yes
-- Execute     deletion_jobs_worker, deletion_jobs_operator
-- Example     CALL run_deletion_jobs(NULL, NULL);

CREATE OR REPLACE PROCEDURE run_deletion_jobs(
    p_slot integer,
    p_run_seconds integer,
    p_home regclass DEFAULT 'deletion_jobs'::regclass
)
LANGUAGE plpgsql
SECURITY INVOKER
AS $run_deletion_jobs$
DECLARE
    -- A procedure that commits cannot pin its search_path: it finds its own schema by OID, and
    -- sets the path anew in each transaction. Until then every name is spelled with its schema.
    v_path text := (
        SELECT pg_catalog.format('%I, pg_temp', n.nspname)
        FROM pg_catalog.pg_class AS c
        INNER JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
        WHERE c.oid OPERATOR(pg_catalog.=) p_home::pg_catalog.oid
    );
    v_until timestamptz;
    v_run_id bigint;
    v_token uuid;
    v_job_count integer;
    v_jobs bigint := 0;
    v_state text := 'idle';
    v_due_at timestamptz;
    v_due_id bigint;
    v_looked_at timestamptz;
    v_is_fresh boolean;
BEGIN
    PERFORM pg_catalog.set_config('search_path', v_path, TRUE);

    IF p_slot <= 0 OR p_run_seconds <= 0 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'JD002',
            MESSAGE = format(
                'run_deletion_jobs: not a positive number (%s, %s)', p_slot, p_run_seconds
            );
    END IF;

    v_until := deletion_enter(p_slot, p_run_seconds);

    IF v_until IS NULL THEN
        RETURN;
    END IF;

    COMMIT;
    -- Every statement has to see what was committed while the one before it waited for locks: a
    -- hold, or a child that came late. The session's own level may be another.
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;

    LOOP
        PERFORM pg_catalog.set_config('search_path', v_path, TRUE);
        v_is_fresh := (clock_timestamp() BETWEEN v_looked_at AND v_looked_at + '5 s') IS NOT TRUE;

        -- What has ended, jobs that were claimed and notes that were dropped, stays in the indexes of
        -- what is open as long as an old snapshot is open somewhere. It is passed once in a while, so
        -- that a job that has lost its worker, or one that came since with an earlier time than the
        -- last one's, waits no longer.
        IF v_is_fresh THEN
            v_due_at := NULL;
            v_due_id := NULL;
            v_looked_at := clock_timestamp();
            PERFORM deletion_recover();
            COMMIT;
            SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
            PERFORM pg_catalog.set_config('search_path', v_path, TRUE);
        END IF;

        v_run_id := NULL;
        SELECT c.run_id, c.token, c.job_count, c.due_at, c.due_id
        INTO v_run_id, v_token, v_job_count, v_due_at, v_due_id
        FROM deletion_claim(p_slot, NULL, v_due_at, v_due_id) AS c;
        COMMIT;
        SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
        PERFORM pg_catalog.set_config('search_path', v_path, TRUE);
        EXIT WHEN v_run_id IS NULL AND (v_is_fresh OR clock_timestamp() >= v_until);

        -- Before it ends, whatever came back meanwhile.
        IF v_run_id IS NULL THEN
            v_looked_at := NULL;
            CONTINUE;
        END IF;

        v_jobs := v_jobs + v_job_count;

        IF v_token IS NOT NULL THEN
            CALL deletion_work(v_run_id, v_token, v_until, v_path, v_state);
        END IF;

        EXIT WHEN v_state = 'interrupted' OR clock_timestamp() >= v_until;
    END LOOP;

    PERFORM pg_catalog.set_config('search_path', v_path, TRUE);
    PERFORM deletion_leave(
        p_slot,
        CASE WHEN v_state = 'interrupted' THEN v_state WHEN v_jobs > 0 THEN 'worked' ELSE 'idle' END,
        v_jobs
    );
    COMMIT;

    IF v_state = 'interrupted' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'query_canceled',
            MESSAGE = 'run_deletion_jobs: cancelled; its jobs have returned to the queue';
    END IF;
END;
$run_deletion_jobs$;

COMMENT ON PROCEDURE run_deletion_jobs(integer, integer, regclass) IS
'Work due deletion jobs until none is due or the time is over; the schedulers call this.';
REVOKE ALL ON PROCEDURE run_deletion_jobs(integer, integer, regclass) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE run_deletion_jobs(integer, integer, regclass)
TO deletion_jobs_worker, deletion_jobs_operator;
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
-- Writes      deletion_targets (one row; again: changes it)     Commits  no
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

-- >>> procedures/postgres/admin/set_deletion_setting.sql
-- set_deletion_setting
-- Change a setting of this installation.
--
-- Parameters  p_name    the setting
--             p_value   its value as text; NULL: back to the default
-- Errors      JD002 no such setting, or a value of another kind or out of range
-- Writes      deletion_settings (one row); deletion_targets for max_pending     Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL set_deletion_setting('batch_rows', '1000');

CREATE OR REPLACE PROCEDURE set_deletion_setting(
    p_name text,
    p_value text
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $set_deletion_setting$
DECLARE
    v_setting deletion_settings;
    v_what text;
BEGIN
    SELECT s.* INTO v_setting
    FROM deletion_settings AS s
    WHERE s.setting_name = p_name
    FOR UPDATE;

    v_what := CASE
        WHEN p_name IS NULL THEN 'p_name is NULL'
        WHEN NOT FOUND THEN 'no such setting'
        WHEN p_name = 'paused_reason' THEN 'use pause_deletions or resume_deletions'
    END;

    IF v_what IS NOT NULL THEN
        PERFORM deletion_raise('JD002', 'set_deletion_setting', v_what, p_name);
    END IF;

    -- Compared as numeric, which no number of digits overflows.
    v_what := CASE v_setting.kind
        WHEN 'integer' THEN CASE
            WHEN p_value !~ '^-?[0-9]+$' THEN 'takes a whole number'
            WHEN p_value::numeric < coalesce(v_setting.min_value, '-9223372036854775808')
                OR p_value::numeric > coalesce(v_setting.max_value, 9223372036854775807)
                THEN format(
                    'takes numbers from %s to %s',
                    v_setting.min_value, coalesce(v_setting.max_value, 9223372036854775807)
                )
        END
        WHEN 'boolean' THEN CASE
            WHEN p_value NOT IN ('true', 'false') THEN 'takes true or false'
        END
    END;

    IF v_what IS NOT NULL THEN
        PERFORM deletion_raise(
            'JD002', 'set_deletion_setting', format('%s %s', p_name, v_what), p_value
        );
    END IF;

    UPDATE deletion_settings AS s
    SET setting_value = CASE v_setting.kind
        -- 0100 is kept as 100.
        WHEN 'integer' THEN p_value::bigint::text
        ELSE p_value
    END
    WHERE s.setting_name = p_name;

    -- After the setting's own lock: a target that is being registered is seen by one of us.
    IF p_name = 'max_pending' THEN
        UPDATE deletion_targets AS t SET is_limited = (p_value IS NOT NULL);
    END IF;
END;
$set_deletion_setting$;

COMMENT ON PROCEDURE set_deletion_setting(text, text) IS
'Change a setting of this installation.';
REVOKE ALL ON PROCEDURE set_deletion_setting(text, text) FROM PUBLIC;
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
            '5',
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

-- >>> procedures/postgres/planner/deletion_plan_edges.sql
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
    v_started timestamptz := clock_timestamp();
    v_until timestamptz;
BEGIN
    v_walk.run := p_run;
    v_walk.rows_left := p_run.batch_rows;
    v_walk.has_waits := p_run.state ? 'careful' OR (
        SELECT p.has_waits FROM deletion_plans AS p WHERE p.plan_id = p_run.plan_id
    );
    v_walk.locks := 0;
    v_walk.below := '{}';
    PERFORM deletion_hold_frames(p_run);
    PERFORM deletion_note_stack(p_run)
    WHERE p_run.state ? 'careful' AND NOT EXISTS (
        SELECT 1
        FROM deletion_walk_keys AS w
        WHERE w.walk_id = p_run.run_id AND w.node_no = 0 AND w.fate = 'stack' AND w.edge_no = 0
    );
    -- As long as it took to hold a deep stack the step works on: else it would do little more.
    v_until := clock_timestamp() + greatest(
        make_interval(secs => deletion_setting_int('batch_ms') / 1000.0),
        clock_timestamp() - v_started
    );
    v_walk := deletion_load_frame(v_walk);

    -- Roots that go in this transaction with all below them are locked first: then no reference that
    -- was emptied has to be looked at once more.
    IF
        (v_walk.frame).edge_no = 0 AND (v_walk.frame).edge_pos = 0 AND (v_walk.frame).rows_here = 0
        AND NOT v_walk.has_waits
        AND (v_walk.frame).key_count * (1 + (p_run.state -> 'fan' ->> '0')::float8) <= v_walk.rows_left
    THEN
        v_frame := deletion_lock_frame(p_run.plan_id, v_walk.frame);

        IF v_frame.run_id IS NOT NULL THEN
            v_walk.locks := 1;
            v_walk.frame := v_frame;
        END IF;
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
                OR (s.kind = 'set' AND (
                    NOT s.waits
                    OR (v_walk.run).state ? 'set'
                    AND s.set_order <= coalesce(((v_walk.run).state ->> 'last')::integer, 0)
                ))
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

-- >>> procedures/postgres/worker/deletion_advance_run.sql
-- deletion_advance_run
-- Do one step of a run that is past its check: walk on, or end it when all is done or time is up.
--
-- Parameters  p_run     the run, fenced
--             p_until   when the worker's call should end
-- Returns     text: more or ended
-- Writes      the application's tables, all tables of a run, deletion_plans     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_advance_run(
    p_run deletion_runs,
    p_until timestamptz
) RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_advance_run$
DECLARE
    v_cancelled bigint[];
    v_is_empty boolean;
    v_held jsonb;
    v_run deletion_runs;
    v_now timestamptz;
    v_lead interval;
    v_slice interval := make_interval(secs => deletion_setting_int('slice_ms') / 1000.0);
    v_is_over boolean;
BEGIN
    v_cancelled := ARRAY(
        SELECT a.job_id
        FROM deletion_attempts AS a
        WHERE a.run_id = p_run.run_id AND a.outcome IS NULL AND a.cancel_requested_at IS NOT NULL
    );

    IF v_cancelled <> '{}' THEN
        PERFORM deletion_settle(p_run.run_id, v_cancelled, 'cancelled', NULL, FALSE, NULL);
        PERFORM deletion_drop_jobs(p_run.run_id, v_cancelled);
    END IF;

    -- Everything was compared at the claim; a long run looks again at all of it now and then.
    IF NOT deletion_guard(p_run.plan_id, p_run.step_count % 20 = 0) THEN
        PERFORM deletion_settle(p_run.run_id, NULL, 'returned', NULL, FALSE, NULL);
        PERFORM deletion_end_run(
            p_run.run_id, 'returned', 'the catalog changed; the plan is compiled anew'
        );
        RETURN 'ended';
    END IF;

    v_held := deletion_mind_holds(p_run);

    IF jsonb_typeof(v_held) = 'string' THEN
        RETURN v_held #>> '{}';
    END IF;

    IF p_run.hard_delete THEN
        IF p_run.rows_changed = 0 THEN
            PERFORM deletion_spare_live(p_run);
        END IF;

        v_is_empty := deletion_advance(p_run);
    ELSE
        v_is_empty := deletion_soft_advance(p_run);
    END IF;

    PERFORM deletion_see_holds(p_run, v_held) WHERE v_held <> '[]';
    PERFORM deletion_see_partitions(p_run.plan_id);

    IF v_is_empty THEN
        PERFORM deletion_settle(p_run.run_id, NULL, 'done', NULL, FALSE, NULL);
        PERFORM deletion_end_run(p_run.run_id, 'done', NULL);
        PERFORM deletion_keep_fan_out(p_run.run_id, p_run.plan_id);
        RETURN 'ended';
    END IF;

    SELECT r.* INTO STRICT v_run
    FROM deletion_runs AS r
    WHERE r.ctid = deletion_run_place(p_run.run_id) AND r.run_id = p_run.run_id;
    v_now := clock_timestamp();

    IF p_run.rows_changed = 0 AND v_run.rows_changed > 0 AND v_now > p_run.started_at + '1 s' THEN
        v_run.state := v_run.state
        || jsonb_build_object('lead_ms', 1000 * extract(epoch FROM v_now - p_run.started_at));
        UPDATE deletion_runs AS r SET state = v_run.state WHERE r.run_id = p_run.run_id;
    END IF;

    v_lead := make_interval(secs => coalesce((v_run.state ->> 'lead_ms')::float8, 0) / 1000);

    v_is_over := v_now >= p_until;

    -- Not in each step: jobs that were claimed stay in the index of what is due as long as an old
    -- snapshot is open somewhere. Nor before the answer counts, or it would be late then.
    IF
        NOT v_is_over
        AND v_run.rows_changed > 0
        AND v_now >= p_run.started_at + 2 * v_lead
        AND v_now > p_run.started_at + v_slice
        AND (v_now > (v_run.state ->> 'looked_at')::timestamptz + v_slice) IS NOT FALSE
    THEN
        v_is_over := deletion_others_due();
        UPDATE deletion_runs AS r
        SET state = v_run.state || jsonb_build_object('looked_at', v_now)
        WHERE r.ctid = deletion_run_place(p_run.run_id) AND r.run_id = p_run.run_id;
    END IF;

    -- A run that has changed nothing yet is still on its way down: dissolved now, it would begin
    -- at its roots again and never arrive where a chain is deep or its check was long. As long as
    -- it took to come there it works, or a large job would be checked again for every batch.
    IF
        deletion_setting('paused_reason') IS NOT NULL
        OR (v_is_over AND v_run.rows_changed > 0 AND v_now >= p_run.started_at + 2 * v_lead)
    THEN
        PERFORM deletion_slice(p_run.run_id);
        RETURN 'ended';
    END IF;

    RETURN 'more';
END;
$deletion_advance_run$;

COMMENT ON FUNCTION deletion_advance_run(deletion_runs, timestamptz) IS
'Do one step of a run that is past its check: walk on, or end it when all is done or time is up.';
REVOKE ALL ON FUNCTION deletion_advance_run(deletion_runs, timestamptz) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_change.sql
-- deletion_change
-- Delete, or set, rows that hang from the present frame by one reference, within the batch.
--
-- Parameters  p_walk   the walk                    p_step   the plan's drain or set step
-- Returns     the walk
-- Errors      JD006 the rows' default is the very key that is deleted; JD007 as deletion_give_up
-- Writes      the application's table, deletion_receipts     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_change(
    p_walk deletion_cursor,
    p_step deletion_plan_steps
) RETURNS deletion_cursor
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_change$
DECLARE
    v_walk deletion_cursor := p_walk;
    v_run deletion_runs := p_walk.run;
    v_frame deletion_frames := p_walk.frame;
    v_rows bigint;
    v_by_job jsonb;
    v_still bigint;
    v_was jsonb;
    v_sql text := p_step.sql_text;
    v_taken record;
    -- A frame with many rows below it: each batch from the start would be read again and again.
    v_is_wide boolean := p_step.kind = 'drain' AND p_walk.locks = 0 AND (
        v_frame.fetch_cursor IS NOT NULL OR v_frame.rows_here >= 4 * v_run.batch_rows
    ) AND EXISTS (
        SELECT 1
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = v_run.plan_id AND s.edge_no = p_step.edge_no AND s.kind = 'find'
    );
    v_is_one boolean := p_step.kind = 'drain' AND v_run.job_count = 1 AND p_walk.locks = 0;
BEGIN
    IF p_step.action = 'set_default' AND p_step.waits THEN
        v_walk := deletion_give_up(p_walk, p_step);

        IF v_walk.rows_left < p_walk.rows_left THEN
            -- There may be more of them.
            RETURN v_walk;
        END IF;
    END IF;

    PERFORM deletion_allow_hash(TRUE) WHERE p_step.index_name IS NULL;

    IF v_is_wide THEN
        v_taken := deletion_take_found(v_frame, p_step, p_walk.rows_left);
        v_frame := v_taken.p_frame;
        v_walk.frame := v_frame;

        IF v_taken.p_row_ids IS NULL THEN
            PERFORM deletion_allow_hash(FALSE) WHERE p_step.index_name IS NULL;
            RETURN v_walk;
        END IF;
    END IF;

    IF v_is_wide OR v_is_one THEN
        SELECT s.sql_text INTO STRICT v_sql
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = v_run.plan_id AND s.edge_no = p_step.edge_no
            AND s.kind = 'drain' || CASE WHEN v_is_wide THEN '_found' ELSE '' END
            || CASE WHEN v_is_one THEN '_one' ELSE '' END;
    END IF;

    IF v_is_one THEN
        IF v_is_wide THEN
            EXECUTE v_sql USING v_frame.keys, v_taken.p_row_ids;
        ELSE
            EXECUTE v_sql USING v_frame.keys, p_walk.rows_left;
        END IF;

        GET DIAGNOSTICS v_rows = ROW_COUNT;
        v_by_job := CASE WHEN v_rows > 0 THEN jsonb_build_object(v_frame.keys -> 0 ->> 'j', v_rows) END;
        v_still := 0;
    ELSIF v_is_wide THEN
        EXECUTE v_sql INTO v_rows, v_by_job, v_still USING v_frame.keys, v_taken.p_row_ids;
    ELSE
        EXECUTE v_sql INTO v_rows, v_by_job, v_still, v_was USING v_frame.keys, p_walk.rows_left;
    END IF;

    PERFORM deletion_allow_hash(FALSE) WHERE p_step.index_name IS NULL;

    IF p_step.kind = 'drain' AND v_still > 0 THEN
        -- Somebody changed these rows while the statement waited for them: they are still there.
        v_walk.locks := 0;
    ELSIF v_still > 0 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'JD006',
            MESSAGE = format(
                '%s rows of %s have the deleted key as their default (%s)',
                v_still, p_step.table_name, p_step.reference_name
            );
    END IF;

    PERFORM deletion_add_receipts(
        v_run.run_id, ARRAY[p_step.table_name],
        CASE p_step.kind WHEN 'drain' THEN 'delete' ELSE p_step.action END, ARRAY[v_by_job]
    );

    PERFORM deletion_add_receipts(
        v_run.run_id, ARRAY[p_step.table_name], w.key, ARRAY[w.value]
    )
    FROM jsonb_each(v_was) AS w;

    IF v_rows < p_walk.rows_left AND NOT v_is_wide THEN
        v_frame.edge_pos := p_step.edge_no;
    END IF;

    v_frame.rows_here := v_frame.rows_here + v_rows;
    v_run.rows_changed := v_run.rows_changed + v_rows;
    v_walk.rows_left := v_walk.rows_left - v_rows;
    v_walk.run := v_run;
    v_walk.frame := v_frame;
    RETURN v_walk;
END;
$deletion_change$;

COMMENT ON FUNCTION deletion_change(deletion_cursor, deletion_plan_steps) IS
'Delete, or set, rows that hang from the present frame by one reference.';
REVOKE ALL ON FUNCTION deletion_change(deletion_cursor, deletion_plan_steps) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_drop_soft_keys.sql
-- deletion_drop_soft_keys
-- Drop, some at a time, what soft jobs have noted that nobody goes on with.
--
-- Parameters  none
-- Writes      deletion_soft_keys; locks deletion_jobs     Commits  no
-- Execute     the owner only
--
-- A job that was cut into slices keeps its notes; then it may be cancelled, or wanted for good.

CREATE OR REPLACE FUNCTION deletion_drop_soft_keys()
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_drop_soft_keys$
BEGIN
    -- Kept as a prepared plan, where a function in SQL is planned anew in every transaction. So each
    -- look is one that can be answered by a key alone, whatever the statistics say: a job by its
    -- number, then its notes by their job.
    WITH RECURSIVE noted (job_id) AS (
        SELECT min(k.job_id) FROM deletion_soft_keys AS k
        UNION ALL
        SELECT (SELECT min(k.job_id) FROM deletion_soft_keys AS k WHERE k.job_id > n.job_id)
        FROM noted AS n
        WHERE n.job_id IS NOT NULL
    ),

    ended AS MATERIALIZED (
        SELECT e.id
        FROM noted AS n
        CROSS JOIN LATERAL (
            SELECT j.id
            FROM deletion_jobs AS j
            WHERE
                j.id = n.job_id AND j.status <> 'running'
                AND (j.status <> 'pending' OR j.hard_delete)
            -- What a caller holds waits for the next time.
            FOR UPDATE SKIP LOCKED
        ) AS e
    )

    DELETE FROM deletion_soft_keys AS k
    WHERE k.ctid = ANY (ARRAY(
        SELECT d.row_id
        FROM ended AS e
        CROSS JOIN LATERAL (
            SELECT s.ctid AS row_id FROM deletion_soft_keys AS s WHERE s.job_id = e.id OFFSET 0
        ) AS d
        LIMIT 20000
    ));
END;
$deletion_drop_soft_keys$;

COMMENT ON FUNCTION deletion_drop_soft_keys() IS
'Drop, some at a time, what soft jobs have noted that nobody goes on with.';
REVOKE ALL ON FUNCTION deletion_drop_soft_keys() FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_left_over.sql
-- deletion_left_over
-- Decide what becomes of a frame some of whose rows could not be removed.
--
-- Parameters  p_walk   the walk, its frame holding what is left
--             p_step   the plan's remove step of that frame
-- Returns     the walk: another pass over the frame, or the frame below
-- Errors      JD006 nothing more can be done about the rows; JD007 rows of a run of several jobs
--             go in circles: each job goes on alone
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
    v_next integer := (
        SELECT min(s.set_order)
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = v_run.plan_id
            AND s.set_order > coalesce((v_run.state ->> 'last')::integer, 0)
    );
BEGIN
    v_walk.locks := 0;

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
        -- What is left goes in circles, or lies above one: in a run of one job it is that job's.
        IF NOT v_run.alone THEN
            RAISE EXCEPTION USING
                ERRCODE = 'JD007',
                MESSAGE = format(
                    'rows of %s go in a circle among several jobs: each goes on alone',
                    p_step.table_name
                );
        END IF;

        v_run.state := v_run.state || '{"together": true}';
        v_frame.idle_passes := 0;
    ELSIF v_next IS NOT NULL THEN
        -- No row that would not be found any more is left to be found.
        v_run.state := v_run.state || jsonb_build_object('last', v_next);
        v_frame.idle_passes := 0;
    ELSIF NOT v_frame.keys @? '$[*] ? (!exists(@.m))' THEN
        -- Roots that were gone before, and now all that hung from them.
        RETURN deletion_pop(v_walk);
    ELSIF v_frame.idle_passes = 0 THEN
        -- A child may have come between its reference's pass and the lock: look once more.
        v_frame.idle_passes := 1;
    ELSE
        PERFORM deletion_stuck(v_run, v_frame, p_step);
    END IF;

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
    v_walk.locks := greatest(0, p_walk.locks - 1);
    PERFORM deletion_note_frame(p_walk.run, p_walk.frame, FALSE);

    IF v_last = 0 THEN
        v_walk := deletion_load_frame(v_walk);
    ELSE
        v_walk.frame := v_walk.below[v_last];
        v_walk.below := v_walk.below[:v_last - 1];
    END IF;

    -- Other jobs' rows have not had their turn: what is set last in theirs is not set yet.
    IF (p_walk.frame).edge_no = 0 THEN
        v_walk.run.state := (v_walk.run).state - 'last';
    END IF;

    -- What went below a row went below its parent as well. Rows of one table that refer to each
    -- other are counted level by level: there few have as much below them as those on top.
    IF (v_walk.frame).node_no <> (p_walk.frame).node_no THEN
        v_walk.frame.rows_here := (v_walk.frame).rows_here + (p_walk.frame).rows_here;
    END IF;

    RETURN v_walk;
END;
$deletion_pop$;

COMMENT ON FUNCTION deletion_pop(deletion_cursor) IS
'Drop the walk''s present frame and go on with the one below it.';
REVOKE ALL ON FUNCTION deletion_pop(deletion_cursor) FROM PUBLIC;
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
        ELSE greatest(1, floor(0.85 * v_run.batch_rows / (1 + v_fan_out)))
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
        IF NOT p_walk.has_waits AND v_child.key_count * (1 + v_fan_out) < p_walk.rows_left THEN
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

-- >>> procedures/postgres/worker/deletion_remove.sql
-- deletion_remove
-- Remove the present frame's own rows: lock them, delete the childless, decide about the rest.
--
-- Parameters  p_walk   the walk
-- Returns     the walk, one frame further down, or in another pass over the same
-- Errors      JD006 rows stay and nothing more can be done about them
-- Writes      the application's table, deletion_receipts     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_remove(p_walk deletion_cursor)
RETURNS deletion_cursor
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_remove$
DECLARE
    v_walk deletion_cursor := p_walk;
    v_run deletion_runs := p_walk.run;
    v_frame deletion_frames := p_walk.frame;
    v_lock text;
    v_remove deletion_plan_steps;
    v_left text;
    v_found bigint;
    v_rows bigint;
    v_by_job jsonb;
    v_still bigint;
    v_rest jsonb;
    v_gone jsonb;
BEGIN
    -- Cancelled jobs or other sessions may have taken the last key out of a frame in the middle.
    IF v_frame.key_count = 0 THEN
        v_walk.locks := 0;
        RETURN deletion_pop(v_walk);
    ELSIF v_frame.keys -> 0 ? 'l' THEN
        RETURN deletion_remove_levels(v_walk);
    END IF;

    SELECT s.* INTO STRICT v_remove
    FROM deletion_plan_steps AS s
    WHERE
        s.plan_id = v_run.plan_id AND s.edge_no = v_frame.edge_no
        AND s.kind = CASE WHEN p_walk.locks > 0 THEN 'remove_now' ELSE 'remove' END;
    SELECT
        min(s.sql_text) FILTER (WHERE s.kind = 'lock'),
        min(s.sql_text) FILTER (WHERE s.kind = 'left')
    INTO v_lock, v_left
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = v_run.plan_id AND s.edge_no = v_frame.edge_no;

    IF p_walk.locks > 0 THEN
        v_found := v_frame.key_count;
    ELSE
        -- Two statements: a child that was committed while the lock waited is seen by the second.
        EXECUTE v_lock INTO v_found USING v_frame.keys;
    END IF;

    PERFORM deletion_allow_hash(TRUE) WHERE v_remove.index_name IS NULL;
    EXECUTE v_remove.sql_text INTO v_rows, v_by_job, v_still USING v_frame.keys;
    PERFORM deletion_allow_hash(FALSE) WHERE v_remove.index_name IS NULL;
    PERFORM deletion_add_receipts(
        v_run.run_id, ARRAY[v_remove.table_name], 'delete', ARRAY[v_by_job]
    );
    v_run.rows_changed := v_run.rows_changed + v_rows;
    v_walk.rows_left := v_walk.rows_left - v_rows;

    -- What hangs from a root that is gone waits as that of others does.
    v_gone := CASE WHEN v_frame.edge_no = 0 AND p_walk.has_waits THEN
        jsonb_path_query_array(v_frame.keys, '$[*] ? (exists(@.m))') ELSE '[]'
    END;

    IF v_rows = v_found AND v_gone = '[]' THEN
        PERFORM deletion_uncount(v_run.run_id, v_remove.table_name, v_frame.keys)
        WHERE v_run.state ? 'set';
        -- What was not found any more has moved to another parent, or is gone already.
        v_run.state := v_run.state || jsonb_build_object('fan', coalesce(v_run.state -> 'fan', '{}')
            || jsonb_build_object(v_frame.node_no::text, v_frame.rows_here::float8 / v_frame.key_count));
        v_walk.run := v_run;
        v_walk.frame.rows_here := v_frame.rows_here + v_rows;
        RETURN deletion_pop(v_walk);
    END IF;

    EXECUTE v_left INTO v_rest, v_frame.key_count USING v_frame.keys;
    PERFORM deletion_uncount(v_run.run_id, v_remove.table_name, (
        SELECT jsonb_agg(k.value)
        FROM jsonb_array_elements(v_frame.keys) AS k
        WHERE NOT v_rest @> jsonb_build_array(k.value)
    )) WHERE v_run.state ? 'set' AND v_rows > 0;
    -- A row that comes back under the key of one that went is not on the stack.
    PERFORM deletion_note_frame(v_run, p_walk.frame, FALSE);
    v_frame.keys := v_rest || v_gone;
    v_frame.key_count := v_frame.key_count + jsonb_array_length(v_gone);
    PERFORM deletion_note_frame(v_run, v_frame, TRUE);
    v_walk.run := v_run;
    v_walk.frame := v_frame;
    RETURN deletion_left_over(v_walk, v_remove);
END;
$deletion_remove$;

COMMENT ON FUNCTION deletion_remove(deletion_cursor) IS
'Remove the present frame''s own rows: lock them, delete the childless, decide about the rest.';
REVOKE ALL ON FUNCTION deletion_remove(deletion_cursor) FROM PUBLIC;
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
    v_fan CONSTANT text := CASE WHEN v_is_tree THEN 'tip' ELSE '' END || p_step.node_no;
    v_fan_out float8 := coalesce(
        (v_run.state -> 'fan' ->> v_fan)::float8,
        CASE WHEN v_is_tree THEN greatest(0, p_walk.rows_left / 100.0 - 1) END
    );
    -- A little less than what fits by the rows seen so far: too many cost a second look.
    v_limit integer := CAST(floor(0.97 * p_walk.rows_left / (1 + v_fan_out)) AS integer);
    v_one text := CASE WHEN v_run.job_count = 1 THEN '_one' ELSE '' END;
    v_take text;
    v_take_found text;
    v_remove text;
    v_taken record;
    v_row_ids tid[];
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

        EXECUTE v_take_found INTO v_jobs, v_keys, v_parents, v_seen USING v_frame.keys, v_row_ids;
    ELSE
        -- In a statement of its own: a child that was committed while it waited is seen by the next.
        EXECUTE v_take INTO v_jobs, v_keys, v_parents, v_seen USING v_frame.keys, v_limit;

        -- Others took rows while they were waited for, or gave them another key: they are looked
        -- for once more.
        IF coalesce(cardinality(v_keys), 0) < v_seen THEN
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
        IF v_row_ids IS NULL AND NOT v_is_tree THEN
            RETURN deletion_push(p_walk, p_step);
        END IF;

        -- They are taken once more.
        IF v_row_ids IS NOT NULL THEN
            v_frame.fetch_cursor := v_frame.fetch_cursor || jsonb_build_object(
                'taken', (v_frame.fetch_cursor ->> 'taken')::bigint - cardinality(v_row_ids)
            );
        END IF;

        v_walk.frame := v_frame;

        IF cardinality(v_keys) = 1 THEN
            RETURN deletion_push(v_walk, p_step);
        END IF;

        -- Fewer of them are taken, by what is known of them now.
        v_run.state := v_run.state || jsonb_build_object('fan', coalesce(v_run.state -> 'fan', '{}')
            || jsonb_build_object(
                v_fan, 2 * p_walk.rows_left::float8 / cardinality(v_keys)
            ));
        v_walk.run := v_run;
        RETURN v_walk;
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
    v_run.state := v_run.state || jsonb_build_object('fan', coalesce(v_run.state -> 'fan', '{}')
        || jsonb_build_object(v_fan, v_count::float8 / cardinality(v_keys) - 1));
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
