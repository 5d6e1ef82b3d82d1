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

-- Soft deletion: what was marked, by which plan, and what became of it.
ALTER TABLE deletion_marks
ADD COLUMN plan_id bigint NOT NULL,
ADD COLUMN key_hash bytea NOT NULL,
ADD COLUMN state text NOT NULL DEFAULT 'held',
ADD CONSTRAINT chk_dm_state CHECK (state IN ('held', 'restored', 'left'));
CREATE INDEX idx_dm_row ON deletion_marks (key_hash);
COMMENT ON COLUMN deletion_marks.plan_id IS
'The plan that marked it, and that holds the statement which takes it back.';
COMMENT ON COLUMN deletion_marks.key_hash IS 'Digest of table and key.';
COMMENT ON COLUMN deletion_marks.state IS
'held; restored: taken back; left: the row was gone, or held another value, when it was asked for.';

ALTER TABLE deletion_receipts DROP CONSTRAINT chk_drec_action;
ALTER TABLE deletion_receipts ADD CONSTRAINT chk_drec_action
CHECK (action IN (
    'delete', 'set_null', 'set_default', 'root_not_found', 'mark', 'restore'
));
COMMENT ON COLUMN deletion_receipts.action IS
'delete, set_null, set_default, mark, restore; root_not_found: the row was gone already.';

-- The steps of plans of hundreds of tables are found by an index.
CREATE INDEX IF NOT EXISTS idx_dps_parent
ON deletion_plan_steps (plan_id, parent_node_no, edge_no);
CREATE INDEX IF NOT EXISTS idx_dps_edge
ON deletion_plan_steps (plan_id, edge_no, kind);

-- === schema/postgres/tables/deletion_plan_steps.sql 79f68ba7539e4ea5bb627e575f9c01b5bd039405f86ee5c1bf8b390d9058fcc1  -- noqa: LT05
-- === schema/postgres/tables/deletion_receipts.sql b687efcbb306f28bae5e2f90971e2a41259fde3d4aa2daca9aa2ba694b8dd95a  -- noqa: LT05
-- === schema/postgres/tables/deletion_marks.sql 9e40fa9d2ee56e76a55530c3f523cf984eb3dc8a17d5acbc7f716320d2887d0e  -- noqa: LT05

-- >>> drop
DROP VIEW IF EXISTS vw_deletion_health;
DROP VIEW IF EXISTS vw_deletion_problems;
DROP VIEW IF EXISTS vw_deletion_progress;
DROP FUNCTION IF EXISTS deletion_add_receipts;
DROP FUNCTION IF EXISTS deletion_sql_drain;
-- <<<

-- >>> schema/postgres/tables/deletion_soft_columns.sql
-- deletion_soft_columns
-- The columns by which tables mark a row as deleted, named by the DBA, one for a table.

CREATE TABLE deletion_soft_columns (
    table_schema varchar(64) NOT NULL,
    table_name varchar(64) NOT NULL,
    column_name varchar(64) NOT NULL,
    kind text NOT NULL,
    mark_value bigint,
    purge_after_seconds bigint,
    created_at timestamptz(6) NOT NULL DEFAULT current_timestamp,
    PRIMARY KEY (table_schema, table_name),
    CONSTRAINT chk_dsc_kind CHECK (kind IN ('timestamp', 'boolean', 'integer')),
    CONSTRAINT chk_dsc_mark_value CHECK ((kind = 'integer') = (mark_value IS NOT NULL)),
    CONSTRAINT chk_dsc_purge_after CHECK (purge_after_seconds > 0)
);

COMMENT ON TABLE deletion_soft_columns IS
'One row for each table whose rows can be marked as deleted.';
COMMENT ON COLUMN deletion_soft_columns.table_schema IS 'The table''s schema, unquoted.';
COMMENT ON COLUMN deletion_soft_columns.table_name IS 'The table''s name, unquoted.';
COMMENT ON COLUMN deletion_soft_columns.column_name IS 'The column that a soft deletion sets.';
COMMENT ON COLUMN deletion_soft_columns.kind IS
'timestamp: set to the time of the run, NULL is not deleted; boolean: set TRUE; integer: set to '
'mark_value.';
COMMENT ON COLUMN deletion_soft_columns.mark_value IS 'What an integer is set to; else NULL.';
COMMENT ON COLUMN deletion_soft_columns.purge_after_seconds IS
'A job of this target that has marked its rows removes them so much later; NULL: never.';
COMMENT ON COLUMN deletion_soft_columns.created_at IS 'When it was named.';
-- <<<

-- >>> schema/postgres/tables/deletion_found_rows.sql
-- deletion_found_rows
-- Rows that a wide frame's reference leads to, found and not yet deleted: where they lie.
--
-- An index keeps its entries of deleted rows as long as somebody's old snapshot may see them, and
-- would pass all of them again for each batch.

CREATE TABLE deletion_found_rows (
    run_id bigint NOT NULL,
    depth integer NOT NULL,
    part_no integer NOT NULL,
    row_ids tid [] NOT NULL,
    PRIMARY KEY (run_id, depth, part_no)
);

-- Written once, read once: not worth compressing.
ALTER TABLE deletion_found_rows ALTER COLUMN row_ids SET STORAGE EXTERNAL;

COMMENT ON TABLE deletion_found_rows IS 'One row for each batch of rows found for a wide frame.';
COMMENT ON COLUMN deletion_found_rows.run_id IS 'The run.';
COMMENT ON COLUMN deletion_found_rows.depth IS 'The frame''s place on the stack.';
COMMENT ON COLUMN deletion_found_rows.part_no IS 'The order in which they go.';
COMMENT ON COLUMN deletion_found_rows.row_ids IS
'Where the rows lay. Whoever deletes them looks once more whether they hang from the frame.';
-- <<<

-- >>> schema/postgres/tables/deletion_soft_keys.sql
-- deletion_soft_keys
-- Where soft jobs stand: the rows that each has met, and below which of them it has looked.
--
-- Rows do not vanish when they are marked, so a soft job has to remember where it was. It is the
-- job's memory, not the run's: the next run goes on where the last one ended, in whatever way.

CREATE TABLE deletion_soft_keys (
    job_id bigint NOT NULL,
    node_no integer NOT NULL,
    key_hash bytea NOT NULL,
    plan_id bigint NOT NULL,
    edge_no integer NOT NULL,
    keys jsonb NOT NULL,
    is_done boolean NOT NULL DEFAULT FALSE,
    PRIMARY KEY (job_id, node_no, key_hash)
);

CREATE INDEX idx_dsk_open ON deletion_soft_keys (job_id, edge_no) WHERE NOT is_done;

COMMENT ON TABLE deletion_soft_keys IS 'One row for each row that a soft job has met.';
COMMENT ON COLUMN deletion_soft_keys.job_id IS 'The job.';
COMMENT ON COLUMN deletion_soft_keys.node_no IS 'The plan''s table that the key is of.';
COMMENT ON COLUMN deletion_soft_keys.key_hash IS 'Digest of the key.';
COMMENT ON COLUMN deletion_soft_keys.plan_id IS 'The plan by which it was met.';
COMMENT ON COLUMN deletion_soft_keys.edge_no IS 'The reference by which it was met; 0: a root.';
COMMENT ON COLUMN deletion_soft_keys.keys IS 'The key as a frame holds it.';
COMMENT ON COLUMN deletion_soft_keys.is_done IS
'It was marked, where its table can be, and what hangs from it was met.';
-- <<<

-- >>> procedures/postgres/api/restore_deletion.sql
-- restore_deletion
-- Take back what a soft deletion job has marked, all in the caller's transaction or none of it.
--
-- Parameters  p_job_id   the job: a pending one, its purge too, is cancelled as well; one that has
--                        ended is cancelled afterwards. Rows that hold another value by now, or
--                        that somebody else has marked since, stay as they are
-- Errors      JD001 no such job; JD002 NULL; JD003 running (cancel it first), or nothing to take
--             back; 40001 the job has changed since the caller's snapshot; the engine's own where a
--             constraint forbids a row as it was
-- Writes      the application's tables, deletion_marks, deletion_jobs, deletion_attempts,
--             deletion_runs, deletion_receipts     Commits  no
-- Execute     deletion_jobs_app, deletion_jobs_operator
-- Example     CALL restore_deletion(42);

CREATE OR REPLACE PROCEDURE restore_deletion(p_job_id bigint)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
-- As for a run's steps: the values are read as they were written.
SET row_security = off
SET jit = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET timezone = 'UTC'
SET datestyle = 'ISO'
SET intervalstyle = 'postgres'
SET bytea_output = 'hex'
AS $restore_deletion$
BEGIN
    IF p_job_id IS NULL THEN
        PERFORM deletion_raise('JD002', 'restore_deletion', 'p_job_id is NULL', NULL);
    END IF;

    PERFORM deletion_restore_job(p_job_id);
END;
$restore_deletion$;

COMMENT ON PROCEDURE restore_deletion(bigint) IS
'Take back what a soft deletion job has marked, all in the caller''s transaction or none of it.';
REVOKE ALL ON PROCEDURE restore_deletion(bigint) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE restore_deletion(bigint) TO deletion_jobs_app, deletion_jobs_operator;
-- <<<

-- >>> procedures/postgres/admin/preview_soft_deletion.sql
-- preview_soft_deletion
-- Say, table by table, how many rows a soft deletion would mark; nothing is changed.
--
-- Parameters  p_table   the target                 p_pk   key of the row
-- Returns     table_name, action (mark, root_not_found), reference_name (always NULL), row_count,
--             is_at_least (the walk was cut short)
-- Errors      JD002 NULL, or a key that does not parse; JD004 the table is no target; JD005, JD011
--             as the plan's; 42501 a right or a policy is in the way
-- Writes      deletion_walk_keys, emptied again    Commits  no
-- Execute     deletion_jobs_operator
-- Example     SELECT * FROM preview_soft_deletion('users', '42');

CREATE OR REPLACE FUNCTION preview_soft_deletion(
    p_table text,
    p_pk text
) RETURNS TABLE (
    table_name text,
    action text,
    reference_name text,
    row_count bigint,
    is_at_least boolean
)
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
-- As for a run's steps: the statements are the same.
SET row_security = off
SET jit = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET timezone = 'UTC'
SET datestyle = 'ISO'
SET intervalstyle = 'postgres'
SET bytea_output = 'hex'
AS $preview_soft_deletion$
DECLARE
    c_verb CONSTANT text := 'preview_soft_deletion';
    v_walk_id CONSTANT bigint := -pg_backend_pid();
    v_plan deletion_plans;
    v_plan_id bigint;
    v_error text;
    v_read bigint := 0;
    v_total bigint := 0;
    v_keys jsonb;
    v_sql text;
BEGIN
    v_plan := deletion_soft_plan(c_verb, p_table);
    v_plan_id := v_plan.plan_id;
    v_error := deletion_missing_privilege(v_plan_id);

    IF v_error IS NOT NULL THEN
        PERFORM deletion_raise('42501', c_verb, v_error, NULL);
    END IF;

    SELECT s.sql_text INTO STRICT v_sql
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = v_plan_id AND s.kind = 'roots';
    EXECUTE v_sql INTO v_keys USING jsonb_build_array(jsonb_build_object(
        'j', 0, 'pk', deletion_parse_key(v_plan.entity_table, p_pk, c_verb)
    ));

    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = v_walk_id;
    PERFORM deletion_seed_walk(v_walk_id, v_keys);

    LOOP
        v_read := deletion_walk(v_walk_id, v_plan_id, TRUE);
        EXIT WHEN v_read IS NULL;
        v_total := v_total + v_read;
        EXIT WHEN v_total >= deletion_setting_int('preview_rows');
    END LOOP;

    RETURN QUERY
    SELECT f.*, NULL::text, count(*) FILTER (WHERE f.action = 'mark'), v_read IS NOT NULL
    FROM (
        SELECT n.table_name, CASE WHEN w.keys ? 'm' THEN 'root_not_found' ELSE 'mark' END AS action
        FROM deletion_walk_keys AS w
        INNER JOIN deletion_plan_steps AS n
            ON n.plan_id = v_plan_id AND n.kind = 'restore' AND n.node_no = w.node_no
        INNER JOIN deletion_soft_columns AS c
            ON deletion_entity_name(to_regclass(format('%I.%I', c.table_schema, c.table_name)))
                = n.table_name
        WHERE w.walk_id = v_walk_id AND (w.keys ? 'm' OR CASE c.kind
            WHEN 'timestamp' THEN w.keys ->> 's' IS NULL
            -- As texts: nothing says that a row is compared with its own table's column first.
            WHEN 'boolean' THEN w.keys ->> 's' IS DISTINCT FROM 'true'
            ELSE w.keys ->> 's' IS DISTINCT FROM c.mark_value::text
        END)
    ) AS f
    GROUP BY f.table_name, f.action
    ORDER BY 1, 2;

    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = v_walk_id;
END;
$preview_soft_deletion$;

COMMENT ON FUNCTION preview_soft_deletion(text, text) IS
'How many rows a soft deletion would mark, table by table; nothing is changed.';
REVOKE ALL ON FUNCTION preview_soft_deletion(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION preview_soft_deletion(text, text) TO deletion_jobs_operator;
-- <<<

-- >>> procedures/postgres/admin/set_soft_deletion.sql
-- set_soft_deletion
-- Name the column by which soft deletion marks the rows of a table, target or dependant.
--
-- Parameters  p_table    the table, with or without its schema
--             p_column   a timestamp that may be NULL (it is set to the time of the run, UTC), a
--                        boolean (TRUE) or an integer; NULL: its rows are not marked any more
--             p_value    what an integer is set to; NULL: 1
--             p_purge_after_seconds   of a target: a job that has marked its rows removes them so
--                        much later; NULL: never
-- Errors      JD002 no such column, one that does not fit, or a number out of range; JD004 a purge
--             of a table that is no target; JD005 no such table, or one of ours
-- Writes      deletion_soft_columns (one row)      Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL set_soft_deletion('customer', 'deleted_at', NULL, 2592000);

CREATE OR REPLACE PROCEDURE set_soft_deletion(
    p_table text,
    p_column text,
    p_value bigint DEFAULT NULL,
    p_purge_after_seconds bigint DEFAULT NULL
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $set_soft_deletion$
DECLARE
    c_verb CONSTANT text := 'set_soft_deletion';
    v_name text[] := deletion_split_name(p_table);
    v_table regclass;
    v_kind text;
    v_problem text;
BEGIN
    IF p_table IS NULL THEN
        PERFORM deletion_raise('JD002', c_verb, 'p_table is NULL', NULL);
    ELSIF p_purge_after_seconds < 1 OR p_purge_after_seconds > 3155760000 THEN
        PERFORM deletion_raise(
            'JD002', c_verb, 'p_purge_after_seconds is out of range', p_purge_after_seconds::text
        );
    END IF;

    -- It may be taken back when its table is gone.
    IF p_column IS NULL THEN
        DELETE FROM deletion_soft_columns AS s
        WHERE s.table_schema = v_name[1] AND s.table_name = v_name[2];
        RETURN;
    END IF;

    v_table := deletion_find_table(p_table, c_verb);

    IF deletion_is_ours(v_table) THEN
        PERFORM deletion_raise('JD005', c_verb, 'table belongs to deletion-jobs', p_table);
    ELSIF p_purge_after_seconds IS NOT NULL AND deletion_target_name(p_table) IS NULL THEN
        PERFORM deletion_raise(
            'JD004', c_verb, 'table is no target: nothing to purge', p_table,
            'Register it with register_deletion_target first.'
        );
    END IF;

    v_problem := deletion_soft_problem(v_table, p_column, p_value);

    IF v_problem IS NOT NULL THEN
        PERFORM deletion_raise('JD002', c_verb, v_problem, p_column);
    END IF;

    SELECT deletion_soft_kind(a.atttypid) INTO STRICT v_kind
    FROM pg_attribute AS a
    WHERE a.attrelid = v_table AND a.attname = p_column;

    INSERT INTO deletion_soft_columns AS s (
        table_schema, table_name, column_name, kind, mark_value, purge_after_seconds
    )
    SELECT
        n.nspname, c.relname, p_column, v_kind,
        CASE WHEN v_kind = 'integer' THEN coalesce(p_value, 1) END, p_purge_after_seconds
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = v_table
    ON CONFLICT (table_schema, table_name) DO UPDATE
    SET
        column_name = excluded.column_name,
        kind = excluded.kind,
        mark_value = excluded.mark_value,
        purge_after_seconds = excluded.purge_after_seconds;
END;
$set_soft_deletion$;

COMMENT ON PROCEDURE set_soft_deletion(text, text, bigint, bigint) IS
'Name the column by which soft deletion marks the rows of a table, target or dependant.';
REVOKE ALL ON PROCEDURE set_soft_deletion(text, text, bigint, bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/admin/compile_deletion_plan.sql
-- compile_deletion_plan
-- Compile the plan of a target now, to read it in vw_deletion_plan before anything is deleted.
--
-- Parameters  p_table   the target; where it has a soft-delete column, both its plans
-- Errors      JD002 NULL; JD004 the table is no target; JD005 a table that cannot take part;
--             JD007 tables that refer to each other in a circle; JD011 a soft-delete column that
--             does not fit any more
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner; DBAs grant it
-- Example     CALL compile_deletion_plan('users');

CREATE OR REPLACE PROCEDURE compile_deletion_plan(p_table text)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $compile_deletion_plan$
BEGIN
    IF deletion_has_soft_column(deletion_target_name(p_table)) THEN
        PERFORM deletion_soft_plan('compile_deletion_plan', p_table);
    END IF;

    PERFORM deletion_usable_plan('compile_deletion_plan', p_table);
END;
$compile_deletion_plan$;

COMMENT ON PROCEDURE compile_deletion_plan(text) IS
'Compile the plan of a target now, to read it before anything is deleted.';
REVOKE ALL ON PROCEDURE compile_deletion_plan(text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_check_wish.sql
-- deletion_check_wish
-- Check what is the same for all rows of an enqueue, and find the target.
--
-- Parameters  p_verb          the verb that was called
--             p_table         the table, in any spelling
--             p_hard_delete   the mode asked for
-- Returns     text, the target's registered name
-- Errors      JD002 NULL where a value is needed; JD004 no target; JD011 soft, but no column
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_check_wish(
    p_verb text,
    p_table text,
    p_hard_delete boolean
) RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_check_wish$
DECLARE
    v_entity_table text := deletion_target_name(p_table);
BEGIN
    IF p_table IS NULL THEN
        PERFORM deletion_raise('JD002', p_verb, 'p_table is NULL', NULL);
    ELSIF p_hard_delete IS NULL THEN
        PERFORM deletion_raise('JD002', p_verb, 'p_hard_delete is NULL', NULL);
    ELSIF v_entity_table IS NULL THEN
        PERFORM deletion_raise(
            'JD004', p_verb, 'table is no target', p_table,
            'A DBA allows deletions from a table by register_deletion_target.'
        );
    ELSIF NOT p_hard_delete AND NOT deletion_has_soft_column(v_entity_table) THEN
        PERFORM deletion_raise(
            'JD011', p_verb, 'table has no soft-delete column', v_entity_table,
            'Ask for p_hard_delete => TRUE, or name a column by set_soft_deletion.'
        );
    END IF;

    RETURN v_entity_table;
END;
$deletion_check_wish$;

COMMENT ON FUNCTION deletion_check_wish(text, text, boolean) IS
'Check what is the same for all rows of an enqueue, and find the target.';
REVOKE ALL ON FUNCTION deletion_check_wish(text, text, boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_enqueue.sql
-- deletion_enqueue
-- Make the job for one row, or let the job that is there do: the re-enqueue table of the design.
--
-- Parameters  p_verb           the verb that was called
--             p_entity_table   the target, as it is registered
--             p_pk             the row's key in canonical form
--             p_reason, p_hard_delete, p_scheduled_at, p_created_by   as asked
-- Returns     bigint, the job's id
-- Errors      JD013 more pending jobs than allowed; 40001 under REPEATABLE READ
-- Writes      deletion_jobs, deletion_attempts     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_enqueue(
    p_verb text,
    p_entity_table text,
    p_pk text,
    p_reason text,
    p_hard_delete boolean,
    p_scheduled_at timestamptz,
    p_created_by bigint
) RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_enqueue$
DECLARE
    v_job deletion_jobs;
BEGIN
    -- The unique key decides between two callers; what it leaves is decided under the row's lock.
    LOOP
        INSERT INTO deletion_jobs AS j (
            entity_table, entity_pk, reason, hard_delete, scheduled_at, created_by
        )
        VALUES (p_entity_table, p_pk, p_reason, p_hard_delete, p_scheduled_at, p_created_by)
        ON CONFLICT (entity_table, entity_pk) DO NOTHING
        RETURNING j.id INTO v_job.id;

        IF FOUND THEN
            PERFORM deletion_check_pending(p_verb);
            RETURN v_job.id;
        END IF;

        SELECT j.* INTO v_job
        FROM deletion_jobs AS j
        WHERE j.entity_table = p_entity_table AND j.entity_pk = p_pk
        FOR UPDATE;

        -- A purge of history may have taken the row between the two statements.
        EXIT WHEN FOUND;
    END LOOP;

    CASE v_job.status
        WHEN 'pending' THEN
            -- NULL means since created_at, on both sides. A softer wish hastens nothing: it would
            -- end the grace of a row that waits to be purged.
            IF (
                coalesce(p_scheduled_at, v_job.created_at)
                < coalesce(v_job.scheduled_at, v_job.created_at)
                AND (p_hard_delete OR NOT v_job.hard_delete)
            ) OR (p_hard_delete AND NOT v_job.hard_delete) THEN
                UPDATE deletion_jobs AS j
                SET
                    hard_delete = j.hard_delete OR p_hard_delete,
                    scheduled_at = CASE
                        WHEN coalesce(p_scheduled_at, j.created_at)
                            < coalesce(j.scheduled_at, j.created_at) THEN p_scheduled_at
                        ELSE j.scheduled_at
                    END
                WHERE j.id = v_job.id;
            END IF;
        WHEN 'running' THEN
            -- A request: the run goes on as it is, and finish arms the job again for it.
            IF p_hard_delete AND NOT v_job.hard_delete THEN
                UPDATE deletion_jobs AS j SET hard_delete = TRUE WHERE j.id = v_job.id;
            END IF;
        ELSE
            PERFORM deletion_keep_asked(v_job.id);

            UPDATE deletion_attempts AS a
            SET is_past = TRUE
            WHERE a.job_id = v_job.id AND NOT a.is_past;

            UPDATE deletion_jobs AS j
            SET
                status = 'pending',
                reason = p_reason,
                hard_delete = p_hard_delete,
                scheduled_at = p_scheduled_at,
                created_by = p_created_by,
                created_at = now(),
                started_at = NULL,
                finished_at = NULL,
                error = NULL
            WHERE j.id = v_job.id;

            PERFORM deletion_check_pending(p_verb);
    END CASE;

    RETURN v_job.id;
END;
$deletion_enqueue$;

COMMENT ON FUNCTION
deletion_enqueue(text, text, text, text, boolean, timestamptz, bigint) IS
'Make the job for one row, or let the job that is there do.';
REVOKE ALL ON FUNCTION
deletion_enqueue(text, text, text, text, boolean, timestamptz, bigint) FROM PUBLIC;
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

    v_graph := CASE
        WHEN p_hard THEN deletion_plan_graph(p_entity_table)
        ELSE deletion_soft_graph(p_entity_table)
    END;

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

    IF v_graph ->> 'error_code' IS NULL AND p_hard THEN
        PERFORM deletion_write_plan(v_plan_id, v_graph);
    ELSIF v_graph ->> 'error_code' IS NULL THEN
        PERFORM deletion_write_soft_plan(v_plan_id, v_graph);
    END IF;

    RETURN v_plan_id;
END;
$deletion_compile$;

COMMENT ON FUNCTION deletion_compile(text, boolean) IS
'Compile a target''s plan and make it the current one.';
REVOKE ALL ON FUNCTION deletion_compile(text, boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_equality.sql
-- deletion_equality
-- Say which operator compares two columns of a key, spelled with its schema.
--
-- Parameters  p_operator   the operator, as pg_constraint or an index's operator family names it
--             p_commuted   TRUE for the same comparison with its sides exchanged
-- Returns     text, for example OPERATOR(pg_catalog.=)
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_equality(c.conpfeqop[1], FALSE) FROM pg_constraint AS c;

CREATE OR REPLACE FUNCTION deletion_equality(
    p_operator oid,
    p_commuted boolean
) RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_equality$
BEGIN
    -- Kept as a prepared plan: a function in SQL is planned anew at every call.
    RETURN (
        -- A bare "=" would be looked up along the search path, where another schema's type has none.
        SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname)
        FROM pg_operator AS given
        INNER JOIN pg_operator AS o
            ON o.oid = CASE WHEN p_commuted THEN given.oprcom ELSE given.oid END
        INNER JOIN pg_namespace AS n ON n.oid = o.oprnamespace
        WHERE given.oid = p_operator
    );
END;
$deletion_equality$;

COMMENT ON FUNCTION deletion_equality(oid, boolean) IS
'The operator that compares two columns of a key, spelled with its schema.';
REVOKE ALL ON FUNCTION deletion_equality(oid, boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_equality_of.sql
-- deletion_equality_of
-- Find the operator by which an index would compare a key's column with a reference's column.
--
-- Parameters  p_left    type of the parent's column
--             p_right   type of the child's column
-- Returns     oid of a pg_operator; NULL where the two types have none in common
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_equality_of('int8'::regtype, 'int4'::regtype)::regoperator;

CREATE OR REPLACE FUNCTION deletion_equality_of(
    p_left oid,
    p_right oid
) RETURNS oid
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_equality_of$
BEGIN
    -- Kept as a prepared plan: a function in SQL is planned anew at every call.
    RETURN (
        -- Domains compare as their base types, varchar as text, every enum as anyenum.
        WITH side AS (
            SELECT
                given.side,
                CASE
                    WHEN b.oid = 'varchar'::regtype THEN 'text'::regtype::oid
                    WHEN b.typtype = 'e' AND p_left = p_right THEN 'anyenum'::regtype::oid
                    ELSE b.oid
                END AS type_oid
            FROM (VALUES ('l', p_left), ('r', p_right)) AS given (side, type_oid)
            INNER JOIN pg_type AS t ON t.oid = given.type_oid
            INNER JOIN pg_type AS b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
        )

        SELECT a.amopopr
        FROM pg_amop AS a
        INNER JOIN pg_am AS m ON m.oid = a.amopmethod AND m.amname = 'btree'
        INNER JOIN pg_opclass AS c
            ON c.opcfamily = a.amopfamily AND c.opcintype = a.amoplefttype AND c.opcdefault
        INNER JOIN side AS l ON l.side = 'l' AND l.type_oid = a.amoplefttype
        INNER JOIN side AS r ON r.side = 'r' AND r.type_oid = a.amoprighttype
        WHERE a.amopstrategy = 3
        LIMIT 1
    );
END;
$deletion_equality_of$;

COMMENT ON FUNCTION deletion_equality_of(oid, oid) IS
'The operator by which an index would compare a key''s column with a reference''s column.';
REVOKE ALL ON FUNCTION deletion_equality_of(oid, oid) FROM PUBLIC;
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
            (
                SELECT string_agg((to_jsonb(s) - 'created_at' - 'purge_after_seconds')::text, ';'
                    ORDER BY s.table_schema, s.table_name)
                FROM deletion_soft_columns AS s
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

-- >>> procedures/postgres/planner/deletion_sql_find.sql
-- deletion_sql_find
-- Write the query for where the rows lie that hang from a frame by one reference.
--
-- Parameters  p_edge, p_child   the reference and the child's node
-- Returns     text, a SELECT of ctids that stands behind the frame's CTE
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_find(
    p_edge jsonb,
    p_child jsonb
) RETURNS text
LANGUAGE sql
IMMUTABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_find$
SELECT CASE
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
        'SELECT c.ctid FROM f CROSS JOIN LATERAL '
        || '(SELECT c.ctid FROM ONLY %s AS c WHERE %s OFFSET 0) AS c',
        p_child ->> 'sql', p_edge ->> 'on_frame'
    )
END;
$deletion_sql_find$;

COMMENT ON FUNCTION deletion_sql_find(jsonb, jsonb) IS
'The query for where the rows lie that hang from a frame by one reference.';
REVOKE ALL ON FUNCTION deletion_sql_find(jsonb, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_drain.sql
-- deletion_sql_drain
-- Write the statement that deletes rows without dependants that hang from a frame.
--
-- Parameters  p_edge, p_parent, p_child   the reference and its nodes
--             p_one_job   TRUE: for a frame of one job, where the engine's row count is enough
--             p_found     TRUE: of rows that deletion_sql_find found
-- Returns     text; binds $1 frame, $2 limit (or where the rows lie); answers the number of rows,
--             rows by job, and how many it found and could not delete; for one job nothing
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_drain(
    p_edge jsonb,
    p_parent jsonb,
    p_child jsonb,
    p_one_job boolean,
    p_found boolean
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
    CASE WHEN p_one_job THEN $sql$WITH %1$s
DELETE FROM ONLY %2$s AS c
WHERE
    c.ctid = ANY (%3$s)
    AND %4$s$sql$
    ELSE $sql$WITH %1$s,
r AS MATERIALIZED (
    SELECT %3$s AS ids
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
        -- Behind a query, or the planner looks at each of its elements.
        WHEN p_found THEN 'ARRAY(SELECT unnest($2))'
        ELSE format(E'ARRAY(\n        %s\n        LIMIT $2\n    )', deletion_sql_find(p_edge, p_child))
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

COMMENT ON FUNCTION deletion_sql_drain(jsonb, jsonb, jsonb, boolean, boolean) IS
'The statement that deletes rows without dependants that hang from a frame.';
REVOKE ALL ON FUNCTION deletion_sql_drain(jsonb, jsonb, jsonb, boolean, boolean) FROM PUBLIC;
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
        e.value || jsonb_build_object('sql', c.node -> 'sql') AS edge,
        e.value ->> 'action' AS action,
        p.node AS parent,
        c.node AS child
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
    SELECT e.edge_no, 5, 'drain' || k.suffix,
        deletion_sql_drain(e.edge, e.parent, e.child, k.is_one, k.is_found),
        e.edge ->> 'index' IS NOT NULL
    FROM edge AS e
    CROSS JOIN (VALUES
        ('', FALSE, FALSE), ('_one', TRUE, FALSE), ('_found', FALSE, TRUE), ('_found_one', TRUE, TRUE)
    ) AS k (suffix, is_one, is_found)
    WHERE (e.edge ->> 'leaf')::boolean
    UNION ALL
    SELECT e.edge_no, 4, 'find', format(
            E'WITH %s\nSELECT ARRAY(\n    %s\n    LIMIT $2\n)',
            deletion_sql_frame(e.parent -> 'columns', (e.edge ->> 'only_found')::boolean),
            deletion_sql_find(e.edge, e.child)
        ), e.edge ->> 'index' IS NOT NULL
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
    WHERE e.action IN ('cascade', 'restrict') AND (e.edge ->> 'self')::boolean
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
    s.sql_text
FROM statement AS s
LEFT JOIN edge AS e ON e.edge_no = s.edge_no;
$deletion_write_plan$;

COMMENT ON FUNCTION deletion_write_plan(bigint, jsonb) IS
'Store a compiled plan: its graph as rows, each step with its finished SQL.';
REVOKE ALL ON FUNCTION deletion_write_plan(bigint, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_soft_kind.sql
-- deletion_soft_kind
-- Tell how a column of a type can mark a row as deleted.
--
-- Parameters  p_type   the type
-- Returns     text: timestamp, boolean or integer; NULL: it cannot
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_soft_kind('timestamptz'::regtype);

CREATE OR REPLACE FUNCTION deletion_soft_kind(p_type oid)
RETURNS text
LANGUAGE sql
IMMUTABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_soft_kind$
SELECT CASE
    WHEN p_type IN ('timestamp'::regtype, 'timestamptz'::regtype) THEN 'timestamp'
    WHEN p_type = 'bool'::regtype THEN 'boolean'
    WHEN p_type IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN 'integer'
END;
$deletion_soft_kind$;

COMMENT ON FUNCTION deletion_soft_kind(oid) IS
'How a column of a type can mark a row as deleted.';
REVOKE ALL ON FUNCTION deletion_soft_kind(oid) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_soft_problem.sql
-- deletion_soft_problem
-- Say why a column cannot mark the rows of its table as deleted.
--
-- Parameters  p_table   the table                  p_column   the column
--             p_value   what an integer would be set to; NULL: nothing was given
-- Returns     text; NULL: it can
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_soft_problem('customer'::regclass, 'deleted_at', NULL);

CREATE OR REPLACE FUNCTION deletion_soft_problem(
    p_table oid,
    p_column text,
    p_value bigint
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_soft_problem$
SELECT CASE
    WHEN a.attnum IS NULL THEN 'no such column'
    WHEN a.kind IS NULL THEN 'column is no timestamp, boolean or integer'
    WHEN a.kind <> 'integer' AND p_value IS NOT NULL THEN 'only an integer is set to a value'
    WHEN a.kind = 'timestamp' AND a.attnotnull THEN 'column cannot be NULL: not deleted'
    WHEN a.attgenerated <> '' OR a.attidentity <> '' THEN 'column is generated'
    WHEN
        (a.atttypid = 'int2'::regtype AND p_value NOT BETWEEN -32768 AND 32767)
        OR (a.atttypid = 'int4'::regtype AND p_value NOT BETWEEN -2147483648 AND 2147483647)
        THEN 'column cannot hold the value'
    WHEN a.attnum = ANY (deletion_node_key(p_table)) OR EXISTS (
        SELECT 1
        FROM deletion_targets AS t
        WHERE
            t.table_schema = n.nspname AND t.table_name = c.relname
            AND t.key_columns ? a.attname::text
    ) THEN 'column is part of the key'
    WHEN EXISTS (
        SELECT 1
        FROM pg_constraint AS k
        WHERE
            k.contype = 'f'
            AND (
                (k.conrelid = p_table AND a.attnum = ANY (k.conkey))
                OR (k.confrelid = p_table AND a.attnum = ANY (k.confkey))
            )
    ) OR EXISTS (
        SELECT 1
        FROM deletion_references AS d
        WHERE
            (
                d.child_schema = n.nspname AND d.child_table = c.relname
                AND (d.child_columns ? a.attname::text OR d.discriminator_column = a.attname)
            )
            OR (
                d.parent_schema = n.nspname AND d.parent_table = c.relname
                AND d.parent_columns ? a.attname::text
            )
    ) THEN 'column is part of a reference'
END
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (
    SELECT x.*, deletion_soft_kind(x.atttypid) AS kind
    FROM pg_attribute AS x
    WHERE
        x.attrelid = c.oid AND x.attname = p_column AND x.attnum > 0 AND NOT x.attisdropped
) AS a ON TRUE
WHERE c.oid = p_table;
$deletion_soft_problem$;

COMMENT ON FUNCTION deletion_soft_problem(oid, text, bigint) IS
'Why a column cannot mark the rows of its table as deleted.';
REVOKE ALL ON FUNCTION deletion_soft_problem(oid, text, bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_has_soft_column.sql
-- deletion_has_soft_column
-- Tell whether a target's own rows can be marked as deleted.
--
-- Parameters  p_entity_table   the target, as it is registered
-- Returns     boolean
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_has_soft_column('customer');

CREATE OR REPLACE FUNCTION deletion_has_soft_column(p_entity_table text)
RETURNS boolean
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_has_soft_column$
SELECT EXISTS (
    SELECT 1
    FROM deletion_targets AS t
    INNER JOIN deletion_soft_columns AS s
        ON s.table_schema = t.table_schema AND s.table_name = t.table_name
    WHERE t.entity_table = p_entity_table
);
$deletion_has_soft_column$;

COMMENT ON FUNCTION deletion_has_soft_column(text) IS
'Whether a target''s own rows can be marked as deleted.';
REVOKE ALL ON FUNCTION deletion_has_soft_column(text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_soft_nodes.sql
-- deletion_soft_nodes
-- Add to a plan's tables how each marks its rows, and its marking column to what frames carry.
--
-- Parameters  p_nodes   the plan's nodes, a jsonb array
-- Returns     jsonb array: those with a soft-delete column have soft, an object of column, name
--             (quoted), type, kind, and as SQL what it is set to (value; $2 is the run's time) and
--             the condition on a value that is not deleted (live; %s stands for the value)
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_soft_nodes(p_nodes jsonb)
RETURNS jsonb
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_soft_nodes$
SELECT jsonb_agg(CASE
    WHEN s.column_name IS NULL THEN x.node
    ELSE x.node || jsonb_build_object(
        'columns', (x.node -> 'columns') || jsonb_build_object(
            'f', 's',
            'name', quote_ident(a.attname),
            'type', format_type(a.atttypid, a.atttypmod),
            'attnum', a.attnum,
            'key', FALSE
        ),
        'soft', jsonb_build_object(
            'column', a.attname,
            'name', quote_ident(a.attname),
            'type', format_type(a.atttypid, a.atttypmod),
            'kind', s.kind,
            'value', CASE s.kind
                WHEN 'timestamp'
                    THEN format('CAST($2 AS %s)', format_type(a.atttypid, a.atttypmod))
                WHEN 'boolean' THEN 'TRUE'
                ELSE s.mark_value::text
            END,
            'live', CASE s.kind
                WHEN 'timestamp' THEN '%s IS NULL'
                WHEN 'boolean' THEN '%s IS NOT TRUE'
                ELSE format('%%s IS DISTINCT FROM %s', s.mark_value)
            END
        )
    )
END ORDER BY x.ordinality)
FROM jsonb_array_elements(p_nodes) WITH ORDINALITY AS x (node, ordinality)
INNER JOIN pg_class AS c ON c.oid = (x.node ->> 'oid')::oid
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN deletion_soft_columns AS s
    ON s.table_schema = n.nspname AND s.table_name = c.relname
LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = s.column_name;
$deletion_soft_nodes$;

COMMENT ON FUNCTION deletion_soft_nodes(jsonb) IS
'Add to a plan''s tables how each marks its rows.';
REVOKE ALL ON FUNCTION deletion_soft_nodes(jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_soft_graph.sql
-- deletion_soft_graph
-- Work out the tables and references that a target's soft deletion walks.
--
-- Parameters  p_entity_table   the target, as it is registered
-- Returns     jsonb, as deletion_plan_graph: references that cascade, and of the tables behind
--             them those that can be marked or lead to such; circles are no error here
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_soft_graph(p_entity_table text)
RETURNS jsonb
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_soft_graph$
DECLARE
    v_root oid;
    v_key int2[];
    v_max_rows bigint;
    v_closure oid[];
    v_front oid[];
    v_useful oid[];
    v_references jsonb;
    v_nodes jsonb;
    v_error_code text := 'JD011';
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
    WHERE r.action = 'cascade';

    -- A table from which no marking column can be reached is not looked at.
    WITH RECURSIVE useful (table_oid) AS (
        SELECT c.oid
        FROM pg_class AS c
        INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
        INNER JOIN deletion_soft_columns AS s
            ON s.table_schema = n.nspname AND s.table_name = c.relname
        WHERE c.oid = ANY (v_closure)
        UNION
        SELECT r.parent_oid
        FROM useful AS u
        INNER JOIN jsonb_to_recordset(v_references) AS r (child_oid oid, parent_oid oid)
            ON r.child_oid = u.table_oid
    )

    SELECT array_agg(u.table_oid ORDER BY array_position(v_closure, u.table_oid))
    INTO v_useful
    FROM useful AS u;

    SELECT format('%s of %s: %s', s.column_name, deletion_entity_name(c.oid), p.problem)
    INTO v_error
    FROM deletion_soft_columns AS s
    INNER JOIN pg_namespace AS n ON n.nspname = s.table_schema
    INNER JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = s.table_name
    CROSS JOIN LATERAL (
        SELECT deletion_soft_problem(c.oid, s.column_name, s.mark_value) AS problem
    ) AS p
    WHERE c.oid = ANY (v_closure) AND p.problem IS NOT NULL
    LIMIT 1;

    IF v_error IS NULL THEN
        v_error := deletion_plan_problem(v_useful);
        v_error_code := 'JD005';
    END IF;

    IF v_error IS NOT NULL OR v_useful[1] IS DISTINCT FROM v_root THEN
        RETURN jsonb_build_object(
            'tables', to_jsonb(v_closure), 'error_code', v_error_code,
            'error', coalesce(v_error, format('%s has no soft-delete column', p_entity_table))
        );
    END IF;

    v_references := (
        SELECT coalesce(jsonb_agg(e.value), '[]')
        FROM jsonb_array_elements(v_references) AS e
        WHERE (e.value ->> 'child_oid')::oid = ANY (v_useful)
    );

    SELECT jsonb_agg(
        deletion_plan_node(
            (t.ordinality - 1)::integer,
            t.table_oid,
            CASE WHEN t.table_oid = v_root THEN v_key ELSE deletion_node_key(t.table_oid) END,
            ARRAY(
                SELECT DISTINCT jsonb_array_elements_text(r.parent_columns)::int2
                FROM jsonb_to_recordset(v_references) AS r (parent_oid oid, parent_columns jsonb)
                WHERE r.parent_oid = t.table_oid
            ),
            TRUE
        ) ORDER BY t.ordinality
    )
    INTO v_nodes
    FROM unnest(v_useful) WITH ORDINALITY AS t (table_oid, ordinality);

    v_nodes := deletion_soft_nodes(v_nodes);

    -- A limit alone asks for a check before the first row is touched.
    RETURN jsonb_build_object('nodes', v_nodes, 'tables', to_jsonb(v_closure))
    || deletion_plan_edges(v_useful, v_references, v_nodes, v_max_rows IS NOT NULL)
    || jsonb_build_object('can_block', v_max_rows IS NOT NULL, 'has_waits', FALSE);
END;
$deletion_soft_graph$;

COMMENT ON FUNCTION deletion_soft_graph(text) IS
'The tables and references that a target''s soft deletion walks.';
REVOKE ALL ON FUNCTION deletion_soft_graph(text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_mark.sql
-- deletion_sql_mark
-- Write the statement that marks the rows of a frame, or looks at those that cannot be marked.
--
-- Parameters  p_plan_id   the plan                 p_node   the table
--             p_edge      the reference by which the frame was found; NULL: the jobs' roots
-- Returns     text; binds $1 frame, $2 the time of the run; answers the frame of the rows that are
--             still where they were found, how many were marked, these by job, and how many should
--             have been and hold no mark (a trigger keeps them)
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_mark(
    p_plan_id bigint,
    p_node jsonb,
    p_edge jsonb
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_mark$
SELECT format(
    CASE WHEN p_node ? 'soft' THEN
        $sql$WITH %1$s,
held AS MATERIALIZED (
    SELECT f.j, %2$s, t.%6$s AS old
    FROM f INNER JOIN ONLY %3$s AS t ON %4$s
    ORDER BY %5$s
    FOR NO KEY UPDATE OF t
),
u AS (
    UPDATE ONLY %3$s AS t
    SET %6$s = %7$s
    FROM held AS f
    WHERE %8$s AND %9$s
    RETURNING
        f.j, %10$s AS row_key, to_jsonb(f.old) AS old_value, to_jsonb(t.%6$s) AS new_value,
        %9$s AS is_live
),
m AS (
    INSERT INTO deletion_marks (
        job_id, table_name, row_key, column_name, old_value, new_value, plan_id, key_hash
    )
    SELECT
        u.j, %11$L, u.row_key, %12$L, u.old_value, u.new_value, %13$s,
        deletion_key_hash(jsonb_build_array(%11$L) || u.row_key)
    FROM u
    WHERE NOT u.is_live
)
SELECT
    (SELECT coalesce(jsonb_agg(jsonb_build_object('j', h.j, %14$s)), '[]') FROM held AS h),
    (SELECT count(*) FROM u WHERE NOT u.is_live),
    (
        SELECT jsonb_object_agg(g.j, g.n)
        FROM (SELECT u.j, count(*) AS n FROM u WHERE NOT u.is_live GROUP BY u.j) AS g
    ),
    (SELECT count(*) FROM (SELECT DISTINCT %15$s FROM held AS h WHERE %16$s) AS live)
    - (SELECT count(*) FROM u WHERE NOT u.is_live)$sql$
    ELSE
        $sql$WITH %1$s
SELECT coalesce(jsonb_agg(jsonb_build_object('j', h.j, %14$s)), '[]'), 0::bigint, NULL::jsonb, 0::bigint
FROM (
    SELECT f.j, %2$s
    FROM f INNER JOIN ONLY %3$s AS t ON %4$s
) AS h$sql$
    END,
    deletion_sql_frame(
        (p_node -> 'columns') || coalesce(p_edge -> 'columns', '[]'), p_edge IS NULL
    ),
    -- The key as it was found, what references point at as it is now.
    deletion_sql_list(k.columns, 'f.%1$s')
    || coalesce(', ' || deletion_sql_list(k.others, 't.%2$s AS %1$s'), ''),
    p_node ->> 'sql',
    deletion_sql_list(k.columns, 't.%2$s %4$s f.%1$s', ' AND ')
    || coalesce(' AND ' || (p_edge ->> 'found'), ''),
    deletion_sql_list(k.columns, 't.%2$s'),
    p_node #>> '{soft,name}',
    p_node #>> '{soft,value}',
    deletion_sql_list(k.columns, 't.%2$s %4$s f.%1$s', ' AND '),
    format(p_node #>> '{soft,live}', 't.' || (p_node #>> '{soft,name}')),
    format('jsonb_build_array(%s)', deletion_sql_list(k.columns, 't.%2$s')),
    p_node ->> 'name',
    p_node #>> '{soft,column}',
    p_plan_id,
    deletion_sql_list(p_node -> 'columns', '''%1$s'', h.%1$s'),
    deletion_sql_list(k.columns, 'h.%1$s'),
    format(p_node #>> '{soft,live}', 'h.old')
)
FROM (
    SELECT
        jsonb_agg(c ORDER BY n) FILTER (WHERE (c ->> 'key')::boolean) AS columns,
        jsonb_agg(c ORDER BY n) FILTER (WHERE NOT (c ->> 'key')::boolean) AS others
    FROM jsonb_array_elements(p_node -> 'columns') WITH ORDINALITY AS x (c, n)
) AS k;
$deletion_sql_mark$;

COMMENT ON FUNCTION deletion_sql_mark(bigint, jsonb, jsonb) IS
'The statement that marks the rows of a frame, or looks at those that cannot be marked.';
REVOKE ALL ON FUNCTION deletion_sql_mark(bigint, jsonb, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_spread.sql
-- deletion_sql_spread
-- Write the statement that notes for soft jobs what hangs from a frame by one reference.
--
-- Parameters  p_plan_id               the plan
--             p_edge, p_parent, p_child   the reference and its nodes
-- Returns     text; binds $1 frame, $2 limit, $3 cursor (NULL: from the start); answers the number
--             of rows read and the last of them, from which the next page goes on
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_spread(
    p_plan_id bigint,
    p_edge jsonb,
    p_parent jsonb,
    p_child jsonb
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_spread$
SELECT format(
    $sql$WITH %1$s,
x AS MATERIALIZED (
    SELECT f.j, %2$s
    FROM f
    %3$s
    WHERE $3 IS NULL OR (%4$s, f.j) > (%5$s, CAST($3 ->> 'j' AS bigint))
    ORDER BY %4$s, f.j
    LIMIT $2
),
met AS (
    INSERT INTO deletion_soft_keys (job_id, node_no, key_hash, plan_id, edge_no, keys)
    SELECT x.j, %6$s, deletion_key_hash(jsonb_build_array(%7$s)), %8$s, %9$s, jsonb_build_object(%10$s)
    FROM x
    ON CONFLICT DO NOTHING
)
SELECT count(*), (
    SELECT jsonb_build_object('j', x.j, %11$s) FROM x ORDER BY %12$s, x.j DESC LIMIT 1
)
FROM x$sql$,
    deletion_sql_frame(p_parent -> 'columns', (p_edge ->> 'only_found')::boolean),
    deletion_sql_list((p_child -> 'columns') || (p_edge -> 'columns'), 'c.%2$s AS %1$s'),
    CASE
        WHEN p_edge ->> 'index' IS NOT NULL THEN format(
            'CROSS JOIN LATERAL (SELECT * FROM ONLY %s AS c WHERE %s OFFSET 0) AS c',
            p_child ->> 'sql', p_edge ->> 'on_frame'
        )
        ELSE format('INNER JOIN ONLY %s AS c ON %s', p_child ->> 'sql', p_edge ->> 'on_frame')
    END,
    deletion_sql_list(k.columns, 'c.%2$s'),
    deletion_sql_list(k.columns, 'CAST($3 ->> ''%1$s'' AS %3$s)'),
    p_child ->> 'no',
    deletion_sql_list(k.columns, 'x.%1$s'),
    p_plan_id,
    p_edge ->> 'no',
    deletion_sql_list((p_child -> 'columns') || (p_edge -> 'columns'), '''%1$s'', x.%1$s'),
    deletion_sql_list(k.columns, '''%1$s'', x.%1$s'),
    deletion_sql_list(k.columns, 'x.%1$s DESC')
)
FROM (
    SELECT jsonb_agg(c ORDER BY n) AS columns
    FROM jsonb_array_elements(p_child -> 'columns') WITH ORDINALITY AS x (c, n)
    WHERE (c ->> 'key')::boolean
) AS k;
$deletion_sql_spread$;

COMMENT ON FUNCTION deletion_sql_spread(bigint, jsonb, jsonb, jsonb) IS
'The statement that notes for soft jobs what hangs from a frame by one reference.';
REVOKE ALL ON FUNCTION deletion_sql_spread(bigint, jsonb, jsonb, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_restore.sql
-- deletion_sql_restore
-- Write the statement that takes marks back from the rows of a table that still hold them.
--
-- Parameters  p_node   the table, with its soft-delete column
-- Returns     text; binds $1, an array of {"id": mark, "k": key, "o": old value, "n": new value};
--             answers the marks that were taken back, and their number
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_restore(p_node jsonb)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_restore$
SELECT format(
    $sql$WITH f AS MATERIALIZED (
    SELECT
        CAST(e.value ->> 'id' AS bigint) AS id, %1$s,
        CAST(e.value ->> 'o' AS %2$s) AS old, CAST(e.value ->> 'n' AS %2$s) AS new
    FROM jsonb_array_elements($1) AS e
),
u AS (
    UPDATE ONLY %3$s AS t
    SET %4$s = f.old
    FROM f
    WHERE %5$s AND t.%4$s OPERATOR(pg_catalog.=) f.new
    RETURNING f.id
)
SELECT coalesce(jsonb_agg(u.id), '[]'), count(*) FROM u$sql$,
    (
        SELECT string_agg(format(
            'CAST(e.value -> ''k'' ->> %s AS %s) AS %s', n - 1, c ->> 'type', c ->> 'f'
        ), ', ' ORDER BY n)
        FROM jsonb_array_elements(k.columns) WITH ORDINALITY AS x (c, n)
    ),
    p_node #>> '{soft,type}',
    p_node ->> 'sql',
    p_node #>> '{soft,name}',
    deletion_sql_list(k.columns, 't.%2$s %4$s f.%1$s', ' AND ')
)
FROM (
    SELECT jsonb_agg(c ORDER BY n) AS columns
    FROM jsonb_array_elements(p_node -> 'columns') WITH ORDINALITY AS x (c, n)
    WHERE (c ->> 'key')::boolean
) AS k;
$deletion_sql_restore$;

COMMENT ON FUNCTION deletion_sql_restore(jsonb) IS
'The statement that takes marks back from the rows of a table that still hold them.';
REVOKE ALL ON FUNCTION deletion_sql_restore(jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_write_soft_plan.sql
-- deletion_write_soft_plan
-- Store a compiled plan of the soft mode: each step with its finished SQL.
--
-- Parameters  p_plan_id   the plan's row           p_graph   deletion_soft_graph's answer
-- Writes      deletion_plan_steps                  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_write_soft_plan(
    p_plan_id bigint,
    p_graph jsonb
) RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_write_soft_plan$
WITH node AS (
    SELECT (n.value ->> 'no')::integer AS node_no, n.value AS node
    FROM jsonb_array_elements(p_graph -> 'nodes') AS n
),

edge AS (
    SELECT
        (e.value ->> 'no')::integer AS edge_no, e.value AS edge, p.node AS parent, c.node AS child,
        row_number() OVER (PARTITION BY c.node_no ORDER BY (e.value ->> 'no')::integer) = 1
        AND c.node_no <> 0 AS is_first
    FROM jsonb_array_elements(p_graph -> 'edges') AS e
    INNER JOIN node AS p ON p.node_no = (e.value ->> 'parent')::integer
    INNER JOIN node AS c ON c.node_no = (e.value ->> 'child')::integer
),

statement AS (
    -- To read is all that is needed of most tables: the lock that keeps columns from changing.
    SELECT 0 AS edge_no, 1 AS part, 'guard' AS kind, (
        SELECT 'LOCK TABLE ' || string_agg('ONLY ' || (n.node ->> 'sql'), ', ' ORDER BY n.node_no)
            || ' IN ACCESS SHARE MODE'
        FROM node AS n
    ) AS sql_text
    UNION ALL
    SELECT 0, s.part, s.kind, s.sql_text
    FROM node AS n
    CROSS JOIN LATERAL (
        VALUES
        (2, 'roots', deletion_sql_roots(n.node)),
        (5, 'mark', deletion_sql_mark(p_plan_id, n.node, NULL)),
        (7, 'restore', deletion_sql_restore(n.node))
    ) AS s (part, kind, sql_text)
    WHERE n.node_no = 0
    UNION ALL
    SELECT e.edge_no, s.part, s.kind, s.sql_text
    FROM edge AS e
    CROSS JOIN LATERAL (
        VALUES
        (3, 'fetch_more', deletion_sql_fetch(e.edge, e.parent, e.child, TRUE), TRUE),
        (4, 'spread', deletion_sql_spread(p_plan_id, e.edge, e.parent, e.child), TRUE),
        (
            5, CASE WHEN e.child ? 'soft' THEN 'mark' ELSE 'pass' END,
            deletion_sql_mark(p_plan_id, e.child, e.edge), TRUE
        ),
        (
            6, 'size',
            format('SELECT count(*) FROM (SELECT 1 FROM ONLY %s LIMIT $1) AS x', e.child ->> 'sql'),
            e.edge ->> 'index' IS NULL
        ),
        -- Once for a table, whichever of its references leads to it.
        (7, 'restore', deletion_sql_restore(e.child), e.is_first AND e.child ? 'soft')
    ) AS s (part, kind, sql_text, is_needed)
    WHERE s.is_needed
)

INSERT INTO deletion_plan_steps (
    plan_id, step_no, kind, node_no, parent_node_no, edge_no, table_name, reference_name, action,
    is_leaf, in_check, index_name, sql_text
)
SELECT
    p_plan_id,
    row_number() OVER (ORDER BY s.edge_no, s.part),
    s.kind,
    coalesce((e.edge ->> 'child')::integer, 0),
    (e.edge ->> 'parent')::integer,
    s.edge_no,
    coalesce(e.child ->> 'name', (SELECT n.node ->> 'name' FROM node AS n WHERE n.node_no = 0)),
    e.edge ->> 'reference',
    e.edge ->> 'action',
    CASE
        WHEN e.edge_no IS NULL THEN NOT EXISTS (SELECT 1 FROM edge)
        ELSE (e.edge ->> 'leaf')::boolean
    END,
    coalesce((e.edge ->> 'check')::boolean, FALSE),
    CASE
        WHEN s.kind IN ('fetch_more', 'spread', 'size') THEN e.edge ->> 'index'
        ELSE coalesce(e.edge ->> 'index', 'key')
    END,
    s.sql_text
FROM statement AS s
LEFT JOIN edge AS e ON e.edge_no = s.edge_no;
$deletion_write_soft_plan$;

COMMENT ON FUNCTION deletion_write_soft_plan(bigint, jsonb) IS
'Store a compiled plan of the soft mode: each step with its finished SQL.';
REVOKE ALL ON FUNCTION deletion_write_soft_plan(bigint, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_soft_plan.sql
-- deletion_soft_plan
-- Compile the plan of a target's soft mode, or raise why there is none that can run.
--
-- Parameters  p_verb    the verb that was called   p_table   the target, as the caller names it
-- Returns     the plan's row
-- Errors      JD002 NULL; JD004 the table is no target; JD005 a table that cannot take part;
--             JD011 no soft-delete column, or one that does not fit any more
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_soft_plan(
    p_verb text,
    p_table text
) RETURNS deletion_plans
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_soft_plan$
DECLARE
    v_plan_id bigint := deletion_compile(deletion_check_wish(p_verb, p_table, FALSE), FALSE);
    v_plan deletion_plans;
BEGIN
    SELECT p.* INTO STRICT v_plan FROM deletion_plans AS p WHERE p.plan_id = v_plan_id;

    IF v_plan.error_code IS NOT NULL THEN
        PERFORM deletion_raise(v_plan.error_code, p_verb, v_plan.error, NULL);
    END IF;

    RETURN v_plan;
END;
$deletion_soft_plan$;

COMMENT ON FUNCTION deletion_soft_plan(text, text) IS
'Compile the plan of a target''s soft mode, or raise why there is none that can run.';
REVOKE ALL ON FUNCTION deletion_soft_plan(text, text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_add_receipts.sql
-- deletion_add_receipts
-- Add to a run's receipts what statements of a step changed.
--
-- Parameters  p_run_id       the run
--             p_tables       the tables, as plans name them, each once
--             p_action       delete, set_null, set_default or root_not_found
--             p_by_job       of each table a jsonb object: job -> number of rows; NULL: none
-- Writes      deletion_receipts                    Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_add_receipts(
    p_run_id bigint,
    p_tables text[],
    p_action text,
    p_by_job jsonb[]
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_add_receipts$
BEGIN
    INSERT INTO deletion_receipts AS r (run_id, table_name, action, row_counts)
    SELECT p_run_id, n.table_name, p_action, n.by_job
    FROM unnest(p_tables, p_by_job) AS n (table_name, by_job)
    WHERE n.by_job IS NOT NULL
    ON CONFLICT (run_id, table_name, action) DO UPDATE
    SET
        row_counts = (
            SELECT jsonb_object_agg(c.job, c.row_count)
            FROM (
                SELECT b.key AS job, sum(b.value::bigint) AS row_count
                FROM (
                    SELECT o.key, o.value FROM jsonb_each_text(r.row_counts) AS o
                    UNION ALL
                    SELECT n.key, n.value FROM jsonb_each_text(excluded.row_counts) AS n
                ) AS b
                GROUP BY b.key
            ) AS c
        ),
        updated_at = clock_timestamp();
END;
$deletion_add_receipts$;

COMMENT ON FUNCTION deletion_add_receipts(bigint, text[], text, jsonb[]) IS
'Add to a run''s receipts what statements of a step changed.';
REVOKE ALL ON FUNCTION deletion_add_receipts(bigint, text[], text, jsonb[]) FROM PUBLIC;
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
    v_walk.has_waits := (SELECT p.has_waits FROM deletion_plans AS p WHERE p.plan_id = p_run.plan_id);
    v_walk.is_locked := FALSE;
    v_walk.below := '{}';
    PERFORM deletion_hold_frames(p_run);
    v_walk := deletion_load_frame(v_walk);

    -- Roots that go in this transaction with all below them are locked first: then no reference that
    -- was emptied has to be looked at once more.
    IF
        (v_walk.frame).edge_no = 0 AND (v_walk.frame).edge_pos = 0 AND (v_walk.frame).rows_here = 0
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
                    s.kind = CASE WHEN v_walk.has_waits THEN 'fetch_more' ELSE 'fetch' END
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

    IF p_run.hard_delete THEN
        v_is_empty := deletion_advance(p_run);
    ELSE
        v_is_empty := deletion_soft_advance(p_run);
    END IF;

    IF v_is_empty THEN
        PERFORM deletion_settle(p_run.run_id, NULL, 'done', NULL, FALSE, NULL);
        PERFORM deletion_end_run(p_run.run_id, 'done', NULL);
        PERFORM deletion_keep_fan_out(p_run.run_id, p_run.plan_id);
        RETURN 'ended';
    END IF;

    -- A run that has changed nothing yet is still on its way down: dissolved now, it would begin
    -- at its roots again and never arrive where a chain is deep or its check was long.
    IF
        deletion_setting('paused_reason') IS NOT NULL
        OR (
            (
                clock_timestamp() >= p_until
                OR (
                    clock_timestamp() > p_run.started_at
                    + make_interval(secs => deletion_setting_int('slice_ms') / 1000.0)
                    AND deletion_others_due()
                )
            )
            AND (SELECT r.rows_changed > 0 FROM deletion_runs AS r WHERE r.run_id = p_run.run_id)
        )
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

-- >>> procedures/postgres/worker/deletion_carry_over.sql
-- deletion_carry_over
-- Give a run's jobs the state that their ended attempts ask for.
--
-- Parameters  p_run_id   the run
-- Returns     integer, the number of jobs that are running no more
-- Writes      deletion_jobs, deletion_walk_keys, deletion_soft_keys     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_carry_over(p_run_id bigint)
RETURNS integer
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_carry_over$
DECLARE
    v_carried integer;
BEGIN
    -- Kept as a prepared plan: a function in SQL is planned anew in every transaction.
    WITH ended AS MATERIALIZED (
        SELECT
            j.id,
            a.outcome,
            a.error,
            a.alone_next,
            a.is_counted,
            j.hard_delete AND NOT r.hard_delete AS is_harder,
            NOT r.hard_delete AS is_soft,
            CASE WHEN a.outcome = 'done' AND NOT r.hard_delete THEN (
                SELECT s.purge_after_seconds
                FROM deletion_targets AS t
                INNER JOIN deletion_soft_columns AS s
                    ON s.table_schema = t.table_schema AND s.table_name = t.table_name
                WHERE t.entity_table = r.entity_table
            ) END AS purge_after_seconds,
            -- Asked only of those that may have to give up.
            CASE WHEN a.outcome NOT IN ('done', 'failed', 'cancelled') THEN (
                SELECT count(*)
                FROM deletion_attempts AS c
                WHERE c.job_id = j.id AND NOT c.is_past AND c.is_counted
            ) END AS counted
        FROM deletion_attempts AS a
        INNER JOIN deletion_jobs AS j ON j.id = a.job_id
        INNER JOIN deletion_runs AS r ON r.run_id = a.run_id
        WHERE
            a.run_id = p_run_id AND a.outcome IS NOT NULL
            -- Not by the index of statuses: the planner takes running jobs for few, and their index
            -- entries, dead ones among them, would be read once for each attempt.
            AND coalesce(j.status, '') = 'running'
            -- An older attempt has nothing to say of a job that is running again.
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_attempts AS later
                WHERE later.job_id = a.job_id AND later.attempt_no > a.attempt_no
            )
        -- A row that a caller holds stays as it is; recovery takes it up when it is free.
        FOR UPDATE OF j SKIP LOCKED
    ),

    verdict AS (
        SELECT
            e.*,
            CASE
                WHEN e.outcome = 'done' AND (e.is_harder OR e.purge_after_seconds IS NOT NULL)
                    THEN 'pending'
                WHEN e.outcome IN ('done', 'failed', 'cancelled') THEN e.outcome
                WHEN e.is_counted AND e.counted >= deletion_setting_int('max_attempts') THEN 'failed'
                ELSE 'pending'
            END AS new_status
        FROM ended AS e
    ),

    forgotten AS (
        -- What was counted once is needed no more when the job has ended.
        DELETE FROM deletion_walk_keys AS w
        USING verdict AS v
        WHERE w.walk_id = 0 AND w.job_id = v.id AND v.new_status <> 'pending'
    ),

    dropped AS (
        DELETE FROM deletion_soft_keys AS k
        USING verdict AS v
        WHERE v.is_soft AND k.job_id = v.id AND v.new_status <> 'pending'
    )

    UPDATE deletion_jobs AS j
    SET
        status = v.new_status,
        hard_delete = j.hard_delete OR coalesce(v.new_status = 'pending' AND v.outcome = 'done', FALSE),
        finished_at = CASE WHEN v.new_status <> 'pending' THEN clock_timestamp() END,
        error = CASE
            WHEN v.new_status = 'failed' AND v.outcome <> 'failed'
                THEN format('%s (gave up after %s attempts)', v.error, v.counted)
            ELSE v.error
        END,
        scheduled_at = CASE
            WHEN v.new_status <> 'pending' THEN j.scheduled_at
            -- Its grace is over then: the same job comes back, and removes the rows.
            WHEN v.outcome = 'done' AND NOT v.is_harder
                THEN clock_timestamp() + make_interval(secs => v.purge_after_seconds)
            WHEN v.outcome = 'done' THEN NULL
            -- Whoever died is taken up at once; max_attempts bounds how often.
            WHEN v.outcome = 'retry' THEN clock_timestamp() + make_interval(secs => least(
                deletion_setting_int('backoff_max_seconds'),
                deletion_setting_int('backoff_seconds') * 2 ^ least(v.counted - 1, 20)
            ))
            -- A heavy job goes to the back of the queue.
            WHEN v.outcome = 'sliced' AND v.alone_next THEN clock_timestamp()
            ELSE j.scheduled_at
        END
    FROM verdict AS v
    WHERE j.id = v.id;

    GET DIAGNOSTICS v_carried = ROW_COUNT;
    RETURN v_carried;
END;
$deletion_carry_over$;

COMMENT ON FUNCTION deletion_carry_over(bigint) IS
'Give a run''s jobs the state that their ended attempts ask for.';
REVOKE ALL ON FUNCTION deletion_carry_over(bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_take_found.sql
-- deletion_take_found
-- Give the next rows that hang from a wide frame by one reference; find many at once.
--
-- Parameters  p_frame   the frame                  p_step   the plan's drain step
--             p_limit   how many rows the batch has left
-- Returns     p_frame, whose edge_pos says whether the reference is done with, and p_row_ids, where
--             the rows lie; NULL: none are left
-- Writes      deletion_found_rows                  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_take_found(
    INOUT p_frame deletion_frames,
    p_step deletion_plan_steps,
    p_limit bigint,
    OUT p_row_ids tid[]
)
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_take_found$
DECLARE
    -- Three megabytes; as many as went before, so that a frame that is nearly empty costs little.
    v_limit bigint := least(p_frame.rows_here, 500000);
    v_sql text;
    v_all tid[];
    v_rest tid[];
BEGIN
    IF p_frame.fetch_cursor IS NULL THEN
        DELETE FROM deletion_found_rows AS r
        WHERE r.run_id = p_frame.run_id AND r.depth = p_frame.depth;
        SELECT s.sql_text INTO STRICT v_sql
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_step.plan_id AND s.edge_no = p_step.edge_no AND s.kind = 'find';
        EXECUTE v_sql INTO v_all USING p_frame.keys, v_limit;
        INSERT INTO deletion_found_rows (run_id, depth, part_no, row_ids)
        SELECT p_frame.run_id, p_frame.depth, p.first, v_all[p.first:p.first + p_limit - 1]
        FROM generate_series(1, cardinality(v_all), p_limit) AS p (first);
        p_frame.fetch_cursor := jsonb_build_object(
            'is_end', cardinality(v_all) < v_limit, 'rows_here', p_frame.rows_here
        );
    END IF;

    DELETE FROM deletion_found_rows AS r
    WHERE
        r.run_id = p_frame.run_id AND r.depth = p_frame.depth
        AND r.part_no = (
            SELECT min(n.part_no) FROM deletion_found_rows AS n
            WHERE n.run_id = p_frame.run_id AND n.depth = p_frame.depth
        )
    RETURNING r.row_ids INTO p_row_ids;

    v_rest := p_row_ids[p_limit + 1:];

    IF cardinality(v_rest) > 0 THEN
        INSERT INTO deletion_found_rows (run_id, depth, part_no, row_ids)
        SELECT p_frame.run_id, p_frame.depth, coalesce(min(n.part_no), 1) - 1, v_rest
        FROM deletion_found_rows AS n
        WHERE n.run_id = p_frame.run_id AND n.depth = p_frame.depth;
        p_row_ids := p_row_ids[:p_limit];
    ELSIF p_row_ids IS NULL THEN
        -- All that were found have had their turn. Where none of them went, none will.
        IF
            (p_frame.fetch_cursor ->> 'is_end')::boolean
            OR (p_frame.fetch_cursor ->> 'rows_here')::bigint = p_frame.rows_here
        THEN
            p_frame.edge_pos := p_step.edge_no;
        END IF;

        p_frame.fetch_cursor := NULL;
    END IF;
END;
$deletion_take_found$;

COMMENT ON FUNCTION deletion_take_found(deletion_frames, deletion_plan_steps, bigint) IS
'The next rows that hang from a wide frame by one reference; many are found at once.';
REVOKE ALL ON FUNCTION deletion_take_found(deletion_frames, deletion_plan_steps, bigint)
FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_change.sql
-- deletion_change
-- Delete, or set, rows that hang from the present frame by one reference, within the batch.
--
-- Parameters  p_walk   the walk                    p_step   the plan's drain or set step
-- Returns     the walk
-- Errors      JD006 the rows' default is the very key that is deleted
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
    v_sql text := p_step.sql_text;
    v_taken record;
    -- A frame with many rows below it: each batch from the start would be read again and again.
    v_is_wide boolean := p_step.kind = 'drain' AND NOT p_walk.is_locked AND (
        v_frame.fetch_cursor IS NOT NULL OR v_frame.rows_here >= 4 * v_run.batch_rows
    );
    v_is_one boolean := p_step.kind = 'drain' AND v_run.job_count = 1 AND NOT p_walk.is_locked;
BEGIN
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
        EXECUTE v_sql INTO v_rows, v_by_job, v_still USING v_frame.keys, p_walk.rows_left;
    END IF;

    PERFORM deletion_allow_hash(FALSE) WHERE p_step.index_name IS NULL;

    IF p_step.kind = 'drain' AND v_still > 0 THEN
        -- Somebody changed these rows while the statement waited for them: they are still there.
        v_walk.is_locked := FALSE;
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

-- >>> procedures/postgres/worker/deletion_check.sql
-- deletion_check
-- Look, before the first row is touched, at whatever can be known to fail; a bounded step.
--
-- Parameters  p_run   the run, fenced
-- Returns     text: more, or ended where no job is left
-- Writes      deletion_runs, deletion_frames, deletion_walk_keys, deletion_soft_keys,
--             deletion_attempts, deletion_jobs     Commits  no
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

    IF NOT p_run.hard_delete THEN
        PERFORM deletion_soft_start(p_run);
    END IF;

    UPDATE deletion_runs AS r
    SET phase = 'advance', state = jsonb_strip_nulls(jsonb_build_object('fan', p.fan_out))
    FROM deletion_plans AS p
    WHERE r.run_id = p_run.run_id AND p.plan_id = r.plan_id;
    RETURN 'more';
END;
$deletion_check$;

COMMENT ON FUNCTION deletion_check(deletion_runs) IS
'Look, before the first row is touched, at whatever can be known to fail; a bounded step.';
REVOKE ALL ON FUNCTION deletion_check(deletion_runs) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_end_run.sql
-- deletion_end_run
-- Close a run: its frames and scratch rows go, its row says how it ended.
--
-- Parameters  p_run_id   the run       p_outcome   done, failed, retry, sliced, returned or lost
--             p_error    what went wrong; NULL: nothing
-- Writes      deletion_runs, deletion_frames, deletion_walk_keys     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_end_run(
    p_run_id bigint,
    p_outcome text,
    p_error text
) RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_end_run$
DELETE FROM deletion_frames AS f WHERE f.run_id = p_run_id;
DELETE FROM deletion_found_rows AS d WHERE d.run_id = p_run_id;
DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = p_run_id;
UPDATE deletion_runs AS r
SET phase = 'ended', outcome = p_outcome, error = p_error, ended_at = clock_timestamp()
WHERE r.run_id = p_run_id;
$deletion_end_run$;

COMMENT ON FUNCTION deletion_end_run(bigint, text, text) IS
'Close a run: its frames and scratch rows go, its row says how it ended.';
REVOKE ALL ON FUNCTION deletion_end_run(bigint, text, text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_find_roots.sql
-- deletion_find_roots
-- Find the rows that a run's jobs name, and push them as the run's first frame.
--
-- Parameters  p_run   the run, fenced
-- Writes      deletion_frames, deletion_receipts; deletion_attempts and deletion_jobs of jobs
--             whose key does not parse (JD002)     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_find_roots(p_run deletion_runs)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_find_roots$
DECLARE
    v_roots jsonb;
    v_step deletion_plan_steps;
    v_keys jsonb;
    v_count bigint;
    v_odd bigint;
    v_is_plain boolean := (
        SELECT t.plain_key IS NOT NULL
        FROM deletion_targets AS t
        WHERE t.entity_table = p_run.entity_table
    );
BEGIN
    SELECT s.* INTO STRICT v_step
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = p_run.plan_id AND s.kind = 'roots';

    -- All at once: a subtransaction for each key would cost more than all that follows.
    BEGIN
        SELECT coalesce(jsonb_agg(jsonb_build_object('j', j.id, 'pk', CASE
            -- Of such a type a key that reads, and prints as it was, is one.
            WHEN v_is_plain THEN j.entity_pk
            ELSE deletion_parse_key(p_run.entity_table, j.entity_pk)
        END) ORDER BY j.id), '[]')
        INTO v_roots
        FROM deletion_attempts AS a
        INNER JOIN deletion_jobs AS j ON j.id = a.job_id
        WHERE a.run_id = p_run.run_id AND a.outcome IS NULL;
        EXECUTE v_step.sql_text INTO v_keys, v_count, v_odd USING v_roots;
        v_odd := CASE WHEN v_is_plain THEN v_odd ELSE 0 END;
    EXCEPTION
        WHEN data_exception OR SQLSTATE 'JD002' THEN
            v_odd := 1;
    END;

    IF v_odd > 0 THEN
        v_roots := deletion_parse_roots(p_run);
        EXECUTE v_step.sql_text INTO v_keys, v_count USING v_roots;
    END IF;

    IF v_count > 0 THEN
        INSERT INTO deletion_frames (run_id, depth, node_no, edge_no, keys, key_count,
            edge_pos, rows_at_pass, rows_here)
        VALUES (p_run.run_id, 0, 0, 0, v_keys, v_count, 0, p_run.rows_changed, 0);
    END IF;

    -- A job that comes again after a crash has removed its root itself: its receipts know.
    PERFORM deletion_add_receipts(
        p_run.run_id, ARRAY[v_step.table_name], 'root_not_found',
        ARRAY[(
            SELECT jsonb_object_agg(k.value ->> 'j', 0)
            FROM jsonb_array_elements(v_keys) AS k
            WHERE
                k.value ? 'm'
                AND NOT EXISTS (
                    SELECT 1
                    FROM deletion_attempts AS a
                    INNER JOIN deletion_receipts AS r ON r.run_id = a.run_id
                    WHERE
                        -- What an earlier request of the same row did is another story.
                        a.job_id = (k.value ->> 'j')::bigint AND NOT a.is_past
                        AND r.table_name = v_step.table_name AND r.action = 'delete'
                        AND r.row_counts ? (k.value ->> 'j')
                )
        )]
    );
END;
$deletion_find_roots$;

COMMENT ON FUNCTION deletion_find_roots(deletion_runs) IS
'Find the rows that a run''s jobs name, and push them as the run''s first frame.';
REVOKE ALL ON FUNCTION deletion_find_roots(deletion_runs) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_load_frame.sql
-- deletion_load_frame
-- Make the run's topmost stored frame the walk's present one; a frame over the batch is split.
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
BEGIN
    -- Stored frames below are never touched in between: taking one out makes it the walk's own.
    DELETE FROM deletion_frames AS f
    WHERE
        f.run_id = (p_walk.run).run_id
        AND f.depth = (SELECT max(g.depth) FROM deletion_frames AS g WHERE g.run_id = f.run_id)
    RETURNING f.* INTO v_frame;

    IF v_frame.key_count > v_batch AND v_frame.keys -> 0 ? 'l' THEN
        -- Rows of several levels cannot be parted: they are found again, fewer at a time.
        UPDATE deletion_frames AS f
        SET edge_pos = 0, fetch_cursor = NULL
        WHERE f.run_id = v_frame.run_id AND f.depth = v_frame.depth - 1;
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
            WHEN s.kind IN ('set', 'lock', 'mark') THEN 'UPDATE'
            ELSE 'SELECT'
        END AS privilege,
        -- A lock is content with any column; what is set needs the right on those it sets.
        s.kind = 'lock' AS any_column,
        CASE WHEN s.kind = 'mark' THEN (
            SELECT c.column_name
            FROM deletion_soft_columns AS c
            WHERE deletion_entity_name(
                to_regclass(format('%I.%I', c.table_schema, c.table_name))
            ) = s.table_name
        ) END AS column_name
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
        WHEN u.column_name IS NOT NULL
            THEN has_column_privilege(u.table_oid, u.column_name::text, u.privilege)
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

-- >>> procedures/postgres/worker/deletion_plan_for.sql
-- deletion_plan_for
-- Find the plan by which jobs are worked, compiling it where it is missing or stale.
--
-- Parameters  p_entity_table   the target, as the jobs name it      p_hard   the mode
-- Returns     one row: plan_id, and the error for the jobs where none can run ("JD004: ..")
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_plan_for(
    p_entity_table text,
    p_hard boolean
) RETURNS TABLE (plan_id bigint, error text)
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_plan_for$
DECLARE
    v_plan_id bigint;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM deletion_targets AS t WHERE t.entity_table = p_entity_table) THEN
        RETURN QUERY SELECT
            NULL::bigint, format('JD004: the table is no deletion target (%s)', p_entity_table);
        RETURN;
    END IF;

    IF NOT p_hard AND NOT deletion_has_soft_column(p_entity_table) THEN
        RETURN QUERY SELECT
            NULL::bigint, format('JD011: the target has no soft-delete column (%s)', p_entity_table);
        RETURN;
    END IF;

    v_plan_id := deletion_fresh_plan(p_entity_table, p_hard);

    IF v_plan_id IS NULL AND deletion_setting('recompile') = 'false' AND EXISTS (
        SELECT 1
        FROM deletion_plans AS p
        WHERE p.entity_table = p_entity_table AND p.hard_delete = p_hard
    ) THEN
        RETURN QUERY SELECT NULL::bigint, format(
            'JD009: the catalog has changed since the plan was compiled (%s)', p_entity_table
        );
        RETURN;
    END IF;

    BEGIN
        v_plan_id := coalesce(v_plan_id, deletion_compile(p_entity_table, p_hard));
    EXCEPTION
        WHEN lock_not_available OR deadlock_detected OR serialization_failure THEN
            RAISE;
        WHEN OTHERS THEN
            -- One target that cannot be compiled must not hold up the jobs of all others.
            RETURN QUERY SELECT NULL::bigint, format('%s: %s', sqlstate, sqlerrm);
            RETURN;
    END;

    RETURN QUERY
    SELECT p.plan_id, p.error_code || ': ' || p.error
    FROM deletion_plans AS p
    WHERE p.plan_id = v_plan_id;
END;
$deletion_plan_for$;

COMMENT ON FUNCTION deletion_plan_for(text, boolean) IS
'The plan by which jobs are worked, compiled where it is missing or stale.';
REVOKE ALL ON FUNCTION deletion_plan_for(text, boolean) FROM PUBLIC;
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

    IF v_last = 0 THEN
        v_walk := deletion_load_frame(v_walk);
    ELSE
        v_walk.frame := v_walk.below[v_last];
        v_walk.below := v_walk.below[:v_last - 1];
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

-- >>> procedures/postgres/worker/deletion_remove_levels.sql
-- deletion_remove_levels
-- Remove all rows of a frame of several levels at once: lock them, look, delete.
--
-- Parameters  p_walk   the walk
-- Returns     the walk, one frame further down, or in another pass over the same
-- Errors      JD006 rows are found and not changed
-- Writes      the application's table, deletion_receipts     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_remove_levels(p_walk deletion_cursor)
RETURNS deletion_cursor
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_remove_levels$
DECLARE
    v_walk deletion_cursor := p_walk;
    v_run deletion_runs := p_walk.run;
    v_frame deletion_frames := p_walk.frame;
    v_lock text;
    v_look text;
    v_left text;
    v_rest jsonb;
    v_remove deletion_plan_steps;
    v_found bigint;
    v_with_children bigint;
    v_rows bigint;
    v_by_job jsonb;
BEGIN
    SELECT
        min(s.sql_text) FILTER (WHERE s.kind = 'lock'),
        min(s.sql_text) FILTER (WHERE s.kind = 'look_levels'),
        min(s.sql_text) FILTER (WHERE s.kind = 'left')
    INTO STRICT v_lock, v_look, v_left
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = v_run.plan_id AND s.edge_no = v_frame.edge_no;
    SELECT s.* INTO STRICT v_remove
    FROM deletion_plan_steps AS s
    WHERE
        s.plan_id = v_run.plan_id AND s.edge_no = v_frame.edge_no AND s.kind = 'remove_levels';

    -- Three statements: a child that was committed while the lock waited is seen by the second.
    EXECUTE v_lock INTO v_found USING v_frame.keys;
    EXECUTE v_look INTO v_with_children USING v_frame.keys;

    IF v_with_children > 0 THEN
        RETURN deletion_left_over(v_walk, v_remove);
    END IF;

    EXECUTE v_remove.sql_text INTO v_rows, v_by_job USING v_frame.keys;

    -- A row of two jobs is found twice and goes once.
    IF v_rows <> v_found THEN
        EXECUTE v_left INTO v_rest, v_with_children USING v_frame.keys;
    END IF;

    IF v_with_children > 0 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'JD006',
            MESSAGE = format(
                'rows of %s are found and not changed (a trigger or a policy keeps them)',
                v_remove.table_name
            );
    END IF;

    PERFORM deletion_add_receipts(
        v_run.run_id, ARRAY[v_remove.table_name], 'delete', ARRAY[v_by_job]
    );
    v_run.rows_changed := v_run.rows_changed + v_rows;
    v_run.state := v_run.state || jsonb_build_object('fan', coalesce(v_run.state -> 'fan', '{}')
        || jsonb_build_object(v_frame.node_no::text, v_frame.rows_here::float8 / v_frame.key_count));
    v_walk.rows_left := v_walk.rows_left - v_rows;
    v_walk.run := v_run;
    v_walk.frame.rows_here := v_frame.rows_here + v_rows;
    RETURN deletion_pop(v_walk);
END;
$deletion_remove_levels$;

COMMENT ON FUNCTION deletion_remove_levels(deletion_cursor) IS
'Remove all rows of a frame of several levels at once: lock them, look, delete.';
REVOKE ALL ON FUNCTION deletion_remove_levels(deletion_cursor) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_uncount.sql
-- deletion_uncount
-- Take rows that are gone out of the receipts of what was set: a row counts once, by its end.
--
-- Parameters  p_run_id       the run that removed them; another may have set them
--             p_table_name   the table, as plans name it
--             p_keys         a frame of its rows that were removed
-- Writes      deletion_receipts, deletion_walk_keys     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_uncount(
    p_run_id bigint,
    p_table_name text,
    p_keys jsonb
) RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_uncount$
WITH forgotten AS (
    DELETE FROM deletion_walk_keys AS w
    USING jsonb_array_elements(p_keys) AS k
    WHERE
        w.walk_id = 0 AND w.job_id = (k.value ->> 'j')::bigint AND w.node_no = -1
        AND w.fate = 'set_null'
        AND w.key_hash = deletion_key_hash(
            jsonb_build_array(p_table_name) || (
                SELECT jsonb_agg(e.value ORDER BY substr(e.key, 2)::integer)
                FROM jsonb_each(k.value) AS e
                WHERE e.key LIKE 'k%'
            )
        )
    RETURNING w.job_id, w.keys ->> 'action' AS action
)

SELECT deletion_add_receipts(
    p_run_id, ARRAY[p_table_name], g.action,
    ARRAY[jsonb_object_agg(g.job_id, -g.row_count)]
)
FROM (
    SELECT f.job_id, f.action, count(*) AS row_count
    FROM forgotten AS f
    GROUP BY f.job_id, f.action
) AS g
GROUP BY g.action;
$deletion_uncount$;

COMMENT ON FUNCTION deletion_uncount(bigint, text, jsonb) IS
'Take rows that are gone out of the receipts of what was set.';
REVOKE ALL ON FUNCTION deletion_uncount(bigint, text, jsonb) FROM PUBLIC;
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
BEGIN
    -- Cancelled jobs or other sessions may have taken the last key out of a frame in the middle.
    IF v_frame.key_count = 0 THEN
        RETURN deletion_pop(v_walk);
    ELSIF v_frame.keys -> 0 ? 'l' THEN
        RETURN deletion_remove_levels(v_walk);
    END IF;

    SELECT s.* INTO STRICT v_remove
    FROM deletion_plan_steps AS s
    WHERE
        s.plan_id = v_run.plan_id AND s.edge_no = v_frame.edge_no
        AND s.kind = CASE WHEN p_walk.is_locked THEN 'remove_now' ELSE 'remove' END;
    SELECT
        min(s.sql_text) FILTER (WHERE s.kind = 'lock'),
        min(s.sql_text) FILTER (WHERE s.kind = 'left')
    INTO v_lock, v_left
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = v_run.plan_id AND s.edge_no = v_frame.edge_no;

    IF p_walk.is_locked THEN
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

    IF v_rows = v_found THEN
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
    v_frame.keys := v_rest;
    v_walk.run := v_run;
    v_walk.frame := v_frame;
    RETURN deletion_left_over(v_walk, v_remove);
END;
$deletion_remove$;

COMMENT ON FUNCTION deletion_remove(deletion_cursor) IS
'Remove the present frame''s own rows: lock them, delete the childless, decide about the rest.';
REVOKE ALL ON FUNCTION deletion_remove(deletion_cursor) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_sweep_away.sql
-- deletion_sweep_away
-- Delete what deletion_sweep has locked and counted, and write the receipts.
--
-- Parameters  p_run_id   the run
--             p_found   jsonb array in the order of deletion: sql, table, rows, jobs (job -> rows)
--             p_jobs, p_keys, p_parents   the locked rows
-- Returns     bigint, the number of rows deleted
-- Errors      40001 others took some of the rows meanwhile: the step is tried again, row by row
-- Writes      the application's tables, deletion_receipts     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sweep_away(
    p_run_id bigint,
    p_found jsonb,
    p_jobs bigint[],
    p_keys bigint[],
    p_parents bigint[]
) RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sweep_away$
DECLARE
    v_item jsonb;
    v_rows bigint;
    v_total bigint := 0;
BEGIN
    FOR v_item IN SELECT x.value FROM jsonb_array_elements(p_found) AS x LOOP
        EXECUTE v_item ->> 'sql' USING p_jobs, p_keys, p_parents;
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
    FROM jsonb_array_elements(p_found) AS x;
    RETURN v_total;
END;
$deletion_sweep_away$;

COMMENT ON FUNCTION deletion_sweep_away(bigint, jsonb, bigint[], bigint[], bigint[]) IS
'Delete what deletion_sweep has locked and counted, and write the receipts.';
REVOKE ALL ON FUNCTION deletion_sweep_away(bigint, jsonb, bigint[], bigint[], bigint[]) FROM PUBLIC;
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
        v_take IS NULL OR coalesce(v_limit, 0) = 0 OR v_run.retries > 0
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

-- >>> procedures/postgres/worker/deletion_soft_start.sql
-- deletion_soft_start
-- Turn a soft run's roots into what its jobs have to do; jobs that come back go on where they were.
--
-- Parameters  p_run   the run, fenced, its roots found
-- Writes      deletion_soft_keys, deletion_frames  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_soft_start(p_run deletion_runs)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_soft_start$
BEGIN
    -- What was noted by another plan, or for another wish of the same row, means nothing now.
    DELETE FROM deletion_soft_keys AS k
    USING deletion_attempts AS a
    WHERE
        a.run_id = p_run.run_id AND k.job_id = a.job_id
        AND (
            k.plan_id <> p_run.plan_id
            OR NOT EXISTS (
                SELECT 1
                FROM deletion_attempts AS b
                WHERE
                    b.job_id = a.job_id AND b.attempt_no = a.attempt_no - 1 AND NOT b.is_past
                    AND b.outcome IN ('sliced', 'returned', 'retry', 'lost')
            )
        );

    INSERT INTO deletion_soft_keys (job_id, node_no, key_hash, plan_id, edge_no, keys)
    SELECT
        (k.value ->> 'j')::bigint, 0, deletion_frame_hash(k.value), p_run.plan_id, 0, k.value - 'j'
    FROM deletion_frames AS f
    CROSS JOIN LATERAL jsonb_array_elements(f.keys) AS k
    WHERE
        f.run_id = p_run.run_id
        AND NOT EXISTS (
            SELECT 1 FROM deletion_soft_keys AS d WHERE d.job_id = (k.value ->> 'j')::bigint
        );

    DELETE FROM deletion_frames AS f WHERE f.run_id = p_run.run_id;
END;
$deletion_soft_start$;

COMMENT ON FUNCTION deletion_soft_start(deletion_runs) IS
'Turn a soft run''s roots into what its jobs have to do.';
REVOKE ALL ON FUNCTION deletion_soft_start(deletion_runs) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_soft_take.sql
-- deletion_soft_take
-- Take rows that soft jobs have met and not dealt with, all found by the same reference.
--
-- Parameters  p_run     the run                    p_jobs   its jobs that are still wanted
--             p_limit   most rows to take
-- Returns     a frame, its edge_no and keys filled; NULL where nothing is left
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_soft_take(
    p_run deletion_runs,
    p_jobs bigint[],
    p_limit bigint
) RETURNS deletion_frames
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_soft_take$
DECLARE
    v_frame deletion_frames;
    v_limit bigint;
BEGIN
    SELECT k.edge_no INTO v_frame.edge_no
    FROM deletion_soft_keys AS k
    WHERE k.job_id = ANY (p_jobs) AND NOT k.is_done
    LIMIT 1;

    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    -- What hangs from these rows is read at once: fewer where there may be something.
    v_limit := (
        SELECT CASE WHEN s.is_leaf THEN p_limit ELSE least(p_limit, 500) END
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_run.plan_id AND s.edge_no = v_frame.edge_no
            AND s.kind IN ('mark', 'pass')
    );

    SELECT jsonb_agg(t.keys || jsonb_build_object('j', t.job_id)) INTO v_frame.keys
    FROM (
        SELECT k.job_id, k.keys
        FROM deletion_soft_keys AS k
        WHERE k.job_id = ANY (p_jobs) AND k.edge_no = v_frame.edge_no AND NOT k.is_done
        LIMIT v_limit
    ) AS t;

    RETURN v_frame;
END;
$deletion_soft_take$;

COMMENT ON FUNCTION deletion_soft_take(deletion_runs, bigint[], bigint) IS
'Take rows that soft jobs have met and not dealt with, all found by the same reference.';
REVOKE ALL ON FUNCTION deletion_soft_take(deletion_runs, bigint[], bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_soft_done.sql
-- deletion_soft_done
-- Note that rows of a frame are dealt with.
--
-- Parameters  p_node_no   their table              p_keys   the frame
-- Writes      deletion_soft_keys                   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_soft_done(
    p_node_no integer,
    p_keys jsonb
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_soft_done$
BEGIN
    UPDATE deletion_soft_keys AS k
    SET is_done = TRUE
    FROM (
        SELECT (e.value ->> 'j')::bigint AS job_id, deletion_frame_hash(e.value) AS key_hash
        FROM jsonb_array_elements(p_keys) AS e
        OFFSET 0
    ) AS f
    WHERE k.job_id = f.job_id AND k.node_no = p_node_no AND k.key_hash = f.key_hash;
END;
$deletion_soft_done$;

COMMENT ON FUNCTION deletion_soft_done(integer, jsonb) IS
'Note that rows of a frame are dealt with.';
REVOKE ALL ON FUNCTION deletion_soft_done(integer, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_soft_mark.sql
-- deletion_soft_mark
-- Mark the next rows of soft jobs, within the batch, and begin to look below them.
--
-- Parameters  p_run     the run, its state and rows_changed as they are now
--             p_jobs    its jobs that are still wanted
--             p_left    rows that this transaction may still change
-- Returns     the run; its state has soft where something may hang from the rows; NULL: no row is
--             left
-- Errors      JD006 rows are found and hold no mark when they were marked
-- Writes      the application's table, deletion_marks, deletion_receipts, deletion_soft_keys
-- Commits     no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_soft_mark(
    p_run deletion_runs,
    p_jobs bigint[],
    p_left bigint
) RETURNS deletion_runs
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_soft_mark$
DECLARE
    v_run deletion_runs := p_run;
    v_step deletion_plan_steps;
    v_taken deletion_frames;
    v_frame jsonb;
    v_keys jsonb;
    v_rows bigint;
    v_by_job jsonb;
    v_unchanged bigint;
BEGIN
    v_taken := deletion_soft_take(p_run, p_jobs, p_left);
    v_frame := v_taken.keys;

    IF v_frame IS NULL THEN
        RETURN NULL;
    END IF;

    SELECT s.* INTO STRICT v_step
    FROM deletion_plan_steps AS s
    WHERE
        s.plan_id = p_run.plan_id AND s.edge_no = v_taken.edge_no AND s.kind IN ('mark', 'pass');

    EXECUTE v_step.sql_text INTO v_keys, v_rows, v_by_job, v_unchanged
    USING v_frame, p_run.started_at;

    IF v_unchanged > 0 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'JD006',
            MESSAGE = format(
                'rows of %s are found and not marked (a trigger or a policy keeps them)',
                v_step.table_name
            );
    END IF;

    PERFORM deletion_add_receipts(
        p_run.run_id, ARRAY[v_step.table_name], 'mark', ARRAY[v_by_job]
    );
    v_run.rows_changed := v_run.rows_changed + v_rows;
    v_run.state := v_run.state || jsonb_build_object('at', v_step.table_name);

    IF NOT v_step.is_leaf THEN
        -- Of a root that is gone what declared references tie to its key is still marked.
        v_keys := v_keys || coalesce((
            SELECT jsonb_agg(e.value) FROM jsonb_array_elements(v_frame) AS e WHERE e.value ? 'm'
        ), '[]');
        v_run.state := v_run.state || jsonb_build_object('soft', jsonb_build_object(
            'node', v_step.node_no, 'keys', v_keys, 'edge', 0
        ));
        -- Rows that have moved away, or are gone, are done with.
        v_frame := (
            SELECT coalesce(jsonb_agg(e.value), '[]')
            FROM jsonb_array_elements(v_frame) AS e
            WHERE
                jsonb_array_length(v_frame) > jsonb_array_length(v_keys)
                AND e.value ->> 'j' || ' ' || deletion_frame_hash(e.value)::text <> ALL (ARRAY(
                    SELECT h.value ->> 'j' || ' ' || deletion_frame_hash(h.value)::text
                    FROM jsonb_array_elements(v_keys) AS h
                ))
        );
    END IF;

    PERFORM deletion_soft_done(v_step.node_no, v_frame);
    RETURN v_run;
END;
$deletion_soft_mark$;

COMMENT ON FUNCTION deletion_soft_mark(deletion_runs, bigint[], bigint) IS
'Mark the next rows of soft jobs, within the batch, and begin to look below them.';
REVOKE ALL ON FUNCTION deletion_soft_mark(deletion_runs, bigint[], bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_soft_spread.sql
-- deletion_soft_spread
-- Note one page of what hangs from the rows that soft jobs are at.
--
-- Parameters  p_run     the run, its state as it is now
--             p_jobs    its jobs that are still wanted
-- Returns     the run; its state has no soft any more where all below the rows is noted
-- Writes      deletion_soft_keys                   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_soft_spread(
    p_run deletion_runs,
    p_jobs bigint[]
) RETURNS deletion_runs
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_soft_spread$
DECLARE
    -- A wide parent's children are read in pages; each page reads its index anew.
    v_page CONSTANT bigint := 50000;
    v_run deletion_runs := p_run;
    v_at jsonb := p_run.state -> 'soft';
    v_step deletion_plan_steps;
    v_keys jsonb;
    v_count bigint;
    v_last jsonb;
BEGIN
    SELECT s.* INTO v_step
    FROM deletion_plan_steps AS s
    WHERE
        s.plan_id = p_run.plan_id AND s.kind = 'spread'
        AND s.parent_node_no = (v_at ->> 'node')::integer
        AND s.edge_no > (v_at ->> 'edge')::integer
    ORDER BY s.edge_no
    LIMIT 1;

    IF NOT FOUND THEN
        PERFORM deletion_soft_done((v_at ->> 'node')::integer, v_at -> 'keys');
        v_run.state := v_run.state - 'soft';
        RETURN v_run;
    END IF;

    -- A job may have been cancelled since its rows were taken.
    SELECT coalesce(jsonb_agg(e.value), '[]') INTO v_keys
    FROM jsonb_array_elements(v_at -> 'keys') AS e
    WHERE (e.value ->> 'j')::bigint = ANY (p_jobs);

    PERFORM deletion_allow_hash(TRUE) WHERE v_step.index_name IS NULL;
    EXECUTE v_step.sql_text INTO v_count, v_last USING v_keys, v_page, v_at -> 'last';
    PERFORM deletion_allow_hash(FALSE) WHERE v_step.index_name IS NULL;

    v_run.state := jsonb_set(
        v_run.state, '{soft}', CASE
            WHEN v_count < v_page
                THEN (v_at - 'last') || jsonb_build_object('edge', v_step.edge_no)
            ELSE v_at || jsonb_build_object('last', v_last)
        END
    );
    RETURN v_run;
END;
$deletion_soft_spread$;

COMMENT ON FUNCTION deletion_soft_spread(deletion_runs, bigint[]) IS
'Note one page of what hangs from the rows that soft jobs are at.';
REVOKE ALL ON FUNCTION deletion_soft_spread(deletion_runs, bigint[]) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_soft_advance.sql
-- deletion_soft_advance
-- Mark on: as many rows as fit the run's batch, in the caller's transaction.
--
-- Parameters  p_run   the run, fenced
-- Returns     boolean, TRUE where the jobs have marked all that they reach
-- Writes      the application's tables, deletion_marks, deletion_receipts, deletion_soft_keys,
--             deletion_runs                        Commits  no
-- Execute     the owner only
--
-- From the roots down: a row is looked at, and marked where it can be, while it is held where it
-- was found; only then is noted what hangs from it. So nothing is marked below a row that has moved
-- away.

CREATE OR REPLACE FUNCTION deletion_soft_advance(p_run deletion_runs)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_soft_advance$
DECLARE
    v_run deletion_runs := p_run;
    v_next deletion_runs;
    v_until timestamptz := clock_timestamp()
    + make_interval(secs => deletion_setting_int('batch_ms') / 1000.0);
    v_jobs bigint[] := ARRAY(
        SELECT a.job_id
        FROM deletion_attempts AS a
        WHERE a.run_id = p_run.run_id AND a.outcome IS NULL
    );
    v_left bigint := p_run.batch_rows;
    v_is_over boolean := FALSE;
    v_swept bigint;
BEGIN
    LOOP
        IF v_run.state ? 'soft' THEN
            v_run := deletion_soft_spread(v_run, v_jobs);
        ELSE
            EXIT WHEN v_left = 0;
            v_next := deletion_soft_mark(v_run, v_jobs, v_left);
            v_is_over := v_next.run_id IS NULL;
            EXIT WHEN v_is_over;
            v_left := v_left - (v_next.rows_changed - v_run.rows_changed);
            v_run := v_next;
        END IF;

        EXIT WHEN clock_timestamp() >= v_until;
    END LOOP;

    -- All is marked: what was noted goes, as bounded as the rest.
    IF v_is_over THEN
        DELETE FROM deletion_soft_keys AS k
        WHERE k.ctid = ANY (ARRAY(
            SELECT d.ctid FROM deletion_soft_keys AS d WHERE d.job_id = ANY (v_jobs) LIMIT 20000
        ));
        GET DIAGNOSTICS v_swept = ROW_COUNT;
        v_is_over := v_swept < 20000;
    END IF;

    UPDATE deletion_runs AS r
    SET
        rows_changed = v_run.rows_changed,
        state = v_run.state,
        -- Contention halves the batch at once; it comes back slowly.
        batch_rows = least(
            deletion_setting_int('batch_rows'), r.batch_rows + greatest(1, r.batch_rows / 8)
        ),
        retries = 0
    WHERE r.run_id = p_run.run_id;

    RETURN v_is_over;
END;
$deletion_soft_advance$;

COMMENT ON FUNCTION deletion_soft_advance(deletion_runs) IS
'Mark on: as many rows as fit the run''s batch.';
REVOKE ALL ON FUNCTION deletion_soft_advance(deletion_runs) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_restore.sql
-- deletion_restore
-- Take back what one plan's job has marked in one table, where the rows still hold it.
--
-- Parameters  p_run_id   the run that counts       p_job_id   the job
--             p_plan_id, p_table_name   the plan that marked, and the table
-- Returns     bigint, the number of rows restored
-- Writes      the application's table, deletion_marks, deletion_receipts     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_restore(
    p_run_id bigint,
    p_job_id bigint,
    p_plan_id bigint,
    p_table_name text
) RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_restore$
DECLARE
    v_sql text;
    v_marks jsonb;
    v_last bigint;
    v_done jsonb;
    v_rows bigint;
    v_total bigint := 0;
BEGIN
    SELECT s.sql_text INTO STRICT v_sql
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = p_plan_id AND s.table_name = p_table_name AND s.kind = 'restore';

    LOOP
        SELECT
            jsonb_agg(jsonb_build_object(
                'id', m.mark_id, 'k', m.row_key, 'o', m.old_value, 'n', m.new_value
            )),
            max(m.mark_id)
        INTO v_marks, v_last
        FROM (
            SELECT d.*
            FROM deletion_marks AS d
            WHERE
                d.job_id = p_job_id AND d.state = 'held' AND d.plan_id = p_plan_id
                AND d.table_name = p_table_name AND d.mark_id > coalesce(v_last, 0)
            ORDER BY d.mark_id
            LIMIT 5000
        ) AS m;

        EXIT WHEN v_marks IS NULL;
        EXECUTE v_sql INTO v_done, v_rows USING v_marks;

        UPDATE deletion_marks AS m
        SET state = 'restored'
        FROM jsonb_array_elements_text(v_done) AS e (mark_id)
        WHERE m.mark_id = e.mark_id::bigint;

        v_total := v_total + v_rows;
    END LOOP;

    PERFORM deletion_add_receipts(
        p_run_id, ARRAY[p_table_name], 'restore',
        ARRAY[jsonb_build_object(p_job_id::text, v_total)]
    ) WHERE v_total > 0;
    RETURN v_total;
END;
$deletion_restore$;

COMMENT ON FUNCTION deletion_restore(bigint, bigint, bigint, text) IS
'Take back what one plan''s job has marked in one table, where the rows still hold it.';
REVOKE ALL ON FUNCTION deletion_restore(bigint, bigint, bigint, text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_restore_job.sql
-- deletion_restore_job
-- Take back all that a job has marked, and leave the job cancelled.
--
-- Parameters  p_job_id   the job
-- Errors      as restore_deletion
-- Writes      as restore_deletion                  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_restore_job(p_job_id bigint)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_restore_job$
DECLARE
    v_job deletion_jobs;
    v_has_marks boolean;
    v_run_id bigint;
    v_total bigint := 0;
    v_part record;
BEGIN
    SELECT j.* INTO v_job FROM deletion_jobs AS j WHERE j.id = p_job_id FOR UPDATE;
    v_has_marks := EXISTS (
        SELECT 1 FROM deletion_marks AS m WHERE m.job_id = p_job_id AND m.state = 'held'
    );

    IF v_job.id IS NULL THEN
        PERFORM deletion_raise('JD001', 'restore_deletion', 'no such job', p_job_id::text);
    ELSIF v_job.status = 'running' THEN
        PERFORM deletion_raise(
            'JD003', 'restore_deletion', 'job is running', p_job_id::text,
            'Ask for cancel_deletion first, and wait until it has stopped.'
        );
    ELSIF v_job.status = 'done' AND v_job.hard_delete THEN
        PERFORM deletion_raise(
            'JD003', 'restore_deletion', 'the rows are removed for good', p_job_id::text
        );
    ELSIF NOT v_has_marks AND v_job.status IN ('failed', 'cancelled') THEN
        PERFORM deletion_raise(
            'JD003', 'restore_deletion', 'the job has no marks to take back', p_job_id::text
        );
    END IF;

    -- Never again for good without being asked: what waited was a purge, or is wanted no more.
    UPDATE deletion_jobs AS j
    SET
        status = 'cancelled', finished_at = clock_timestamp(), error = NULL,
        hard_delete = j.hard_delete AND NOT v_has_marks
    WHERE j.id = p_job_id;
    PERFORM deletion_keep_asked(p_job_id);

    INSERT INTO deletion_runs (
        entity_table, hard_delete, token, session_id, server_id, phase, alone, job_count,
        batch_rows, started_at, last_step_at
    )
    VALUES (
        v_job.entity_table, FALSE, gen_random_uuid(), pg_backend_pid(),
        pg_postmaster_start_time()::text, 'ended', TRUE, 1, 0, clock_timestamp(), clock_timestamp()
    )
    RETURNING run_id INTO v_run_id;

    -- Of two marks on one row the later one holds.
    UPDATE deletion_marks AS m
    SET state = 'left'
    WHERE
        m.job_id = p_job_id AND m.state = 'held'
        AND EXISTS (
            SELECT 1
            FROM deletion_marks AS later
            WHERE
                later.key_hash = m.key_hash AND later.table_name = m.table_name
                AND later.mark_id > m.mark_id
        );

    -- Parents first, as they were marked: an application may forbid the other order.
    FOR v_part IN
        SELECT m.plan_id, m.table_name
        FROM deletion_marks AS m
        WHERE m.job_id = p_job_id AND m.state = 'held'
        GROUP BY m.plan_id, m.table_name
        ORDER BY min(m.mark_id)
    LOOP
        v_total := v_total
        + deletion_restore(v_run_id, p_job_id, v_part.plan_id, v_part.table_name);
    END LOOP;

    UPDATE deletion_marks AS m SET state = 'left' WHERE m.job_id = p_job_id AND m.state = 'held';

    UPDATE deletion_runs AS r
    SET rows_changed = v_total, outcome = 'done', ended_at = clock_timestamp()
    WHERE r.run_id = v_run_id;

    INSERT INTO deletion_attempts (
        job_id, attempt_no, run_id, started_at, ended_at, outcome, error, asked_reason,
        asked_hard_delete, asked_scheduled_at, asked_by, asked_at
    )
    SELECT
        p_job_id, max(a.attempt_no) + 1, v_run_id, clock_timestamp(), clock_timestamp(),
        'cancelled', format('restored: %s rows', v_total), v_job.reason, FALSE, NULL,
        v_job.created_by, v_job.created_at
    FROM deletion_attempts AS a
    WHERE a.job_id = p_job_id;
END;
$deletion_restore_job$;

COMMENT ON FUNCTION deletion_restore_job(bigint) IS
'Take back all that a job has marked, and leave the job cancelled.';
REVOKE ALL ON FUNCTION deletion_restore_job(bigint) FROM PUBLIC;
-- <<<

-- >>> schema/postgres/views/vw_deletion_progress.sql
-- vw_deletion_progress
-- The running jobs: who works on them, how far they are, and since when nothing moved.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE VIEW vw_deletion_progress AS
SELECT
    j.id AS job_id,
    j.entity_table,
    j.entity_pk,
    a.run_id,
    r.slot,
    r.phase,
    r.job_count AS jobs_in_run,
    coalesce((
        SELECT sum((c.row_counts ->> j.id::text)::bigint)
        FROM deletion_attempts AS t
        INNER JOIN deletion_receipts AS c ON c.run_id = t.run_id
        WHERE t.job_id = j.id AND NOT t.is_past
    ), 0)::bigint AS rows_changed,
    r.rows_changed AS run_rows_changed,
    round(
        r.rows_changed
        / greatest(extract(EPOCH FROM r.last_step_at - r.started_at)::numeric, 0.001)
    )::bigint AS run_rows_per_second,
    r.step_count AS run_steps,
    r.batch_rows,
    r.retries,
    f.depth,
    coalesce(
        (
            SELECT s.table_name
            FROM deletion_plan_steps AS s
            WHERE s.plan_id = r.plan_id AND s.node_no = f.node_no
            LIMIT 1
        ), r.state ->> 'at'
    ) AS at_table,
    a.started_at,
    r.last_step_at,
    a.cancel_requested_at,
    -- The next worker that starts takes such a job up again.
    coalesce(
        r.ended_at IS NOT NULL OR r.server_id <> pg_postmaster_start_time()::text
        OR NOT EXISTS (SELECT 1 FROM pg_stat_activity AS p WHERE p.pid = r.session_id), TRUE
    ) AS is_orphaned,
    r.error
FROM deletion_jobs AS j
LEFT JOIN LATERAL (
    SELECT b.run_id, b.started_at, b.cancel_requested_at
    FROM deletion_attempts AS b
    WHERE b.job_id = j.id
    ORDER BY b.attempt_no DESC
    LIMIT 1
) AS a ON TRUE
LEFT JOIN deletion_runs AS r ON r.run_id = a.run_id
LEFT JOIN LATERAL (
    SELECT t.depth, t.node_no
    FROM deletion_frames AS t
    WHERE t.run_id = r.run_id
    ORDER BY t.depth DESC
    LIMIT 1
) AS f ON TRUE
WHERE j.status = 'running';

COMMENT ON VIEW vw_deletion_progress IS 'One row for each running job.';
GRANT SELECT ON vw_deletion_progress TO deletion_jobs_operator, deletion_jobs_reader;
-- <<<

-- >>> schema/postgres/views/vw_deletion_marks.sql
-- vw_deletion_marks
-- Which rows soft jobs have marked, and what became of the marks.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE VIEW vw_deletion_marks AS
SELECT
    m.job_id,
    j.entity_table,
    j.entity_pk,
    m.table_name,
    m.row_key,
    m.column_name,
    m.old_value,
    m.new_value,
    m.state,
    m.marked_at
FROM deletion_marks AS m
LEFT JOIN deletion_jobs AS j ON j.id = m.job_id;

COMMENT ON VIEW vw_deletion_marks IS 'One row for each row that a soft job has marked.';
GRANT SELECT ON vw_deletion_marks TO deletion_jobs_operator, deletion_jobs_reader;
-- <<<

-- >>> schema/postgres/views/vw_deletion_problems.sql
-- vw_deletion_problems
-- What somebody has to act on, one line each, with the SQL that mends it.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE VIEW vw_deletion_problems AS
WITH home AS (
    SELECT n.oid AS schema_oid, format('%I', n.nspname) AS schema_sql
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = 'deletion_jobs'::regclass
),

-- Tables by the names that plans give them: a reader's path must not resolve them.
named AS (
    SELECT
        c.oid AS table_oid,
        format('%I.%I', n.nspname, c.relname) AS table_sql,
        CASE
            WHEN n.oid = h.schema_oid THEN quote_ident(c.relname)
            ELSE format('%I.%I', n.nspname, c.relname)
        END AS table_name
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    CROSS JOIN home AS h
    WHERE c.relkind = 'r'
),

step AS (
    SELECT
        p.entity_table, p.hard_delete, p.compiled_at, s.kind, s.reference_name, s.table_name,
        n.table_oid, n.table_sql
    FROM deletion_plans AS p
    INNER JOIN deletion_plan_steps AS s ON s.plan_id = p.plan_id
    INNER JOIN named AS n ON n.table_name = s.table_name
    WHERE p.superseded_at IS NULL
),

needed AS (
    SELECT DISTINCT s.entity_table, s.table_name, s.table_oid, s.table_sql, r.privilege
    FROM step AS s
    CROSS JOIN LATERAL unnest(
        CASE
            WHEN s.kind IN ('remove', 'drain') THEN ARRAY['SELECT', 'DELETE']
            WHEN s.kind IN ('set', 'lock', 'mark') THEN ARRAY['SELECT', 'UPDATE']
            ELSE ARRAY['SELECT']
        END
    ) AS r (privilege)
),

failed AS (
    SELECT
        j.entity_table,
        left(j.error, 5) AS code,
        count(*) AS jobs,
        min(j.finished_at) AS since,
        (array_agg(j.error ORDER BY j.finished_at DESC))[1] AS last_error
    FROM deletion_jobs AS j
    WHERE j.status = 'failed'
    GROUP BY j.entity_table, left(j.error, 5)
),

resting AS (
    SELECT
        j.entity_table,
        count(*) AS jobs,
        min(j.created_at) AS since,
        max(j.id) AS last_job,
        (array_agg(j.error ORDER BY j.id DESC))[1] AS last_error
    FROM deletion_jobs AS j
    WHERE j.status = 'pending' AND j.error IS NOT NULL
    GROUP BY j.entity_table
)

SELECT
    'schedule' AS problem,
    format('slot %s', s.slot) AS subject,
    coalesce(s.last_started_at, s.armed_at) AS since,
    format('%s: %s', s.state, s.why) AS detail,
    s.mend_sql
FROM vw_deletion_schedule AS s
WHERE
    s.state IN ('paused', 'died', 'late', 'off')
    AND EXISTS (SELECT 1 FROM deletion_targets)
UNION ALL
SELECT
    'orphaned',
    format('job %s', p.job_id),
    p.last_step_at,
    format('the worker of %s %s is gone; the next one takes it up', p.entity_table, p.entity_pk),
    format('CALL %s.run_deletion_jobs(NULL, NULL);', h.schema_sql)
FROM vw_deletion_progress AS p
CROSS JOIN home AS h
WHERE p.is_orphaned
UNION ALL
SELECT
    'plan',
    p.entity_table,
    p.compiled_at,
    format('%s: %s', p.error_code, p.error),
    format('CALL %s.compile_deletion_plan(%L);', h.schema_sql, p.entity_table)
FROM deletion_plans AS p
CROSS JOIN home AS h
WHERE p.superseded_at IS NULL AND p.error_code IS NOT NULL
UNION ALL
SELECT
    'right missing',
    n.table_name,
    NULL,
    format(
        'deletion_jobs_owner lacks %s for deletions of %s',
        string_agg(n.privilege, ', ' ORDER BY n.privilege), n.entity_table
    ),
    format(
        'GRANT %s ON %s TO deletion_jobs_owner;',
        string_agg(n.privilege, ', ' ORDER BY n.privilege), n.table_sql
    )
FROM needed AS n
WHERE
    NOT CASE n.privilege
        WHEN 'UPDATE' THEN has_any_column_privilege('deletion_jobs_owner', n.table_oid, 'UPDATE')
        ELSE has_table_privilege('deletion_jobs_owner', n.table_oid, n.privilege)
    END
GROUP BY n.entity_table, n.table_name, n.table_sql
UNION ALL
SELECT
    'index missing',
    format('%s of %s', s.reference_name, s.table_name),
    s.compiled_at,
    format('deletions of %s read the whole table to find its rows', s.entity_table),
    format('CREATE INDEX CONCURRENTLY ON %s (%s);', s.table_sql, (
        SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.ordinality)
        FROM (
            SELECT u.attnum, u.ordinality
            FROM pg_constraint AS f, unnest(f.conkey) WITH ORDINALITY AS u (attnum, ordinality)
            WHERE f.conrelid = s.table_oid AND f.conname = s.reference_name
            UNION ALL
            SELECT w.attnum, u.ordinality
            FROM deletion_references AS d,
                jsonb_array_elements_text(d.child_columns) WITH ORDINALITY AS u (name, ordinality),
                pg_attribute AS w
            WHERE
                d.reference_name = s.reference_name
                AND w.attrelid = s.table_oid AND w.attname = u.name
        ) AS k
        INNER JOIN pg_attribute AS a ON a.attrelid = s.table_oid AND a.attnum = k.attnum
    ))
FROM step AS s
WHERE
    s.kind = 'size'
    -- Both modes need it: one line.
    AND (
        s.hard_delete
        OR NOT EXISTS (
            SELECT 1
            FROM step AS h
            WHERE
                h.hard_delete AND h.kind = 'size' AND h.entity_table = s.entity_table
                AND h.table_name = s.table_name AND h.reference_name = s.reference_name
        )
    )
UNION ALL
SELECT
    'failed',
    f.entity_table,
    f.since,
    format('%s jobs, the last one: %s', f.jobs, f.last_error),
    format(
        'DO $do$ DECLARE v_id bigint; BEGIN FOR v_id IN SELECT id FROM %1$s.vw_deletion_jobs'
        ' WHERE status = ''failed'' AND entity_table = %2$L AND error LIKE %3$L'
        ' LOOP CALL %1$s.retry_deletion(v_id); END LOOP; END $do$;',
        h.schema_sql, f.entity_table, f.code || '%'
    )
FROM failed AS f
CROSS JOIN home AS h
UNION ALL
SELECT
    'retrying',
    r.entity_table,
    r.since,
    format('%s jobs wait to be tried again, the last one: %s', r.jobs, r.last_error),
    format(
        'SELECT * FROM %s.vw_deletion_attempts WHERE job_id = %s ORDER BY attempt_no;',
        h.schema_sql, r.last_job
    )
FROM resting AS r
CROSS JOIN home AS h;

COMMENT ON VIEW vw_deletion_problems IS 'One line for each thing to act on.';
GRANT SELECT ON vw_deletion_problems TO deletion_jobs_operator, deletion_jobs_reader;
-- <<<

-- >>> schema/postgres/views/vw_deletion_health.sql
-- vw_deletion_health
-- The whole in one row, for a monitor.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE VIEW vw_deletion_health AS
WITH due AS (
    SELECT count(*) AS jobs, min(coalesce(j.scheduled_at, j.created_at)) AS oldest_at
    FROM deletion_jobs AS j
    WHERE j.status = 'pending' AND coalesce(j.scheduled_at, j.created_at) <= now()
),

running AS (
    SELECT count(*) AS jobs, count(*) FILTER (WHERE p.is_orphaned) AS orphaned
    FROM vw_deletion_progress AS p
),

failed AS (
    SELECT sum(f.jobs)::bigint AS jobs, jsonb_object_agg(f.cause, f.jobs) AS by_cause
    FROM (
        -- JD006: 7 rows of invoice behind invoice_customer_id_fkey: the code and the reference.
        SELECT
            concat_ws(
                ' ', left(j.error, 5), substring(j.error FROM '^JD006: .* behind (\S+)')
            ) AS cause,
            count(*) AS jobs
        FROM deletion_jobs AS j
        WHERE j.status = 'failed'
        GROUP BY 1
    ) AS f
),

lately AS (
    SELECT
        sum(r.rows_changed) AS changed_rows,
        extract(EPOCH FROM max(r.last_step_at) - min(r.started_at))::numeric AS seconds
    FROM (
        SELECT l.rows_changed, l.started_at, l.last_step_at
        FROM deletion_runs AS l
        ORDER BY l.run_id DESC
        LIMIT 100
    ) AS r
    WHERE r.last_step_at > now() - interval '5 minutes'
)

SELECT
    coalesce(extract(EPOCH FROM now() - d.oldest_at), 0)::bigint AS oldest_due_seconds,
    d.jobs AS due_jobs,
    (SELECT count(*) FROM deletion_jobs AS j WHERE j.status = 'pending') AS pending_jobs,
    r.jobs AS running_jobs,
    r.orphaned AS orphaned_jobs,
    coalesce(f.jobs, 0) AS failed_jobs,
    coalesce(f.by_cause, '{}') AS failed_by_cause,
    coalesce(round(l.changed_rows / greatest(l.seconds, 0.001)), 0)::bigint AS rows_per_second,
    (SELECT max(s.last_started_at) FROM deletion_slots AS s) AS last_tick_at,
    (
        SELECT s.setting_value FROM deletion_settings AS s WHERE s.setting_name = 'paused_reason'
    ) AS paused_reason,
    (SELECT count(*) FROM vw_deletion_problems) AS problems
FROM due AS d
CROSS JOIN running AS r
CROSS JOIN failed AS f
CROSS JOIN lately AS l;

COMMENT ON VIEW vw_deletion_health IS 'One row: backlog, work, failures and speed.';
GRANT SELECT ON vw_deletion_health TO deletion_jobs_operator, deletion_jobs_reader;
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
