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

-- >>> schema/postgres/roles.sql
-- roles.sql
-- Make the roles that are missing, and let the owner create its objects in this schema.
--
-- Run by the installing user, before the first table. A DBA may make the roles beforehand: what
-- exists is left as it is. A role made here says so in its comment, so that only these are
-- dropped again.

DO $roles$
DECLARE
    c_roles CONSTANT text[] := ARRAY[
        'deletion_jobs_owner', 'deletion_jobs_app', 'deletion_jobs_operator',
        'deletion_jobs_reader', 'deletion_jobs_worker'
    ];
    c_texts CONSTANT text[] := ARRAY[
        'owns the objects and holds the rights on application tables; nobody logs in as it',
        'may enqueue and cancel deletions and read the contract''s views',
        'may retry, preview, run, pause and schedule deletions and read all views',
        'may read all views',
        'runs the loop; may log in, as pg_cron demands, but has no password'
    ];
    v_role text;
    v_may_set text := CASE WHEN current_setting('server_version_num')::integer >= 160000
        THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    FOREACH v_role IN ARRAY c_roles LOOP
        CONTINUE WHEN to_regrole(v_role) IS NOT NULL;

        BEGIN
            EXECUTE format(
                'CREATE ROLE %I %s',
                v_role, CASE v_role WHEN 'deletion_jobs_worker' THEN 'LOGIN' ELSE 'NOLOGIN' END
            );
            EXECUTE format(
                'COMMENT ON ROLE %I IS %L',
                v_role,
                'made by deletion-jobs: ' || c_texts[array_position(c_roles, v_role)]
            );

            IF v_role = 'deletion_jobs_worker' THEN
                -- A policy must raise an error instead of hiding rows from a deletion, and a
                -- timeout meant for an application's statements would end the whole loop.
                EXECUTE format('ALTER ROLE %I SET row_security = off', v_role);
                EXECUTE format('ALTER ROLE %I SET statement_timeout = 0', v_role);
            END IF;
        EXCEPTION
            -- Roles belong to the whole server: an installation beside this one was first.
            WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END LOOP;

    IF NOT pg_has_role('deletion_jobs_owner', v_may_set) THEN
        EXECUTE format('GRANT deletion_jobs_owner TO %I', current_user);
    END IF;

    -- What only a DBA with more rights can give is left to him: it is needed for a part alone.
    BEGIN
        -- An operator arms the schedule in the worker's name, who then owns the jobs of pg_cron.
        IF NOT pg_has_role('deletion_jobs_operator', 'deletion_jobs_worker', 'MEMBER') THEN
            GRANT deletion_jobs_worker TO deletion_jobs_operator;
        END IF;
    EXCEPTION
        WHEN insufficient_privilege THEN
            RAISE WARNING 'left to a superuser: GRANT deletion_jobs_worker TO'
                ' deletion_jobs_operator;';
        WHEN unique_violation THEN
            NULL;
    END;

    BEGIN
        -- Without it nobody sees whether a session that holds the lock of another role's run is
        -- still in its call.
        IF NOT pg_has_role('deletion_jobs_owner', 'pg_read_all_stats', 'USAGE') THEN
            GRANT pg_read_all_stats TO deletion_jobs_owner;
        END IF;
    EXCEPTION
        WHEN insufficient_privilege THEN
            RAISE WARNING 'left to a superuser: GRANT pg_read_all_stats TO deletion_jobs_owner;';
        WHEN unique_violation THEN
            NULL;
    END;

    FOREACH v_role IN ARRAY c_roles LOOP
        CONTINUE WHEN has_schema_privilege(v_role, current_schema(), 'USAGE')
            AND v_role <> 'deletion_jobs_owner';
        EXECUTE format(
            'GRANT %s ON SCHEMA %I TO %I',
            CASE v_role WHEN 'deletion_jobs_owner' THEN 'USAGE, CREATE' ELSE 'USAGE' END,
            current_schema(), v_role
        );
    END LOOP;
END;
$roles$;
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

-- No version of before writes marks: what stands here was left by a rollback to one.
DELETE FROM deletion_marks;

-- Soft deletion: what was marked, by which plan, and what became of it.
ALTER TABLE deletion_marks
ADD COLUMN plan_id bigint NOT NULL,
ADD COLUMN key_hash bytea NOT NULL,
ADD COLUMN state text NOT NULL DEFAULT 'held',
ADD CONSTRAINT chk_dm_state CHECK (state IN ('held', 'restored', 'left'));
DROP INDEX idx_dm_job;
CREATE INDEX idx_dm_job ON deletion_marks (job_id, mark_id);
CREATE INDEX idx_dm_row ON deletion_marks (key_hash);
COMMENT ON COLUMN deletion_marks.plan_id IS
'The plan that marked it, and that holds the statement which takes it back.';
COMMENT ON COLUMN deletion_marks.key_hash IS 'Digest of table and key.';
COMMENT ON COLUMN deletion_marks.state IS
'held; restored: taken back; left: the row was gone, or held another value, when it was asked for.';

ALTER TABLE deletion_attempts ADD COLUMN purge_follows boolean NOT NULL DEFAULT FALSE;
COMMENT ON COLUMN deletion_attempts.purge_follows IS
'The target lets the job remove what it marked; FALSE once somebody asks for it.';

-- Since when a target has its key: as far as anybody knows, since it was registered.
ALTER TABLE deletion_targets
ADD COLUMN keyed_at timestamptz(6) NOT NULL DEFAULT clock_timestamp(),
ADD COLUMN key_places jsonb;
COMMENT ON COLUMN deletion_targets.keyed_at IS
'Since when these columns name its rows: older jobs are not retried.';
COMMENT ON COLUMN deletion_targets.key_places IS
'The columns'' numbers in the catalog: tell one that was renamed from another.';
UPDATE deletion_targets AS t
SET keyed_at = t.created_at, key_places = (
    SELECT jsonb_agg(a.attnum ORDER BY k.pos)
    FROM jsonb_array_elements_text(t.key_columns) WITH ORDINALITY AS k (name, pos)
    INNER JOIN pg_namespace AS n ON n.nspname = t.table_schema
    INNER JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = t.table_name
    INNER JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = k.name
);

-- Rules that scrub, and rows that are held.
ALTER TABLE deletion_rules ADD COLUMN scrub jsonb;
COMMENT ON COLUMN deletion_rules.scrub IS
'What scrub sets beside the reference: an object, column to its value as text or NULL.';
COMMENT ON COLUMN deletion_rules.action IS
'The action that holds: cascade, set_null, set_default, scrub, restrict, or keep if declared.';
ALTER TABLE deletion_rules DROP CONSTRAINT chk_dru_action;
ALTER TABLE deletion_rules ADD CONSTRAINT chk_dru_action
CHECK (action IN ('cascade', 'set_null', 'set_default', 'scrub', 'restrict', 'keep'));
ALTER TABLE deletion_rules ADD CONSTRAINT chk_dru_scrub
CHECK ((action = 'scrub') = (scrub IS NOT NULL));

-- Rules know the table that their reference leads to; where the catalog does not tell, any.
ALTER TABLE deletion_rules
ADD COLUMN parent_schema varchar(64),
ADD COLUMN parent_table varchar(64),
ADD CONSTRAINT chk_dru_parent CHECK ((parent_schema IS NULL) = (parent_table IS NULL));
COMMENT ON COLUMN deletion_rules.parent_schema IS
'Schema of the table that the reference leads to; NULL: not known, any.';
COMMENT ON COLUMN deletion_rules.parent_table IS
'The table that the reference leads to: for another one the rule does not hold; NULL: any.';
UPDATE deletion_rules AS r
SET parent_schema = pn.nspname, parent_table = p.relname
FROM pg_constraint AS k
INNER JOIN pg_class AS c ON c.oid = k.conrelid
INNER JOIN pg_namespace AS cn ON cn.oid = c.relnamespace
INNER JOIN pg_class AS p ON p.oid = k.confrelid
INNER JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
WHERE
    k.contype = 'f' AND k.conparentid = 0 AND k.conname = r.reference_name
    AND cn.nspname = r.child_schema AND c.relname = r.child_table;
UPDATE deletion_rules AS r
SET parent_schema = d.parent_schema, parent_table = d.parent_table
FROM deletion_references AS d
WHERE
    r.parent_table IS NULL AND d.reference_name = r.reference_name
    AND d.child_schema = r.child_schema AND d.child_table = r.child_table;

ALTER TABLE deletion_receipts DROP CONSTRAINT chk_drec_action;
ALTER TABLE deletion_receipts ADD CONSTRAINT chk_drec_action
CHECK (action IN (
    'delete', 'set_null', 'set_default', 'scrub', 'root_not_found', 'mark', 'restore'
));
COMMENT ON COLUMN deletion_receipts.action IS
'delete, set_null, set_default, scrub, mark, restore; root_not_found: it was gone already.';
DROP INDEX idx_dwk_open;
-- Statistics of scratch are those of another walk, or of none: by them all indexes cost the same.
-- So no look can be answered by two: one for rows of a state names these expressions, one for a
-- single key the columns of the primary key. Each would read all rows of a walk for the other.
CREATE INDEX idx_dwk_open ON deletion_walk_keys ((walk_id + 0), (node_no + 0))
WHERE NOT is_expanded;
CREATE INDEX idx_dwk_seen ON deletion_walk_keys ((walk_id + 0), (node_no + 0))
WHERE is_expanded;
ALTER TABLE deletion_walk_keys DROP CONSTRAINT chk_dwk_fate;
ALTER TABLE deletion_walk_keys ADD CONSTRAINT chk_dwk_fate
CHECK (fate IN (
    'delete', 'set_null', 'set_default', 'scrub', 'restrict', 'keep', 'held', 'stack'
));
COMMENT ON COLUMN deletion_walk_keys.fate IS
'What would become of the row: delete, set_null, set_default, scrub, restrict or keep; held: it '
'is, or stands above a row that is; stack: it is on the stack of a run with care for circles.';

-- The steps of plans of hundreds of tables are found by an index.
CREATE INDEX IF NOT EXISTS idx_dps_parent
ON deletion_plan_steps (plan_id, parent_node_no, edge_no);
CREATE INDEX IF NOT EXISTS idx_dps_edge
ON deletion_plan_steps (plan_id, edge_no, kind);
ALTER TABLE deletion_plan_steps ADD COLUMN set_order smallint NOT NULL DEFAULT 0;
COMMENT ON COLUMN deletion_plan_steps.set_order IS
'Place among the references that are set when nothing else can go; 0: with others.';

-- === schema/postgres/tables/deletion_targets.sql c2f23ca6193751acdb6a1031ff95c05b608236034941e62170b2dfc82d393599  -- noqa: LT05
-- === schema/postgres/tables/deletion_rules.sql a4c2e6b35e7e7c33d58304088e1f8df0566749688da3bd4fee6756c8f976a2da  -- noqa: LT05
-- === schema/postgres/tables/deletion_plan_steps.sql ab4ad6fec476f438a8ed5c7169306890f34d29b532de1816e587bb03fedc33a0  -- noqa: LT05
-- === schema/postgres/tables/deletion_attempts.sql 46053eaf40f6484e57bb2b57856dcd9a0fbf43a5061ee8914e21a80adede1d48  -- noqa: LT05
-- === schema/postgres/tables/deletion_receipts.sql 1d6f590895e4e4ce084250ad1e3e16f3851c85e84a077bbe023a3c76dafc6f68  -- noqa: LT05
-- === schema/postgres/tables/deletion_marks.sql 3179bc3ed10b06649c40a8cdc3cf27f879416621c75f87a7775bb7e71fa9a271  -- noqa: LT05
-- === schema/postgres/tables/deletion_walk_keys.sql 936b73a485245c6f4b47d9aa51083d671569d4afb80580827d4e2e2a6268cc55  -- noqa: LT05

-- >>> drop
DROP FUNCTION IF EXISTS deletion_add_receipts;
DROP FUNCTION IF EXISTS deletion_sql_drain;
DROP FUNCTION IF EXISTS deletion_references_to;
DROP FUNCTION IF EXISTS deletion_plan_cycle;
DROP PROCEDURE IF EXISTS set_deletion_rule;
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
-- Rows that a wide frame's reference leads to, found at once: where they lay. They are dropped when
-- all have been taken.
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

COMMENT ON TABLE deletion_found_rows IS 'One row for a thousand rows found for a wide frame.';
COMMENT ON COLUMN deletion_found_rows.run_id IS 'The run.';
COMMENT ON COLUMN deletion_found_rows.depth IS 'The frame''s place on the stack.';
COMMENT ON COLUMN deletion_found_rows.part_no IS 'The order in which they go.';
COMMENT ON COLUMN deletion_found_rows.row_ids IS
'Where the rows lay. Whoever deletes them looks once more whether they hang from the frame.';
-- <<<

-- >>> schema/postgres/tables/deletion_holds.sql
-- deletion_holds
-- Rows that must not be deleted, for how long and why; those that are over are the history.
--
-- While a step of a run looks at them it holds the table ROW SHARE, and whoever places a hold takes
-- it EXCLUSIVE: so no step is at work while a hold comes, and holds come in the order of their ids.

CREATE TABLE deletion_holds (
    hold_id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    table_name text NOT NULL,
    row_pk text NOT NULL,
    key_columns jsonb NOT NULL,
    row_seen_at timestamptz(6),
    held_until timestamptz(6),
    reason text NOT NULL,
    held_by text NOT NULL,
    held_at timestamptz(6) NOT NULL DEFAULT current_timestamp,
    released_by text,
    released_at timestamptz(6),
    CONSTRAINT chk_dh_released CHECK ((released_at IS NULL) = (released_by IS NULL))
);

-- The same text by other columns is another row.
CREATE UNIQUE INDEX uq_dh_row ON deletion_holds (table_name, row_pk, key_columns)
WHERE released_at IS NULL;

COMMENT ON TABLE deletion_holds IS 'One row for each hold that was placed on a row.';
COMMENT ON COLUMN deletion_holds.hold_id IS 'The hold''s number.';
COMMENT ON COLUMN deletion_holds.table_name IS 'The table, named as targets are.';
COMMENT ON COLUMN deletion_holds.row_pk IS
'The row''s key as its primary key prints; a composite one as a JSON array.';
COMMENT ON COLUMN deletion_holds.key_columns IS
'The columns that row_pk is the value of, a JSON array: the table''s key when the hold was placed.';
COMMENT ON COLUMN deletion_holds.row_seen_at IS
'When the row was seen first; NULL: it was not there yet.';
COMMENT ON COLUMN deletion_holds.held_until IS 'When it ends by itself; NULL: it does not.';
COMMENT ON COLUMN deletion_holds.reason IS 'Why the row is held.';
COMMENT ON COLUMN deletion_holds.held_by IS 'The account that placed it.';
COMMENT ON COLUMN deletion_holds.held_at IS 'When it was placed.';
COMMENT ON COLUMN deletion_holds.released_by IS
'The account that released it, or placed another in its stead.';
COMMENT ON COLUMN deletion_holds.released_at IS 'When that was; NULL: not released.';
-- <<<

-- >>> schema/postgres/tables/deletion_walk_links.sql
-- deletion_walk_links
-- Scratch of checks: which rows of a walk hang from which, where rows could go in a circle. What is
-- let go of stays for the run.

CREATE TABLE deletion_walk_links (
    walk_id bigint NOT NULL,
    job_id bigint NOT NULL,
    parent_node_no integer NOT NULL,
    parent_hash bytea NOT NULL,
    child_node_no integer NOT NULL,
    child_hash bytea NOT NULL,
    edge_no integer NOT NULL,
    is_let_go boolean NOT NULL DEFAULT FALSE,
    PRIMARY KEY (
        walk_id, job_id, parent_node_no, parent_hash, child_node_no, child_hash, edge_no
    )
);

-- Expressions, as in deletion_walk_keys: a look at a parent's links cannot take this index, nor one
-- at a child's the primary key, both of which would read all links of a walk.
CREATE INDEX idx_dwl_child ON deletion_walk_links (
    (walk_id + 0), (job_id + 0), (child_node_no + 0), (child_hash || '')
);

COMMENT ON TABLE deletion_walk_links IS
'One row for each pair of rows of a walk that a reference ties by which rows could go in a circle.';
COMMENT ON COLUMN deletion_walk_links.walk_id IS 'The run.';
COMMENT ON COLUMN deletion_walk_links.job_id IS 'The job that both rows were met for.';
COMMENT ON COLUMN deletion_walk_links.parent_node_no IS 'The plan''s table that the parent is of.';
COMMENT ON COLUMN deletion_walk_links.parent_hash IS 'Digest of the parent''s key.';
COMMENT ON COLUMN deletion_walk_links.child_node_no IS 'The plan''s table that the child is of.';
COMMENT ON COLUMN deletion_walk_links.child_hash IS 'Digest of the child''s key.';
COMMENT ON COLUMN deletion_walk_links.edge_no IS 'The reference by which it is the child.';
COMMENT ON COLUMN deletion_walk_links.is_let_go IS
'The child goes after its parent: the run may set this reference NULL, since another leads to it.';
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

-- An expression, as in deletion_walk_keys: by the primary key a look at what is open would read all
-- that is done.
CREATE INDEX idx_dsk_open ON deletion_soft_keys ((job_id + 0), edge_no) WHERE NOT is_done;

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

-- >>> procedures/postgres/admin/retry_deletion.sql
-- retry_deletion
-- Make a failed or cancelled job pending again, with all its attempts before it.
--
-- Parameters  p_job_id   the job
-- Errors      JD001 no such job; JD002 NULL; JD003 the job did not fail and was not cancelled, or
--             was asked when other columns named the target's rows
-- Writes      deletion_jobs (one row), deletion_attempts     Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL retry_deletion(42);

CREATE OR REPLACE PROCEDURE retry_deletion(p_job_id bigint)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $retry_deletion$
DECLARE
    v_status text;
BEGIN
    IF p_job_id IS NULL THEN
        PERFORM deletion_raise('JD002', 'retry_deletion', 'p_job_id is NULL', NULL);
    END IF;

    SELECT j.status INTO v_status FROM deletion_jobs AS j WHERE j.id = p_job_id FOR UPDATE;

    IF v_status IS NULL THEN
        PERFORM deletion_raise('JD001', 'retry_deletion', 'no such job', p_job_id::text);
    ELSIF v_status NOT IN ('failed', 'cancelled') THEN
        PERFORM deletion_raise(
            'JD003', 'retry_deletion', format('job is %s', v_status), p_job_id::text
        );
    END IF;

    -- Its key would come to mean another row.
    IF EXISTS (
        SELECT 1
        FROM deletion_jobs AS j
        INNER JOIN deletion_targets AS t ON t.entity_table = deletion_target_name(j.entity_table)
        WHERE j.id = p_job_id AND j.created_at < t.keyed_at
    ) THEN
        PERFORM deletion_raise(
            'JD003', 'retry_deletion', 'asked when the target had another key: ask anew',
            p_job_id::text
        );
    END IF;

    PERFORM deletion_keep_asked(p_job_id);

    UPDATE deletion_attempts AS a
    SET is_past = TRUE
    WHERE a.job_id = p_job_id AND NOT a.is_past;

    UPDATE deletion_jobs AS j
    SET
        status = 'pending',
        scheduled_at = NULL,
        started_at = NULL,
        finished_at = NULL,
        error = NULL
    WHERE j.id = p_job_id;
END;
$retry_deletion$;

COMMENT ON PROCEDURE retry_deletion(bigint) IS
'Make a failed or cancelled job pending again, with all its attempts before it.';
REVOKE ALL ON PROCEDURE retry_deletion(bigint) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE retry_deletion(bigint) TO deletion_jobs_operator;
-- <<<

-- >>> procedures/postgres/admin/preview_deletion.sql
-- preview_deletion
-- Say, table by table, what deleting a row would do; nothing is changed.
--
-- Parameters  p_table   the target                 p_pk   key of the row
-- Returns     table_name, action (delete, set_null, set_default, scrub, restrict, keep, held,
--             circle, root_not_found), reference_name (of what blocks or is kept, and of the rows
--             of a circle that nothing opens), row_count, is_at_least (the walk was cut short)
-- Errors      JD002 NULL, or a key that does not parse; JD004 the table is no target; JD005,
--             JD007 as the plan's; JD006 the table of a hold is not found;
--             42501 a right or a policy is in the way
-- Writes      deletion_walk_keys, deletion_walk_links, emptied again     Commits  no
-- Execute     deletion_jobs_operator
-- Example     SELECT * FROM preview_deletion('users', '42');

CREATE OR REPLACE FUNCTION preview_deletion(
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
-- As for a run's steps: the statements are the same. No setting that is changed within leaves it.
SET row_security = off
SET jit = off
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_bitmapscan = off
SET enable_nestloop = on
SET enable_indexscan = on
SET enable_tidscan = on
SET timezone = 'UTC'
SET datestyle = 'ISO'
SET intervalstyle = 'postgres'
SET bytea_output = 'hex'
AS $preview_deletion$
DECLARE
    v_walk_id CONSTANT bigint := -pg_backend_pid();
    v_plan deletion_plans;
    v_plan_id bigint;
    v_error text;
    v_read bigint := 0;
    v_total bigint := 0;
    v_until timestamptz := clock_timestamp()
    + make_interval(secs => deletion_setting_int('run_seconds'));
    v_keys jsonb;
    v_sql text;
    v_is_cut boolean;
    v_fates jsonb;
    v_circle record;
BEGIN
    v_plan := deletion_usable_plan('preview_deletion', p_table);
    v_plan_id := v_plan.plan_id;
    v_error := deletion_missing_privilege(v_plan_id);

    IF v_error IS NOT NULL THEN
        PERFORM deletion_raise('42501', 'preview_deletion', v_error, NULL);
    END IF;

    v_error := substr(deletion_missing_identity(v_plan_id), 8);

    IF v_error IS NOT NULL THEN
        PERFORM deletion_raise('JD005', 'preview_deletion', v_error, NULL);
    END IF;

    v_error := deletion_lost_hold();

    IF v_error IS NOT NULL THEN
        PERFORM deletion_raise(
            'JD006', 'preview_deletion', 'the table of a hold is not found', substr(v_error, 8)
        );
    END IF;

    SELECT s.sql_text INTO STRICT v_sql
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = v_plan_id AND s.kind = 'roots';
    EXECUTE v_sql INTO v_keys USING jsonb_build_array(jsonb_build_object(
        'j', 0, 'pk', deletion_parse_key(v_plan.entity_table, p_pk, 'preview_deletion')
    ));

    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = v_walk_id;
    DELETE FROM deletion_walk_links AS l WHERE l.walk_id = v_walk_id;
    v_is_cut := NOT deletion_preview_held(v_walk_id, v_plan_id, v_keys, v_until);
    PERFORM deletion_seed_walk(v_walk_id, v_keys);

    LOOP
        v_read := deletion_walk(v_walk_id, v_plan_id, TRUE);
        EXIT WHEN v_read IS NULL;
        v_total := v_total + v_read;
        EXIT WHEN v_total >= deletion_setting_int('preview_rows') OR clock_timestamp() >= v_until;
    END LOOP;

    v_is_cut := v_is_cut OR v_read IS NOT NULL;
    PERFORM deletion_walk_defaults(v_walk_id, v_plan_id);
    v_fates := (SELECT jsonb_agg(f) FROM deletion_fates(v_walk_id, v_plan_id) AS f);

    -- Of a walk that was cut short nobody knows which circles others open.
    IF v_read IS NULL THEN
        v_circle := deletion_preview_circle(v_walk_id, v_plan_id, v_until);
        v_is_cut := v_is_cut OR NOT v_circle.p_is_over;
        v_fates := v_fates || (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'table_name', c.value -> 't', 'action', 'circle', 'reference_name', c.value -> 'r',
                'row_count', c.value -> 'n'
            )), '[]')
            FROM jsonb_array_elements(v_circle.p_found) AS c
        );
    END IF;

    RETURN QUERY
    SELECT f.*, v_is_cut
    FROM jsonb_to_recordset(v_fates) AS f (
        table_name text, action text, reference_name text, row_count bigint
    )
    ORDER BY 1, 2, 3;
    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = v_walk_id;
    DELETE FROM deletion_walk_links AS l WHERE l.walk_id = v_walk_id;
END;
$preview_deletion$;

COMMENT ON FUNCTION preview_deletion(text, text) IS
'What deleting a row would do, table by table; nothing is changed.';
REVOKE ALL ON FUNCTION preview_deletion(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION preview_deletion(text, text) TO deletion_jobs_operator;
-- <<<

-- >>> procedures/postgres/admin/hold_deletion.sql
-- hold_deletion
-- Hold one row: no job deletes it, nor anything it would be deleted with, until the hold is over.
--
-- Parameters  p_table   any table that jobs may reach, not only a target
--             p_pk      the row's primary key; a composite one as a JSON array in key order
--             p_until   when the hold ends by itself; NULL: when it is released
--             p_reason  why
-- Errors      JD002 NULL, a key that does not parse, a time that is past, no reason; JD005 no such
--             table, no key, one of ours; the engine's where the owner may not read the table
-- Writes      deletion_holds                       Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL hold_deletion('invoice', '42', '2027-01-01', 'tax audit');
--
-- A hold in its place ends. It waits for the steps that are at work, and they wait for it: commit.

CREATE OR REPLACE PROCEDURE hold_deletion(
    p_table text,
    p_pk text,
    p_until timestamptz,
    p_reason text
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $hold_deletion$
DECLARE
    c_verb CONSTANT text := 'hold_deletion';
    v_table regclass;
    v_name text;
    v_pk text;
    v_columns jsonb;
BEGIN
    IF p_table IS NULL OR p_pk IS NULL THEN
        PERFORM deletion_raise('JD002', c_verb, 'table or key is NULL', NULL);
    ELSIF coalesce(p_reason, '') !~ '\S' THEN
        PERFORM deletion_raise('JD002', c_verb, 'p_reason is NULL or empty', NULL);
    ELSIF p_until <= clock_timestamp() THEN
        PERFORM deletion_raise('JD002', c_verb, 'p_until is past', p_until::text);
    END IF;

    v_table := deletion_find_table(p_table, c_verb);

    IF deletion_is_ours(v_table) THEN
        PERFORM deletion_raise('JD005', c_verb, 'table belongs to deletion-jobs', p_table);
    END IF;

    v_name := deletion_entity_name(v_table);
    v_pk := deletion_row_key(v_table, p_pk, c_verb);
    v_columns := deletion_table_key(v_table);

    LOCK TABLE deletion_holds IN EXCLUSIVE MODE;
    UPDATE deletion_holds AS h
    SET released_at = clock_timestamp(), released_by = session_user
    WHERE
        h.table_name = v_name AND h.row_pk = v_pk AND h.key_columns = v_columns
        AND h.released_at IS NULL;
    -- No step is at work now: a row that is there stays until it is looked at next.
    INSERT INTO deletion_holds (
        table_name, row_pk, key_columns, row_seen_at, held_until, reason, held_by, held_at
    )
    VALUES (
        v_name, v_pk, v_columns,
        CASE WHEN deletion_row_seen(v_table, v_columns, v_pk) THEN clock_timestamp() END,
        p_until, p_reason, session_user, clock_timestamp()
    );
END;
$hold_deletion$;

COMMENT ON PROCEDURE hold_deletion(text, text, timestamptz, text) IS
'Hold one row: no job deletes it, nor anything it would be deleted with, until the hold is over.';
REVOKE ALL ON PROCEDURE hold_deletion(text, text, timestamptz, text) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE hold_deletion(text, text, timestamptz, text)
TO deletion_jobs_operator;
-- <<<

-- >>> procedures/postgres/admin/release_deletion_hold.sql
-- release_deletion_hold
-- Let go of a row that is held; jobs that it stopped go on by retry_deletion.
--
-- Parameters  p_table   the table                  p_pk   the row's primary key, or what
--             vw_deletion_holds shows of one that was held by a key that the table has no more
-- Errors      JD002 NULL, a key that does not parse, no hold on the row
-- Writes      deletion_holds (one row)             Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL release_deletion_hold('invoice', '42');

CREATE OR REPLACE PROCEDURE release_deletion_hold(
    p_table text,
    p_pk text
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $release_deletion_hold$
DECLARE
    c_verb CONSTANT text := 'release_deletion_hold';
    v_name text[] := deletion_split_name(p_table);
    v_table oid;
    v_pk text;
BEGIN
    IF p_table IS NULL OR p_pk IS NULL THEN
        PERFORM deletion_raise('JD002', c_verb, 'table or key is NULL', NULL);
    END IF;

    SELECT c.oid INTO v_table
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = v_name[1] AND c.relname = v_name[2];

    -- A hold can be released when its table is gone, or its key: by what the view shows.
    IF v_table IS NOT NULL THEN
        BEGIN
            v_pk := deletion_row_key(v_table, p_pk, c_verb);
        EXCEPTION
            WHEN SQLSTATE 'JD002' OR SQLSTATE 'JD005' THEN
                v_pk := NULL;
        END;
    END IF;

    UPDATE deletion_holds AS h
    SET released_at = clock_timestamp(), released_by = session_user
    WHERE h.hold_id = (
        SELECT d.hold_id
        FROM deletion_holds AS d
        CROSS JOIN LATERAL (
            SELECT d.row_pk = v_pk AND d.key_columns = deletion_table_key(v_table) AS is_of_now
        ) AS k
        WHERE
            d.table_name = coalesce(deletion_entity_name(v_table), p_table)
            AND d.released_at IS NULL
            AND (k.is_of_now OR d.row_pk = p_pk)
        ORDER BY k.is_of_now DESC NULLS LAST, d.hold_id
        LIMIT 1
    );

    IF NOT FOUND THEN
        -- What is no key at all is told as such.
        PERFORM deletion_row_key(v_table, p_pk, c_verb) WHERE v_table IS NOT NULL;
        PERFORM deletion_raise('JD002', c_verb, format('no hold on %s', left(p_table, 64)), p_pk);
    END IF;
END;
$release_deletion_hold$;

COMMENT ON PROCEDURE release_deletion_hold(text, text) IS
'Let go of a row that is held; jobs that it stopped go on by retry_deletion.';
REVOKE ALL ON PROCEDURE release_deletion_hold(text, text) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE release_deletion_hold(text, text) TO deletion_jobs_operator;
-- <<<

-- >>> procedures/postgres/admin/preview_soft_deletion.sql
-- preview_soft_deletion
-- Say, table by table, how many rows a soft deletion would mark; nothing is changed.
--
-- Parameters  p_table   the target                 p_pk   key of the row
-- Returns     table_name, action (mark, held, root_not_found), reference_name (always NULL),
--             row_count, is_at_least (the walk was cut short)
-- Errors      JD002 NULL, or a key that does not parse; JD004 the table is no target; JD005, JD011
--             as the plan's; JD006 the table of a hold is not found;
--             42501 a right or a policy is in the way
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
-- As for a run's steps: the statements are the same. No setting that is changed within leaves it.
SET row_security = off
SET jit = off
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_bitmapscan = off
SET enable_nestloop = on
SET enable_indexscan = on
SET enable_tidscan = on
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
    v_is_cut boolean;
    v_until timestamptz := clock_timestamp()
    + make_interval(secs => deletion_setting_int('run_seconds'));
BEGIN
    v_plan := deletion_soft_plan(c_verb, p_table);
    v_plan_id := v_plan.plan_id;
    v_error := deletion_missing_privilege(v_plan_id);

    IF v_error IS NOT NULL THEN
        PERFORM deletion_raise('42501', c_verb, v_error, NULL);
    END IF;

    v_error := substr(deletion_missing_identity(v_plan_id), 8);

    IF v_error IS NOT NULL THEN
        PERFORM deletion_raise('JD005', 'preview_soft_deletion', v_error, NULL);
    END IF;

    v_error := deletion_lost_hold();

    IF v_error IS NOT NULL THEN
        PERFORM deletion_raise(
            'JD006', c_verb, 'the table of a hold is not found', substr(v_error, 8)
        );
    END IF;

    SELECT s.sql_text INTO STRICT v_sql
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = v_plan_id AND s.kind = 'roots';
    EXECUTE v_sql INTO v_keys USING jsonb_build_array(jsonb_build_object(
        'j', 0, 'pk', deletion_parse_key(v_plan.entity_table, p_pk, c_verb)
    ));

    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = v_walk_id;
    v_is_cut := NOT deletion_preview_held(v_walk_id, v_plan_id, v_keys, v_until);
    PERFORM deletion_seed_walk(v_walk_id, v_keys);

    LOOP
        v_read := deletion_walk(v_walk_id, v_plan_id, TRUE);
        EXIT WHEN v_read IS NULL;
        v_total := v_total + v_read;
        EXIT WHEN v_total >= deletion_setting_int('preview_rows');
    END LOOP;

    RETURN QUERY
    SELECT
        f.*, NULL::text, count(*) FILTER (WHERE f.action <> 'root_not_found'),
        v_is_cut OR v_read IS NOT NULL
    FROM (
        SELECT n.table_name, CASE WHEN w.keys ? 'm' THEN 'root_not_found' ELSE 'mark' END AS action
        FROM deletion_walk_keys AS w
        INNER JOIN deletion_plan_steps AS n
            ON n.plan_id = v_plan_id AND n.kind = 'restore' AND n.node_no = w.node_no
        INNER JOIN deletion_soft_columns AS c
            ON deletion_entity_name(to_regclass(format('%I.%I', c.table_schema, c.table_name)))
                = n.table_name
        WHERE w.walk_id = v_walk_id AND w.fate <> 'held' AND NOT EXISTS (
            SELECT 1
            FROM deletion_walk_keys AS h
            WHERE
                h.walk_id = v_walk_id AND h.job_id = w.job_id AND h.fate = 'held'
                AND h.node_no = w.node_no AND h.key_hash = w.key_hash
            OFFSET 0
        ) AND (w.keys ? 'm' OR CASE c.kind
            WHEN 'timestamp' THEN w.keys ->> 's' IS NULL
            -- As texts: nothing says that a row is compared with its own table's column first.
            WHEN 'boolean' THEN w.keys ->> 's' IS DISTINCT FROM 'true'
            ELSE w.keys ->> 's' IS DISTINCT FROM c.mark_value::text
        END)
        UNION ALL
        SELECT n.table_name, 'held'
        FROM deletion_walk_keys AS w
        CROSS JOIN LATERAL (
            SELECT s.table_name
            FROM deletion_plan_steps AS s
            WHERE s.plan_id = v_plan_id AND s.kind = 'held' AND s.node_no = w.node_no
            LIMIT 1
        ) AS n
        WHERE w.walk_id = v_walk_id AND w.fate = 'held'
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
        PERFORM deletion_recover();
        COMMIT;
        SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
        PERFORM pg_catalog.set_config('search_path', v_path, TRUE);
        v_run_id := NULL;
        SELECT c.run_id, c.token, c.job_count INTO v_run_id, v_token, v_job_count
        FROM deletion_claim(p_slot, NULL) AS c;
        COMMIT;
        SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
        PERFORM pg_catalog.set_config('search_path', v_path, TRUE);
        EXIT WHEN v_run_id IS NULL;
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

-- >>> procedures/postgres/admin/run_deletion_job.sql
-- run_deletion_job
-- Work one pending deletion job now, in the foreground, whenever it was scheduled for.
--
-- Parameters  p_job_id   the job
--             p_status   OUT: the job's status afterwards
--             p_home     leave it out: the installation this procedure belongs to
-- Errors      JD001 no such job; JD002 NULL; JD003 the job is not pending;
--             57014 the call was cancelled
-- Writes      the application's tables, and all tables of runs and jobs     Commits  yes
-- Execute     deletion_jobs_operator
-- Example     CALL run_deletion_job(42, NULL);

CREATE OR REPLACE PROCEDURE run_deletion_job(
    p_job_id bigint,
    INOUT p_status text,
    p_home regclass DEFAULT 'deletion_jobs'::regclass
)
LANGUAGE plpgsql
SECURITY INVOKER
AS $run_deletion_job$
DECLARE
    v_path text := (
        SELECT pg_catalog.format('%I, pg_temp', n.nspname)
        FROM pg_catalog.pg_class AS c
        INNER JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
        WHERE c.oid OPERATOR(pg_catalog.=) p_home::pg_catalog.oid
    );
    v_run_id bigint;
    v_token uuid;
    v_state text := 'ended';
BEGIN
    PERFORM pg_catalog.set_config('search_path', v_path, TRUE);

    IF p_job_id IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'JD002', MESSAGE = 'run_deletion_job: the job is NULL';
    END IF;

    PERFORM deletion_enter(NULL, NULL);
    PERFORM deletion_recover();
    COMMIT;
    -- Every statement has to see what was committed while the one before it waited for locks: a
    -- hold, or a child that came late. The session's own level may be another.
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    PERFORM pg_catalog.set_config('search_path', v_path, TRUE);
    SELECT c.run_id, c.token INTO v_run_id, v_token FROM deletion_claim(NULL, p_job_id) AS c;
    COMMIT;
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;

    IF v_token IS NOT NULL THEN
        CALL deletion_work(v_run_id, v_token, 'infinity', v_path, v_state);
    END IF;

    PERFORM pg_catalog.set_config('search_path', v_path, TRUE);

    IF v_state = 'interrupted' THEN
        COMMIT;
        RAISE EXCEPTION USING
            ERRCODE = 'query_canceled',
            MESSAGE = 'run_deletion_job: cancelled; the job has returned to the queue';
    END IF;

    p_status := deletion_job_status(p_job_id);
END;
$run_deletion_job$;

COMMENT ON PROCEDURE run_deletion_job(bigint, text, regclass) IS
'Work one pending deletion job now, in the foreground, whenever it was scheduled for.';
REVOKE ALL ON PROCEDURE run_deletion_job(bigint, text, regclass) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE run_deletion_job(bigint, text, regclass) TO deletion_jobs_operator;
-- <<<

-- >>> procedures/postgres/admin/pause_deletions.sql
-- pause_deletions
-- Let all workers of this installation rest, from their next batch on.
--
-- Parameters  p_reason   why; shown where somebody asks what they wait for
-- Errors      JD002 no reason
-- Writes      deletion_settings (one row)          Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL pause_deletions('nightly load');

CREATE OR REPLACE PROCEDURE pause_deletions(p_reason text)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $pause_deletions$
BEGIN
    IF coalesce(p_reason, '') !~ '[^[:space:]]' THEN
        PERFORM deletion_raise('JD002', 'pause_deletions', 'p_reason is NULL or empty', NULL);
    END IF;

    UPDATE deletion_settings AS s
    SET setting_value = p_reason
    WHERE s.setting_name = 'paused_reason';
END;
$pause_deletions$;

COMMENT ON PROCEDURE pause_deletions(text) IS
'Let all workers of this installation rest, from their next batch on.';
REVOKE ALL ON PROCEDURE pause_deletions(text) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE pause_deletions(text) TO deletion_jobs_operator;
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

    INSERT INTO deletion_targets AS t (
        entity_table, table_schema, table_name, key_columns, key_types, plain_key, max_rows,
        key_places
    )
    SELECT
        v_entity_table,
        n.nspname,
        c.relname,
        v_columns,
        v_types,
        deletion_plain_key(v_types),
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
        max_rows = excluded.max_rows,
        keyed_at = CASE WHEN v_is_same THEN t.keyed_at ELSE clock_timestamp() END,
        key_places = excluded.key_places;
END;
$register_deletion_target$;

COMMENT ON PROCEDURE register_deletion_target(text, jsonb, bigint) IS
'Allow deletions from a table, and fix the key by which its rows are named.';
REVOKE ALL ON PROCEDURE register_deletion_target(text, jsonb, bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/admin/declare_deletion_reference.sql
-- declare_deletion_reference
-- Declare that columns point at another table, where the catalog has no foreign key for it.
--
-- Parameters  p_name                   the reference's name; again: changes it
--             p_child_table            the table that refers
--             p_child_columns          its columns, a JSON array
--             p_parent_table           the table referred to
--             p_parent_columns         the columns of a unique key of it, in the same order
--             p_action                 cascade, set_null, set_default, restrict or keep;
--                                      NULL: forget the reference
--             p_discriminator_column   child column that tells which table is meant, or NULL
--             p_discriminator_value    its value that means this parent, or NULL
-- Errors      JD002 what does not fit; JD005 no such table
-- Writes      deletion_references (one row), deletion_rules     Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL declare_deletion_reference('comment_post', 'comment', '["about_id"]',
--             'post', '["id"]', 'cascade', 'about_type', 'Post');

CREATE OR REPLACE PROCEDURE declare_deletion_reference(
    p_name text,
    p_child_table text DEFAULT NULL,
    p_child_columns jsonb DEFAULT NULL,
    p_parent_table text DEFAULT NULL,
    p_parent_columns jsonb DEFAULT NULL,
    p_action text DEFAULT NULL,
    p_discriminator_column text DEFAULT NULL,
    p_discriminator_value text DEFAULT NULL
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $declare_deletion_reference$
DECLARE
    c_verb CONSTANT text := 'declare_deletion_reference';
    v_child regclass;
    v_parent regclass;
    v_what text;
BEGIN
    v_what := CASE
        WHEN coalesce(p_name, '') = '' THEN 'p_name is NULL or empty'
        WHEN length(p_name) > 64 THEN 'p_name is longer than 64 characters'
        WHEN p_action IS NULL THEN NULL
        WHEN p_action NOT IN ('cascade', 'set_null', 'set_default', 'restrict', 'keep')
            THEN 'no such action'
        WHEN p_child_table IS NULL OR p_parent_table IS NULL THEN 'a table is NULL'
    END;

    IF v_what IS NOT NULL THEN
        PERFORM deletion_raise('JD002', c_verb, v_what, coalesce(p_action, p_name));
    END IF;

    IF p_action IS NOT NULL THEN
        v_child := deletion_find_table(p_child_table, c_verb);
        v_parent := deletion_find_table(p_parent_table, c_verb);
        v_what := deletion_reference_problem(
            p_name, v_child, deletion_columns(v_child, p_child_columns), v_parent,
            deletion_columns(v_parent, p_parent_columns), p_discriminator_column,
            p_discriminator_value
        );
    END IF;

    IF v_what IS NOT NULL THEN
        PERFORM deletion_raise('JD002', c_verb, v_what, p_name);
    END IF;

    -- A rule is about the reference as it was: it goes where the child is another one.
    DELETE FROM deletion_rules AS r
    USING deletion_references AS d
    WHERE
        d.reference_name = p_name AND r.reference_name = p_name
        AND r.child_schema = d.child_schema AND r.child_table = d.child_table
        AND NOT EXISTS (
            SELECT 1
            FROM pg_class AS c
            INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
            WHERE
                c.oid = v_child AND n.nspname = d.child_schema AND c.relname = d.child_table
        );

    DELETE FROM deletion_references AS d WHERE d.reference_name = p_name;

    INSERT INTO deletion_references (
        reference_name, child_schema, child_table, child_columns, parent_schema, parent_table,
        parent_columns, discriminator_column, discriminator_value, action
    )
    SELECT
        p_name, cn.nspname, c.relname, p_child_columns, pn.nspname, p.relname,
        p_parent_columns, p_discriminator_column, p_discriminator_value, p_action
    FROM pg_class AS c
    INNER JOIN pg_namespace AS cn ON cn.oid = c.relnamespace
    INNER JOIN pg_class AS p ON p.oid = v_parent
    INNER JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
    WHERE c.oid = v_child;
END;
$declare_deletion_reference$;

COMMENT ON PROCEDURE
declare_deletion_reference(text, text, jsonb, text, jsonb, text, text, text) IS
'Declare that columns point at another table, where the catalog has no foreign key for it.';
REVOKE ALL ON PROCEDURE
declare_deletion_reference(text, text, jsonb, text, jsonb, text, text, text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/admin/set_deletion_rule.sql
-- set_deletion_rule
-- Decide what happens to the rows behind one reference, whatever the catalog says.
--
-- Parameters  p_child_table   the table that refers; a partition, for a key of its own
--             p_reference     its foreign key's constraint, or the declared reference
--             p_action        cascade, set_null, set_default, scrub, restrict, or keep where
--                             declared; NULL: what the catalog or the declaration says again
--             p_scrub         for scrub: a JSON object, which columns get which constant or NULL
--                             when the reference is set NULL; else NULL
-- Errors      JD002 NULL, no such reference or action, nothing that the columns take; JD005 no
--             such table
-- Writes      deletion_rules (one row)             Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL set_deletion_rule(
--                 'invoice', 'invoice_customer_id_fkey', 'scrub', '{"buyer": "erased"}'
--             );

CREATE OR REPLACE PROCEDURE set_deletion_rule(
    p_child_table text,
    p_reference text,
    p_action text,
    p_scrub jsonb DEFAULT NULL
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $set_deletion_rule$
DECLARE
    c_verb CONSTANT text := 'set_deletion_rule';
    v_name text[] := deletion_split_name(p_child_table);
    v_table regclass;
    v_is_key boolean;
    v_copy_of text;
    v_parent_schema text;
    v_parent_table text;
    v_declared deletion_references;
    v_is_declared boolean;
    v_scrub jsonb;
    v_problem text;
BEGIN
    IF p_child_table IS NULL OR p_reference IS NULL THEN
        PERFORM deletion_raise('JD002', c_verb, 'table or reference is NULL', NULL);
    END IF;

    -- A rule may be taken back when its table is gone.
    IF p_action IS NULL THEN
        DELETE FROM deletion_rules AS r
        WHERE
            r.child_schema = v_name[1] AND r.child_table = v_name[2]
            AND r.reference_name = p_reference;

        IF FOUND THEN
            RETURN;
        END IF;
    END IF;

    -- A partition stands for no table, but it may have keys of its own.
    v_table := coalesce((
        SELECT c.oid::regclass
        FROM pg_constraint AS k
        INNER JOIN pg_class AS c ON c.oid = k.conrelid AND c.relispartition
        INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE
            k.contype = 'f' AND k.conparentid = 0 AND k.conname = p_reference
            AND n.nspname = v_name[1] AND c.relname = v_name[2]
    ), deletion_find_table(p_child_table, c_verb));
    SELECT n.nspname, c.relname
    INTO v_parent_schema, v_parent_table
    FROM pg_constraint AS k
    INNER JOIN pg_class AS c ON c.oid = k.confrelid
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE
        k.conrelid = v_table AND k.contype = 'f' AND k.conname = p_reference
        AND k.conparentid = 0
        -- Version 18 knows keys that are written down and not looked at: no row goes by them.
        AND coalesce(to_jsonb(k) ->> 'conenforced', 'true') = 'true';
    v_is_key := FOUND;
    -- Of a key to a partitioned table the engine makes one more for each of the partitions.
    v_copy_of := (
        WITH RECURSIVE above AS (
            SELECT k.conname, k.conparentid
            FROM pg_constraint AS k
            WHERE
                k.conrelid = v_table AND k.contype = 'f' AND k.conname = p_reference
                AND k.conparentid <> 0
            UNION ALL
            SELECT k.conname, k.conparentid
            FROM above AS a
            INNER JOIN pg_constraint AS k ON k.oid = a.conparentid
        )

        SELECT a.conname FROM above AS a WHERE a.conparentid = 0
    );
    SELECT d.* INTO v_declared
    FROM deletion_references AS d
    WHERE
        d.reference_name = p_reference
        AND d.child_schema = v_name[1] AND d.child_table = v_name[2];
    v_is_declared := FOUND;
    v_parent_schema := coalesce(v_parent_schema, v_declared.parent_schema);
    v_parent_table := coalesce(v_parent_table, v_declared.parent_table);

    IF v_copy_of IS NOT NULL AND NOT v_is_declared THEN
        PERFORM deletion_raise(
            'JD002', c_verb, format('a copy of %s is no reference', v_copy_of), p_reference
        );
    ELSIF NOT v_is_key AND NOT v_is_declared THEN
        PERFORM deletion_raise(
            'JD002', c_verb, format('no such reference of %s', left(p_child_table, 64)), p_reference
        );
    ELSIF
        p_action NOT IN ('cascade', 'set_null', 'set_default', 'scrub', 'restrict', 'keep')
    THEN
        PERFORM deletion_raise('JD002', c_verb, 'no such action', p_action);
    ELSIF p_action = 'keep' AND NOT v_is_declared THEN
        PERFORM deletion_raise(
            'JD002', c_verb, 'rows of a foreign key cannot be kept: no action keep', p_reference
        );
    ELSIF
        p_action NOT IN ('set_null', 'restrict')
        AND deletion_is_ours(v_table)
    THEN
        PERFORM deletion_raise('JD002', c_verb, 'table belongs to deletion-jobs', p_child_table);
    END IF;

    IF p_action = 'scrub' THEN
        SELECT s.scrub, s.problem INTO v_scrub, v_problem
        FROM deletion_read_scrub(v_table, p_scrub) AS s;
        v_problem := coalesce(
            v_problem,
            deletion_detach_problem(v_table, p_reference),
            (
                SELECT 'rows of a single partition are not scrubbed'
                FROM pg_class AS c
                WHERE c.oid = v_table AND c.relispartition
            )
        );
    ELSIF p_scrub IS NOT NULL THEN
        v_problem := 'only scrub sets columns to constants';
    END IF;

    IF v_problem IS NOT NULL THEN
        PERFORM deletion_raise('JD002', c_verb, v_problem, NULL);
    END IF;

    INSERT INTO deletion_rules AS r (
        child_schema, child_table, reference_name, action, scrub, parent_schema, parent_table
    )
    SELECT
        v_name[1], v_name[2], p_reference, p_action, v_scrub, v_parent_schema, v_parent_table
    WHERE p_action IS NOT NULL
    ON CONFLICT (child_schema, child_table, reference_name) DO UPDATE
    SET
        action = excluded.action,
        scrub = excluded.scrub,
        parent_schema = excluded.parent_schema,
        parent_table = excluded.parent_table,
        created_at = now();
END;
$set_deletion_rule$;

COMMENT ON PROCEDURE set_deletion_rule(text, text, text, jsonb) IS
'Decide what happens to the rows behind one reference, whatever the catalog says.';
REVOKE ALL ON PROCEDURE set_deletion_rule(text, text, text, jsonb) FROM PUBLIC;
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

    -- What was marked is remembered by its key.
    IF deletion_node_key(v_table) IS NULL THEN
        PERFORM deletion_raise(
            'JD005', c_verb, 'table has no primary key and no unique key without NULLs', p_table
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

-- >>> procedures/postgres/schedule/start_deletion_schedule.sql
-- start_deletion_schedule
-- Let pg_cron start the workers: as many as the setting workers, every tick_seconds.
--
-- Again: takes over what has changed in the settings. Before pg_cron 1.5, which knows no seconds,
-- workers start once a minute; they work until nothing is due and no longer than run_seconds.
--
-- Errors      0A000 pg_cron is not installed in this database; 42501 the worker may not use it
-- Writes      deletion_slots; jobs of pg_cron named deletion_jobs:<database>:<schema>:<slot>
--             Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL start_deletion_schedule();

CREATE OR REPLACE PROCEDURE start_deletion_schedule()
LANGUAGE plpgsql
-- The role can be changed to the worker's, in whose name the jobs run, by an invoker alone.
SECURITY INVOKER
SET search_path FROM CURRENT
AS $start_deletion_schedule$
DECLARE
    v_role text := current_setting('role');
    v_version text := (SELECT e.extversion FROM pg_extension AS e WHERE e.extname = 'pg_cron');
    v_has_seconds boolean := ARRAY[1, 5]
        <= string_to_array(substring(v_version FROM '^[0-9]+[.][0-9]+'), '.')::integer[];
    v_job record;
BEGIN
    IF v_version IS NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'feature_not_supported',
            MESSAGE = 'start_deletion_schedule: pg_cron is not installed in this database',
            -- Asked for here, since the setting is not shown to our owner.
            DETAIL = deletion_schedule_advice((
                SELECT s.setting FROM pg_settings AS s WHERE s.name = 'cron.database_name'
            )),
            HINT = 'Without it `deletion-jobs work`, or any scheduler that is at hand, can CALL'
                ' run_deletion_jobs.';
    END IF;

    IF NOT has_schema_privilege('deletion_jobs_worker', 'cron', 'USAGE') THEN
        GRANT USAGE ON SCHEMA cron TO deletion_jobs_worker;
    END IF;

    PERFORM deletion_arm_slots(v_has_seconds);
    PERFORM deletion_unschedule(
        ARRAY(SELECT j.job_name FROM deletion_schedule_jobs(v_has_seconds) AS j)
    );

    FOR v_job IN
        SELECT j.job_name, j.schedule, j.command FROM deletion_schedule_jobs(v_has_seconds) AS j
    LOOP
        PERFORM set_config('role', 'deletion_jobs_worker', TRUE);
        -- Dynamic, since this is installed where there is no pg_cron.
        EXECUTE 'SELECT cron.schedule($1, $2, $3)'
        USING v_job.job_name, v_job.schedule, v_job.command;
        PERFORM set_config('role', v_role, TRUE);
    END LOOP;
END;
$start_deletion_schedule$;

COMMENT ON PROCEDURE start_deletion_schedule() IS
'Let pg_cron start the workers: as many as the setting workers, every tick_seconds.';
REVOKE ALL ON PROCEDURE start_deletion_schedule() FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE start_deletion_schedule() TO deletion_jobs_operator;
-- <<<

-- >>> procedures/postgres/planner/deletion_split_name.sql
-- deletion_split_name
-- Read a table's name as SQL would: quoted or folded, qualified or in our own schema.
--
-- Parameters  p_name   the name
-- Returns     text[], schema and table; NULL: it is not the name of a table
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_split_name('Public."Order"');

CREATE OR REPLACE FUNCTION deletion_split_name(p_name text)
RETURNS text[]
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_split_name$
DECLARE
    v_parts text[];
BEGIN
    -- Blanks around a name are no part of it; who sends them means something else.
    IF p_name ~ '^[[:space:]]|[[:space:]]$' THEN
        RETURN NULL;
    END IF;

    v_parts := parse_ident(p_name);

    RETURN CASE cardinality(v_parts)
        WHEN 1 THEN ARRAY[current_schema()::text, v_parts[1]]
        WHEN 2 THEN v_parts
    END;
EXCEPTION
    WHEN invalid_parameter_value THEN
        RETURN NULL;
END;
$deletion_split_name$;

COMMENT ON FUNCTION deletion_split_name(text) IS
'Read a table''s name as SQL would: quoted or folded, qualified or in our own schema.';
REVOKE ALL ON FUNCTION deletion_split_name(text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_entity_name.sql
-- deletion_entity_name
-- Name a table as jobs, receipts and errors do: without our own schema, quoted where needed.
--
-- Parameters  p_table   the table
-- Returns     text
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_entity_name('sales.customer'::regclass);

CREATE OR REPLACE FUNCTION deletion_entity_name(p_table regclass)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
-- A session that quotes every name would give one table two names.
SET quote_all_identifiers = off
AS $deletion_entity_name$
SELECT
    CASE WHEN n.nspname <> current_schema() THEN quote_ident(n.nspname) || '.' ELSE '' END
    || quote_ident(c.relname)
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = p_table;
$deletion_entity_name$;

COMMENT ON FUNCTION deletion_entity_name(regclass) IS
'Name a table as jobs, receipts and errors do: without our own schema, quoted where needed.';
REVOKE ALL ON FUNCTION deletion_entity_name(regclass) FROM PUBLIC;
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
            WHEN starts_with(n.nspname, 'pg_') OR n.nspname = 'information_schema'
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

-- >>> procedures/postgres/planner/deletion_base_type.sql
-- deletion_base_type
-- Find the type below a domain, however many domains there are on the way.
--
-- Parameters  p_type   the type                    p_modifier   what its column adds, as atttypmod
-- Returns     one row: type_oid and type_modifier; the same type where it is no domain
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT format_type(type_oid, type_modifier)
--             FROM deletion_base_type('information_schema.cardinal_number'::regtype, -1);

CREATE OR REPLACE FUNCTION deletion_base_type(
    p_type oid,
    p_modifier integer
) RETURNS TABLE (type_oid oid, type_modifier integer)
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_base_type$
DECLARE
    v_type pg_type;
BEGIN
    type_oid := p_type;
    type_modifier := p_modifier;

    -- Kept as a prepared plan: a function in SQL would be planned anew for each column.
    LOOP
        SELECT t.* INTO v_type FROM pg_type AS t WHERE t.oid = type_oid;
        EXIT WHEN v_type.typtype IS DISTINCT FROM 'd';
        type_oid := v_type.typbasetype;
        type_modifier := v_type.typtypmod;
    END LOOP;

    RETURN NEXT;
END;
$deletion_base_type$;

COMMENT ON FUNCTION deletion_base_type(oid, integer) IS
'The type below a domain, however many domains there are on the way.';
REVOKE ALL ON FUNCTION deletion_base_type(oid, integer) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_type_family.sql
-- deletion_type_family
-- Tell what kind of key a type makes.
--
-- Parameters  p_type   the type
-- Returns     text, the family; NULL: keys cannot be of that type, since its values have several
--             spellings that no cast can make one (floats, arrays, JSON and others)
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_type_family('numeric'::regtype);

CREATE OR REPLACE FUNCTION deletion_type_family(p_type regtype)
RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_type_family$
DECLARE
    v_type pg_type;
BEGIN
    SELECT t.* INTO v_type
    FROM deletion_base_type(p_type, -1) AS b
    INNER JOIN pg_type AS t ON t.oid = b.type_oid;

    RETURN CASE
        WHEN v_type.typtype = 'e' THEN 'label'
        WHEN v_type.typtype <> 'b' OR v_type.typcategory = 'A' THEN NULL
        WHEN v_type.oid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN 'integer'
        WHEN v_type.oid = 'numeric'::regtype THEN 'decimal'
        WHEN v_type.oid = 'bpchar'::regtype THEN 'padded'
        WHEN v_type.typcategory = 'S' THEN 'string'
        WHEN v_type.oid = 'bytea'::regtype THEN 'bytes'
        WHEN v_type.oid IN ('bit'::regtype, 'varbit'::regtype) THEN 'bits'
        WHEN v_type.oid = 'bool'::regtype THEN 'boolean'
        WHEN v_type.oid IN (
            'date'::regtype, 'time'::regtype, 'timetz'::regtype, 'timestamp'::regtype,
            'timestamptz'::regtype, 'interval'::regtype
        ) THEN v_type.oid::regtype::text
        WHEN v_type.oid IN (
            'uuid'::regtype, 'inet'::regtype, 'cidr'::regtype, 'macaddr'::regtype,
            'macaddr8'::regtype
        ) THEN 'other'
        WHEN v_type.oid = 'oid'::regtype THEN 'oid'
        -- A type that an extension brings is taken at its word.
        WHEN v_type.typcategory = 'U' AND v_type.typnamespace <> 'pg_catalog'::regnamespace THEN 'other'
    END;
END;
$deletion_type_family$;

COMMENT ON FUNCTION deletion_type_family(regtype) IS 'Tell what kind of key a type makes.';
REVOKE ALL ON FUNCTION deletion_type_family(regtype) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_key_text.sql
-- deletion_key_text
-- Read a key value strictly, and give the one text that stands for it.
--
-- Parameters  p_text   the value as text
--             p_type   type of its column, as the catalog prints it
-- Returns     text as the type prints it; NULL: it does not parse, or keys cannot be of that type
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_key_text('042', 'integer');

CREATE OR REPLACE FUNCTION deletion_key_text(
    p_text text,
    p_type text
) RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
SET intervalstyle = 'postgres'
SET bytea_output = 'hex'
AS $deletion_key_text$
DECLARE
    c_date CONSTANT text := '[0-9]{4,}-[0-9]{2}-[0-9]{2}';
    c_time CONSTANT text := '[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?';
    c_zone CONSTANT text := '(Z|[+-][0-9]{2}(:?[0-9]{2}(:[0-9]{2})?)?)?';
    v_type regtype := p_type::regtype;
    v_family text := deletion_type_family(v_type);
    v_base text;
    v_form text;
    v_plain text;
    v_full text;
    v_is_same boolean;
BEGIN
    -- What the type's own input would let pass, and what it would read in several ways. Without
    -- backslashes, which a session may read otherwise.
    v_form := CASE v_family
        WHEN 'integer' THEN '^[-+]?[0-9]+$'
        WHEN 'decimal' THEN '^[-+]?([0-9]+([.][0-9]*)?|[.][0-9]+)$'
        WHEN 'bytes' THEN E'^\\\\x([0-9a-fA-F]{2})*$'
        WHEN 'bits' THEN '^[01]+$'
        WHEN 'boolean' THEN '^(t|f|true|false)$'
        WHEN 'date' THEN format('^(%s( BC)?|-?infinity)$', c_date)
        WHEN 'time without time zone' THEN format('^%s$', c_time)
        WHEN 'time with time zone' THEN format('^%s%s$', c_time, c_zone)
        WHEN 'timestamp without time zone'
            THEN format('^(%s[ T]%s( BC)?|-?infinity)$', c_date, c_time)
        WHEN 'timestamp with time zone'
            THEN format('^(%s[ T]%s%s( BC)?|-?infinity)$', c_date, c_time, c_zone)
        WHEN 'interval' THEN '^[^[:space:]].*[^[:space:]]$'
        -- Zeros in front would make the rest octal.
        WHEN 'oid' THEN '^(0|[1-9][0-9]*)$'
        WHEN 'other' THEN '^[^[:space:]]+$'
        -- The types of texts take any.
        ELSE ''
    END;

    IF v_family IS NULL OR p_text !~ v_form THEN
        RETURN NULL;
    END IF;

    SELECT format_type(b.type_oid, -1) INTO v_base FROM deletion_base_type(v_type, -1) AS b;

    -- Values that are equal have one spelling: 1.50 and 1.5, a day and 24 hours, blanks at the end;
    -- a type with a fixed scale fills it up again.
    v_plain := CASE v_family
        WHEN 'decimal' THEN 'trim_scale(%s)'
        WHEN 'interval' THEN 'justify_interval(%s)'
        WHEN 'padded' THEN 'rtrim(%s::text)'
        ELSE '%s'
    END;

    -- The type's names come from the catalog; the value is bound. A cast to varchar(n), numeric(p,s)
    -- or timestamp(p) cuts without a word: the value has to be the same as without the limits.
    EXECUTE format(
        'SELECT format(''%%s'', CAST(%1$s AS %3$s)), format(''%%s'', %1$s) = format(''%%s'', %2$s)'
        ' FROM (SELECT CAST($1 AS %3$s) AS v) AS f',
        format(v_plain, 'f.v'), format(v_plain, '$1::' || v_base), p_type
    ) INTO v_full, v_is_same USING p_text;

    RETURN CASE
        WHEN v_family = 'padded' AND v_is_same THEN rtrim(v_full, ' ')
        -- The type name cuts in its input already.
        WHEN v_family = 'string' AND v_full <> p_text THEN NULL
        WHEN v_is_same THEN v_full
    END;
EXCEPTION
    WHEN data_exception OR integrity_constraint_violation THEN
        RETURN NULL;
END;
$deletion_key_text$;

COMMENT ON FUNCTION deletion_key_text(text, text) IS
'Read a key value strictly, and give the one text that stands for it.';
REVOKE ALL ON FUNCTION deletion_key_text(text, text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_key_changed.sql
-- deletion_key_changed
-- Tell whether the columns of a target's key now read texts otherwise than when it was registered.
--
-- Parameters  p_entity_table   the target, its table and columns still there
-- Returns     boolean; FALSE where a type has only grown, as from integer to bigint
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_key_changed('customer');

CREATE OR REPLACE FUNCTION deletion_key_changed(p_entity_table text)
RETURNS boolean
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_key_changed$
SELECT EXISTS (
    SELECT 1
    FROM deletion_targets AS t
    INNER JOIN pg_namespace AS n ON n.nspname = t.table_schema
    INNER JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = t.table_name
    CROSS JOIN
        ROWS FROM (
            jsonb_array_elements_text(t.key_columns), jsonb_array_elements_text(t.key_types)
        ) AS k (column_name, column_type)
    INNER JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = k.column_name
    WHERE
        t.entity_table = p_entity_table
        AND deletion_type_family(a.atttypid)
        IS DISTINCT FROM deletion_type_family(to_regtype(k.column_type))
);
$deletion_key_changed$;

COMMENT ON FUNCTION deletion_key_changed(text) IS
'Tell whether the columns of a target''s key now read texts otherwise than when it was registered.';
REVOKE ALL ON FUNCTION deletion_key_changed(text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_is_ours.sql
-- deletion_is_ours
-- Tell whether a table belongs to this installation.
--
-- Parameters  p_table   the table
-- Returns     boolean
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_is_ours('deletion_jobs'::regclass);

CREATE OR REPLACE FUNCTION deletion_is_ours(p_table regclass)
RETURNS boolean
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_is_ours$
-- An application may have tables of such names too, but not of our owner's.
SELECT EXISTS (
    SELECT 1
    FROM pg_class AS c
    INNER JOIN pg_class AS j
        ON
            j.oid = 'deletion_jobs'::regclass AND j.relnamespace = c.relnamespace
            AND j.relowner = c.relowner
    WHERE c.oid = p_table AND starts_with(c.relname, 'deletion_')
);
$deletion_is_ours$;

COMMENT ON FUNCTION deletion_is_ours(regclass) IS
'Tell whether a table belongs to this installation.';
REVOKE ALL ON FUNCTION deletion_is_ours(regclass) FROM PUBLIC;
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

    IF p_hard_delete THEN
        -- Asked for, and no more what a target lets follow its soft jobs.
        UPDATE deletion_attempts AS a
        SET purge_follows = FALSE
        WHERE a.job_id = v_job.id AND a.purge_follows;
    END IF;

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

-- >>> procedures/postgres/planner/deletion_reference_problem.sql
-- deletion_reference_problem
-- Say why a reference cannot be declared like this.
--
-- Parameters  p_name                   the reference's name
--             p_child                  the table that refers
--             p_child_columns          its columns; NULL: they are none
--             p_parent                 the table referred to
--             p_parent_columns         its columns; NULL: they are none
--             p_discriminator_column   child column that tells which table is meant, or NULL
--             p_discriminator_value    its value that means this parent, or NULL
-- Returns     text; NULL: nothing is wrong
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_reference_problem(
    p_name text,
    p_child regclass,
    p_child_columns int2[],
    p_parent regclass,
    p_parent_columns int2[],
    p_discriminator_column text,
    p_discriminator_value text
) RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_reference_problem$
DECLARE
    v_discriminator pg_attribute;
BEGIN
    SELECT a.* INTO v_discriminator
    FROM pg_attribute AS a
    WHERE
        a.attrelid = p_child AND a.attname = p_discriminator_column AND a.attnum > 0
        AND NOT a.attisdropped;

    RETURN CASE
        WHEN deletion_is_ours(p_child) OR deletion_is_ours(p_parent)
            THEN 'a table belongs to deletion-jobs'
        WHEN p_child_columns IS NULL THEN 'p_child_columns are no columns of the child'
        WHEN p_parent_columns IS NULL THEN 'p_parent_columns are no columns of the parent'
        WHEN cardinality(p_child_columns) <> cardinality(p_parent_columns)
            THEN 'child and parent columns differ in number'
        WHEN EXISTS (
            SELECT 1
            FROM unnest(p_child_columns, p_parent_columns) AS k (child_column, parent_column)
            INNER JOIN pg_attribute AS c ON c.attrelid = p_child AND c.attnum = k.child_column
            INNER JOIN pg_attribute AS p ON p.attrelid = p_parent AND p.attnum = k.parent_column
            WHERE
                deletion_equality_of(p.atttypid, c.atttypid) IS NULL
                OR deletion_type_family(p.atttypid) IS NULL
                OR deletion_type_family(c.atttypid) IS NULL
                -- A moment is compared with one that has no zone by the session's zone.
                OR (deletion_type_family(p.atttypid) = 'timestamp with time zone')
                <> (deletion_type_family(c.atttypid) = 'timestamp with time zone')
        ) THEN 'child and parent columns cannot be compared'
        -- Texts that are one under the one collation and two under the other.
        WHEN EXISTS (
            SELECT 1
            FROM unnest(p_child_columns, p_parent_columns) AS k (child_column, parent_column)
            INNER JOIN pg_attribute AS c ON c.attrelid = p_child AND c.attnum = k.child_column
            INNER JOIN pg_attribute AS p ON p.attrelid = p_parent AND p.attnum = k.parent_column
            INNER JOIN pg_collation AS cl ON cl.oid = c.attcollation
            INNER JOIN pg_collation AS pl ON pl.oid = p.attcollation
            WHERE cl.oid <> pl.oid AND NOT (cl.collisdeterministic AND pl.collisdeterministic)
        ) THEN 'child and parent columns have different collations'
        -- Rows that two parents share must not go with one of them.
        WHEN NOT EXISTS (
            SELECT 1
            FROM pg_index AS i
            WHERE
                i.indrelid = p_parent AND i.indisunique AND i.indisvalid AND i.indimmediate
                AND i.indpred IS NULL AND i.indexprs IS NULL
                AND p_parent_columns @> (i.indkey::int2[])[0:i.indnkeyatts - 1]
        ) THEN 'the parent columns hold no unique key'
        WHEN EXISTS (
            SELECT 1
            FROM pg_constraint AS k
            WHERE k.conrelid = p_child AND k.contype = 'f' AND k.conname = p_name
        ) THEN 'the child has a foreign key of this name'
        WHEN (p_discriminator_column IS NULL) <> (p_discriminator_value IS NULL)
            THEN 'discriminator column and value go together'
        WHEN p_discriminator_column IS NULL THEN NULL
        WHEN v_discriminator.attnum IS NULL THEN 'the discriminator is no column of the child'
        WHEN v_discriminator.attnum = ANY (p_child_columns)
            THEN 'the discriminator is one of the child columns'
        WHEN deletion_key_text(
            p_discriminator_value,
            format_type(v_discriminator.atttypid, v_discriminator.atttypmod)
        ) IS NULL THEN 'the discriminator value is none of its column'
    END;
END;
$deletion_reference_problem$;

COMMENT ON FUNCTION
deletion_reference_problem(text, regclass, int2[], regclass, int2[], text, text) IS
'Say why a reference cannot be declared like this.';
REVOKE ALL ON FUNCTION
deletion_reference_problem(text, regclass, int2[], regclass, int2[], text, text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_row_key.sql
-- deletion_row_key
-- Read the primary key of a row of any table strictly, and give the one text that stands for it.
--
-- Parameters  p_table   the table
--             p_pk      the key as text; a composite one as a JSON array in key order
--             p_verb    the verb that was called
-- Returns     text; composite keys as a JSON array of texts without blanks between them
-- Errors      JD002 it does not parse, or is longer than 512 characters; JD005 no key
-- Writes      nothing, and reads no row of the table     Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_row_key('invoice'::regclass, '042', 'hold_deletion');

CREATE OR REPLACE FUNCTION deletion_row_key(
    p_table oid,
    p_pk text,
    p_verb text
) RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_row_key$
DECLARE
    v_types jsonb;
    v_key text;
BEGIN
    SELECT jsonb_agg(format_type(a.atttypid, a.atttypmod) ORDER BY k.ordinality)
    INTO v_types
    FROM unnest(deletion_node_key(p_table)) WITH ORDINALITY AS k (attnum, ordinality)
    INNER JOIN pg_attribute AS a ON a.attrelid = p_table AND a.attnum = k.attnum;

    IF v_types IS NULL THEN
        PERFORM deletion_raise(
            'JD005', p_verb, 'table has no key', deletion_entity_name(p_table)
        );
    END IF;

    v_key := CASE
        WHEN jsonb_array_length(v_types) = 1 THEN deletion_key_text(p_pk, v_types ->> 0)
        ELSE deletion_key_texts(p_pk, v_types)
    END;

    IF v_key IS NULL OR length(v_key) > 512 THEN
        PERFORM deletion_raise(
            'JD002', p_verb, format('not a key of %s', deletion_entity_name(p_table)), p_pk,
            format('The key''s types are %s.', v_types)
        );
    END IF;

    RETURN v_key;
END;
$deletion_row_key$;

COMMENT ON FUNCTION deletion_row_key(oid, text, text) IS
'Read the primary key of a row of any table strictly, and give the one text that stands for it.';
REVOKE ALL ON FUNCTION deletion_row_key(oid, text, text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_column_text.sql
-- deletion_column_text
-- Read a constant for a column strictly, and give it as the column's type prints it.
--
-- Parameters  p_value   the constant: a JSON text, number or boolean
--             p_type    type of the column, as the catalog prints it
-- Returns     text; NULL: the type does not take it, or takes no constants at all (arrays)
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_column_text('"gone"', 'character varying(20)');

CREATE OR REPLACE FUNCTION deletion_column_text(
    p_value jsonb,
    p_type text
) RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_column_text$
DECLARE
    v_text text := CASE
        WHEN jsonb_typeof(p_value) IN ('string', 'number', 'boolean') THEN p_value #>> '{}'
    END;
    v_result text;
BEGIN
    IF v_text IS NULL OR p_type IS NULL THEN
        RETURN NULL;
    END IF;

    IF deletion_type_family(p_type::regtype) IS NOT NULL THEN
        RETURN deletion_key_text(v_text, p_type);
    END IF;

    -- No types of keys, but each value has one meaning.
    IF
        p_type::regtype IN (
            'float4'::regtype, 'float8'::regtype, 'json'::regtype, 'jsonb'::regtype
        )
    THEN
        EXECUTE format('SELECT $1::%s::text', p_type) INTO v_result USING v_text;
    END IF;

    RETURN v_result;
EXCEPTION
    WHEN data_exception OR integrity_constraint_violation THEN
        RETURN NULL;
END;
$deletion_column_text$;

COMMENT ON FUNCTION deletion_column_text(jsonb, text) IS
'Read a constant for a column strictly, and give it as the column''s type prints it.';
REVOKE ALL ON FUNCTION deletion_column_text(jsonb, text) FROM PUBLIC;
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
SET jit = off
SET enable_seqscan = on
-- As in a run's steps: defaults are written as text here, and read there.
SET timezone = 'UTC'
SET datestyle = 'ISO'
SET intervalstyle = 'postgres'
SET bytea_output = 'hex'
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

    IF v_graph ->> 'error_code' IS NULL THEN
        IF p_hard THEN
            PERFORM deletion_write_plan(v_plan_id, v_graph);
            PERFORM deletion_write_circles(v_plan_id, v_graph);
        ELSE
            PERFORM deletion_write_soft_plan(v_plan_id, v_graph);
        END IF;

        PERFORM deletion_write_holds(v_plan_id, v_graph);
    END IF;

    RETURN v_plan_id;
END;
$deletion_compile$;

COMMENT ON FUNCTION deletion_compile(text, boolean) IS
'Compile a target''s plan and make it the current one.';
REVOKE ALL ON FUNCTION deletion_compile(text, boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_detach_problem.sql
-- deletion_detach_problem
-- Say why rows cannot be taken off a reference by setting its columns NULL.
--
-- Parameters  p_table   the table that refers      p_reference   the reference
-- Returns     text; NULL: they can
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_detach_problem(
    p_table oid,
    p_reference text
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_detach_problem$
SELECT format('a column of the reference cannot be NULL (%s)', min(a.attname))
FROM (
    SELECT unnest(coalesce(k.confdelsetcols, k.conkey)) AS attnum
    FROM pg_constraint AS k
    WHERE k.contype = 'f' AND k.conrelid = p_table AND k.conname = p_reference
    UNION ALL
    SELECT unnest(deletion_attnums(p_table, d.child_columns))
    FROM deletion_references AS d
    INNER JOIN pg_class AS c ON c.oid = p_table AND c.relname = d.child_table
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = d.child_schema
    WHERE d.reference_name = p_reference
) AS r
INNER JOIN pg_attribute AS a ON a.attrelid = p_table AND a.attnum = r.attnum
INNER JOIN pg_type AS y ON y.oid = a.atttypid
WHERE a.attnotnull OR y.typnotnull
HAVING count(*) > 0;
$deletion_detach_problem$;

COMMENT ON FUNCTION deletion_detach_problem(oid, text) IS
'Why rows cannot be taken off a reference by setting its columns NULL.';
REVOKE ALL ON FUNCTION deletion_detach_problem(oid, text) FROM PUBLIC;
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
DECLARE
    v_left oid := (SELECT b.type_oid FROM deletion_base_type(p_left, -1) AS b);
    v_right oid := (SELECT b.type_oid FROM deletion_base_type(p_right, -1) AS b);
    v_is_same boolean := v_left = v_right;
BEGIN
    -- Domains compare as their base types, varchar as text, cidr as inet, every enum as anyenum.
    v_left := (
        SELECT CASE
            WHEN b.oid = 'varchar'::regtype THEN 'text'::regtype::oid
            WHEN b.oid = 'cidr'::regtype THEN 'inet'::regtype::oid
            WHEN b.typtype = 'e' AND v_is_same THEN 'anyenum'::regtype::oid
            ELSE b.oid
        END
        FROM pg_type AS b
        WHERE b.oid = v_left
    );
    v_right := (
        SELECT CASE
            WHEN b.oid = 'varchar'::regtype THEN 'text'::regtype::oid
            WHEN b.oid = 'cidr'::regtype THEN 'inet'::regtype::oid
            WHEN b.typtype = 'e' AND v_is_same THEN 'anyenum'::regtype::oid
            ELSE b.oid
        END
        FROM pg_type AS b
        WHERE b.oid = v_right
    );

    -- By the types as values: joined to them, the engine read all operators for each column.
    RETURN (
        SELECT a.amopopr
        FROM pg_opclass AS c
        INNER JOIN pg_am AS m ON m.oid = c.opcmethod AND m.amname = 'btree'
        INNER JOIN pg_amop AS a
            ON
                a.amopfamily = c.opcfamily
                AND a.amoplefttype = v_left
                AND a.amoprighttype = v_right
                AND a.amopstrategy = 3
                AND a.amopmethod = c.opcmethod
        WHERE c.opcintype = v_left AND c.opcdefault
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
            '4',
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
SET jit = off
SET enable_seqscan = on
AS $deletion_fingerprint$
DECLARE
    v_misfits text;
BEGIN
    -- What fits the catalog no more stops plans, whatever tables it is about. A statement of its own:
    -- it has no parameters, and is not planned anew with those of the other.
    IF
        EXISTS (SELECT 1 FROM deletion_rules)
        OR EXISTS (SELECT 1 FROM deletion_references)
        OR EXISTS (SELECT 1 FROM deletion_soft_columns)
    THEN
        v_misfits := (
            SELECT string_agg(concat_ws(',', m.kind, m.subject, m.is_everywhere), ';'
                ORDER BY m.kind, m.child_schema, m.child_table, m.subject)
            FROM vw_deletion_misfits AS m
        );
    END IF;

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
            -- A column that a CHECK looks at is not set NULL to open a circle.
            (
                SELECT string_agg(concat_ws(',', k.oid, k.conkey), ';' ORDER BY k.oid)
                FROM pg_constraint AS k
                WHERE k.contype = 'c' AND k.conrelid = ANY (p_tables)
            ),
            -- Nor is a row set to a default that no parent has: only of tables that may be set so, since
            -- the texts of all defaults would be the largest part of what is read.
            (
                SELECT string_agg(concat_ws(',', a.attrelid, a.attnum, g.adbin, CASE
                    -- A domain has a default as well.
                    WHEN a.atttypid >= 16384 THEN (
                        SELECT y.typdefault FROM pg_type AS y WHERE y.oid = a.atttypid
                    )
                END), ';' ORDER BY a.attrelid, a.attnum)
                FROM pg_attribute AS a
                LEFT JOIN pg_attrdef AS g ON g.adrelid = a.attrelid AND g.adnum = a.attnum
                WHERE a.attnum > 0 AND a.attrelid IN (
                    SELECT k.conrelid
                    FROM pg_constraint AS k
                    WHERE k.contype = 'f' AND k.confdeltype = 'd' AND k.confrelid = ANY (p_tables)
                    UNION
                    SELECT c.oid
                    FROM deletion_rules AS r
                    INNER JOIN pg_namespace AS n ON n.nspname = r.child_schema
                    INNER JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = r.child_table
                    WHERE r.action = 'set_default' AND c.oid = ANY (p_tables)
                    UNION
                    SELECT c.oid
                    FROM deletion_references AS d
                    INNER JOIN pg_namespace AS n ON n.nspname = d.child_schema
                    INNER JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = d.child_table
                    WHERE d.action = 'set_default' AND c.oid = ANY (p_tables)
                )
            ),
            (
                SELECT string_agg(concat_ws(',', c.oid, c.relnamespace, c.relname, c.relkind,
                    c.relispartition, c.relhassubclass, c.relhasrules, c.relrowsecurity, c.relforcerowsecurity,
                    CASE
                        WHEN c.relhasrules THEN (
                            SELECT string_agg(concat_ws(':', w.oid, w.ev_type, w.ev_enabled), ' '
                                ORDER BY w.oid)
                            FROM pg_rewrite AS w
                            WHERE w.ev_class = c.oid
                        )
                    END,
                    (
                        -- One string a table: pg_attribute is the largest part of what is read.
                        SELECT string_agg(concat_ws(':', a.attnum, a.attname, a.atttypid, a.atttypmod,
                            a.attnotnull, a.attgenerated, a.attcollation, CASE
                                -- A domain may take no NULLs; the engine's own types are none.
                                WHEN a.atttypid >= 16384 THEN (
                                    SELECT y.typnotnull FROM pg_type AS y WHERE y.oid = a.atttypid
                                )
                            END), ' ' ORDER BY a.attnum)
                        FROM pg_attribute AS a
                        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                    ),
                    (
                        SELECT string_agg(concat_ws(':', i.indexrelid, i.indkey, i.indisvalid,
                            i.indisready, i.indisunique, i.indisprimary, i.indimmediate,
                            i.indpred IS NULL), ' ' ORDER BY i.indexrelid)
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
                SELECT (to_jsonb(t) - '{created_at, keyed_at, key_places}'::text[])::text
                FROM deletion_targets AS t
                WHERE t.entity_table = p_entity_table
            ),
            (
                SELECT string_agg((to_jsonb(s) - 'created_at' - 'purge_after_seconds')::text, ';'
                    ORDER BY s.table_schema, s.table_name)
                FROM deletion_soft_columns AS s
            ),
            v_misfits,
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

-- >>> procedures/postgres/planner/deletion_add_partitions.sql
-- deletion_add_partitions
-- List tables and all their partitions: a change of any of them makes a plan stale.
--
-- Parameters  p_tables   the tables of a plan
-- Returns     oid[], the tables first, in their order
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_add_partitions(ARRAY['customer'::regclass]::oid[]);

CREATE OR REPLACE FUNCTION deletion_add_partitions(p_tables oid[])
RETURNS oid[]
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_add_partitions$
SELECT p_tables || ARRAY(
    SELECT p.relid::oid
    FROM unnest(p_tables) AS t (table_oid)
    CROSS JOIN LATERAL pg_partition_tree(t.table_oid) AS p
    WHERE p.level > 0
);
$deletion_add_partitions$;

COMMENT ON FUNCTION deletion_add_partitions(oid[]) IS
'Tables and all their partitions: a change of any of them makes a plan stale.';
REVOKE ALL ON FUNCTION deletion_add_partitions(oid[]) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_table_key.sql
-- deletion_table_key
-- Name the columns by which rows of a table are told apart: its primary key, else a unique one.
--
-- Parameters  p_table   the table
-- Returns     jsonb array of column names; NULL: no key without NULLs
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_table_key('customer'::regclass);

CREATE OR REPLACE FUNCTION deletion_table_key(p_table oid)
RETURNS jsonb
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_table_key$
SELECT jsonb_agg(a.attname ORDER BY k.ordinality)
FROM unnest(deletion_node_key(p_table)) WITH ORDINALITY AS k (attnum, ordinality)
INNER JOIN pg_attribute AS a ON a.attrelid = p_table AND a.attnum = k.attnum;
$deletion_table_key$;

COMMENT ON FUNCTION deletion_table_key(oid) IS
'The columns by which rows of a table are told apart, by name.';
REVOKE ALL ON FUNCTION deletion_table_key(oid) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_break_columns.sql
-- deletion_break_columns
-- Find the columns of a reference that may be set NULL to let its parent go before the child.
--
-- Parameters  p_reference    a row of deletion_references_to, as jsonb
--             p_references   all rows of deletion_references_to, as a jsonb array
-- Returns     int2[]: nullable, pointed at by nobody, no part of another reference that cascades,
--             since by that the row may have been found, and without a say in what else the row
--             is; NULL: there are none
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
        -- A row that only its place tells apart gets another one by an UPDATE.
        AND deletion_node_key(a.attrelid) IS NOT NULL
        -- Whatever points at the column, or looks at it, might have another answer with a NULL.
        AND NOT EXISTS (
            SELECT 1
            FROM pg_constraint AS k
            WHERE
                (k.contype = 'f' AND k.confrelid = a.attrelid AND a.attnum = ANY (k.confkey))
                OR (k.contype = 'c' AND k.conrelid = a.attrelid AND a.attnum = ANY (k.conkey))
        )
        AND NOT EXISTS (
            SELECT 1
            FROM pg_attrdef AS g
            INNER JOIN pg_depend AS d
                ON
                    d.classid = 'pg_attrdef'::regclass AND d.objid = g.oid
                    AND d.refclassid = 'pg_class'::regclass AND d.refobjid = g.adrelid
                    AND d.refobjsubid = a.attnum
            WHERE g.adrelid = a.attrelid AND g.adnum <> a.attnum
        )
        AND NOT EXISTS (
            SELECT 1
            FROM pg_index AS i
            WHERE
                i.indrelid = a.attrelid AND i.indisunique AND i.indnullsnotdistinct
                AND a.attnum = ANY (i.indkey::int2[])
        )
        -- Of rows with a NULL in it an index may allow but one; not where it leaves them out.
        AND NOT EXISTS (
            SELECT 1
            FROM pg_index AS i
            INNER JOIN pg_depend AS d
                ON
                    d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                    AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid
                    AND d.refobjsubid = a.attnum
            WHERE
                i.indrelid = a.attrelid AND (i.indisunique OR i.indisexclusion)
                AND (
                    i.indexprs IS NOT NULL
                    OR pg_get_expr(i.indpred, i.indrelid) <> format('(%I IS NOT NULL)', a.attname)
                )
        )
        AND NOT EXISTS (
            SELECT 1
            FROM deletion_references AS d
            INNER JOIN pg_class AS c ON c.oid = a.attrelid
            INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
            WHERE
                (
                    d.child_schema = n.nspname AND d.child_table = c.relname
                    AND d.discriminator_column = a.attname
                )
                OR (
                    d.parent_schema = n.nspname AND d.parent_table = c.relname
                    AND d.parent_columns ? a.attname::text
                )
        )
        AND NOT EXISTS (
            SELECT 1
            FROM jsonb_array_elements(p_references) AS o
            WHERE
                o.value ->> 'action' = 'cascade'
                AND o.value -> 'child_oid' = p_reference -> 'child_oid'
                AND o.value <> p_reference
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
-- Returns     text, qualified and quoted; ONLY before it keeps to the rows that foreign keys see,
--             those of no inheriting table. A partitioned table has no rows of its own: all of it
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
SELECT CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END || format('%I.%I', n.nspname, c.relname)
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.oid = p_table;
$deletion_sql_table$;

COMMENT ON FUNCTION deletion_sql_table(oid) IS
'A table''s name as the statements of a plan name it.';
REVOKE ALL ON FUNCTION deletion_sql_table(oid) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_scrub.sql
-- deletion_sql_scrub
-- Write what a rule sets beside the reference's own columns: constants, as quoted literals.
--
-- Parameters  p_table   the table that refers      p_reference   the reference
-- Returns     text, ", column = literal" for each of the rule's columns; empty where it has none
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_scrub(
    p_table oid,
    p_reference text
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_scrub$
-- A literal without a type takes that of its column, and one that does not fit fails.
SELECT coalesce(string_agg(format(', %I = %L', e.key, e.value), '' ORDER BY e.key), '')
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
INNER JOIN deletion_rules AS r
    ON
        r.child_schema = n.nspname AND r.child_table = c.relname
        AND r.reference_name = p_reference
CROSS JOIN LATERAL jsonb_each_text(r.scrub) AS e
WHERE c.oid = p_table;
$deletion_sql_scrub$;

COMMENT ON FUNCTION deletion_sql_scrub(oid, text) IS
'What a rule sets beside the reference''s own columns: constants, as quoted literals.';
REVOKE ALL ON FUNCTION deletion_sql_scrub(oid, text) FROM PUBLIC;
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
--             default      of what sets a default: values, the columns then, v1.. of v, from row c;
--                          differs: v from c; misses: one of v is NULL that may not be; is_set:
--                          none is; match: t is the parent; match_root: m, a root that is not
--                          there. NULL: known only when they are set
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
        format_type(b.type_oid, b.type_modifier) AS child_type,
        coalesce(x.operator::oid, deletion_equality_of(pa.atttypid, a.atttypid)) AS operator,
        deletion_equality(deletion_equality_of(a.atttypid, a.atttypid), FALSE) AS own_eq,
        CASE
            WHEN cl.collname <> 'default' THEN format(' COLLATE %I.%I', cn.nspname, cl.collname)
        END AS own_collate,
        -- Two collations would leave open which one compares; where both are exact, either does, and
        -- the child's has the index.
        CASE
            WHEN pa.attcollation <> a.attcollation
                THEN format(' COLLATE %I.%I', cn.nspname, cl.collname)
            ELSE ''
        END AS child_collate,
        deletion_type_family(pa.atttypid) IS NOT NULL
        AND deletion_type_family(a.atttypid) IS NOT NULL
        -- A moment is compared with one that has no zone by whatever zone the session is in.
        AND (b.type_oid = 'timestamptz'::regtype) = (
            (SELECT o.type_oid FROM deletion_base_type(pa.atttypid, -1) AS o)
            = 'timestamptz'::regtype
        )
        AND (
            pa.attcollation = a.attcollation
            OR coalesce(cl.collisdeterministic AND pl.collisdeterministic, FALSE)
        ) AS is_exact,
        -- A default may come with a collation of its own.
        CASE
            WHEN a.attcollation <> 0 THEN format(' COLLATE %I.%I', cn.nspname, cl.collname) ELSE ''
        END AS column_collate,
        p_reference -> 'set_columns' @> to_jsonb(a.attnum) AS is_set,
        a.attnotnull OR coalesce(y.typnotnull, FALSE) AS is_required,
        coalesce(pg_get_expr(g.adbin, g.adrelid), pg_get_expr(y.typdefaultbin, 0), 'NULL')
        AS default_text,
        -- A number from a sequence would be used up by a look at it.
        a.attidentity <> '' OR EXISTS (
            SELECT 1
            FROM regexp_matches(
                coalesce(g.adbin, y.typdefaultbin)::text, 'funcid (\d+)', 'g'
            ) AS m (found)
            INNER JOIN pg_proc AS o ON o.oid = m.found[1]::oid
            WHERE o.provolatile = 'v'
        ) AS is_volatile
    FROM
        ROWS FROM (
            jsonb_array_elements_text(p_reference -> 'child_columns'),
            jsonb_array_elements_text(p_reference -> 'parent_columns'),
            jsonb_array_elements_text(coalesce(nullif(p_reference -> 'operators', 'null'), '[]'))
        ) WITH ORDINALITY AS x (child_column, parent_column, operator, ordinality)
    INNER JOIN pg_attribute AS a
        ON a.attrelid = (p_child ->> 'oid')::oid AND a.attnum = x.child_column::int2
    CROSS JOIN LATERAL deletion_base_type(a.atttypid, a.atttypmod) AS b
    INNER JOIN pg_attribute AS pa
        ON pa.attrelid = (p_parent ->> 'oid')::oid AND pa.attnum = x.parent_column::int2
    INNER JOIN pg_type AS y ON y.oid = a.atttypid
    -- A partition that has the reference alone has defaults of its own as well.
    LEFT JOIN pg_attribute AS da
        ON
            da.attrelid = coalesce(p_reference ->> 'child_part', p_child ->> 'oid')::oid
            AND da.attname = a.attname
    LEFT JOIN pg_attrdef AS g
        ON g.adrelid = da.attrelid AND g.adnum = da.attnum AND a.attgenerated = ''
    LEFT JOIN pg_collation AS cl ON cl.oid = a.attcollation
    LEFT JOIN pg_namespace AS cn ON cn.oid = cl.collnamespace
    LEFT JOIN pg_collation AS pl ON pl.oid = pa.attcollation
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
    'comparable', bool_and(pair.operator IS NOT NULL AND pair.is_exact),
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
        'f', 'p' || pair.i, 'name', pair.child_name, 'type', pair.child_type,
        'collate', pair.own_collate
    ) ORDER BY pair.i),
    'on_frame', string_agg(format('f.%s%s %s c.%s', pair.frame_column, pair.child_collate,
        deletion_equality(pair.operator, FALSE), pair.child_name), ' AND ' ORDER BY pair.i)
    || coalesce((SELECT ' AND c.' || d.condition FROM discriminator AS d), '')
    || coalesce((SELECT ' AND NOT (' || o.in_frame || ')' FROM own_row AS o), '')
    || coalesce((SELECT ' AND f.' || s.condition FROM part AS s), ''),
    'on_parent', string_agg(format('t.%s%s %s c.%s', pair.parent_name, pair.child_collate,
        deletion_equality(pair.operator, FALSE), pair.child_name), ' AND ' ORDER BY pair.i)
    || coalesce((SELECT ' AND c.' || d.condition FROM discriminator AS d), '')
    || coalesce((SELECT ' AND NOT (' || o.in_table || ')' FROM own_row AS o), '')
    || coalesce((SELECT ' AND t.' || s.parent_condition FROM part AS s), ''),
    -- No condition for an index: a row is found by its key, where the parent may have a million others.
    'found', '(' || string_agg(format('t.%s %s f.p%s', pair.child_name, pair.own_eq, pair.i),
        ' AND ' ORDER BY pair.i)
    || coalesce((SELECT ' AND t.' || d.condition FROM discriminator AS d), '') || ') IS TRUE',
    'default', CASE
        WHEN
            p_reference ->> 'action' = 'set_default'
            AND NOT bool_or(pair.is_set AND pair.is_volatile)
            -- A trigger may give another value.
            AND NOT EXISTS (
                SELECT 1
                FROM (
                    SELECT (p_child ->> 'oid')::oid AS table_oid
                    UNION
                    SELECT q.relid::oid
                    FROM pg_partition_tree((p_child ->> 'oid')::oid::regclass) AS q
                ) AS p
                INNER JOIN pg_trigger AS g ON g.tgrelid = p.table_oid
                -- Bits of tgtype: for each row, before, on UPDATE.
                WHERE g.tgtype & 19 = 19
            )
            THEN jsonb_build_object(
                'values', string_agg(format(
                    'CAST(%s AS %s)%s AS v%s',
                    CASE WHEN pair.is_set THEN pair.default_text ELSE 'c.' || pair.child_name END,
                    pair.child_type, pair.column_collate, pair.i
                ), ', ' ORDER BY pair.i),
                'differs', string_agg(
                    format('c.%s IS DISTINCT FROM v.v%s', pair.child_name, pair.i),
                    ' OR ' ORDER BY pair.i
                ) FILTER (WHERE pair.is_set),
                'misses', coalesce(
                    string_agg(format('v.v%s IS NULL', pair.i), ' OR ' ORDER BY pair.i)
                    FILTER (WHERE pair.is_set AND pair.is_required), 'FALSE'
                ) || CASE
                    -- All or none of the columns have to be NULL.
                    WHEN EXISTS (
                        SELECT 1
                        FROM pg_constraint AS k
                        WHERE
                            k.conrelid = coalesce(
                                p_reference ->> 'child_part', p_child ->> 'oid'
                            )::oid
                            AND k.contype = 'f' AND k.confmatchtype = 'f'
                            AND k.conname = p_reference ->> 'reference_name'
                    ) THEN format(' OR num_nulls(%1$s) BETWEEN 1 AND %2$s - 1', string_agg(
                        'v.v' || pair.i, ', ' ORDER BY pair.i
                    ), count(*))
                    ELSE ''
                END,
                'is_set', string_agg(format('v.v%s IS NOT NULL', pair.i), ' AND ' ORDER BY pair.i),
                'match_root', string_agg(format('m.%s%s %s v.v%s', pair.frame_column,
                    pair.child_collate, deletion_equality(pair.operator, FALSE), pair.i),
                    ' AND ' ORDER BY pair.i),
                'match', string_agg(format('t.%s%s %s v.v%s', pair.parent_name, pair.child_collate,
                    deletion_equality(pair.operator, FALSE), pair.i), ' AND ' ORDER BY pair.i)
                || coalesce((SELECT ' AND t.' || s.parent_condition FROM part AS s), '')
            )
    END,
    'set_columns', (
        SELECT string_agg(format(
            '%I = %s',
            a.attname,
            CASE p_reference ->> 'action' WHEN 'set_default' THEN 'DEFAULT' ELSE 'NULL' END
        ), ', ' ORDER BY a.attnum)
        FROM jsonb_array_elements_text(p_reference -> 'set_columns') AS s
        INNER JOIN pg_attribute AS a
            ON a.attrelid = (p_child ->> 'oid')::oid AND a.attnum = s::int2
    ) || CASE
        WHEN p_reference ->> 'action' = 'scrub' THEN deletion_sql_scrub(
            (p_child ->> 'oid')::oid, p_reference ->> 'reference_name'
        )
        ELSE ''
    END
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

-- >>> procedures/postgres/planner/deletion_same_value.sql
-- deletion_same_value
-- Tell whether two values of a column, as they were declared, are one to the column.
--
-- Parameters  p_table, p_column    the column, by its number
--             p_first, p_second    the values, as text
-- Returns     boolean; where the column cannot say, they are
-- Writes      nothing, and reads no row of the table     Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_same_value('comment'::regclass, 2::int2, 'post', 'POST');

CREATE OR REPLACE FUNCTION deletion_same_value(
    p_table oid,
    p_column int2,
    p_first text,
    p_second text
) RETURNS boolean
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_same_value$
DECLARE
    v_is_same boolean;
    v_sql text;
BEGIN
    IF p_first = p_second THEN
        RETURN TRUE;
    END IF;

    SELECT format(
        'SELECT CAST(%1$L AS %3$s) %4$s CAST(%2$L AS %3$s)%5$s',
        p_first, p_second, format_type(a.atttypid, a.atttypmod),
        deletion_equality(deletion_equality_of(a.atttypid, a.atttypid), FALSE),
        (
            SELECT format(' COLLATE %I.%I', n.nspname, c.collname)
            FROM pg_collation AS c
            INNER JOIN pg_namespace AS n ON n.oid = c.collnamespace
            WHERE c.oid = a.attcollation
        )
    )
    INTO STRICT v_sql
    FROM pg_attribute AS a
    WHERE a.attrelid = p_table AND a.attnum = p_column;

    EXECUTE v_sql INTO v_is_same;
    RETURN coalesce(v_is_same, TRUE);
EXCEPTION
    WHEN OTHERS THEN
        RETURN TRUE;
END;
$deletion_same_value$;

COMMENT ON FUNCTION deletion_same_value(oid, int2, text, text) IS
'Tell whether two values of a column, as they were declared, are one to the column.';
REVOKE ALL ON FUNCTION deletion_same_value(oid, int2, text, text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_plan_set_order.sql
-- deletion_plan_set_order
-- Put references whose rows are set in such an order that none hides a row from another reference.
--
-- Parameters  p_references   rows of deletion_references_to, as a jsonb array
--             p_closure      the closure's tables, the target first
--             p_key          the target's key
-- Returns     jsonb: the same rows, each with "set_order": 0, or when it has its turn among those
--             that are set when nothing else can go; action restrict where no order would do
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- A row of the closure that is set in a column by which it is found would stay; one that stays and
-- is set in a column of another reference would not be set by that. So the first kind comes last,
-- and of the second that which does not scrub, or sets fewer columns. Where rows below those that
-- would be set wait for such a turn as well, rows that are about to go are there still when it
-- comes, and are not to be told from rows that stay; and what a default would make of a row of the
-- closure is not known. Either blocks.

CREATE OR REPLACE FUNCTION deletion_plan_set_order(
    p_references jsonb,
    p_closure oid[],
    p_key int2[]
) RETURNS jsonb
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_plan_set_order$
WITH RECURSIVE reference AS MATERIALIZED (
    SELECT
        e.ordinality AS no, e.value AS source, r.child_oid, r.parent_oid, r.action,
        r.child_oid = ANY (p_closure) AS in_closure,
        r.child_columns || coalesce(nullif(r.discriminator_column, 'null'), '[]') AS child_columns,
        r.parent_columns, nullif(r.discriminator_column, 'null') AS discriminator_column,
        r.discriminator_value, r.child_part,
        CASE WHEN r.action IN ('set_null', 'set_default', 'scrub') THEN r.set_columns END
        AS set_columns
    FROM jsonb_array_elements(p_references) WITH ORDINALITY AS e
    CROSS JOIN LATERAL jsonb_to_record(e.value) AS r (
        child_oid oid, parent_oid oid, action text, child_columns jsonb, parent_columns jsonb,
        set_columns jsonb, discriminator_column jsonb, discriminator_value text, child_part oid
    )
),

-- What changes where a row is set: with the columns what the engine generates from them.
set_reference AS MATERIALIZED (
    SELECT r.no, r.child_oid, r.in_closure, r.action, c.value AS column_no
    FROM reference AS r
    CROSS JOIN LATERAL jsonb_array_elements(r.set_columns) AS c
    UNION
    SELECT r.no, r.child_oid, r.in_closure, r.action, to_jsonb(g.adnum)
    FROM reference AS r
    INNER JOIN pg_attrdef AS g ON g.adrelid = r.child_oid
    INNER JOIN pg_depend AS d
        ON
            d.classid = 'pg_attrdef'::regclass AND d.objid = g.oid
            AND d.refclassid = 'pg_class'::regclass AND d.refobjid = g.adrelid
    WHERE r.set_columns @> to_jsonb(d.refobjsubid) AND d.refobjsubid <> g.adnum
),

-- By what rows of the closure are found: their key, and what hangs from them; by what they hang
-- from, with the discriminator, which two references tell apart by different values.
key_column AS (
    SELECT DISTINCT t.table_oid, c.value AS column_no
    FROM (
        SELECT s.table_oid, to_jsonb(CASE
            WHEN s.table_oid = p_closure[1] THEN p_key ELSE deletion_node_key(s.table_oid)
        END) AS columns
        FROM (
            SELECT DISTINCT x.child_oid AS table_oid FROM set_reference AS x WHERE x.in_closure
        ) AS s
        UNION ALL
        SELECT r.parent_oid, r.parent_columns FROM reference AS r WHERE r.action <> 'keep'
    ) AS t
    CROSS JOIN LATERAL jsonb_array_elements(coalesce(nullif(t.columns, 'null'), '[]')) AS c
),

overlap AS MATERIALIZED (
    SELECT DISTINCT s.no, o.no AS other_no, o.action AS other_action
    FROM set_reference AS s
    INNER JOIN reference AS r ON r.no = s.no
    INNER JOIN reference AS o
        ON o.child_oid = s.child_oid AND o.no <> s.no AND o.child_columns @> s.column_no
    -- No row is of both, nor of two partitions where neither holds the other.
    WHERE
        NOT coalesce(
            r.discriminator_column = o.discriminator_column
            AND NOT deletion_same_value(
                r.child_oid, (r.discriminator_column #>> '{}')::int2, r.discriminator_value,
                o.discriminator_value
            ), FALSE
        )
        AND (
            r.child_part IS NULL OR o.child_part IS NULL
            OR o.child_part IN (SELECT a.relid FROM pg_partition_ancestors(r.child_part) AS a)
            OR r.child_part IN (SELECT a.relid FROM pg_partition_ancestors(o.child_part) AS a)
        )
),

telling_set AS (
    SELECT s.no, s.action
    FROM set_reference AS s
    INNER JOIN key_column AS k ON k.table_oid = s.child_oid AND k.column_no = s.column_no
    WHERE s.in_closure
    UNION
    SELECT s.no, s.action
    FROM overlap AS v
    INNER JOIN set_reference AS s ON s.no = v.no AND s.in_closure
    WHERE v.other_action = 'cascade'
),

hides AS (
    SELECT
        e.no, o.no AS hidden_no, o.action = 'scrub' AS is_scrub, e.action = 'scrub' AS scrubs,
        jsonb_array_length(o.set_columns) > jsonb_array_length(e.set_columns) AS is_wider
    FROM overlap AS v
    INNER JOIN reference AS e ON e.no = v.no
    INNER JOIN reference AS o ON o.no = v.other_no
    WHERE
        o.set_columns IS NOT NULL
        AND (o.action = 'scrub' OR NOT e.set_columns @> o.set_columns)
        -- What a default would make of a row of the closure blocks: see below.
        AND e.no NOT IN (SELECT t.no FROM telling_set AS t WHERE t.action = 'set_default')
        AND o.no NOT IN (SELECT t.no FROM telling_set AS t WHERE t.action = 'set_default')
),

ordered (no, set_order) AS (
    SELECT t.no, 1 FROM telling_set AS t WHERE t.action <> 'set_default'
    UNION
    SELECT h.no, 1 FROM hides AS h
    UNION
    -- Later than what it hides, unless that hides it as well, and sets no more. Where several hide
    -- each other in a circle no order is right, and any that ends will do.
    SELECT h.no, o.set_order + 1
    FROM ordered AS o
    INNER JOIN hides AS h ON h.hidden_no = o.no
    WHERE
        o.set_order < 10
        AND CASE
            WHEN h.is_scrub <> h.scrubs THEN h.is_scrub
            ELSE h.is_wider OR NOT EXISTS (
                SELECT 1 FROM hides AS b WHERE b.no = h.hidden_no AND b.hidden_no = h.no
            )
        END
),

below (no, table_oid) AS (
    SELECT r.no, r.child_oid
    FROM (SELECT DISTINCT o.no FROM ordered AS o) AS s
    INNER JOIN reference AS r ON r.no = s.no AND r.in_closure
    UNION
    SELECT b.no, r.child_oid
    FROM below AS b
    INNER JOIN reference AS r
        ON
            r.parent_oid = b.table_oid AND r.in_closure
            AND (
                r.action IN ('cascade', 'restrict')
                OR r.no IN (SELECT o.no FROM ordered AS o)
                OR r.no IN (SELECT t.no FROM telling_set AS t)
            )
),

blocking AS (
    SELECT t.no FROM telling_set AS t WHERE t.action = 'set_default'
    UNION
    SELECT b.no
    FROM below AS b
    INNER JOIN reference AS r ON r.parent_oid = b.table_oid
    INNER JOIN ordered AS o ON o.no = r.no
)

SELECT coalesce(jsonb_agg(
    r.source || CASE
        WHEN r.no IN (SELECT b.no FROM blocking AS b) THEN '{"action": "restrict", "set_order": 0}'
        ELSE jsonb_build_object('set_order', coalesce(o.set_order, 0))
    END ORDER BY r.no
), '[]')
FROM reference AS r
LEFT JOIN (
    SELECT x.no, max(x.set_order) AS set_order
    FROM ordered AS x
    GROUP BY x.no
) AS o ON o.no = r.no;
$deletion_plan_set_order$;

COMMENT ON FUNCTION deletion_plan_set_order(jsonb, oid[], int2[]) IS
'Put references whose rows are set in an order in which none hides a row from another reference.';
REVOKE ALL ON FUNCTION deletion_plan_set_order(jsonb, oid[], int2[]) FROM PUBLIC;
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
    v_graph jsonb;
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

    IF deletion_key_changed(p_entity_table) THEN
        RETURN jsonb_build_object('tables', ARRAY[v_root::bigint], 'error_code', 'JD005', 'error',
            format('the key of %s has changed its type: register it again', p_entity_table));
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
    -- What is kept is read by previews alone: a table that cannot be read so is no reason to fail.
    WHERE r.action <> 'keep' OR deletion_plan_problem(ARRAY[r.child_oid]) IS NULL;

    SELECT v_closure || coalesce(array_agg(DISTINCT r.child_oid), '{}')
    INTO v_tables
    FROM jsonb_to_recordset(v_references) AS r (child_oid oid)
    WHERE r.child_oid <> ALL (v_closure);

    -- Without its discriminator a declared reference would mean the rows of every kind.
    SELECT 'columns of a declared reference are gone: '
        || string_agg(r.reference_name, ', ' ORDER BY r.reference_name)
    INTO v_error
    FROM jsonb_to_recordset(v_references) AS r (
        reference_name text, child_columns jsonb, parent_columns jsonb, discriminator_column int2,
        discriminator_value text
    )
    WHERE
        coalesce(jsonb_typeof(r.child_columns), 'null') = 'null'
        OR coalesce(jsonb_typeof(r.parent_columns), 'null') = 'null'
        OR (r.discriminator_column IS NULL AND r.discriminator_value IS NOT NULL);

    v_error := coalesce(
        v_error,
        deletion_misfit_problem(deletion_add_partitions(v_tables)),
        deletion_plan_problem(v_tables),
        deletion_rule_problem(v_references)
    );

    IF v_error IS NOT NULL THEN
        RETURN jsonb_build_object(
            'tables', to_jsonb(deletion_add_partitions(v_tables)), 'error_code', 'JD005',
            'error', v_error
        );
    END IF;

    v_references := deletion_plan_set_order(v_references, v_closure, v_key);

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

    v_graph := jsonb_build_object(
        'nodes', v_nodes,
        'tables', to_jsonb(deletion_add_partitions(v_tables)),
        'max_rows', v_max_rows
    ) || deletion_plan_edges(v_closure, v_references, v_nodes, v_max_rows IS NOT NULL);
    v_error := coalesce(deletion_declared_problem(v_references), deletion_rewrite_problem(
        v_closure || ARRAY(
            SELECT r.child_part
            FROM jsonb_to_recordset(v_references) AS r (child_part oid, action text)
            WHERE r.action = 'cascade' AND r.child_part IS NOT NULL
        ),
        ARRAY(
            SELECT coalesce(r.child_part, r.child_oid)
            FROM jsonb_to_recordset(v_references) AS r (child_oid oid, child_part oid, action text)
            WHERE r.action IN ('set_null', 'set_default', 'scrub')
            UNION
            -- Where rows go in a circle, one lets go of another.
            SELECT v_tables[e.child + 1]
            FROM jsonb_to_recordset(v_graph -> 'edges') AS e (child integer, break_columns jsonb)
            WHERE jsonb_typeof(e.break_columns) = 'array'
        )
    ));

    IF v_error IS NOT NULL AND NOT v_graph ? 'error_code' THEN
        v_graph := v_graph || jsonb_build_object('error_code', 'JD005', 'error', v_error);
    END IF;

    RETURN v_graph;
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
LEFT JOIN LATERAL (
    SELECT q.oid
    FROM pg_partition_tree(c.oid) AS t
    INNER JOIN pg_class AS q ON q.oid = t.relid AND q.relkind NOT IN ('r', 'p')
    ORDER BY q.oid
    LIMIT 1
) AS f ON TRUE
LEFT JOIN LATERAL (
    SELECT min(d.reference_name) AS reference_name
    FROM deletion_references AS d
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = d.child_schema
    INNER JOIN pg_constraint AS k
        ON k.conrelid = c.oid AND k.contype = 'f' AND k.conname = d.reference_name
    WHERE d.child_table = c.relname
) AS o ON TRUE
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN c.relkind = 'f' THEN 'is a foreign table'
        -- A target may become one; what refers to the partitioned table is the engine's to remove.
        WHEN c.relispartition THEN format(
            'is a partition of %s now: register that',
            deletion_entity_name(pg_partition_root(c.oid))
        )
        WHEN c.relkind NOT IN ('r', 'p') THEN 'is no ordinary table'
        WHEN f.oid IS NOT NULL THEN format(
            'has a partition that is no ordinary table (%s)', deletion_entity_name(f.oid)
        )
        -- Rules name references: nobody could tell which of the two is meant.
        WHEN o.reference_name IS NOT NULL THEN format(
            'has a foreign key and a declared reference of one name (%s)', o.reference_name
        )
        WHEN EXISTS (
            SELECT 1
            FROM pg_attribute AS a
            WHERE
                a.attrelid = c.oid AND a.attnum = ANY (deletion_node_key(c.oid))
                AND (
                    deletion_type_family(a.atttypid) IS NULL
                    OR deletion_equality_of(a.atttypid, a.atttypid) IS NULL
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

-- >>> procedures/postgres/planner/deletion_read_scrub.sql
-- deletion_read_scrub
-- Read what a rule scrubs, strictly: columns of a table, each with a constant or NULL.
--
-- Parameters  p_table     the table                p_scrub   a JSON object, column to value
-- Returns     one row: scrub, each value as its type prints it; problem, why it cannot be
-- Writes      nothing, and reads no row of the table     Commits  no
-- Execute     the owner only
-- Example     SELECT * FROM deletion_read_scrub('invoice'::regclass, '{"name": "gone"}');

CREATE OR REPLACE FUNCTION deletion_read_scrub(
    p_table oid,
    p_scrub jsonb
) RETURNS TABLE (scrub jsonb, problem text)
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_read_scrub$
BEGIN
    IF jsonb_typeof(p_scrub) IS DISTINCT FROM 'object' OR p_scrub = '{}' THEN
        RETURN QUERY SELECT NULL::jsonb, 'what to scrub is no object of columns';
        RETURN;
    END IF;

    RETURN QUERY
    WITH wanted AS (
        SELECT
            e.key AS column_name, e.value, a.attnum, a.attrelid, a.attgenerated, a.attidentity,
            a.attnotnull OR y.typnotnull AS is_required,
            deletion_column_text(e.value, format_type(a.atttypid, a.atttypmod)) AS value_text,
            -- What the engine makes from the column.
            ARRAY(
                SELECT g.attnum
                FROM pg_attribute AS g
                INNER JOIN pg_attrdef AS f ON f.adrelid = g.attrelid AND f.adnum = g.attnum
                INNER JOIN pg_depend AS d
                    ON
                        d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid
                        AND d.refclassid = 'pg_class'::regclass AND d.refobjid = g.attrelid
                        AND d.refobjsubid = a.attnum
                WHERE g.attrelid = a.attrelid AND g.attgenerated <> '' AND g.attnum <> a.attnum
            ) AS made
        FROM jsonb_each(p_scrub) AS e
        LEFT JOIN pg_attribute AS a
            ON
                a.attrelid = p_table AND a.attname = e.key
                AND a.attnum > 0 AND NOT a.attisdropped
        LEFT JOIN pg_type AS y ON y.oid = a.atttypid
    ),

    judged AS (
        SELECT w.*, CASE
            WHEN w.attnum IS NULL THEN 'there is no such column'
            WHEN w.attgenerated <> '' OR w.attidentity = 'a' THEN 'the column is generated'
            WHEN w.attnum = ANY (deletion_node_key(p_table)) THEN 'the column is part of the key'
            -- A reference is what detaches; another one would lead the row elsewhere.
            WHEN EXISTS (
                SELECT 1
                FROM pg_constraint AS k
                WHERE
                    k.contype = 'f'
                    AND (
                        k.conrelid = p_table AND w.attnum = ANY (k.conkey)
                        OR k.confrelid = p_table AND w.attnum = ANY (k.confkey)
                    )
            ) OR EXISTS (
                SELECT 1
                FROM deletion_references AS d
                INNER JOIN pg_class AS c ON c.oid = p_table
                INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
                WHERE
                    (d.child_schema, d.child_table) = (n.nspname, c.relname)
                    AND (d.child_columns ? w.column_name OR d.discriminator_column = w.column_name)
                    OR (d.parent_schema, d.parent_table) = (n.nspname, c.relname)
                    AND d.parent_columns ? w.column_name
            ) THEN 'the column belongs to a reference'
            WHEN w.made && deletion_node_key(p_table) THEN 'a column of the key is made from it'
            WHEN EXISTS (
                SELECT 1
                FROM pg_constraint AS k
                WHERE
                    k.contype = 'f'
                    AND (
                        k.conrelid = p_table AND w.made && k.conkey
                        OR k.confrelid = p_table AND w.made && k.confkey
                    )
            ) OR EXISTS (
                SELECT 1
                FROM deletion_references AS d
                INNER JOIN pg_class AS c ON c.oid = p_table
                INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
                INNER JOIN pg_attribute AS g ON g.attrelid = p_table AND g.attnum = ANY (w.made)
                WHERE
                    (d.child_schema, d.child_table) = (n.nspname, c.relname)
                    AND (d.child_columns ? g.attname::text OR d.discriminator_column = g.attname)
                    OR (d.parent_schema, d.parent_table) = (n.nspname, c.relname)
                    AND d.parent_columns ? g.attname::text
            ) THEN 'a column of a reference is made from it'
            WHEN w.value = 'null' AND w.is_required THEN 'the column cannot be NULL'
            WHEN w.value <> 'null' AND w.value_text IS NULL THEN 'the column does not take the value'
            WHEN w.value <> 'null' AND EXISTS (
                SELECT 1
                FROM pg_index AS i
                WHERE
                    i.indrelid = p_table AND i.indisunique AND i.indnkeyatts = 1
                    AND i.indkey[0] = w.attnum
            ) THEN 'the column is unique: two rows cannot hold the value'
            WHEN w.value <> 'null' AND EXISTS (
                SELECT 1
                FROM pg_index AS i
                WHERE
                    i.indrelid = p_table AND i.indisunique
                    AND (
                        w.made && (i.indkey::int2[])
                        OR i.indexprs IS NOT NULL AND EXISTS (
                            SELECT 1
                            FROM pg_depend AS d
                            WHERE
                                d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                                AND d.refclassid = 'pg_class'::regclass AND d.refobjid = p_table
                                AND d.refobjsubid = ANY (w.made || w.attnum)
                        )
                    )
            ) THEN 'what is unique is made from it'
        END AS objection
        FROM wanted AS w
    )

    SELECT
        jsonb_object_agg(j.column_name, j.value_text),
        min(format('%s (%s)', j.objection, j.column_name))
        FILTER (WHERE j.objection IS NOT NULL)
    FROM judged AS j;
END;
$deletion_read_scrub$;

COMMENT ON FUNCTION deletion_read_scrub(oid, jsonb) IS
'Read what a rule scrubs, strictly: columns of a table, each with a constant or NULL.';
REVOKE ALL ON FUNCTION deletion_read_scrub(oid, jsonb) FROM PUBLIC;
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
        -- Version 18 knows keys that are written down and not looked at: no row goes by them.
        AND coalesce(to_jsonb(k) ->> 'conenforced', 'true') = 'true'
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
),

ruled AS (
    SELECT e.*, coalesce(r.action, e.action) AS rule_action
    FROM every AS e
    INNER JOIN pg_class AS t ON t.oid = e.child_oid
    INNER JOIN pg_namespace AS n ON n.oid = t.relnamespace
    INNER JOIN pg_class AS p ON p.oid = e.parent_oid
    INNER JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
    LEFT JOIN deletion_rules AS r
        ON
            r.child_schema = n.nspname AND r.child_table = t.relname
            AND r.reference_name = e.reference_name
            AND (
                r.parent_table IS NULL
                OR (r.parent_schema = pn.nspname AND r.parent_table = p.relname)
            )
)

SELECT
    coalesce(pg_partition_root(e.child_oid)::oid, e.child_oid) AS child_oid,
    coalesce(pg_partition_root(e.parent_oid)::oid, e.parent_oid) AS parent_oid,
    -- Keys of several partitions may have one name.
    CASE
        WHEN count(*) OVER (
            PARTITION BY
                coalesce(pg_partition_root(e.child_oid)::oid, e.child_oid), e.reference_name
        ) > 1 THEN format('%s.%s', deletion_entity_name(e.child_oid), e.reference_name)
        ELSE e.reference_name
    END AS reference_name,
    CASE
        -- A column that cannot be NULL blocks as the engine would, but before anything is touched.
        WHEN e.rule_action IN ('set_null', 'scrub') AND EXISTS (
            SELECT 1
            FROM pg_attribute AS a
            INNER JOIN pg_type AS y ON y.oid = a.atttypid
            WHERE
                a.attrelid = e.child_oid AND a.attnum = ANY (e.set_columns)
                AND (a.attnotnull OR y.typnotnull)
        ) THEN 'restrict'
        -- The engine would change rows behind the column as well: unbounded, and uncounted.
        WHEN e.rule_action IN ('set_null', 'set_default', 'scrub') AND EXISTS (
            SELECT 1
            FROM (
                SELECT e.child_oid AS table_oid
                UNION
                SELECT x.relid::oid FROM pg_partition_tree(e.child_oid) AS x
            ) AS p
            INNER JOIN pg_constraint AS k ON k.confrelid = p.table_oid AND k.contype = 'f'
            WHERE
                k.confupdtype IN ('c', 'n', 'd')
                AND deletion_root_columns(p.table_oid, k.confkey)
                && deletion_root_columns(e.child_oid, e.set_columns)
        ) THEN 'restrict'
        ELSE e.rule_action
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
            -- BRIN and GIN answer by bitmaps alone, which are made of far more than a batch.
            AND pg_index_has_property(i.indexrelid, 'index_scan')
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
FROM ruled AS e;
$deletion_references_to$;

COMMENT ON FUNCTION deletion_references_to(oid[]) IS
'The references that point at given tables, each with the action that rules leave it.';
REVOKE ALL ON FUNCTION deletion_references_to(oid[]) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_rule_problem.sql
-- deletion_rule_problem
-- Say which rule of a plan does not fit its table any more, if one of them does not.
--
-- Parameters  p_references   rows of deletion_references_to, as a jsonb array
-- Returns     text naming table and reference; NULL: all fit
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_rule_problem(p_references jsonb)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_rule_problem$
SELECT format('%s cannot be scrubbed by %s: %s', deletion_entity_name(c.oid), r.reference_name, s.problem)
FROM jsonb_to_recordset(p_references) AS f (child_oid oid, reference_name text, action text)
INNER JOIN pg_class AS c ON c.oid = f.child_oid
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
INNER JOIN deletion_rules AS r
    ON
        r.child_schema = n.nspname AND r.child_table = c.relname
        AND r.reference_name = f.reference_name
CROSS JOIN LATERAL deletion_read_scrub(c.oid, r.scrub) AS s
WHERE f.action = 'scrub' AND s.problem IS NOT NULL
ORDER BY 1
LIMIT 1;
$deletion_rule_problem$;

COMMENT ON FUNCTION deletion_rule_problem(jsonb) IS
'Which rule of a plan does not fit its table any more, if one of them does not.';
REVOKE ALL ON FUNCTION deletion_rule_problem(jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_misfit_problem.sql
-- deletion_misfit_problem
-- Say which rule or declaration fits the catalog no more, and so stops a plan, if one does.
--
-- Parameters  p_tables   the tables of the plan, closure and others, with their partitions
-- Returns     text naming it, with the SQL that takes it away; NULL: none stops this plan
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_misfit_problem(p_tables oid[])
RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_misfit_problem$
BEGIN
    RETURN (
        SELECT format('%s: %s %s', m.why, m.advice, m.mend_sql)
        FROM vw_deletion_misfits AS m
        WHERE
            m.is_everywhere
            OR EXISTS (
                SELECT 1
                FROM pg_class AS c
                INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
                WHERE
                    c.oid = ANY (p_tables)
                    AND (
                        (n.nspname = m.child_schema AND c.relname = m.child_table)
                        -- Another key may lead to the rows that the lost one led to.
                        OR (n.nspname = m.parent_schema AND c.relname = m.parent_table)
                    )
            )
        ORDER BY m.kind, m.why
        LIMIT 1
    );
END;
$deletion_misfit_problem$;

COMMENT ON FUNCTION deletion_misfit_problem(oid[]) IS
'Which rule or declaration fits the catalog no more, and so stops a plan, if one does.';
REVOKE ALL ON FUNCTION deletion_misfit_problem(oid[]) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_declared_problem.sql
-- deletion_declared_problem
-- Say which declared reference of a plan could not be declared any more, if one of them could not.
--
-- Parameters  p_references   rows of deletion_references_to, as a jsonb array
-- Returns     text naming it and the reason; NULL: all could
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_declared_problem(p_references jsonb)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_declared_problem$
SELECT format('the declared reference %s: %s', q.reference_name, q.problem)
FROM (
    SELECT
        d.reference_name,
        -- A key that has come to share its name is told from it by the table's name.
        deletion_reference_problem(
            NULL, c.oid, deletion_columns(c.oid, d.child_columns), p.oid,
            deletion_columns(p.oid, d.parent_columns), d.discriminator_column,
            d.discriminator_value
        ) AS problem
    FROM jsonb_to_recordset(p_references) AS r (
        child_oid oid, reference_name text, action text, is_declared boolean
    )
    INNER JOIN pg_class AS c ON c.oid = r.child_oid
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    INNER JOIN deletion_references AS d
        ON
            r.reference_name IN (
                d.reference_name,
                format('%s.%s', deletion_entity_name(c.oid), d.reference_name)
            )
            AND d.child_schema = n.nspname AND d.child_table = c.relname
    INNER JOIN pg_namespace AS pn ON pn.nspname = d.parent_schema
    INNER JOIN pg_class AS p ON p.relnamespace = pn.oid AND p.relname = d.parent_table
    -- What is kept is read by previews alone.
    WHERE r.is_declared AND r.action <> 'keep'
) AS q
WHERE q.problem IS NOT NULL
ORDER BY 1
LIMIT 1;
$deletion_declared_problem$;

COMMENT ON FUNCTION deletion_declared_problem(jsonb) IS
'Which declared reference of a plan could not be declared any more, if one of them could not.';
REVOKE ALL ON FUNCTION deletion_declared_problem(jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_rewrite_problem.sql
-- deletion_rewrite_problem
-- Say which table of a plan has a rewrite rule that would take the place of the plan's statements.
--
-- Parameters  p_deleted   the tables that rows are deleted from
--             p_set       the tables that rows are set in
-- Returns     text naming table and rule; NULL: there is none
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- The engine's own cascade goes through them as well, and breaks its references where they say so.

CREATE OR REPLACE FUNCTION deletion_rewrite_problem(
    p_deleted oid[],
    p_set oid[]
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_rewrite_problem$
SELECT format(
    '%s has a rule of the engine on %s (%s)',
    deletion_entity_name(w.ev_class), CASE w.ev_type WHEN '4' THEN 'DELETE' ELSE 'UPDATE' END,
    w.rulename
)
FROM pg_rewrite AS w
WHERE
    w.ev_class = ANY (p_deleted || p_set)
    AND CASE w.ev_type
        WHEN '4' THEN w.ev_class = ANY (p_deleted)
        WHEN '2' THEN w.ev_class = ANY (p_set)
    END
    AND w.ev_enabled IN ('O', 'A')
ORDER BY 1
LIMIT 1;
$deletion_rewrite_problem$;

COMMENT ON FUNCTION deletion_rewrite_problem(oid[], oid[]) IS
'Which table of a plan has a rewrite rule that would take the place of the plan''s statements.';
REVOKE ALL ON FUNCTION deletion_rewrite_problem(oid[], oid[]) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_list.sql
-- deletion_sql_list
-- Write a list with one entry for each of given columns.
--
-- Parameters  p_columns    a jsonb array of {f, name, type, eq, collate}
--             p_format     the entry: %1$s name in frames, %2$s column, %3$s type, %4$s operator,
--                          %5$s collation
--             p_separator  between entries
-- Returns     text
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_sql_list('[{"f":"k1","name":"id"}]', 't.%2$s = f.%1$s', ' AND ');

CREATE OR REPLACE FUNCTION deletion_sql_list(
    p_columns jsonb,
    p_format text,
    p_separator text DEFAULT ', '
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_list$
SELECT string_agg(
    format(p_format, c ->> 'f', c ->> 'name', c ->> 'type', c ->> 'eq', c ->> 'collate'),
    p_separator ORDER BY n
)
FROM jsonb_array_elements(p_columns) WITH ORDINALITY AS x (c, n);
$deletion_sql_list$;

COMMENT ON FUNCTION deletion_sql_list(jsonb, text, text) IS
'A list with one entry for each of given columns.';
REVOKE ALL ON FUNCTION deletion_sql_list(jsonb, text, text) FROM PUBLIC;
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
    CROSS JOIN LATERAL (SELECT * FROM %3$s AS c WHERE %4$s%5$s OFFSET 0) AS c
    WHERE w.walk_id = $1 AND w.node_no = %6$s AND w.fate = 'delete' AND w.edge_no <> %7$s
        AND NOT (%8$s)
    UNION
    SELECT up.job_id, %9$s
    FROM up
    CROSS JOIN LATERAL (SELECT * FROM %3$s AS c WHERE %10$s%5$s OFFSET 0) AS c
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
        string_agg(format('c.%1$s::text%4$s AS s%3$s, c.%2$s::text%4$s AS a%3$s', x.parent ->> 'name',
            x.child ->> 'name', x.n, x.parent ->> 'collate'), ', ' ORDER BY x.n) AS start_list,
        string_agg(format('up.s%1$s, c.%2$s::text%3$s', x.n, x.child ->> 'name',
            x.parent ->> 'collate'), ', ' ORDER BY x.n) AS next_list,
        string_agg(format('c.%1$s %2$s CAST(up.a%3$s AS %4$s)', x.parent ->> 'name',
            x.parent ->> 'eq', x.n, x.parent ->> 'type'), ' AND ' ORDER BY x.n) AS above,
        string_agg(format('CAST(c.%2$s AS %3$s)%5$s %4$s c.%1$s', x.parent ->> 'name', x.child ->> 'name',
            x.parent ->> 'type', x.parent ->> 'eq', x.parent ->> 'collate'), ' AND ' ORDER BY x.n) AS own,
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
        'SELECT c.ctid FROM %s AS c WHERE c.%s %s ANY (%s) AND %s',
        p_child ->> 'sql', p_edge ->> 'child_column', p_edge ->> 'any_eq',
        CASE
            WHEN p_edge ->> 'index' IS NULL THEN format('SELECT f.%s FROM f', p_edge ->> 'frame_column')
            ELSE format('ARRAY(SELECT f.%s FROM f)', p_edge ->> 'frame_column')
        END,
        p_edge ->> 'condition_c'
    )
    ELSE format(
        'SELECT c.ctid%1$s FROM f CROSS JOIN LATERAL '
        || '(SELECT c.ctid%1$s FROM %2$s AS c WHERE %3$s OFFSET 0) AS c',
        -- Rows of two partitions may be at the same place.
        CASE WHEN (p_child ->> 'parts')::boolean THEN ', c.tableoid' ELSE '' END,
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
    CASE WHEN (p_child ->> 'parts')::boolean AND p_one_job THEN $sql$WITH %1$s,
r AS MATERIALIZED (
    SELECT DISTINCT x.part, x.row_id
    FROM (
        %3$s
        LIMIT $2
    ) AS x (row_id, part)
)
DELETE FROM %2$s AS c
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
    DELETE FROM %2$s AS c
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
DELETE FROM %2$s AS c
WHERE
    c.ctid = ANY (%3$s)
    AND %4$s$sql$
    ELSE $sql$WITH %1$s,
r AS MATERIALIZED (
    SELECT %3$s AS ids
),
d AS (
    DELETE FROM %2$s AS c
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
        WHEN (p_child ->> 'parts')::boolean THEN deletion_sql_find(p_edge, p_child)
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

-- >>> procedures/postgres/planner/deletion_sql_fetch.sql
-- deletion_sql_fetch
-- Write the statement that reads the keys of the rows that hang from a frame by one reference.
--
-- Parameters  p_edge, p_parent, p_child   the reference and its nodes
--                         beyond in the edge: a further condition on child rows c;
--                         own in the edge: further columns of the frame to hand on
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
SELECT coalesce(jsonb_agg(jsonb_build_object('j', x.j%6$s, %2$s)), '[]'), count(*)
FROM (
    SELECT f.j%7$s, %3$s
    FROM f
    %4$s
    %5$sLIMIT $2
) AS x$sql$,
    deletion_sql_frame(
        (p_parent -> 'columns') || coalesce(p_edge -> 'own', '[]'),
        (p_edge ->> 'only_found')::boolean
    ),
    deletion_sql_list((p_child -> 'columns') || (p_edge -> 'columns'), '''%1$s'', x.%1$s'),
    deletion_sql_list((p_child -> 'columns') || (p_edge -> 'columns'), 'c.%2$s AS %1$s'),
    CASE
        -- OFFSET 0 keeps the frame outside and the index inside, whatever the statistics say.
        WHEN p_edge ->> 'index' IS NOT NULL THEN format(
            'CROSS JOIN LATERAL (SELECT %s FROM %s AS c WHERE %s%s OFFSET 0) AS c',
            p_child ->> 'rows', p_child ->> 'sql', p_edge ->> 'on_frame', k.beyond
        )
        ELSE format(
            'INNER JOIN %s AS c ON %s%s', p_child ->> 'sql', p_edge ->> 'on_frame', k.beyond
        )
    END,
    CASE WHEN p_ordered THEN format(
        E'WHERE $3 IS NULL OR (%s) > (%s)\n    ORDER BY %1$s\n    ',
        deletion_sql_list(k.columns, 'c.%2$s'),
        deletion_sql_list(k.columns, 'CAST($3 ->> ''%1$s'' AS %3$s)')
    ) ELSE '' END,
    coalesce(deletion_sql_list(p_edge -> 'own', ', ''%1$s'', x.%1$s', ''), ''),
    coalesce(deletion_sql_list(p_edge -> 'own', ', f.%1$s', ''), '')
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

-- >>> procedures/postgres/planner/deletion_sql_levels.sql
-- deletion_sql_levels
-- Write the statements for a frame that holds several levels of rows that refer to each other.
--
-- Parameters  p_edge    the self-reference         p_node   its table
--             p_below   the references that point at the table
-- Returns     one row a statement: kind expand (binds $1 a frame of one level, $2 limit; answers
--             the frame with what hangs from it, level by level, and its number of keys),
--             look_levels ($1 frame; the number of its rows that have children outside the frame)
--             or remove_levels ($1 frame; rows, rows by job)
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_levels(
    p_edge jsonb,
    p_node jsonb,
    p_below jsonb
) RETURNS TABLE (kind text, sql_text text)
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_levels$
WITH part AS (
    SELECT
        (p_node -> 'columns') || (p_edge -> 'columns') AS columns,
        deletion_sql_frame((p_node -> 'columns') || (p_edge -> 'columns'), FALSE) AS frame,
        p_node ->> 'sql' AS table_sql,
        deletion_sql_list(k.columns, 't.%2$s %4$s f.%1$s', ' AND ') || ' AND ' || (p_edge ->> 'found')
        AS found,
        deletion_sql_list(k.columns, 'c.%2$s') AS child_key,
        deletion_sql_list(k.columns, 'own.%1$s') AS own_key,
        deletion_sql_list(k.columns, 'y.%1$s') AS list_key
    FROM (
        SELECT jsonb_agg(c ORDER BY n) AS columns
        FROM jsonb_array_elements(p_node -> 'columns') WITH ORDINALITY AS x (c, n)
        WHERE (c ->> 'key')::boolean
    ) AS k
)

-- A row that is in the first level may hang from another one of it, too.
SELECT 'expand', format(
    $sql$WITH RECURSIVE %1$s,
d AS (
    SELECT f.j, 0 AS l, %2$s FROM f
    UNION ALL
    SELECT f.j, f.l + 1, %3$s
    FROM d AS f
    CROSS JOIN LATERAL (SELECT * FROM %4$s AS c WHERE %5$s OFFSET 0) AS c
)
SELECT coalesce(jsonb_agg(jsonb_build_object('j', x.j, 'l', x.l, %6$s)), '[]'), count(*)
FROM (
    SELECT DISTINCT ON (y.j, %7$s) y.*
    FROM (SELECT * FROM d LIMIT $2) AS y
    ORDER BY y.j, %7$s, y.l
) AS x$sql$,
    -- Both halves of a recursive query have to be of one collation.
    p.frame, deletion_sql_list(p.columns, 'f.%1$s%5$s AS %1$s'), deletion_sql_list(p.columns, 'c.%2$s'),
    p.table_sql, p_edge ->> 'on_frame', deletion_sql_list(p.columns, '''%1$s'', x.%1$s'), p.list_key)
FROM part AS p
UNION ALL
-- Under the lock no row can gain a child: where none has one outside, all of them go at once.
SELECT 'look_levels', format(
    $sql$WITH %1$s
SELECT count(*)
FROM f
INNER JOIN %2$s AS t ON %3$s
WHERE %4$s$sql$,
    p.frame, p.table_sql, p.found,
    (
        SELECT string_agg(format(
            E'\n    EXISTS (SELECT 1 FROM %s AS c WHERE %s%s)', b ->> 'sql', b ->> 'on_parent',
            CASE
                WHEN b -> 'no' = p_edge -> 'no' THEN format(
                    ' AND (%s) NOT IN (SELECT %s FROM f AS own)', p.child_key, p.own_key
                )
                ELSE ''
            END
        ), E'\n    OR ' ORDER BY (b ->> 'no')::integer)
        FROM jsonb_array_elements(p_below) AS b
    ))
FROM part AS p
UNION ALL
SELECT 'remove_levels', format(
    $sql$WITH %1$s,
d AS (
    DELETE FROM %2$s AS t
    USING f
    WHERE %3$s
    RETURNING f.j
)
SELECT coalesce(sum(g.n), 0)::bigint, jsonb_object_agg(g.j, g.n)
FROM (SELECT d.j, count(*) AS n FROM d GROUP BY d.j) AS g$sql$,
    p.frame, p.table_sql, p.found)
FROM part AS p;
$deletion_sql_levels$;

COMMENT ON FUNCTION deletion_sql_levels(jsonb, jsonb, jsonb) IS
'The statements for a frame that holds several levels of rows that refer to each other.';
REVOKE ALL ON FUNCTION deletion_sql_levels(jsonb, jsonb, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_held.sql
-- deletion_sql_held
-- Write the statement that finds the held rows of a table by the key that was held.
--
-- Parameters  p_node      the table, one of a plan's
--             p_columns   the columns of that key, a jsonb array of names
-- Returns     text; binds $1, an array of {"j": number of the hold, "pk": key}; answers the frame
--             of the rows that are there, each with its table's number ("n"), and their number
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_held(
    p_node jsonb,
    p_columns jsonb
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_held$
SELECT format(
    $sql$WITH i AS MATERIALIZED (
    SELECT i.j, %1$s FROM jsonb_to_recordset($1) AS i (j bigint, pk text)
)
SELECT coalesce(jsonb_agg(jsonb_build_object('n', %2$s, 'j', i.j, %3$s)), '[]'), count(*)
FROM i
CROSS JOIN LATERAL (SELECT %6$s FROM %4$s AS t WHERE %5$s OFFSET 0) AS t$sql$,
    string_agg(
        CASE
            WHEN jsonb_array_length(p_columns) = 1
                THEN format('CAST(i.pk AS %s) AS h%s', c.type_name, c.n)
            ELSE format(
                'CAST(CAST(i.pk AS jsonb) ->> %s AS %s) AS h%s', c.n - 1, c.type_name, c.n
            )
        END, ', ' ORDER BY c.n
    ),
    p_node ->> 'no',
    deletion_sql_list(p_node -> 'columns', '''%1$s'', t.%2$s'),
    p_node ->> 'sql',
    string_agg(format('t.%s %s i.h%s', c.column_name, c.eq, c.n), ' AND ' ORDER BY c.n),
    replace(p_node ->> 'rows', 'c.', 't.')
)
FROM (
    SELECT
        k.n,
        quote_ident(a.attname) AS column_name,
        format_type(a.atttypid, a.atttypmod) AS type_name,
        deletion_equality(deletion_equality_of(a.atttypid, a.atttypid), FALSE) AS eq
    FROM unnest(deletion_attnums((p_node ->> 'oid')::oid, p_columns))
        WITH ORDINALITY AS k (attnum, n)
    INNER JOIN pg_attribute AS a
        ON a.attrelid = (p_node ->> 'oid')::oid AND a.attnum = k.attnum
) AS c;
$deletion_sql_held$;

COMMENT ON FUNCTION deletion_sql_held(jsonb, jsonb) IS
'The statement that finds the held rows of a table by the key that was held.';
REVOKE ALL ON FUNCTION deletion_sql_held(jsonb, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_row_seen.sql
-- deletion_row_seen
-- Say whether a table has a row of a key.
--
-- Parameters  p_table     the table
--             p_columns   the columns of the key, a jsonb array of names
--             p_pk        their value, in canonical form
-- Returns     boolean
-- Errors      the engine's, where the owner may not read the table or a policy hides rows
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_row_seen('invoice'::regclass, '["id"]', '42');

CREATE OR REPLACE FUNCTION deletion_row_seen(
    p_table oid,
    p_columns jsonb,
    p_pk text
) RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
SET row_security = off
AS $deletion_row_seen$
DECLARE
    v_keys jsonb;
BEGIN
    EXECUTE deletion_sql_held(
        deletion_plan_node(0, p_table, deletion_attnums(p_table, p_columns), '{}', TRUE), p_columns
    ) INTO v_keys USING jsonb_build_array(jsonb_build_object('j', 0, 'pk', p_pk));
    RETURN v_keys <> '[]';
END;
$deletion_row_seen$;

COMMENT ON FUNCTION deletion_row_seen(oid, jsonb, text) IS 'Whether a table has a row of a key.';
REVOKE ALL ON FUNCTION deletion_row_seen(oid, jsonb, text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_climb.sql
-- deletion_sql_climb
-- Write the statements that climb from rows to those they hang from by one reference.
--
-- Parameters  p_edge, p_parent, p_child   the reference and its nodes
-- Returns     one row a statement: kind climb ($1 rows of the child's table; answers the parents,
--             each with the "j" of its child, and their number), above (the same, and holds the
--             parents until the step commits), and for a declared reference to the target
--             climb_root ($1 the roots, $2 such rows; answers, for each root that a row hangs from,
--             {"j": job, "h": the row's "j"}, and their number)
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_climb(
    p_edge jsonb,
    p_parent jsonb,
    p_child jsonb
) RETURNS TABLE (kind text, sql_text text)
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_climb$
WITH key AS (
    SELECT jsonb_agg(c ORDER BY n) AS columns
    FROM jsonb_array_elements(p_child -> 'columns') WITH ORDINALITY AS x (c, n)
    WHERE (c ->> 'key')::boolean
)

SELECT d.kind, format(
    $sql$WITH %1$s
SELECT
    coalesce(jsonb_agg(jsonb_build_object('n', %2$s, 'j', f.j, %3$s)), '[]'),
    count(*)
FROM f
CROSS JOIN LATERAL (SELECT %8$s FROM %4$s AS c WHERE %5$s OFFSET 0) AS c
CROSS JOIN LATERAL (SELECT %9$s FROM %6$s AS t WHERE %7$s OFFSET 0%10$s) AS t$sql$,
    deletion_sql_frame(k.columns, FALSE),
    p_parent ->> 'no',
    deletion_sql_list(p_parent -> 'columns', '''%1$s'', t.%2$s'),
    p_child ->> 'sql',
    deletion_sql_list(k.columns, 'c.%2$s %4$s f.%1$s', ' AND '),
    p_parent ->> 'sql',
    p_edge ->> 'on_parent',
    p_child ->> 'rows',
    replace(p_parent ->> 'rows', 'c.', 't.'),
    d.strength
)
FROM key AS k
CROSS JOIN (VALUES ('climb', ''), ('above', ' FOR SHARE')) AS d (kind, strength)
UNION ALL
-- Of a root that is not there a declared reference still tells the key.
SELECT 'climb_root', format(
    $sql$WITH %1$s
SELECT coalesce(jsonb_agg(jsonb_build_object('j', f.j, 'h', h.j)), '[]'), count(*)
FROM f
CROSS JOIN jsonb_to_recordset($2) AS h (j bigint, %2$s)
CROSS JOIN LATERAL (SELECT %6$s FROM %3$s AS c WHERE %4$s OFFSET 0) AS c
WHERE %5$s$sql$,
    deletion_sql_frame(p_parent -> 'columns', FALSE),
    deletion_sql_list(k.columns, '%1$s %3$s'),
    p_child ->> 'sql',
    deletion_sql_list(k.columns, 'c.%2$s %4$s h.%1$s', ' AND '),
    p_edge ->> 'on_frame',
    p_child ->> 'rows'
)
FROM key AS k
WHERE p_parent ->> 'no' = '0' AND (p_edge ->> 'declared')::boolean;
$deletion_sql_climb$;

COMMENT ON FUNCTION deletion_sql_climb(jsonb, jsonb, jsonb) IS
'The statements that climb from rows to those they hang from by one reference.';
REVOKE ALL ON FUNCTION deletion_sql_climb(jsonb, jsonb, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_removal.sql
-- deletion_sql_removal
-- Write the statements on a frame's own rows: hold, lock, delete the childless, see the rest.
--
-- Parameters  p_node        the table
--             p_edge        the reference by which the frame was found; NULL: the job's roots
--             p_below       the references that point at the table
--             p_is_exact    TRUE: under the lock an emptied reference is known to be empty
-- Returns     one row a statement: kind hold (binds $1 frame; answers the number of rows found,
--             which cannot move until the transaction ends), lock (the same; nor can they gain
--             children), remove and remove_now ($1 frame; rows, rows by job, 0) or left ($1 frame;
--             the frame of the rows that are still there)
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_removal(
    p_node jsonb,
    p_edge jsonb,
    p_below jsonb,
    p_is_exact boolean
) RETURNS TABLE (kind text, sql_text text)
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_removal$
WITH part AS (
    SELECT
        deletion_sql_frame(
            (p_node -> 'columns') || coalesce(p_edge -> 'columns', '[]'), p_edge IS NULL
        ) AS frame,
        p_node ->> 'sql' AS table_sql,
        deletion_sql_list(k.columns, 't.%2$s %4$s f.%1$s', ' AND ')
        || coalesce(' AND ' || (p_edge ->> 'found'), '') AS found,
        deletion_sql_list(k.columns, 't.%2$s') AS key_order,
        -- What references point at may have changed meanwhile; key and parent are as found.
        deletion_sql_list(
            k.columns || coalesce(p_edge -> 'columns', '[]'), '''%1$s'', f.%1$s'
        ) || coalesce(', ' || deletion_sql_list(k.others, '''%1$s'', t.%2$s'), '') AS frame_list,
        (
            SELECT string_agg(
                format(
                    E'\n        AND NOT EXISTS (SELECT 1 FROM %s AS c WHERE %s)',
                    b ->> 'sql', b ->> 'on_parent'
                ), '' ORDER BY (b ->> 'no')::integer
            )
            FROM jsonb_array_elements(p_below) AS b
        ) AS childless
    FROM (
        SELECT
            jsonb_agg(c ORDER BY n) FILTER (WHERE (c ->> 'key')::boolean) AS columns,
            jsonb_agg(c ORDER BY n) FILTER (WHERE NOT (c ->> 'key')::boolean) AS others
        FROM jsonb_array_elements(p_node -> 'columns') WITH ORDINALITY AS x (c, n)
    ) AS k
)

-- To hold is weaker than to lock: others may still add children to the rows.
SELECT k.kind, format(
    $sql$WITH %1$s
SELECT count(*)
FROM (
    SELECT 1 FROM f INNER JOIN %2$s AS t ON %3$s ORDER BY %4$s FOR %5$s OF t
) AS locked$sql$, p.frame, p.table_sql, p.found, p.key_order, k.strength)
FROM part AS p
CROSS JOIN (VALUES ('hold', 'SHARE'), ('lock', 'UPDATE')) AS k (kind, strength)
UNION ALL
-- Under the lock no reference that the engine knows can gain a row: look and delete in one.
SELECT 'remove', format(
    $sql$WITH %1$s,
d AS (
    DELETE FROM %2$s AS t
    USING f
    WHERE %3$s%4$s
    RETURNING f.j
)
SELECT coalesce(sum(g.n), 0)::bigint, jsonb_object_agg(g.j, g.n), 0::bigint
FROM (SELECT d.j, count(*) AS n FROM d GROUP BY d.j) AS g$sql$,
    p.frame, p.table_sql, p.found, coalesce(p.childless, ''))
FROM part AS p
UNION ALL
-- Where the references were emptied under the lock: a second look would read dead index entries.
SELECT 'remove_now', format(
    $sql$WITH %1$s,
d AS (
    DELETE FROM %2$s AS t
    USING f
    WHERE %3$s
    RETURNING f.j
)
SELECT coalesce(sum(g.n), 0)::bigint, jsonb_object_agg(g.j, g.n), 0::bigint
FROM (SELECT d.j, count(*) AS n FROM d GROUP BY d.j) AS g$sql$,
    p.frame, p.table_sql, p.found)
FROM part AS p
WHERE p_is_exact
UNION ALL
SELECT 'left', format(
    $sql$WITH %1$s
SELECT coalesce(jsonb_agg(jsonb_build_object('j', f.j, %4$s)), '[]'), count(*)
FROM f INNER JOIN %2$s AS t ON %3$s$sql$, p.frame, p.table_sql, p.found, p.frame_list)
FROM part AS p;
$deletion_sql_removal$;

COMMENT ON FUNCTION deletion_sql_removal(jsonb, jsonb, jsonb, boolean) IS
'The statements on a frame''s own rows: hold, lock, delete the childless, see the rest.';
REVOKE ALL ON FUNCTION deletion_sql_removal(jsonb, jsonb, jsonb, boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_roots.sql
-- deletion_sql_roots
-- Write the statement that finds the rows that jobs name.
--
-- Parameters  p_node    the target's node
-- Returns     text; binds $1, an array of {"j": job, "pk": key}; answers the root frame (rows that
--             are not there carry "m": 1, rows whose key is spelled otherwise "m": 2), its number
--             of keys, and how many of the keys are not as their type prints them
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_roots(p_node jsonb)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_roots$
SELECT format(
    $sql$WITH i AS MATERIALIZED (
    SELECT i.j, i.pk, %1$s FROM jsonb_to_recordset($1) AS i (j bigint, pk text)
)
SELECT
    coalesce(jsonb_agg(
        CASE
            WHEN t.%4$s IS NULL THEN jsonb_build_object('j', i.j, 'm', 1, %2$s)%8$s
            ELSE jsonb_build_object('j', i.j, %3$s)
        END
        ORDER BY i.j
    ), '[]'),
    count(*),
    count(*) FILTER (WHERE %7$s)
FROM i
LEFT JOIN %5$s AS t ON %6$s$sql$,
    CASE
        WHEN jsonb_array_length(k.columns) = 1 THEN deletion_sql_list(
            k.columns, 'CAST(i.pk AS %3$s) AS %1$s'
        )
        ELSE (
            SELECT string_agg(format(
                'CAST(CAST(i.pk AS jsonb) ->> %s AS %s) AS %s', n - 1, c ->> 'type', c ->> 'f'
            ), ', ' ORDER BY n)
            FROM jsonb_array_elements(k.columns) WITH ORDINALITY AS x (c, n)
        )
    END,
    deletion_sql_list(k.columns, '''%1$s'', i.%1$s'),
    deletion_sql_list(p_node -> 'columns', '''%1$s'', t.%2$s'),
    k.columns -> 0 ->> 'name',
    p_node ->> 'sql',
    deletion_sql_list(k.columns, 't.%2$s %4$s i.%1$s', ' AND '),
    CASE
        WHEN jsonb_array_length(k.columns) = 1
            THEN deletion_sql_list(k.columns, 'i.pk <> CAST(i.%1$s AS text)')
        ELSE 'FALSE'
    END,
    -- Jobs tell these apart; the collation of the column, or its type, does not.
    CASE WHEN k.folding IS NULL THEN '' ELSE format(
        E'\n            WHEN %s THEN jsonb_build_object(''j'', i.j, ''m'', 2, %s)',
        deletion_sql_list(
            k.folding, 'CAST(t.%2$s AS text) COLLATE "C" <> CAST(i.%1$s AS text) COLLATE "C"', ' OR '
        ),
        deletion_sql_list(k.columns, '''%1$s'', i.%1$s')
    ) END
)
FROM (
    SELECT
        jsonb_agg(c ORDER BY n) FILTER (WHERE (c ->> 'key')::boolean) AS columns,
        jsonb_agg(c ORDER BY n) FILTER (
            WHERE (c ->> 'key')::boolean AND (c ->> 'folds')::boolean
        ) AS folding
    FROM jsonb_array_elements(p_node -> 'columns') WITH ORDINALITY AS x (c, n)
) AS k;
$deletion_sql_roots$;

COMMENT ON FUNCTION deletion_sql_roots(jsonb) IS
'The statement that finds the rows that jobs name.';
REVOKE ALL ON FUNCTION deletion_sql_roots(jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_set.sql
-- deletion_sql_set
-- Write the statement that sets a reference NULL, or to its default, in the rows of a frame.
--
-- Parameters  p_edge, p_parent, p_child   the reference and its nodes
-- Returns     text; binds $1 frame, $2 limit; answers the number of rows, rows to count by job,
--             how many still point where they pointed (a default that is the very key), and, by
--             the action that they were counted for before, rows to count for it no more
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
    UPDATE %2$s AS t
    SET %3$s
    FROM (
        SELECT c.ctid AS row_id%10$s, f.j, %4$s
        FROM f
        CROSS JOIN LATERAL (SELECT %11$sc.ctid, c.* FROM %2$s AS c WHERE %5$s OFFSET 0) AS c%14$s
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
    (SELECT count(*) FROM u WHERE u.still)%13$s$sql$,
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
    -- Set by two references a row counts for one: that which comes first by name.
    ON CONFLICT (walk_id, job_id, node_no, fate, key_hash) DO UPDATE
    SET keys = excluded.keys || jsonb_build_object('was', deletion_walk_keys.keys ->> 'action')
    WHERE excluded.keys ->> 'action' < deletion_walk_keys.keys ->> 'action'
    RETURNING job_id AS j, keys ->> 'was' AS was
)$sql$, jsonb_build_object('action', p_edge ->> 'action')) ELSE '' END,
    CASE WHEN (p_edge ->> 'once')::boolean THEN 's' ELSE 'u' END,
    -- Rows of two partitions may be at the same place.
    CASE WHEN (p_child ->> 'parts')::boolean THEN ', c.tableoid AS part' ELSE '' END,
    CASE WHEN (p_child ->> 'parts')::boolean THEN 'c.tableoid, ' ELSE '' END,
    CASE WHEN (p_child ->> 'parts')::boolean THEN ' AND t.tableoid = f.part' ELSE '' END,
    CASE WHEN (p_edge ->> 'once')::boolean THEN $sql$,
    (
        SELECT jsonb_object_agg(h.was, h.counts)
        FROM (
            SELECT g.was, jsonb_object_agg(g.j, -g.n) AS counts
            FROM (
                SELECT s.was, s.j, count(*) AS n FROM s WHERE s.was IS NOT NULL GROUP BY s.was, s.j
            ) AS g
            GROUP BY g.was
        ) AS h
    )$sql$ ELSE '' END,
    -- A row that its default does not change, or leads nowhere, goes as well, or came after the check.
    CASE WHEN
        jsonb_typeof(p_edge -> 'default') = 'object' AND NOT (p_edge ->> 'declared')::boolean
        THEN format(
        $sql$
        CROSS JOIN LATERAL (SELECT %1$s) AS v
        WHERE (%2$s) AND (NOT (%3$s) OR %4$s)$sql$,
        p_edge -> 'default' ->> 'values',
        p_edge -> 'default' ->> 'differs',
        p_edge -> 'default' ->> 'is_set',
        format(
            'EXISTS (SELECT 1 FROM %s AS t WHERE %s)', p_parent ->> 'sql',
            p_edge -> 'default' ->> 'match'
        )
    ) ELSE '' END
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

-- >>> procedures/postgres/planner/deletion_sql_default.sql
-- deletion_sql_default
-- Write the statement that finds rows whose default no parent will have, before any is touched.
--
-- Parameters  p_edge, p_parent, p_child   a reference whose rows get a default, and its nodes
-- Returns     text; binds $1, a walk that has ended: such rows of it that stay get the fate of
--             those that block. NULL: what the default is to be cannot be known beforehand
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- The engine refuses a default that is in no row of the parent, or in one that is deleted as well:
-- it looks when all is done, and undoes it all. A job would have removed much by then. A declared
-- reference may point at nothing; but what points again at a row that goes would have no end.
-- OFFSET 0: looked up row by row by all of an index, and not joined to what the statistics, which
-- know nothing of a walk, take for few.

CREATE OR REPLACE FUNCTION deletion_sql_default(
    p_edge jsonb,
    p_parent jsonb,
    p_child jsonb
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_default$
SELECT format(
    $sql$UPDATE deletion_walk_keys AS w
SET fate = 'restrict', edge_no = %1$s
FROM (
    SELECT s.ctid AS row_id
    FROM deletion_walk_keys AS s
    CROSS JOIN LATERAL jsonb_to_record(s.keys) AS f (%2$s)
    CROSS JOIN LATERAL (SELECT * FROM %3$s AS c WHERE %4$s OFFSET 0) AS c
    CROSS JOIN LATERAL (SELECT %5$s) AS v
    WHERE s.walk_id = $1 AND s.node_no = %6$s AND s.fate = 'set_default'
        AND NOT EXISTS (
            SELECT 1
            FROM deletion_walk_keys AS d
            WHERE d.walk_id = $1 AND d.job_id = s.job_id AND d.node_no = %6$s
                AND d.fate IN (%13$s) AND d.key_hash = s.key_hash
            OFFSET 0
        )
        -- Of several references that would set it a row is known by one.
        AND (s.edge_no = %1$s OR EXISTS (
            SELECT 1 FROM %7$s AS t WHERE %8$s AND %9$s
        ))
        AND (%10$s OR %11$s AND %12$s)
    OFFSET 0
) AS v
WHERE w.ctid = v.row_id$sql$,
    p_edge ->> 'no',
    deletion_sql_list(c.columns, '%1$s %3$s'),
    p_child ->> 'sql',
    deletion_sql_list(c.columns, 'c.%2$s %4$s f.%1$s', ' AND '),
    p_edge -> 'default' ->> 'values',
    p_child ->> 'no',
    p_parent ->> 'sql',
    p_edge ->> 'on_parent',
    k.is_gone,
    p_edge -> 'default' ->> 'misses',
    p_edge -> 'default' ->> 'is_set',
    CASE
        WHEN (p_edge ->> 'declared')::boolean THEN format(
            '(EXISTS (SELECT 1 FROM %s AS t WHERE %s AND %s)%s)',
            p_parent ->> 'sql', p_edge -> 'default' ->> 'match', k.is_gone,
            -- A root that is not there has nothing but its key.
            CASE WHEN p_parent ->> 'no' = '0' THEN format(
                ' OR EXISTS (SELECT 1 FROM deletion_walk_keys AS d CROSS JOIN LATERAL'
                || ' jsonb_to_record(d.keys) AS m (%s) WHERE d.walk_id = $1 AND d.job_id = s.job_id'
                || ' AND d.node_no = 0 AND d.fate = ''delete'' AND d.keys ? ''m'' AND %s)',
                deletion_sql_list(p_edge -> 'parent_columns', '%1$s %3$s'),
                p_edge -> 'default' ->> 'match_root'
            ) ELSE '' END
        )
        ELSE format(
            'NOT EXISTS (SELECT 1 FROM %s AS t WHERE %s AND NOT %s)',
            p_parent ->> 'sql', p_edge -> 'default' ->> 'match', k.is_gone
        )
    END,
    -- Rows that go, block already, or are set first by another reference over the same column.
    concat_ws(
        ', ', '''delete''', '''restrict''',
        CASE WHEN (p_edge ->> 'hidden')::boolean THEN '''set_null'', ''scrub''' END
    )
)
FROM (
    SELECT jsonb_agg(x.c ORDER BY x.n) AS columns
    FROM jsonb_array_elements(p_child -> 'columns') WITH ORDINALITY AS x (c, n)
    WHERE (x.c ->> 'key')::boolean
) AS c
CROSS JOIN (
    SELECT format(
        'EXISTS (SELECT 1 FROM deletion_walk_keys AS d WHERE d.walk_id = $1'
        || ' AND d.job_id = s.job_id AND d.node_no = %s AND d.fate = ''delete'''
        || ' AND d.key_hash = deletion_key_hash(jsonb_build_array(%s)) OFFSET 0)',
        p_parent ->> 'no', deletion_sql_list(jsonb_agg(x.c ORDER BY x.n), 't.%2$s')
    ) AS is_gone
    FROM jsonb_array_elements(p_parent -> 'columns') WITH ORDINALITY AS x (c, n)
    WHERE (x.c ->> 'key')::boolean
) AS k
WHERE jsonb_typeof(p_edge -> 'default') = 'object';
$deletion_sql_default$;

COMMENT ON FUNCTION deletion_sql_default(jsonb, jsonb, jsonb) IS
'The statement that finds rows whose default no parent will have, before any is touched.';
REVOKE ALL ON FUNCTION deletion_sql_default(jsonb, jsonb, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_circle.sql
-- deletion_sql_circle
-- Write the statements that a walk needs where rows refer to each other in a circle.
--
-- Parameters  p_nodes   the plan's nodes           p_edges   its edges
-- Returns     one row a statement: edge_no, node_no, kind and text
--             link           as fetch_more, each row with "h", which a frame row brings along: what
--                            ties rows that could go in a circle, and leads to them
--             fetch_beyond   as fetch_more, without rows that are on the stack of the walk $4 for
--                            the same job
--             break          binds $1 frame, $2 limit, $3 walk: children of the frame that the
--                            check let go of lose the reference; in tables where it let go of none,
--                            those that are on the stack for the same job, found by another one.
--                            Both would keep a different one, and together none; answers their
--                            number
--             give_up        binds $1 frame, $2 limit, $3 rows of the child's table that the walk
--                            came by: those that are children of the frame lose the reference, and
--                            go without their default; answers their number
--             break_own      binds $1 frame, $2 limit: the frame's own rows lose a reference that
--                            would keep its parent; answers their number
--             above          as climb, and holds the parents until the step commits
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
        -- Every key that such a walk has on its stack is among its scratch rows. OFFSET 0: looked
        -- up by all of the index, and not joined to whatever the statistics take for few.
        format(
            'EXISTS (SELECT 1 FROM deletion_walk_keys AS w WHERE w.walk_id = %%s AND w.job_id = f.j'
            || ' AND w.node_no = %s AND w.fate = ''stack'' AND w.key_hash = deletion_key_hash('
            || 'jsonb_build_array(%s))%%s OFFSET 0)',
            c.no, replace(deletion_sql_list(c.keys, 'c.%2$s'), '%', '%%')
        ) AS on_stack,
        format(
            'EXISTS (SELECT 1 FROM deletion_walk_links AS l WHERE l.walk_id + 0 = $3'
            || ' AND l.job_id + 0 = f.j AND l.child_node_no + 0 = %s AND l.child_hash || '''''
            || ' = deletion_key_hash(jsonb_build_array(%s)) AND (l.edge_no = %s) IS TRUE'
            || ' AND l.is_let_go OFFSET 0)',
            c.no, deletion_sql_list(c.keys, 'c.%2$s'), e.value ->> 'no'
        ) AS let_go,
        format(
            'EXISTS (SELECT 1 FROM jsonb_to_recordset($3) AS s (j bigint, %s)'
            || ' WHERE s.j = f.j AND %s)',
            deletion_sql_list(c.keys, '%1$s %3$s'),
            deletion_sql_list(c.keys, 'c.%2$s %4$s s.%1$s', ' AND ')
        ) AS on_way
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

SELECT e.no, e.child_no, 'link', deletion_sql_fetch(
    e.edge || '{"expands": false, "own": [{"f": "h", "type": "text"}]}', e.parent, e.child, TRUE
)
FROM edge AS e
WHERE (e.edge ->> 'link')::boolean
UNION ALL
SELECT e.no, e.child_no, 'fetch_beyond', deletion_sql_fetch(
    e.edge || jsonb_build_object(
        'expands', FALSE, 'beyond', ' AND NOT ' || format(e.on_stack, '$4', '')
    ),
    e.parent, e.child, TRUE
)
FROM edge AS e
WHERE e.action = 'cascade' AND NOT (e.edge ->> 'leaf')::boolean
UNION ALL
SELECT e.no, e.child_no, CASE e.action WHEN 'cascade' THEN 'break' ELSE 'give_up' END, format(
    $sql$WITH %1$s,
u AS (
    UPDATE %2$s AS t
    SET %3$s
    FROM (
        SELECT c.ctid AS row_id, c.tableoid AS part, %4$s
        FROM f
        CROSS JOIN LATERAL (SELECT c.tableoid, c.ctid, c.* FROM %2$s AS c WHERE %5$s OFFSET 0) AS c
        WHERE %6$s
        LIMIT $2
    ) AS f
    WHERE t.ctid = f.row_id AND t.tableoid = f.part AND %7$s
    RETURNING %8$s AS is_open
)
SELECT count(*) FROM u WHERE u.is_open$sql$,
    deletion_sql_frame(e.parent -> 'columns', (e.edge ->> 'only_found')::boolean),
    e.table_sql, (
        SELECT string_agg(b.name || ' = NULL', ', ')
        FROM jsonb_array_elements_text(e.edge -> 'break_columns') AS b (name)
    ),
    deletion_sql_list(e.edge -> 'columns', 'c.%2$s AS %1$s'), e.edge ->> 'on_frame',
    CASE e.action WHEN 'cascade' THEN format(e.on_stack, '$3', format(
        ' AND w.edge_no <> %s AND NOT EXISTS (SELECT 1 FROM deletion_walk_links AS l'
        || ' WHERE l.walk_id + 0 = w.walk_id AND l.job_id + 0 = w.job_id'
        || ' AND l.child_node_no + 0 = w.node_no AND l.is_let_go OFFSET 0)',
        e.no
    )) || ' OR ' || e.let_go ELSE e.on_way END, e.edge ->> 'found', (
        -- A trigger may have put it back.
        SELECT string_agg(format('t.%s IS NULL', b.name), ' AND ')
        FROM jsonb_array_elements_text(e.edge -> 'break_columns') AS b (name)
    )
)
FROM edge AS e
WHERE
    e.action IN ('cascade', 'set_default')
    AND jsonb_typeof(e.edge -> 'break_columns') = 'array'
UNION ALL
-- By a reference that restricts no row was found: rows that go anyway may give it up.
SELECT i.no, o.child_no, 'break_own', format(
    $sql$WITH %1$s,
u AS (
    UPDATE %2$s AS t
    SET %3$s
    FROM (
        SELECT f.*
        FROM f INNER JOIN %2$s AS t ON %4$s
        WHERE %5$s
        LIMIT $2
    ) AS f
    WHERE %4$s
    RETURNING %6$s AS is_open
)
SELECT count(*) FROM u WHERE u.is_open$sql$,
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
    ),
    (
        SELECT string_agg(DISTINCT format('t.%s IS NULL', b.value #>> '{}'), ' AND ')
        FROM jsonb_path_query(jsonb_agg(o.edge -> 'break_columns'), '$[*][*]') AS b (value)
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
SELECT e.no, e.child_no, r.kind, r.sql_text
FROM edge AS e
CROSS JOIN LATERAL deletion_sql_climb(e.edge, e.parent, e.child) AS r
WHERE e.action = 'cascade' AND r.kind = 'above'
UNION ALL
SELECT 0, f.no, 'lock_circle', format(
    'SELECT count(*) FROM (SELECT 1 FROM (%s) AS f INNER JOIN %s AS t ON %s ORDER BY %s'
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
        E'd%s AS (\n    DELETE FROM %s AS t\n    USING (%s) AS f\n    WHERE %s\n'
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

-- >>> procedures/postgres/planner/deletion_sql_sweep.sql
-- deletion_sql_sweep
-- Write the statements that lock, empty and remove a frame's worth of rows in one transaction.
--
-- Parameters  p_edge     the reference that leads to the rows
--             p_parent   its parent's node         p_child   its child's node, the rows' table
--             p_below    the references that point at the rows: each leads to rows without
--                        dependants, or to rows of the same table, of which those are taken that
--                        none hangs from; all foreign keys of whole numbers, with an index
-- Returns     one row a statement, with its reference: take ($1 the parent's frame, $2 limit;
--             arrays of the jobs, keys and parents of the rows that it found and locked), and,
--             each binding $1 jobs, $2 keys, $3 parents, $4 limit: count (rows, rows by job),
--             sweep and remove_all (nothing: the engine counts); take_one, count_one and
--             remove_all_one do the same for a run of one job, $3 each parent once;
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
WHERE NOT (b ->> 'self')::boolean;
$deletion_sql_sweep$;

COMMENT ON FUNCTION deletion_sql_sweep(jsonb, jsonb, jsonb, jsonb) IS
'The statements that lock, empty and remove a frame''s worth of rows in one transaction.';
REVOKE ALL ON FUNCTION deletion_sql_sweep(jsonb, jsonb, jsonb, jsonb) FROM PUBLIC;
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

-- >>> procedures/postgres/planner/deletion_sql_live.sql
-- deletion_sql_live
-- Write the statement that finds the roots of a frame that are not marked as deleted.
--
-- Parameters  p_node   the target as a node of the plan
-- Returns     text; binds the frame; answers the jobs of these roots, an array, and locks all
--             roots. NULL: the target marks no rows, or its column cannot tell any more
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_live(p_node jsonb)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_live$
SELECT format(
    $sql$WITH %1$s
SELECT array_agg(x.j) FILTER (WHERE x.is_live)
FROM (
    SELECT f.j, %4$s AS is_live
    FROM f INNER JOIN %2$s AS t ON %3$s
    FOR SHARE OF t
) AS x$sql$,
    deletion_sql_frame(p_node -> 'columns', TRUE),
    p_node ->> 'sql',
    (
        SELECT string_agg(deletion_sql_list(
            jsonb_build_array(c), 't.%2$s %4$s f.%1$s'
        ), ' AND ' ORDER BY n)
        FROM jsonb_array_elements(p_node -> 'columns') WITH ORDINALITY AS x (c, n)
        WHERE (c ->> 'key')::boolean
    ),
    format(s.node #>> '{soft,live}', 't.' || (s.node #>> '{soft,name}'))
)
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
INNER JOIN deletion_soft_columns AS m ON m.table_schema = n.nspname AND m.table_name = c.relname
CROSS JOIN LATERAL (SELECT deletion_soft_nodes(jsonb_build_array(p_node)) -> 0 AS node) AS s
WHERE
    c.oid = (p_node ->> 'oid')::oid
    AND deletion_soft_problem(c.oid, m.column_name, m.mark_value) IS NULL
    AND m.kind = (
        SELECT deletion_soft_kind(a.atttypid)
        FROM pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attname = m.column_name
    );
$deletion_sql_live$;

COMMENT ON FUNCTION deletion_sql_live(jsonb) IS
'The statement that finds the roots of a frame that are not marked as deleted.';
REVOKE ALL ON FUNCTION deletion_sql_live(jsonb) FROM PUBLIC;
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
            AND (e.edge ->> 'steady')::boolean AND (e.edge ->> 'plain')::boolean
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
    s.sql_text
FROM statement AS s
LEFT JOIN edge AS e ON e.edge_no = s.edge_no
INNER JOIN jsonb_array_elements(p_graph -> 'nodes') AS n
    ON (n.value ->> 'no')::integer = s.node_no
WHERE s.kind = 'give_up' OR EXISTS (
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

-- >>> procedures/postgres/planner/deletion_write_holds.sql
-- deletion_write_holds
-- Store the steps by which a plan looks at held rows; a run without any never executes them.
--
-- Parameters  p_plan_id   the plan's row           p_graph   deletion_plan_graph's answer
-- Writes      deletion_plan_steps                  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_write_holds(
    p_plan_id bigint,
    p_graph jsonb
) RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_write_holds$
WITH node AS (
    SELECT (n.value ->> 'no')::integer AS node_no, n.value AS node
    FROM jsonb_array_elements(p_graph -> 'nodes') AS n
    WHERE (n.value ->> 'closure')::boolean
),

-- By the names that holds may know the tables by: a partition had its own before it was attached.
named AS (
    SELECT n.node_no, n.node, n.node ->> 'name' AS table_name
    FROM node AS n
    UNION ALL
    SELECT n.node_no, n.node, deletion_entity_name(p.relid)
    FROM node AS n
    CROSS JOIN LATERAL pg_partition_tree((n.node ->> 'oid')::oid::regclass) AS p
    WHERE p.level > 0
),

-- By the key of now, and by each that a hold in force was placed by and that is still one. Where
-- there is none no row can be held; a hold from when there was one is met, and finds no row.
key AS (
    SELECT
        n.node_no, n.node ->> 'name' AS table_name,
        deletion_table_key((n.node ->> 'oid')::oid) AS key_columns
    FROM node AS n
    UNION
    SELECT
        n.node_no, n.table_name,
        CASE
            WHEN deletion_unique_key((n.node ->> 'oid')::oid, h.key_columns) IS NOT NULL
                THEN h.key_columns
        END
    FROM named AS n
    INNER JOIN deletion_holds AS h ON h.table_name = n.table_name AND h.released_at IS NULL
    WHERE
        n.table_name <> n.node ->> 'name'
        OR deletion_unique_key((n.node ->> 'oid')::oid, h.key_columns) IS NOT NULL
),

step AS (
    SELECT
        'held' AS kind, n.node_no, NULL::integer AS parent_node_no, NULL::integer AS edge_no,
        k.table_name, NULL::text AS reference_name, NULL::text AS action,
        k.key_columns::text AS index_name,
        CASE
            WHEN k.key_columns IS NOT NULL THEN deletion_sql_held(n.node, k.key_columns)
        END AS sql_text
    FROM node AS n
    INNER JOIN key AS k ON k.node_no = n.node_no
    UNION ALL
    SELECT
        r.kind, c.node_no, p.node_no, (e.value ->> 'no')::integer,
        c.node ->> 'name', e.value ->> 'reference', e.value ->> 'action', 'key', r.sql_text
    FROM jsonb_array_elements(p_graph -> 'edges') AS e
    INNER JOIN node AS p ON p.node_no = (e.value ->> 'parent')::integer
    INNER JOIN node AS c ON c.node_no = (e.value ->> 'child')::integer
    CROSS JOIN LATERAL deletion_sql_climb(
        e.value, p.node, c.node || jsonb_build_object('sql', e.value -> 'sql')
    ) AS r
    WHERE e.value ->> 'action' = 'cascade' AND r.kind <> 'above'
)

INSERT INTO deletion_plan_steps (
    plan_id, step_no, kind, node_no, parent_node_no, edge_no, table_name, reference_name, action,
    index_name, sql_text
)
SELECT
    p_plan_id,
    (SELECT max(s.step_no) FROM deletion_plan_steps AS s WHERE s.plan_id = p_plan_id)
    + row_number() OVER (ORDER BY s.node_no, s.edge_no NULLS FIRST, s.kind, s.table_name, s.index_name),
    s.kind, s.node_no, s.parent_node_no, s.edge_no, s.table_name, s.reference_name, s.action,
    s.index_name, s.sql_text
FROM step AS s;
$deletion_write_holds$;

COMMENT ON FUNCTION deletion_write_holds(bigint, jsonb) IS
'Store the steps by which a plan looks at held rows.';
REVOKE ALL ON FUNCTION deletion_write_holds(bigint, jsonb) FROM PUBLIC;
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
    v_graph jsonb;
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
        v_error := coalesce(deletion_misfit_problem(
            deletion_add_partitions(v_closure)
        ), deletion_plan_problem(v_useful), (
            -- What was marked is remembered by its key.
            SELECT format(
                '%s has no primary key and no unique key without NULLs',
                deletion_entity_name(u.table_oid)
            )
            FROM unnest(v_useful) AS u (table_oid)
            WHERE u.table_oid <> v_root AND deletion_node_key(u.table_oid) IS NULL
            LIMIT 1
        ), deletion_rewrite_problem('{}', ARRAY(
            SELECT c.oid
            FROM pg_class AS c
            INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
            INNER JOIN deletion_soft_columns AS s
                ON s.table_schema = n.nspname AND s.table_name = c.relname
            WHERE c.oid = ANY (v_useful)
        )));
        v_error_code := 'JD005';
    END IF;

    IF v_error IS NOT NULL OR v_useful[1] IS DISTINCT FROM v_root THEN
        RETURN jsonb_build_object(
            'tables', to_jsonb(deletion_add_partitions(v_closure)), 'error_code', v_error_code,
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
                UNION
                SELECT CAST(-6 AS int2)
                FROM jsonb_to_recordset(v_references) AS r (parent_oid oid, parent_part oid)
                WHERE r.parent_oid = t.table_oid AND r.parent_part IS NOT NULL
            ),
            TRUE
        ) ORDER BY t.ordinality
    )
    INTO v_nodes
    FROM unnest(v_useful) WITH ORDINALITY AS t (table_oid, ordinality);

    v_nodes := deletion_soft_nodes(v_nodes);

    -- A limit alone asks for a check before the first row is touched.
    v_graph := jsonb_build_object(
        'nodes', v_nodes, 'tables', to_jsonb(deletion_add_partitions(v_closure))
    )
    || deletion_plan_edges(v_useful, v_references, v_nodes, v_max_rows IS NOT NULL)
    || jsonb_build_object('can_block', v_max_rows IS NOT NULL, 'has_waits', FALSE);
    v_error := deletion_declared_problem(v_references);

    IF v_error IS NOT NULL AND NOT v_graph ? 'error_code' THEN
        v_graph := v_graph || jsonb_build_object('error_code', 'JD005', 'error', v_error);
    END IF;

    RETURN v_graph;
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
    FROM f INNER JOIN %3$s AS t ON %4$s
    ORDER BY %5$s
    FOR NO KEY UPDATE OF t
),
u AS (
    UPDATE %3$s AS t
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
    FROM f INNER JOIN %3$s AS t ON %4$s
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
            'CROSS JOIN LATERAL (SELECT %s FROM %s AS c WHERE %s OFFSET 0) AS c',
            p_child ->> 'rows', p_child ->> 'sql', p_edge ->> 'on_frame'
        )
        ELSE format('INNER JOIN %s AS c ON %s', p_child ->> 'sql', p_edge ->> 'on_frame')
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
    UPDATE %3$s AS t
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
        (e.value ->> 'no')::integer AS edge_no, e.value AS edge, p.node AS parent,
        c.node || jsonb_build_object('sql', e.value -> 'sql', 'parts', e.value -> 'parts') AS child,
        c.node,
        row_number() OVER (PARTITION BY c.node_no ORDER BY (e.value ->> 'no')::integer) = 1
        AND c.node_no <> 0 AS is_first
    FROM jsonb_array_elements(p_graph -> 'edges') AS e
    INNER JOIN node AS p ON p.node_no = (e.value ->> 'parent')::integer
    INNER JOIN node AS c ON c.node_no = (e.value ->> 'child')::integer
),

statement AS (
    -- To read is all that is needed of most tables: the lock that keeps columns from changing.
    SELECT 0 AS edge_no, 1 AS part, 'guard' AS kind, (
        SELECT 'LOCK TABLE ' || string_agg(n.node ->> 'sql', ', ' ORDER BY n.node_no)
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
            format('SELECT count(*) FROM (SELECT 1 FROM %s LIMIT $1) AS x', e.child ->> 'sql'),
            e.edge ->> 'index' IS NULL
        ),
        -- Once for a table, whichever of its references leads to it.
        (7, 'restore', deletion_sql_restore(e.node), e.is_first AND e.child ? 'soft')
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

-- >>> procedures/postgres/planner/deletion_lacked_rights.sql
-- deletion_lacked_rights
-- List the rights that the owner account lacks for a plan, and the policies that would filter it.
--
-- Parameters  p_plan_id   the plan
-- Returns     rows: the table by the name that plans show and as SQL, its schema as SQL, and what
--             is lacked: SELECT, UPDATE, DELETE; USAGE of the schema; BYPASSRLS for a policy
-- Writes      nothing                              Commits  no
-- Execute     deletion_jobs_operator, deletion_jobs_reader (for vw_deletion_problems)
-- Example     SELECT * FROM deletion_lacked_rights(1);

CREATE OR REPLACE FUNCTION deletion_lacked_rights(p_plan_id bigint)
RETURNS TABLE (
    table_name text,
    table_sql text,
    schema_sql text,
    privilege text
)
LANGUAGE sql
STABLE
-- Rights are those of the owner, whoever asks.
SECURITY DEFINER
SET search_path FROM CURRENT
-- A step allows neither, for the application's tables; here a plan's thousands of steps are joined.
SET enable_hashjoin = on
SET enable_seqscan = on
AS $deletion_lacked_rights$
-- By their numbers: to resolve a name takes USAGE of its schema, which may be what is lacked. A
-- table that the plan does not list by its name of now makes the plan stale.
WITH shown AS MATERIALIZED (
    SELECT t.oid::oid AS table_oid, deletion_entity_name(t.oid::oid) AS table_name
    FROM deletion_plans AS p
    CROSS JOIN LATERAL jsonb_array_elements_text(p.tables) AS t (oid)
    WHERE p.plan_id = p_plan_id
),

named AS (
    SELECT o.table_name, o.table_oid
    FROM shown AS o
    WHERE o.table_name IN (
        SELECT s.table_name FROM deletion_plan_steps AS s WHERE s.plan_id = p_plan_id
    )
),

-- By a key that is a partition's own its rows are found in the partition itself.
touched AS (
    SELECT n.table_name, n.table_oid, n.table_name AS shown_name FROM named AS n
    UNION
    SELECT n.table_name, k.conrelid, deletion_entity_name(k.conrelid)
    FROM named AS n
    CROSS JOIN LATERAL pg_partition_tree(n.table_oid) AS r
    INNER JOIN pg_constraint AS k
        ON k.conrelid = r.relid AND k.contype = 'f' AND k.conparentid = 0
    INNER JOIN deletion_plans AS p ON p.plan_id = p_plan_id
    WHERE
        r.level > 0
        AND p.tables ? coalesce(pg_partition_root(k.confrelid)::oid, k.confrelid)::text
),

used AS (
    SELECT DISTINCT
        t.shown_name AS table_name,
        t.table_oid,
        r.privilege,
        -- A lock is content with any column; what is set needs the right on those it sets.
        s.kind = 'lock' OR r.privilege <> r.main AS any_column,
        CASE
            WHEN r.privilege <> r.main THEN NULL
            WHEN s.kind = 'mark' THEN (
                SELECT ARRAY[c.column_name]
                FROM deletion_soft_columns AS c
                INNER JOIN pg_namespace AS n ON n.nspname = c.table_schema
                INNER JOIN pg_class AS r ON r.relnamespace = n.oid AND r.relname = c.table_name
                WHERE r.oid = t.table_oid
            )
            -- What is set of a foreign key are columns of its own; scrub sets others too.
            WHEN s.kind IN ('set', 'break') AND s.action <> 'scrub' THEN (
                SELECT array_agg(a.attname::text)
                FROM pg_constraint AS k
                INNER JOIN pg_attribute AS a
                    ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
                WHERE
                    k.conrelid = t.table_oid AND k.contype = 'f' AND k.conname = s.reference_name
            )
        END AS column_names
    FROM deletion_plan_steps AS s
    INNER JOIN touched AS t ON t.table_name = s.table_name
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN s.kind IN ('remove', 'drain') THEN 'DELETE'
            WHEN s.kind IN ('set', 'lock', 'break', 'break_own', 'mark') THEN 'UPDATE'
            ELSE 'SELECT'
        END AS main
    ) AS m
    -- Who changes rows has to find them.
    CROSS JOIN LATERAL (
        SELECT m.main, m.main AS privilege
        UNION
        SELECT m.main, 'SELECT'
    ) AS r
    WHERE
        -- What looks at holds reads tables of other steps.
        s.plan_id = p_plan_id AND s.kind NOT IN ('guard', 'held')
        -- What is kept is read by previews alone.
        AND s.action IS DISTINCT FROM 'keep'
),

lacked AS (
    SELECT u.table_name, u.table_oid, 'BYPASSRLS' AS privilege
    FROM used AS u
    WHERE row_security_active(u.table_oid)
    UNION
    SELECT u.table_name, u.table_oid, 'USAGE'
    FROM used AS u
    INNER JOIN pg_class AS c ON c.oid = u.table_oid
    WHERE NOT has_schema_privilege(c.relnamespace, 'USAGE')
    UNION
    SELECT u.table_name, u.table_oid, u.privilege
    FROM used AS u
    WHERE NOT CASE
        WHEN u.column_names IS NOT NULL THEN (
            SELECT bool_and(has_column_privilege(u.table_oid, n.name, u.privilege))
            FROM unnest(u.column_names) AS n (name)
        )
        WHEN u.any_column THEN has_any_column_privilege(u.table_oid, u.privilege)
        ELSE has_table_privilege(u.table_oid, u.privilege)
    END
)

SELECT
    l.table_name,
    format('%I.%I', n.nspname, c.relname),
    format('%I', n.nspname),
    l.privilege
FROM lacked AS l
INNER JOIN pg_class AS c ON c.oid = l.table_oid
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace;
$deletion_lacked_rights$;

COMMENT ON FUNCTION deletion_lacked_rights(bigint) IS
'Which rights the owner account lacks for a plan, and which policies would filter it.';
REVOKE ALL ON FUNCTION deletion_lacked_rights(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_lacked_rights(bigint)
TO deletion_jobs_operator, deletion_jobs_reader;
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
    v_started timestamptz := clock_timestamp();
    v_until timestamptz;
BEGIN
    v_walk.run := p_run;
    v_walk.rows_left := p_run.batch_rows;
    v_walk.has_waits := p_run.state ? 'careful' OR (
        SELECT p.has_waits FROM deletion_plans AS p WHERE p.plan_id = p_run.plan_id
    );
    v_walk.is_locked := FALSE;
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

    SELECT r.* INTO STRICT v_run FROM deletion_runs AS r WHERE r.run_id = p_run.run_id;
    v_now := clock_timestamp();

    IF p_run.rows_changed = 0 AND v_run.rows_changed > 0 AND v_now > p_run.started_at + '1 s' THEN
        v_run.state := v_run.state
        || jsonb_build_object('lead_ms', 1000 * extract(epoch FROM v_now - p_run.started_at));
        UPDATE deletion_runs AS r SET state = v_run.state WHERE r.run_id = p_run.run_id;
    END IF;

    v_lead := make_interval(secs => coalesce((v_run.state ->> 'lead_ms')::float8, 0) / 1000);

    -- A run that has changed nothing yet is still on its way down: dissolved now, it would begin
    -- at its roots again and never arrive where a chain is deep or its check was long. As long as
    -- it took to come there it works, or a large job would be checked again for every batch.
    IF
        deletion_setting('paused_reason') IS NOT NULL
        OR (
            (
                v_now >= p_until
                OR (
                    v_now > p_run.started_at
                    + make_interval(secs => deletion_setting_int('slice_ms') / 1000.0)
                    AND deletion_others_due()
                )
            )
            AND v_run.rows_changed > 0
            AND v_now >= p_run.started_at + 2 * v_lead
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

-- >>> procedures/postgres/worker/deletion_blocking.sql
-- deletion_blocking
-- Count the rows that block a walk's jobs: found behind a restrict reference, and not removed.
--
-- Parameters  p_walk_id   a walk that has ended    p_plan_id   its plan
-- Returns     one row a job and reference
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_blocking(
    p_walk_id bigint,
    p_plan_id bigint
) RETURNS TABLE (job_id bigint, table_name text, reference_name text, row_count bigint)
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_blocking$
SELECT w.job_id, s.table_name, s.reference_name, count(*)
FROM deletion_walk_keys AS w
INNER JOIN deletion_plan_steps AS s
    ON s.plan_id = p_plan_id AND s.edge_no = w.edge_no AND s.kind = 'fetch'
WHERE
    w.walk_id = p_walk_id AND w.fate = 'restrict'
    AND NOT EXISTS (
        SELECT 1
        FROM deletion_walk_keys AS d
        WHERE
            d.walk_id = w.walk_id AND d.job_id = w.job_id AND d.node_no = w.node_no
            AND d.key_hash = w.key_hash AND d.fate = 'delete'
        OFFSET 0
    )
GROUP BY w.job_id, s.table_name, s.reference_name;
$deletion_blocking$;

COMMENT ON FUNCTION deletion_blocking(bigint, bigint) IS
'Count the rows that block a walk''s jobs.';
REVOKE ALL ON FUNCTION deletion_blocking(bigint, bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_carry_over.sql
-- deletion_carry_over
-- Give a run's jobs the state that their ended attempts ask for.
--
-- Parameters  p_run_id   the run
-- Returns     integer, the number of jobs that are running no more
-- Writes      deletion_jobs, deletion_attempts, deletion_walk_keys, deletion_soft_keys
-- Commits     no
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
            a.attempt_no,
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
        -- OFFSET 0: job by job, however few rows of others the statistics know of.
        WHERE w.ctid = ANY (ARRAY(
            SELECT k.row_id
            FROM verdict AS v
            CROSS JOIN LATERAL (
                SELECT c.ctid AS row_id
                FROM deletion_walk_keys AS c
                WHERE c.walk_id = 0 AND c.job_id = v.id
                OFFSET 0
            ) AS k
            WHERE v.new_status <> 'pending'
        ))
    ),

    followed AS (
        -- Nobody asked for the removal: it will ask whether the row is live again.
        UPDATE deletion_attempts AS a
        SET purge_follows = TRUE
        FROM verdict AS v
        WHERE
            v.purge_after_seconds IS NOT NULL AND NOT v.is_harder AND v.outcome = 'done'
            AND a.job_id = v.id AND a.attempt_no = v.attempt_no
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
-- Parameters  p_frame   the frame                  p_step   the plan's drain or fetch step
--             p_limit   most rows
-- Returns     p_frame, whose edge_pos says whether the reference is done with, and whose
--             fetch_cursor how many of those found have been taken; p_row_ids, where the rows lie;
--             NULL: none are left
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
    -- A part is 6 kilobytes: how many of them a batch needs is only known when it takes them.
    c_part CONSTANT integer := 1000;
    -- 24 megabytes; as many as went before, so that a frame that is nearly empty costs little.
    v_limit bigint := least(p_frame.rows_here, 4000000);
    v_taken bigint;
    v_sql text;
    v_all tid[];
BEGIN
    IF p_frame.fetch_cursor IS NULL THEN
        DELETE FROM deletion_found_rows AS r
        WHERE r.run_id = p_frame.run_id AND r.depth = p_frame.depth;
        SELECT s.sql_text INTO STRICT v_sql
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_step.plan_id AND s.edge_no = p_step.edge_no AND s.kind = 'find';
        EXECUTE v_sql INTO v_all USING p_frame.keys, v_limit;
        INSERT INTO deletion_found_rows (run_id, depth, part_no, row_ids)
        SELECT
            p_frame.run_id, p_frame.depth, p.no,
            v_all[p.no * c_part + 1:(p.no + 1) * c_part]
        FROM generate_series(0, (cardinality(v_all) - 1) / c_part) AS p (no);
        p_frame.fetch_cursor := jsonb_build_object(
            'is_end', cardinality(v_all) < v_limit, 'rows_here', p_frame.rows_here, 'taken', 0,
            'found', cardinality(v_all)
        );
    END IF;

    v_taken := (p_frame.fetch_cursor ->> 'taken')::bigint;

    IF v_taken < (p_frame.fetch_cursor ->> 'found')::bigint THEN
        p_row_ids := ARRAY(
            SELECT f.row_id
            FROM deletion_found_rows AS r
            CROSS JOIN LATERAL unnest(r.row_ids) WITH ORDINALITY AS f (row_id, place)
            WHERE
                r.run_id = p_frame.run_id AND r.depth = p_frame.depth
                AND r.part_no BETWEEN v_taken / c_part AND (v_taken + p_limit - 1) / c_part
                AND r.part_no::bigint * c_part + f.place BETWEEN v_taken + 1 AND v_taken + p_limit
        );
        p_frame.fetch_cursor := p_frame.fetch_cursor || jsonb_build_object(
            'taken', v_taken + cardinality(p_row_ids)
        );
        RETURN;
    END IF;

    -- All that were found have had their turn. Where none of them went, none will.
    IF
        (p_frame.fetch_cursor ->> 'is_end')::boolean
        OR (p_frame.fetch_cursor ->> 'rows_here')::bigint = p_frame.rows_here
    THEN
        p_frame.edge_pos := p_step.edge_no;
    END IF;

    p_frame.fetch_cursor := NULL;
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
    v_is_wide boolean := p_step.kind = 'drain' AND NOT p_walk.is_locked AND (
        v_frame.fetch_cursor IS NOT NULL OR v_frame.rows_here >= 4 * v_run.batch_rows
    ) AND EXISTS (
        SELECT 1
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = v_run.plan_id AND s.edge_no = p_step.edge_no AND s.kind = 'find'
    );
    v_is_one boolean := p_step.kind = 'drain' AND v_run.job_count = 1 AND NOT p_walk.is_locked;
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

-- >>> procedures/postgres/worker/deletion_check.sql
-- deletion_check
-- Look, before the first row is touched, at whatever can be known to fail; a bounded step.
--
-- Parameters  p_run   the run, fenced
-- Returns     text: more, or ended where no job is left
-- Writes      deletion_runs, deletion_frames, deletion_walk_keys, deletion_walk_links,
--             deletion_soft_keys, deletion_attempts, deletion_jobs     Commits  no
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
    v_stage text := p_run.state ->> 'stage';
    v_held jsonb;
    v_is_back boolean := coalesce((p_run.state ->> 'is_back')::boolean, FALSE);
BEGIN
    IF v_stage IS NULL THEN
        v_error := coalesce(
            deletion_missing_privilege(p_run.plan_id), deletion_missing_identity(p_run.plan_id),
            deletion_unindexed(p_run.plan_id), deletion_lost_hold()
        );

        IF v_error IS NOT NULL THEN
            PERFORM deletion_settle(p_run.run_id, NULL, 'failed', v_error, TRUE, NULL);
            PERFORM deletion_end_run(p_run.run_id, 'failed', v_error);
            RETURN 'ended';
        END IF;

        PERFORM deletion_find_roots(p_run);
        PERFORM deletion_spare_live(p_run);

        -- Held rows are few: what they hang from is looked at first.
        v_held := deletion_mind_holds(p_run);

        IF v_held IS NOT NULL THEN
            RETURN v_held #>> '{}';
        END IF;
    ELSIF v_stage = 'holds' THEN
        IF NOT deletion_check_holds(p_run) THEN
            RETURN 'more';
        END IF;
    ELSIF v_stage = 'walk' THEN
        IF NOT deletion_walk_on(p_run.run_id, p_run.plan_id) THEN
            RETURN 'more';
        END IF;

        PERFORM deletion_walk_verdict(p_run);
        v_stage := deletion_circle_stage(p_run, v_stage);
    ELSIF NOT deletion_untie(p_run, v_stage) THEN
        RETURN 'more';
    ELSE
        v_stage := deletion_circle_stage(p_run, v_stage);
    END IF;

    IF v_stage IN ('place', 'peel') THEN
        UPDATE deletion_runs AS r
        SET state = r.state || jsonb_build_object('stage', v_stage)
        WHERE r.run_id = p_run.run_id;
        RETURN 'more';
    END IF;

    IF v_stage IS NULL OR (v_stage = 'holds' AND NOT v_is_back) THEN
        SELECT p.can_block INTO v_can_block FROM deletion_plans AS p WHERE p.plan_id = p_run.plan_id;

        IF v_can_block THEN
            PERFORM deletion_seed_walk(p_run.run_id, f.keys)
            FROM deletion_frames AS f
            WHERE f.run_id = p_run.run_id;
            UPDATE deletion_runs AS r
            SET state = jsonb_strip_nulls(
                jsonb_build_object('stage', 'walk', 'held', r.state -> 'held')
            )
            WHERE r.run_id = p_run.run_id;
            RETURN 'more';
        END IF;
    END IF;

    IF
        NOT EXISTS (SELECT 1 FROM deletion_frames AS f WHERE f.run_id = p_run.run_id)
        -- Soft jobs that have begun have no frames.
        AND NOT (v_is_back AND NOT p_run.hard_delete AND EXISTS (
            SELECT 1 FROM deletion_attempts AS a WHERE a.run_id = p_run.run_id AND a.outcome IS NULL
        ))
    THEN
        -- Jobs may have gone back to come alone.
        PERFORM deletion_end_run(
            p_run.run_id,
            coalesce(max(a.outcome) FILTER (WHERE a.outcome = 'returned'), 'failed'),
            NULL
        )
        FROM deletion_attempts AS a
        WHERE a.run_id = p_run.run_id;
        RETURN 'ended';
    END IF;

    IF NOT p_run.hard_delete AND NOT v_is_back THEN
        PERFORM deletion_soft_start(p_run);
    END IF;

    UPDATE deletion_runs AS r
    SET
        phase = 'advance',
        state = CASE
            WHEN v_is_back THEN r.state - 'stage' - 'is_back'
            ELSE jsonb_strip_nulls(jsonb_build_object(
                'fan', p.fan_out,
                'held', r.state -> 'held',
                'careful', nullif(r.state ? 'careful' OR EXISTS (
                    SELECT 1
                    FROM deletion_plan_steps AS s
                    WHERE s.plan_id = p.plan_id AND s.kind = 'circle'
                ), FALSE),
                'together', r.state -> 'together'
            ))
        END
    FROM deletion_plans AS p
    WHERE r.run_id = p_run.run_id AND p.plan_id = r.plan_id;
    RETURN 'more';
END;
$deletion_check$;

COMMENT ON FUNCTION deletion_check(deletion_runs) IS
'Look, before the first row is touched, at whatever can be known to fail; a bounded step.';
REVOKE ALL ON FUNCTION deletion_check(deletion_runs) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_check_holds.sql
-- deletion_check_holds
-- Go on with a run's climb from held rows, and fail the jobs that it leads to.
--
-- Parameters  p_run   the run, fenced
-- Returns     boolean, TRUE where the climb has ended
-- Writes      deletion_walk_keys, deletion_attempts, deletion_jobs, deletion_frames   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_check_holds(p_run deletion_runs)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_check_holds$
DECLARE
    v_job_id bigint;
    v_holds bigint[];
BEGIN
    IF NOT deletion_climb(p_run.run_id, p_run.plan_id) THEN
        RETURN FALSE;
    END IF;

    FOR v_job_id, v_holds IN
        SELECT h.job_id, h.holds
        FROM deletion_held_roots(p_run.run_id, p_run.plan_id, (
            SELECT coalesce(jsonb_agg(r.o), '[]')
            FROM (
                SELECT k.value AS o
                FROM deletion_frames AS f
                CROSS JOIN LATERAL jsonb_array_elements(f.keys) AS k
                WHERE f.run_id = p_run.run_id AND f.edge_no = 0
                UNION ALL
                -- Soft jobs that have begun have no frames: they keep their roots themselves.
                SELECT s.keys || jsonb_build_object('j', s.job_id)
                FROM deletion_attempts AS a
                INNER JOIN deletion_soft_keys AS s
                    ON s.job_id = a.job_id AND s.node_no = 0 AND s.edge_no = 0
                WHERE NOT p_run.hard_delete AND a.run_id = p_run.run_id AND a.outcome IS NULL
            ) AS r
        )) AS h
    LOOP
        PERFORM deletion_fail_jobs(p_run.run_id, ARRAY[v_job_id], deletion_hold_error(v_holds));
    END LOOP;

    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = p_run.run_id;
    RETURN TRUE;
END;
$deletion_check_holds$;

COMMENT ON FUNCTION deletion_check_holds(deletion_runs) IS
'Go on with a run''s climb from held rows, and fail the jobs that it leads to.';
REVOKE ALL ON FUNCTION deletion_check_holds(deletion_runs) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_claim.sql
-- deletion_claim
-- Take the jobs that are due first, as one run.
--
-- Parameters  p_slot     the worker's slot; NULL: none
--             p_job_id   this job alone, due or not; NULL: whatever is due
-- Returns     one row: run_id, token (NULL where the run has ended already, its jobs failed) and
--             the number of jobs; no row where nothing is due
-- Errors      JD001 no such job; JD003 the job is not pending
-- Writes      deletion_runs, deletion_jobs, deletion_attempts, deletion_plans     Commits  no
-- Execute     deletion_jobs_worker, deletion_jobs_operator

CREATE OR REPLACE FUNCTION deletion_claim(
    p_slot integer,
    p_job_id bigint
) RETURNS TABLE (run_id bigint, token uuid, job_count integer)
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
-- Plans are kept, and made when these tables may still be empty. What is due is read in its order,
-- no further: statistics of a time when nothing was pending make sorting all of it look cheap.
SET jit = off
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $deletion_claim$
DECLARE
    v_jobs bigint[];
    v_entity_table text;
    v_hard boolean;
    v_alone boolean;
    v_error text;
    v_plan_id bigint;
    v_run_id bigint;
    v_token uuid := gen_random_uuid();
BEGIN
    IF p_job_id IS NULL THEN
        IF deletion_setting('paused_reason') IS NOT NULL THEN
            RETURN;
        END IF;

        SELECT d.jobs, d.entity_table, d.hard_delete, d.alone
        INTO v_jobs, v_entity_table, v_hard, v_alone
        FROM deletion_due() AS d;
    ELSE
        SELECT ARRAY[j.id], j.entity_table, j.hard_delete, TRUE
        INTO v_jobs, v_entity_table, v_hard, v_alone
        FROM deletion_jobs AS j
        WHERE j.id = p_job_id AND j.status = 'pending'
        FOR UPDATE;

        IF v_jobs IS NULL AND EXISTS (SELECT 1 FROM deletion_jobs AS j WHERE j.id = p_job_id) THEN
            RAISE EXCEPTION USING
                ERRCODE = 'JD003',
                MESSAGE = format('run_deletion_job: job is not pending (%s)', p_job_id),
                HINT = 'A failed or cancelled job becomes pending by retry_deletion.';
        ELSIF v_jobs IS NULL THEN
            RAISE EXCEPTION USING
                ERRCODE = 'JD001', MESSAGE = format('run_deletion_job: no such job (%s)', p_job_id);
        END IF;
    END IF;

    IF v_jobs IS NULL THEN
        RETURN;
    END IF;

    -- A row inserted by hand may spell its table as SQL would.
    v_entity_table := coalesce(deletion_target_name(v_entity_table), v_entity_table);

    SELECT p.plan_id, p.error INTO v_plan_id, v_error
    FROM deletion_plan_for(v_entity_table, v_hard) AS p;

    INSERT INTO deletion_runs (
        plan_id, entity_table, hard_delete, slot, token, session_id, session_mark, server_id,
        phase, alone, job_count, jobs_open, batch_rows, rows_changed, step_count, retries, state,
        started_at, last_step_at
    )
    VALUES (
        v_plan_id, v_entity_table, v_hard, p_slot, v_token, pg_backend_pid(),
        deletion_session_mark(pg_backend_pid()), pg_postmaster_start_time()::text,
        'check', cardinality(v_jobs) = 1, cardinality(v_jobs), cardinality(v_jobs),
        deletion_setting_int('batch_rows'), 0, 0, 0, '{}', clock_timestamp(), clock_timestamp()
    )
    RETURNING deletion_runs.run_id INTO v_run_id;

    -- Before the claim commits: from then on a missing lock means a dead worker.
    -- Never waited for: any session may take any lock, and this one holds the jobs' rows by now.
    IF NOT pg_try_advisory_lock(deletion_lock_key('run', v_run_id)) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'lock_not_available',
            MESSAGE = format(
                'run_deletion_jobs: another session holds the run''s lock (%s)', v_run_id
            );
    END IF;

    INSERT INTO deletion_attempts (
        job_id, attempt_no, run_id, started_at, asked_reason, asked_hard_delete,
        asked_scheduled_at, asked_by, asked_at
    )
    SELECT
        j.id, coalesce(a.attempt_no, 0) + 1, v_run_id, clock_timestamp(), j.reason, j.hard_delete,
        -- Back-off has overwritten the wished time; the first attempt still knows it.
        CASE WHEN a.is_past IS FALSE THEN a.asked_scheduled_at ELSE j.scheduled_at END,
        j.created_by, j.created_at
    FROM deletion_jobs AS j
    LEFT JOIN LATERAL (
        SELECT b.attempt_no, b.is_past, b.asked_scheduled_at
        FROM deletion_attempts AS b
        WHERE b.job_id = j.id
        ORDER BY b.attempt_no DESC
        LIMIT 1
    ) AS a ON TRUE
    WHERE j.id = ANY (v_jobs);

    UPDATE deletion_jobs AS j
    SET status = 'running', started_at = clock_timestamp(), finished_at = NULL, error = NULL
    WHERE j.id = ANY (v_jobs);

    IF v_error IS NOT NULL THEN
        PERFORM deletion_settle(v_run_id, NULL, 'failed', v_error, TRUE, NULL);
        PERFORM deletion_end_run(v_run_id, 'failed', v_error);
        PERFORM pg_advisory_unlock(deletion_lock_key('run', v_run_id));
        v_token := NULL;
    END IF;

    RETURN QUERY SELECT v_run_id, v_token, cardinality(v_jobs);
END;
$deletion_claim$;

COMMENT ON FUNCTION deletion_claim(integer, bigint) IS
'Take the jobs that are due first, as one run.';
REVOKE ALL ON FUNCTION deletion_claim(integer, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_claim(integer, bigint)
TO deletion_jobs_worker, deletion_jobs_operator;
-- <<<

-- >>> procedures/postgres/worker/deletion_drop_jobs.sql
-- deletion_drop_jobs
-- Take some jobs' keys out of a run's frames and scratch rows.
--
-- Parameters  p_run_id   the run       p_jobs   the jobs
-- Errors      55P03 a caller holds the attempt of one
-- Writes      deletion_frames, deletion_walk_keys, deletion_walk_links     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_drop_jobs(
    p_run_id bigint,
    p_jobs bigint[]
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_drop_jobs$
BEGIN
    -- How their attempts ended is written before; a caller that holds one, to cancel it, may let go
    -- of it yet: then the run would end as done, and the job with it.
    IF EXISTS (
        SELECT 1
        FROM deletion_attempts AS a
        WHERE
            a.run_id = p_run_id AND a.job_id = ANY (p_jobs) AND a.outcome IS NULL
            AND a.cancel_requested_at IS NULL
    ) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'lock_not_available',
            MESSAGE = 'a caller holds the attempt of a job that has ended';
    END IF;

    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = p_run_id AND w.job_id = ANY (p_jobs);
    DELETE FROM deletion_walk_links AS l WHERE l.walk_id = p_run_id AND l.job_id = ANY (p_jobs);

    UPDATE deletion_frames AS f
    SET
        keys = (
            SELECT coalesce(jsonb_agg(k.value), '[]')
            FROM jsonb_array_elements(f.keys) AS k
            WHERE (k.value ->> 'j')::bigint <> ALL (p_jobs)
        ),
        -- What this frame left out may hang from a neighbour's row too: pass over everything again.
        edge_pos = 0,
        fetch_cursor = NULL,
        rows_at_pass = -1
    WHERE f.run_id = p_run_id;

    UPDATE deletion_frames AS f
    SET key_count = jsonb_array_length(f.keys)
    WHERE f.run_id = p_run_id;

    -- An emptied frame in the middle of the stack is popped by the walk; an empty stack ends it.
    DELETE FROM deletion_frames AS f
    WHERE
        f.run_id = p_run_id
        AND NOT EXISTS (
            SELECT 1 FROM deletion_frames AS g WHERE g.run_id = p_run_id AND g.key_count > 0
        );
END;
$deletion_drop_jobs$;

COMMENT ON FUNCTION deletion_drop_jobs(bigint, bigint[]) IS
'Take some jobs'' keys out of a run''s frames and scratch rows.';
REVOKE ALL ON FUNCTION deletion_drop_jobs(bigint, bigint[]) FROM PUBLIC;
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
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_drop_soft_keys$
-- A look at the index for each job.
WITH RECURSIVE noted (job_id) AS (
    SELECT min(k.job_id) FROM deletion_soft_keys AS k
    UNION ALL
    SELECT (SELECT min(k.job_id) FROM deletion_soft_keys AS k WHERE k.job_id > n.job_id)
    FROM noted AS n
    WHERE n.job_id IS NOT NULL
),

ended AS MATERIALIZED (
    SELECT j.id
    FROM noted AS n
    INNER JOIN deletion_jobs AS j ON j.id = n.job_id
    WHERE j.status <> 'running' AND (j.status <> 'pending' OR j.hard_delete)
    -- What a caller holds waits for the next time.
    FOR UPDATE OF j SKIP LOCKED
)

DELETE FROM deletion_soft_keys AS k
WHERE k.ctid = ANY (ARRAY(
    SELECT d.ctid
    FROM ended AS e
    INNER JOIN deletion_soft_keys AS d ON d.job_id = e.id
    LIMIT 20000
));
$deletion_drop_soft_keys$;

COMMENT ON FUNCTION deletion_drop_soft_keys() IS
'Drop, some at a time, what soft jobs have noted that nobody goes on with.';
REVOKE ALL ON FUNCTION deletion_drop_soft_keys() FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_due.sql
-- deletion_due
-- Lock the jobs that are due first and choose those that can be walked together.
--
-- Parameters  none
-- Returns     one row: the jobs, their target and mode, and whether the first must go alone;
--             jobs is NULL where nothing is due
-- Writes      nothing; locks at most jobs_per_run rows of deletion_jobs     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_due()
RETURNS TABLE (jobs bigint[], entity_table text, hard_delete boolean, alone boolean)
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_due$
DECLARE
    -- A volatile clock in the condition would keep it from bounding the index scan.
    v_now timestamptz := clock_timestamp();
    v_batch_rows bigint := deletion_setting_int('batch_rows');
BEGIN
    RETURN QUERY
    -- The expression and its index are one: rows come in due order, and only these are locked.
    WITH due AS MATERIALIZED (
        SELECT j.id, j.entity_table, j.hard_delete, coalesce(j.scheduled_at, j.created_at) AS due_at
        FROM deletion_jobs AS j
        WHERE j.status = 'pending' AND coalesce(j.scheduled_at, j.created_at) <= v_now
        ORDER BY coalesce(j.scheduled_at, j.created_at), j.id
        LIMIT least(deletion_setting_int('jobs_per_run'), v_batch_rows)
        FOR UPDATE SKIP LOCKED
    ),

    candidate AS (
        SELECT
            d.*,
            coalesce((
                SELECT a.alone_next
                FROM deletion_attempts AS a
                WHERE a.job_id = d.id AND NOT a.is_past
                ORDER BY a.attempt_no DESC
                LIMIT 1
            ), FALSE) AS alone
        FROM due AS d
    ),

    leader AS (
        SELECT c.* FROM candidate AS c ORDER BY c.due_at, c.id LIMIT 1
    ),

    chosen AS (
        SELECT c.id, l.entity_table, l.hard_delete, l.alone
        FROM leader AS l
        INNER JOIN candidate AS c
            ON
                c.id = l.id
                OR (
                    NOT l.alone AND NOT c.alone
                    AND c.entity_table = l.entity_table AND c.hard_delete = l.hard_delete
                )
        ORDER BY c.due_at, c.id
        -- As many as went in one transaction last time: a second one, for the rest of a set, costs
        -- as much as a whole one. But no average makes a set a small one.
        LIMIT (
            SELECT greatest(100, floor(0.97 * v_batch_rows / (1 + (p.fan_out ->> '0')::float8)))
            FROM leader AS l
            INNER JOIN deletion_plans AS p
                ON
                    p.entity_table = l.entity_table AND p.hard_delete = l.hard_delete
                    AND p.superseded_at IS NULL
            WHERE p.fan_out ? '0'
        )
    )

    SELECT array_agg(c.id ORDER BY c.id), min(c.entity_table), bool_or(c.hard_delete), bool_or(c.alone)
    FROM chosen AS c
    HAVING count(*) > 0;
END;
$deletion_due$;

COMMENT ON FUNCTION deletion_due() IS
'Lock the jobs that are due first and choose those that can be walked together.';
REVOKE ALL ON FUNCTION deletion_due() FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_end_run.sql
-- deletion_end_run
-- Close a run: its frames and scratch rows go, its row says how it ended.
--
-- Parameters  p_run_id   the run       p_outcome   done, failed, retry, sliced, returned or lost
--             p_error    what went wrong; NULL: nothing
-- Writes      deletion_runs, deletion_frames, deletion_walk_keys, deletion_walk_links
-- Commits     no
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
DELETE FROM deletion_walk_links AS l WHERE l.walk_id = p_run_id;
UPDATE deletion_runs AS r
SET phase = 'ended', outcome = p_outcome, error = p_error, ended_at = clock_timestamp()
WHERE r.run_id = p_run_id;
$deletion_end_run$;

COMMENT ON FUNCTION deletion_end_run(bigint, text, text) IS
'Close a run: its frames and scratch rows go, its row says how it ended.';
REVOKE ALL ON FUNCTION deletion_end_run(bigint, text, text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_enter.sql
-- deletion_enter
-- Begin a worker's call: free what an earlier call of this session left, and take the slot.
--
-- Parameters  p_slot          the worker's slot; NULL: none
--             p_run_seconds   how long the call may work; NULL: the setting run_seconds
-- Returns     timestamptz, when the call should end; NULL where another works in the slot
-- Writes      deletion_slots                       Commits  no
-- Execute     deletion_jobs_worker, deletion_jobs_operator

CREATE OR REPLACE FUNCTION deletion_enter(
    p_slot integer,
    p_run_seconds integer
) RETURNS timestamptz
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $deletion_enter$
DECLARE
    v_key bigint;
    v_until timestamptz := clock_timestamp()
    + make_interval(secs => coalesce(p_run_seconds, deletion_setting_int('run_seconds')));
    v_timeout interval := current_setting('statement_timeout')::interval;
BEGIN
    -- The whole call is one statement: it ends by itself before the session's limit ends it.
    IF v_timeout > '0' THEN
        v_until := least(v_until, statement_timestamp() + 0.8 * v_timeout);
    END IF;

    -- Session locks survive an error in a CALL and count how often they were taken.
    FOR v_key IN
        SELECT deletion_lock_key('run', r.run_id)
        FROM deletion_runs AS r
        WHERE r.session_id = pg_backend_pid() AND r.ended_at IS NULL
        UNION ALL
        SELECT deletion_lock_key('slot', s.slot)
        FROM deletion_slots AS s
        WHERE s.session_id = pg_backend_pid()
        UNION ALL
        SELECT deletion_lock_key('slot', p_slot)
        WHERE p_slot IS NOT NULL
    LOOP
        WHILE deletion_lock_holder(v_key) = pg_backend_pid() LOOP
            PERFORM pg_advisory_unlock(v_key);
        END LOOP;
    END LOOP;

    IF p_slot IS NULL THEN
        RETURN v_until;
    END IF;

    IF NOT pg_try_advisory_lock(deletion_lock_key('slot', p_slot)) THEN
        RETURN NULL;
    END IF;

    INSERT INTO deletion_slots AS s (slot, last_started_at, last_outcome, session_id)
    VALUES (p_slot, clock_timestamp(), 'running', pg_backend_pid())
    ON CONFLICT (slot) DO UPDATE
    SET
        last_started_at = excluded.last_started_at,
        last_ended_at = NULL,
        last_outcome = excluded.last_outcome,
        last_error = NULL,
        session_id = excluded.session_id;
    RETURN v_until;
END;
$deletion_enter$;

COMMENT ON FUNCTION deletion_enter(integer, integer) IS
'Begin a worker''s call: free what an earlier call of this session left, and take the slot.';
REVOKE ALL ON FUNCTION deletion_enter(integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_enter(integer, integer)
TO deletion_jobs_worker, deletion_jobs_operator;
-- <<<

-- >>> procedures/postgres/worker/deletion_fail_circles.sql
-- deletion_fail_circles
-- Fail the jobs that hold a circle of rows which nothing opens and no batch holds.
--
-- Parameters  p_run   the run, fenced              p_jobs   jobs whose rows were peeled; NULL: none
-- Returns     bigint[], the jobs that failed
-- Writes      deletion_attempts, deletion_jobs, deletion_frames, deletion_walk_keys,
--             deletion_walk_links                  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_fail_circles(
    p_run deletion_runs,
    p_jobs bigint[]
) RETURNS bigint[]
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_fail_circles$
DECLARE
    v_job_id bigint;
    v_circle record;
    v_failed bigint[] := ARRAY[]::bigint[];
BEGIN
    FOR v_job_id IN SELECT j.id FROM unnest(p_jobs) AS j (id) ORDER BY j.id LOOP
        v_circle := deletion_largest_circle(p_run.run_id, p_run.plan_id, v_job_id);
        CONTINUE WHEN v_circle.p_rows <= deletion_setting_int('batch_rows');
        v_failed := v_failed || v_job_id;
        PERFORM deletion_fail_jobs(p_run.run_id, ARRAY[v_job_id], format(
            'JD007: %s rows of %s go in a circle by %s, such as %s',
            v_circle.p_rows,
            (
                SELECT string_agg(DISTINCT s.table_name, ', ')
                FROM deletion_plan_steps AS s
                WHERE s.plan_id = p_run.plan_id AND s.node_no = ANY (v_circle.p_nodes)
            ),
            (
                SELECT string_agg(DISTINCT s.reference_name, ', ')
                FROM deletion_plan_steps AS s
                WHERE s.plan_id = p_run.plan_id AND v_circle.p_edges ? s.edge_no::text
            ),
            v_circle.p_sample
        ));
    END LOOP;

    RETURN v_failed;
END;
$deletion_fail_circles$;

COMMENT ON FUNCTION deletion_fail_circles(deletion_runs, bigint[]) IS
'Fail the jobs that hold a circle of rows which nothing opens and no batch holds.';
REVOKE ALL ON FUNCTION deletion_fail_circles(deletion_runs, bigint[]) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_fates.sql
-- deletion_fates
-- Sum up a walk: how many rows of each table would be deleted, set, kept, or are in the way.
--
-- Parameters  p_walk_id   the walk                 p_plan_id   its plan
-- Returns     table_name, action, reference_name (of what blocks or is kept), row_count
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_fates(
    p_walk_id bigint,
    p_plan_id bigint
) RETURNS TABLE (table_name text, action text, reference_name text, row_count bigint)
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_fates$
WITH node AS (
    SELECT DISTINCT s.node_no, s.table_name FROM deletion_plan_steps AS s WHERE s.plan_id = p_plan_id
),

-- A row counts once: one that is deleted not where it would be set as well, one that two references
-- set as receipts do, for the action that comes first by name; one that is held is not deleted.
final AS (
    SELECT
        w.node_no,
        CASE
            WHEN bool_or(w.fate = 'held') THEN 'held'
            WHEN bool_or(w.keys ? 'm') THEN 'root_not_found'
            ELSE min(w.fate)
        END AS fate
    FROM deletion_walk_keys AS w
    WHERE w.walk_id = p_walk_id AND w.fate NOT IN ('restrict', 'keep')
    GROUP BY w.node_no, w.key_hash
)

SELECT n.table_name, f.fate, NULL::text, CASE WHEN f.fate = 'root_not_found' THEN 0 ELSE count(*) END
FROM final AS f
INNER JOIN node AS n ON n.node_no = f.node_no
GROUP BY n.table_name, f.fate
UNION ALL
SELECT b.table_name, 'restrict', b.reference_name, b.row_count
FROM deletion_blocking(p_walk_id, p_plan_id) AS b
UNION ALL
SELECT s.table_name, 'keep', s.reference_name, count(*)
FROM deletion_walk_keys AS w
INNER JOIN deletion_plan_steps AS s
    ON s.plan_id = p_plan_id AND s.edge_no = w.edge_no AND s.kind = 'fetch_more'
WHERE
    w.walk_id = p_walk_id AND w.fate = 'keep'
    AND NOT EXISTS (
        SELECT 1
        FROM deletion_walk_keys AS d
        WHERE
            d.walk_id = w.walk_id AND d.job_id = w.job_id AND d.node_no = w.node_no
            AND d.fate = 'delete' AND d.key_hash = w.key_hash
        OFFSET 0
    )
GROUP BY s.table_name, s.reference_name
ORDER BY 1, 2, 3;
$deletion_fates$;

COMMENT ON FUNCTION deletion_fates(bigint, bigint) IS
'How many rows of each table a walk would delete, set, keep, or finds in the way.';
REVOKE ALL ON FUNCTION deletion_fates(bigint, bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_parse_roots.sql
-- deletion_parse_roots
-- Read the keys of a run's jobs one by one, and fail the jobs whose keys are none.
--
-- Parameters  p_run   the run
-- Returns     jsonb array of {"j": job, "pk": key}, of the jobs that are left
-- Errors      55P03 a caller holds the attempt of a job whose key is none
-- Writes      deletion_attempts, deletion_jobs     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_parse_roots(p_run deletion_runs)
RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_parse_roots$
DECLARE
    v_roots jsonb := '[]'::jsonb;
    v_job record;
BEGIN
    -- A row inserted by hand may name its key in any spelling, or one that is none.
    FOR v_job IN
        SELECT j.id, j.entity_pk
        FROM deletion_attempts AS a
        INNER JOIN deletion_jobs AS j ON j.id = a.job_id
        WHERE a.run_id = p_run.run_id AND a.outcome IS NULL
        ORDER BY j.id
    LOOP
        BEGIN
            v_roots := v_roots || jsonb_build_object(
                'j', v_job.id, 'pk', deletion_parse_key(p_run.entity_table, v_job.entity_pk)
            );
        EXCEPTION
            WHEN SQLSTATE 'JD002' THEN
                PERFORM deletion_fail_jobs(p_run.run_id, ARRAY[v_job.id], format(
                    'JD002: the key does not parse (%s)', v_job.entity_pk
                ));
        END;
    END LOOP;

    RETURN v_roots;
END;
$deletion_parse_roots$;

COMMENT ON FUNCTION deletion_parse_roots(deletion_runs) IS
'Read the keys of a run''s jobs one by one, and fail the jobs whose keys are none.';
REVOKE ALL ON FUNCTION deletion_parse_roots(deletion_runs) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_find_roots.sql
-- deletion_find_roots
-- Find the rows that a run's jobs name, and push them as the run's first frame.
--
-- Parameters  p_run   the run, fenced
-- Errors      55P03 a caller holds the attempt of a job whose key is none
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

    -- Under a collation that folds letters 'abc' and 'ABC' are one row and two jobs.
    PERFORM deletion_fail_jobs(p_run.run_id, ARRAY[j.id], format(
        'JD002: the key is spelled otherwise in the table (%s)', j.entity_pk
    ))
    FROM jsonb_array_elements(v_keys) AS k
    INNER JOIN deletion_jobs AS j ON j.id = (k.value ->> 'j')::bigint
    WHERE k.value ->> 'm' = '2';

    IF FOUND THEN
        SELECT jsonb_agg(k.value), count(*)
        INTO v_keys, v_count
        FROM jsonb_array_elements(v_keys) AS k
        WHERE k.value ->> 'm' IS DISTINCT FROM '2';
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

-- >>> procedures/postgres/worker/deletion_spare_live.sql
-- deletion_spare_live
-- Cancel the removals that nobody asked for, where the row is not marked as deleted any more.
--
-- Parameters  p_run   the run, its roots found
-- Writes      deletion_attempts, deletion_jobs, deletion_runs, deletion_frames     Commits  no
-- Execute     the owner only
--
-- A target may let its soft jobs remove what they marked after a grace. Whoever takes the mark back
-- in between, by the application's own means, wants the row to stay. The roots are locked, so that
-- they are still marked when this step removes the first rows.

CREATE OR REPLACE FUNCTION deletion_spare_live(p_run deletion_runs)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_spare_live$
DECLARE
    v_jobs bigint[];
    v_spared bigint[];
    v_free bigint[];
    v_sql text;
    v_keys jsonb;
    v_is_told boolean;
BEGIN
    -- Targets that never marked a row are most.
    IF p_run.hard_delete AND EXISTS (
        SELECT 1
        FROM deletion_plans AS p
        WHERE p.entity_table = p_run.entity_table AND NOT p.hard_delete
    ) THEN
        SELECT array_agg(DISTINCT o.job_id)
        INTO v_jobs
        FROM deletion_attempts AS o
        INNER JOIN deletion_attempts AS a ON a.job_id = o.job_id
        WHERE o.run_id = p_run.run_id AND o.outcome IS NULL AND a.purge_follows;
    END IF;

    IF v_jobs IS NULL THEN
        RETURN;
    END IF;

    SELECT s.sql_text INTO v_sql
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = p_run.plan_id AND s.edge_no = 0 AND s.kind = 'live';

    v_is_told := FOUND;

    IF v_is_told THEN
        SELECT f.keys INTO v_keys
        FROM deletion_frames AS f
        WHERE f.run_id = p_run.run_id AND f.depth = 0;
        EXECUTE v_sql INTO v_spared USING v_keys;
        v_spared := ARRAY(SELECT unnest(v_spared) INTERSECT SELECT unnest(v_jobs));
    ELSE
        v_spared := v_jobs;
    END IF;

    IF v_spared = '{}' THEN
        RETURN;
    END IF;

    -- Whoever holds a job now may be asking for its removal: it comes again when that is known.
    v_free := ARRAY(
        SELECT j.id FROM deletion_jobs AS j WHERE j.id = ANY (v_spared) FOR UPDATE SKIP LOCKED
    );
    v_jobs := ARRAY(SELECT unnest(v_spared) EXCEPT SELECT unnest(v_free));

    IF v_jobs <> '{}' THEN
        PERFORM deletion_settle(p_run.run_id, v_jobs, 'returned', NULL, FALSE, NULL);
        PERFORM deletion_drop_jobs(p_run.run_id, v_jobs);
    END IF;

    v_jobs := ARRAY(
        SELECT DISTINCT a.job_id
        FROM deletion_attempts AS a
        WHERE a.job_id = ANY (v_free) AND a.purge_follows
    );

    IF v_jobs <> '{}' THEN
        PERFORM deletion_settle(
            p_run.run_id, v_jobs, CASE WHEN v_is_told THEN 'cancelled' ELSE 'failed' END,
            CASE
                WHEN v_is_told THEN 'JD003: the row is live again, and stays'
                ELSE 'JD011: no marking column tells any more whether the row is live again'
            END || '; enqueue_deletion with p_hard_delete TRUE removes it',
            FALSE, NULL
        );
        PERFORM deletion_drop_jobs(p_run.run_id, v_jobs);
    END IF;
END;
$deletion_spare_live$;

COMMENT ON FUNCTION deletion_spare_live(deletion_runs) IS
'Cancel the removals that nobody asked for, where the row is not marked any more.';
REVOKE ALL ON FUNCTION deletion_spare_live(deletion_runs) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_give_up.sql
-- deletion_give_up
-- Let rows that the walk came by go of the present frame, where they refer to it and get a default.
--
-- Parameters  p_walk   the walk                    p_step   the plan's set step of a default
-- Returns     the walk
-- Errors      JD006 rows are found and not changed; JD007 rows of a run of several jobs wait for
--             each other: each job goes on alone
-- Writes      the application's table              Commits  no
-- Execute     the owner only
--
-- The frame hangs from them, and they from the frame: a default that is in a row which goes as
-- well, or in none, does not part the two. They go, whatever they refer to: they are on the stack,
-- and held.

CREATE OR REPLACE FUNCTION deletion_give_up(
    p_walk deletion_cursor,
    p_step deletion_plan_steps
) RETURNS deletion_cursor
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_give_up$
DECLARE
    v_walk deletion_cursor := p_walk;
    v_run deletion_runs := p_walk.run;
    v_sql text;
    v_stack jsonb;
    v_rows bigint;
    v_again bigint;
BEGIN
    SELECT s.sql_text INTO v_sql
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = v_run.plan_id AND s.edge_no = p_step.edge_no AND s.kind = 'give_up';

    SELECT jsonb_agg(k.value) INTO v_stack
    FROM (
        SELECT f.node_no, f.keys
        FROM deletion_frames AS f
        WHERE f.run_id = v_run.run_id AND f.depth < (p_walk.frame).depth
        UNION ALL
        SELECT f.node_no, f.keys FROM unnest(p_walk.below) AS f
    ) AS f
    CROSS JOIN LATERAL jsonb_array_elements(f.keys) AS k
    WHERE f.node_no = p_step.node_no;

    IF v_sql IS NULL OR v_stack IS NULL THEN
        RETURN v_walk;
    END IF;

    PERFORM deletion_allow_hash(TRUE) WHERE p_step.index_name IS NULL;
    EXECUTE v_sql INTO v_rows USING (p_walk.frame).keys, p_walk.rows_left, v_stack;

    IF v_rows > 0 AND v_run.job_count > 1 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'JD007',
            MESSAGE = 'rows wait for each other among several jobs: each goes on alone';
    ELSIF v_rows BETWEEN 1 AND p_walk.rows_left - 1 THEN
        EXECUTE v_sql INTO v_again USING (p_walk.frame).keys, 1, v_stack;

        IF v_again > 0 THEN
            RAISE EXCEPTION USING
                ERRCODE = 'JD006',
                MESSAGE = format(
                    'rows of %s are found and not changed (a trigger or a policy keeps them)',
                    p_step.table_name
                );
        END IF;
    END IF;

    PERFORM deletion_allow_hash(FALSE) WHERE p_step.index_name IS NULL;
    v_run.rows_changed := v_run.rows_changed + v_rows;
    v_walk.rows_left := v_walk.rows_left - v_rows;
    v_walk.run := v_run;
    RETURN v_walk;
END;
$deletion_give_up$;

COMMENT ON FUNCTION deletion_give_up(deletion_cursor, deletion_plan_steps) IS
'Let rows that the walk came by go of the present frame, where they refer to it.';
REVOKE ALL ON FUNCTION deletion_give_up(deletion_cursor, deletion_plan_steps) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_held_roots.sql
-- deletion_held_roots
-- Say which jobs a finished climb has led to, and from which holds.
--
-- Parameters  p_walk_id   the climb                p_plan_id   its plan
--             p_roots     the rows that the jobs name, as the root frame keeps them
-- Returns     one row a job: its number, and those of the holds
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_held_roots(
    p_walk_id bigint,
    p_plan_id bigint,
    p_roots jsonb
) RETURNS TABLE (job_id bigint, holds bigint[])
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_held_roots$
DECLARE
    v_step deletion_plan_steps;
    v_pairs jsonb;
    v_met jsonb := coalesce((
        SELECT jsonb_agg(jsonb_build_object('j', k.value -> 'j', 'h', w.job_id))
        FROM jsonb_array_elements(p_roots) AS k
        INNER JOIN deletion_walk_keys AS w
            ON
                w.walk_id = p_walk_id AND w.node_no = 0 AND w.fate = 'held'
                AND w.key_hash = deletion_frame_hash(k.value)
    ), '[]');
BEGIN
    -- What is declared may hang from a root that is not there: no row leads up to it.
    FOR v_step IN
        SELECT s.*
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_plan_id AND s.kind = 'climb_root'
            AND jsonb_path_exists(p_roots, '$[*].m')
        ORDER BY s.step_no
    LOOP
        EXECUTE v_step.sql_text INTO v_pairs USING p_roots, (
            SELECT coalesce(jsonb_agg(w.keys || jsonb_build_object('j', w.job_id)), '[]')
            FROM deletion_walk_keys AS w
            WHERE w.walk_id = p_walk_id AND w.node_no = v_step.node_no AND w.fate = 'held'
        );
        v_met := v_met || v_pairs;
    END LOOP;

    RETURN QUERY
    SELECT
        (m.value ->> 'j')::bigint,
        array_agg(DISTINCT (m.value ->> 'h')::bigint - (1::bigint << 62))
    FROM jsonb_array_elements(v_met) AS m
    -- It may have been let go, or be over, since the climb began.
    INNER JOIN deletion_holds AS h
        ON
            h.hold_id = (m.value ->> 'h')::bigint - (1::bigint << 62) AND h.released_at IS NULL
            AND (h.held_until IS NULL OR h.held_until > clock_timestamp())
    GROUP BY 1;
END;
$deletion_held_roots$;

COMMENT ON FUNCTION deletion_held_roots(bigint, bigint, jsonb) IS
'Which jobs a finished climb has led to, and from which holds.';
REVOKE ALL ON FUNCTION deletion_held_roots(bigint, bigint, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_held_rows.sql
-- deletion_held_rows
-- Find the rows of a plan's tables on which a hold is in force.
--
-- Parameters  p_plan_id   the plan
-- Returns     jsonb array of the rows that are there, as frames keep them, each with its table's
--             number ("n"); "j" is the hold's number, above all numbers of jobs. A hold whose row
--             is found no more stands there with "lost": which row it was nobody can say
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_held_rows(p_plan_id bigint)
RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_held_rows$
DECLARE
    v_table record;
    v_keys jsonb;
    v_rows jsonb := '[]'::jsonb;
BEGIN
    FOR v_table IN
        SELECT
            t.node_no,
            s.sql_text,
            jsonb_agg(jsonb_build_object('j', h.hold_id + (1::bigint << 62), 'pk', h.row_pk))
            AS holds,
            jsonb_agg(h.hold_id + (1::bigint << 62)) FILTER (WHERE h.row_seen_at IS NOT NULL)
            AS seen
        FROM deletion_holds AS h
        -- By the columns that the hold was placed by; without such a step they are no key now.
        INNER JOIN (
            SELECT DISTINCT d.node_no, d.table_name
            FROM deletion_plan_steps AS d
            WHERE d.plan_id = p_plan_id AND d.kind = 'held'
        ) AS t ON t.table_name = h.table_name
        LEFT JOIN deletion_plan_steps AS s
            ON
                s.plan_id = p_plan_id AND s.kind = 'held' AND s.node_no = t.node_no
                AND s.table_name = t.table_name AND s.index_name = h.key_columns::text
        WHERE
            h.released_at IS NULL
            AND (h.held_until IS NULL OR h.held_until > clock_timestamp())
        GROUP BY t.node_no, s.step_no, s.sql_text
        ORDER BY t.node_no, s.step_no
    LOOP
        v_keys := NULL;

        IF v_table.sql_text IS NOT NULL THEN
            BEGIN
                EXECUTE v_table.sql_text INTO v_keys USING v_table.holds;
            EXCEPTION
                -- The columns are of another type now, which does not take what was held.
                WHEN data_exception OR check_violation THEN
                    v_keys := NULL;
            END;
        END IF;

        v_rows := v_rows || coalesce(v_keys, '[]') || coalesce((
            SELECT jsonb_agg(jsonb_build_object('n', v_table.node_no, 'j', l.j, 'lost', TRUE))
            FROM (
                (
                    SELECT e.value AS j
                    FROM jsonb_array_elements(v_table.seen) AS e
                    WHERE v_keys IS NOT NULL
                    EXCEPT
                    SELECT k.value -> 'j'
                    FROM jsonb_array_elements(v_keys) AS k
                )
                UNION ALL
                SELECT e.value -> 'j'
                FROM jsonb_array_elements(v_table.holds) AS e
                WHERE v_keys IS NULL
            ) AS l
        ), '[]');
    END LOOP;

    RETURN v_rows;
END;
$deletion_held_rows$;

COMMENT ON FUNCTION deletion_held_rows(bigint) IS
'The rows of a plan''s tables on which a hold is in force.';
REVOKE ALL ON FUNCTION deletion_held_rows(bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_hold_error.sql
-- deletion_hold_error
-- Write the error of a job that holds stop: table, key, end and reason of the first of them.
--
-- Parameters  p_holds   numbers of the holds
-- Returns     text
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_hold_error(p_holds bigint[])
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_hold_error$
SELECT
    'JD006: held: ' || string_agg(
        format(
            '%s %s %s: %s', h.table_name, h.row_pk,
            coalesce(
                'until ' || to_char(h.held_until AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
                || ' UTC',
                'without end'
            ),
            h.reason
        ), '; ' ORDER BY h.hold_id
    ) FILTER (WHERE h.place <= 3)
    || CASE WHEN count(*) > 3 THEN format('; and %s more', count(*) - 3) ELSE '' END
FROM (
    SELECT d.*, row_number() OVER (ORDER BY d.hold_id) AS place
    FROM deletion_holds AS d
    WHERE d.hold_id = ANY (p_holds)
) AS h;
$deletion_hold_error$;

COMMENT ON FUNCTION deletion_hold_error(bigint[]) IS
'The error of a job that holds stop: table, key, end and reason of the first of them.';
REVOKE ALL ON FUNCTION deletion_hold_error(bigint[]) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_lost_hold.sql
-- deletion_lost_hold
-- Look for holds in force whose table is not found: it may have another name now.
--
-- Returns     text, the error of every job meanwhile; NULL: there is no such hold
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_lost_hold()
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_lost_hold$
SELECT
    deletion_hold_error(array_agg(h.hold_id)) || ' (no such table is found: release the hold, or '
    'release it and hold the row by the table''s name of now)'
FROM deletion_holds AS h
WHERE
    h.released_at IS NULL
    AND (h.held_until IS NULL OR h.held_until > clock_timestamp())
    AND NOT EXISTS (
        SELECT 1
        FROM deletion_split_name(h.table_name) AS p (parts)
        INNER JOIN pg_namespace AS n ON n.nspname = p.parts[1]
        INNER JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = p.parts[2]
        WHERE c.relkind IN ('r', 'p')
    );
$deletion_lost_hold$;

COMMENT ON FUNCTION deletion_lost_hold() IS
'Look for holds in force whose table is not found: it may have another name.';
REVOKE ALL ON FUNCTION deletion_lost_hold() FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_join_circle.sql
-- deletion_join_circle
-- Take into a circle the job's own rows that refer to it and may not be left behind.
--
-- Parameters  p_run   the run, of one job; its walk has met all that hangs from the circle
-- Returns     boolean, FALSE where no row came in
-- Writes      deletion_walk_keys; holds what the rows hang from, until the step commits
-- Commits     no
-- Execute     the owner only
--
-- By a reference that restricts no row was found: it is the job's own where climbing from it, by
-- references that cascade, leads to a row on the stack.

CREATE OR REPLACE FUNCTION deletion_join_circle(p_run deletion_runs)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_join_circle$
DECLARE
    v_step deletion_plan_steps;
    v_jobs bigint[];
    v_nodes integer[];
    v_hashes bytea[];
    v_rows jsonb;
    v_parents jsonb;
    v_found jsonb;
    v_own bigint[] := ARRAY[]::bigint[];
    v_left bigint := 10 * deletion_setting_int('batch_rows');
BEGIN
    -- Each climbs under its place in the list, which stands for the job in these frames.
    SELECT
        array_agg(r.job_id ORDER BY r.place), array_agg(r.node_no ORDER BY r.place),
        array_agg(r.key_hash ORDER BY r.place),
        jsonb_agg(r.keys || jsonb_build_object('j', r.place, 'n', r.node_no))
    INTO v_jobs, v_nodes, v_hashes, v_rows
    FROM (
        SELECT w.job_id, w.node_no, w.key_hash, w.keys, row_number() OVER () AS place
        FROM deletion_walk_keys AS w
        WHERE
            w.walk_id = p_run.run_id AND w.fate = 'restrict'
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_walk_keys AS d
                WHERE
                    d.walk_id = w.walk_id AND d.job_id = w.job_id AND d.node_no = w.node_no
                    AND d.fate = 'delete' AND d.key_hash = w.key_hash
                OFFSET 0
            )
    ) AS r;

    WHILE v_rows IS NOT NULL AND v_left > 0 LOOP
        v_found := '[]';

        FOR v_step IN
            SELECT s.*
            FROM deletion_plan_steps AS s
            WHERE
                s.plan_id = p_run.plan_id AND s.kind = 'above'
                AND v_rows @> jsonb_build_array(jsonb_build_object('n', s.node_no))
            ORDER BY s.step_no
        LOOP
            EXECUTE v_step.sql_text INTO v_parents USING (
                SELECT jsonb_agg(r.value)
                FROM jsonb_array_elements(v_rows) AS r
                WHERE (r.value ->> 'n')::integer = v_step.node_no
            );
            v_found := v_found || v_parents;
        END LOOP;

        v_left := v_left - jsonb_array_length(v_found);
        v_own := v_own || ARRAY(
            SELECT (f.value ->> 'j')::bigint
            FROM jsonb_array_elements(v_found) AS f
            WHERE EXISTS (
                SELECT 1
                FROM deletion_walk_keys AS w
                WHERE
                    w.walk_id = p_run.run_id AND w.job_id = v_jobs[(f.value ->> 'j')::integer]
                    AND w.node_no = (f.value ->> 'n')::integer AND w.fate = 'stack'
                    AND w.key_hash = deletion_frame_hash(f.value)
                OFFSET 0
            )
        );

        -- What was climbed to is noted: a row may stand above itself.
        WITH met AS (
            INSERT INTO deletion_walk_keys (
                walk_id, job_id, node_no, fate, key_hash, edge_no, keys, is_expanded
            )
            SELECT
                p_run.run_id, (f.value ->> 'j')::bigint, (f.value ->> 'n')::integer, 'held',
                deletion_frame_hash(f.value), 0, f.value, TRUE
            FROM jsonb_array_elements(v_found) AS f
            WHERE (f.value ->> 'j')::bigint <> ALL (v_own)
            ON CONFLICT DO NOTHING
            RETURNING deletion_walk_keys.keys
        )

        SELECT jsonb_agg(m.keys) INTO v_rows FROM met AS m;
    END LOOP;

    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = p_run.run_id AND w.fate = 'held';
    INSERT INTO deletion_walk_keys (
        walk_id, job_id, node_no, fate, key_hash, edge_no, keys, is_expanded
    )
    SELECT w.walk_id, w.job_id, w.node_no, 'delete', w.key_hash, w.edge_no, w.keys, FALSE
    FROM unnest(v_own) AS o (place)
    CROSS JOIN LATERAL (
        SELECT k.*
        FROM deletion_walk_keys AS k
        WHERE
            k.walk_id = p_run.run_id AND k.job_id = v_jobs[o.place]
            AND k.node_no = v_nodes[o.place] AND k.fate = 'restrict'
            AND k.key_hash = v_hashes[o.place]
        OFFSET 0
    ) AS w
    ON CONFLICT DO NOTHING;
    RETURN FOUND;
END;
$deletion_join_circle$;

COMMENT ON FUNCTION deletion_join_circle(deletion_runs) IS
'Take into a circle the job''s own rows that refer to it and may not be left behind.';
REVOKE ALL ON FUNCTION deletion_join_circle(deletion_runs) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_find_circle.sql
-- deletion_find_circle
-- Find all that has to go with one row, if it is few enough to go in one transaction.
--
-- Parameters  p_run     the run        p_frame   the row's frame        p_key   the row in it
--             p_limit   most rows
-- Returns     text that tells the rows from any others; NULL: they are too many, or rows refer to
--             them that stay, and may not
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
    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = p_run.run_id AND w.fate <> 'stack';
    INSERT INTO deletion_walk_keys (
        walk_id, job_id, node_no, fate, key_hash, edge_no, keys, is_expanded
    )
    VALUES (
        p_run.run_id, (p_key ->> 'j')::bigint, p_frame.node_no, 'delete', deletion_frame_hash(p_key),
        p_frame.edge_no, p_key - 'j', FALSE
    );

    LOOP
        v_read := deletion_walk(p_run.run_id, p_run.plan_id, TRUE);
        EXIT WHEN v_read IS NULL AND NOT deletion_join_circle(p_run);
        SELECT count(*) INTO v_total
        FROM deletion_walk_keys AS w
        WHERE w.walk_id = p_run.run_id AND w.fate = 'delete';
        EXIT WHEN v_total > p_limit;
    END LOOP;

    IF v_total > p_limit OR EXISTS (
        SELECT 1
        FROM deletion_walk_keys AS w
        WHERE
            w.walk_id = p_run.run_id AND w.fate NOT IN ('delete', 'keep', 'stack')
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_walk_keys AS d
                WHERE
                    d.walk_id = w.walk_id AND d.job_id = w.job_id AND d.node_no = w.node_no
                    AND d.fate = 'delete' AND d.key_hash = w.key_hash
                OFFSET 0
            )
    ) THEN
        RETURN NULL;
    END IF;

    RETURN (
        SELECT string_agg(w.node_no || encode(w.key_hash, 'hex'), ' ' ORDER BY w.node_no, w.key_hash)
        FROM deletion_walk_keys AS w
        WHERE w.walk_id = p_run.run_id AND w.fate = 'delete'
    );
END;
$deletion_find_circle$;

COMMENT ON FUNCTION deletion_find_circle(deletion_runs, deletion_frames, jsonb, bigint) IS
'Find all that has to go with one row, if it is few enough to go in one transaction.';
REVOKE ALL ON FUNCTION deletion_find_circle(deletion_runs, deletion_frames, jsonb, bigint)
FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_linked_nodes.sql
-- deletion_linked_nodes
-- Say in which tables of a plan the check searches for circles of rows.
--
-- Parameters  p_plan_id   the plan
-- Returns     integer[], nodes of the plan; empty: in none
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_linked_nodes(p_plan_id bigint)
RETURNS integer[]
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_linked_nodes$
SELECT ARRAY(
    SELECT DISTINCT s.node_no
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = p_plan_id AND s.kind = 'link'
);
$deletion_linked_nodes$;

COMMENT ON FUNCTION deletion_linked_nodes(bigint) IS
'In which tables of a plan the check searches for circles of rows.';
REVOKE ALL ON FUNCTION deletion_linked_nodes(bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_largest_circle.sql
-- deletion_largest_circle
-- Find the largest set of a job's rows each of which hangs from every other, in a peeled walk.
--
-- Parameters  p_walk_id   the walk                 p_plan_id   its plan
--             p_job_id    the job
-- Returns     record: p_rows, how many rows; p_nodes, their tables; p_edges, the references that
--             tie them, each with how many of the rows it ties; p_sample, up to
--             three of them, each with its table
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- A reference that may be set NULL ties no row that hangs from one outside of all circles as well.
-- Tarjan's components: rows are numbered as they are met (v_met), and each learns the first row
-- that it leads back to (v_low); where that is the row itself, it heads a component.

CREATE OR REPLACE FUNCTION deletion_largest_circle(
    IN p_walk_id bigint,
    IN p_plan_id bigint,
    IN p_job_id bigint,
    OUT p_rows bigint,
    OUT p_nodes integer[],
    OUT p_edges jsonb,
    OUT p_sample text
) RETURNS record
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
-- How many rows there are the planner cannot know: each would be compared with all.
SET enable_hashjoin = on
SET enable_nestloop = off
AS $deletion_largest_circle$
DECLARE
    v_loose CONSTANT integer[] := ARRAY(
        SELECT s.edge_no
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.kind = 'loose'
    );
    v_parents integer[];
    v_children integer[];
    v_count integer;
    v_next integer[];
    v_met integer[];
    v_low integer[];
    v_head integer[];
    v_open integer[] := ARRAY[]::integer[];
    v_open_count integer := 0;
    v_path integer[] := ARRAY[]::integer[];
    v_depth integer := 0;
    v_number integer := 0;
    v_row integer;
    v_child integer;
    v_best integer;
BEGIN
    SELECT count(*) INTO v_count
    FROM deletion_walk_keys AS w
    WHERE w.walk_id = p_walk_id AND w.job_id = p_job_id AND w.fate = 'delete';

    WITH vertex AS (
        SELECT
            row_number() OVER (ORDER BY w.node_no, w.key_hash) AS no, w.node_no, w.key_hash,
            w.edge_no = 0 AS is_met
        FROM deletion_walk_keys AS w
        WHERE w.walk_id = p_walk_id AND w.job_id = p_job_id AND w.fate = 'delete'
    )

    SELECT
        array_agg(x.parent ORDER BY x.parent, x.child),
        array_agg(x.child ORDER BY x.parent, x.child)
    INTO v_parents, v_children
    FROM (
        SELECT DISTINCT p.no::integer AS parent, c.no::integer AS child
        FROM deletion_walk_links AS l
        INNER JOIN vertex AS p ON p.node_no = l.parent_node_no AND p.key_hash = l.parent_hash
        INNER JOIN vertex AS c ON c.node_no = l.child_node_no AND c.key_hash = l.child_hash
        WHERE
            l.walk_id = p_walk_id AND l.job_id = p_job_id
            AND NOT (c.is_met AND l.edge_no = ANY (v_loose))
    ) AS x;

    v_met := array_fill(0, ARRAY[v_count]);
    v_low := v_met;
    v_head := v_met;
    v_next := v_met;

    -- Where each row's children begin.
    FOR v_row IN REVERSE coalesce(cardinality(v_parents), 0)..1 LOOP
        v_next[v_parents[v_row]] := v_row;
    END LOOP;

    FOR v_start IN 1..v_count LOOP
        CONTINUE WHEN v_met[v_start] > 0;
        v_row := v_start;

        LOOP
            IF v_met[v_row] = 0 THEN
                v_number := v_number + 1;
                v_met[v_row] := v_number;
                v_low[v_row] := v_number;
                v_open_count := v_open_count + 1;
                v_open[v_open_count] := v_row;
                v_depth := v_depth + 1;
                v_path[v_depth] := v_row;
            END IF;

            v_child := CASE
                WHEN v_next[v_row] > 0 AND v_parents[v_next[v_row]] = v_row
                    THEN v_children[v_next[v_row]]
            END;

            IF v_child IS NOT NULL THEN
                v_next[v_row] := v_next[v_row] + 1;

                IF v_met[v_child] = 0 THEN
                    v_row := v_child;
                ELSIF v_head[v_child] = 0 THEN
                    v_low[v_row] := least(v_low[v_row], v_met[v_child]);
                END IF;

                CONTINUE;
            END IF;

            IF v_low[v_row] = v_met[v_row] THEN
                LOOP
                    v_child := v_open[v_open_count];
                    v_open_count := v_open_count - 1;
                    v_head[v_child] := v_row;
                    EXIT WHEN v_child = v_row;
                END LOOP;
            END IF;

            v_depth := v_depth - 1;
            EXIT WHEN v_depth = 0;
            v_low[v_path[v_depth]] := least(v_low[v_path[v_depth]], v_low[v_row]);
            v_row := v_path[v_depth];
        END LOOP;
    END LOOP;

    SELECT h.head, count(*) INTO v_best, p_rows
    FROM unnest(v_head) AS h (head)
    GROUP BY h.head
    ORDER BY count(*) DESC, h.head
    LIMIT 1;

    WITH vertex AS (
        SELECT
            row_number() OVER (ORDER BY w.node_no, w.key_hash) AS no, w.node_no, w.key_hash,
            w.keys, w.edge_no = 0 AS is_met
        FROM deletion_walk_keys AS w
        WHERE w.walk_id = p_walk_id AND w.job_id = p_job_id AND w.fate = 'delete'
    ),

    part AS (
        SELECT v.node_no, v.key_hash, v.keys, v.is_met
        FROM vertex AS v
        WHERE v_head[v.no] = v_best
    )

    SELECT
        (SELECT array_agg(DISTINCT p.node_no) FROM part AS p),
        (
            SELECT jsonb_object_agg(e.edge_no, e.row_count)
            FROM (
                SELECT l.edge_no, count(DISTINCT l.child_hash) AS row_count
                FROM deletion_walk_links AS l
                INNER JOIN part AS p
                    ON p.node_no = l.parent_node_no AND p.key_hash = l.parent_hash
                INNER JOIN part AS c
                    ON c.node_no = l.child_node_no AND c.key_hash = l.child_hash
                WHERE
                    l.walk_id = p_walk_id AND l.job_id = p_job_id
                    AND NOT (c.is_met AND l.edge_no = ANY (v_loose))
                GROUP BY l.edge_no
            ) AS e
        ),
        (
            SELECT string_agg(format('%s (%s)', k.table_name, k.key_text), ', ' ORDER BY k.place)
            FROM (
                SELECT
                    (
                        SELECT min(s.table_name)
                        FROM deletion_plan_steps AS s
                        WHERE s.plan_id = p_plan_id AND s.node_no = p.node_no
                    ) AS table_name,
                    (
                        SELECT string_agg(e.value, ', ' ORDER BY substr(e.key, 2)::integer)
                        FROM jsonb_each_text(p.keys) AS e
                        WHERE e.key LIKE 'k%'
                    ) AS key_text,
                    p.place
                FROM (
                    -- One of each table first.
                    SELECT q.*, row_number() OVER (ORDER BY q.place_in_table, q.node_no) AS place
                    FROM (
                        SELECT
                            r.*,
                            row_number() OVER (
                                PARTITION BY r.node_no ORDER BY r.key_hash
                            ) AS place_in_table
                        FROM part AS r
                    ) AS q
                ) AS p
                WHERE p.place <= 3
            ) AS k
        )
    INTO p_nodes, p_edges, p_sample;
END;
$deletion_largest_circle$;

COMMENT ON FUNCTION deletion_largest_circle(bigint, bigint, bigint) IS
'The largest set of a job''s rows each of which hangs from every other, in a peeled walk.';
REVOKE ALL ON FUNCTION deletion_largest_circle(bigint, bigint, bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_circle_stage.sql
-- deletion_circle_stage
-- Decide how the search for circles of rows goes on, when a stage of it has ended.
--
-- Parameters  p_run     the run, fenced            p_stage   the stage: walk, place or peel
-- Returns     text, the next stage; done: nothing is left to search for
-- Writes      deletion_walk_keys, deletion_walk_links, deletion_runs, deletion_attempts,
--             deletion_jobs, deletion_frames       Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_circle_stage(
    p_run deletion_runs,
    p_stage text
) RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_circle_stage$
DECLARE
    v_linked CONSTANT integer[] := deletion_linked_nodes(p_run.plan_id);
    v_batch CONSTANT bigint := deletion_setting_int('batch_rows');
    v_jobs bigint[];
    v_large bigint[];
BEGIN
    IF p_stage = 'walk' AND v_linked <> '{}' THEN
        PERFORM deletion_begin_untie(p_run.run_id, p_run.plan_id, 'place', NULL);
        RETURN 'place';
    END IF;

    -- What is left of a job is in circles that nothing opens, or below one.
    SELECT array_agg(j.job_id), array_agg(j.job_id) FILTER (WHERE j.row_count > v_batch)
    INTO v_jobs, v_large
    FROM (
        SELECT w.job_id, count(*) AS row_count
        FROM deletion_walk_keys AS w
        WHERE
            w.walk_id = p_run.run_id AND w.node_no = ANY (v_linked) AND w.fate = 'delete'
        GROUP BY w.job_id
    ) AS j;

    IF p_stage = 'place' AND v_jobs IS NOT NULL THEN
        -- Rows that had their turn go after these, and let go of them.
        PERFORM deletion_allow_hash(TRUE), set_config('enable_nestloop', 'off', TRUE);
        UPDATE deletion_walk_links AS l
        SET is_let_go = TRUE
        FROM deletion_walk_keys AS p
        WHERE
            l.walk_id = p_run.run_id AND l.job_id = ANY (v_jobs) AND NOT l.is_let_go
            AND p.walk_id = l.walk_id AND p.job_id = l.job_id AND p.node_no = l.parent_node_no
            AND p.fate = 'delete' AND p.key_hash = l.parent_hash
            AND l.edge_no IN (
                SELECT s.edge_no
                FROM deletion_plan_steps AS s
                WHERE s.plan_id = p_run.plan_id AND s.kind = 'link' AND s.action = 'cascade'
            )
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_walk_keys AS c
                WHERE
                    c.walk_id = l.walk_id AND c.job_id = l.job_id AND c.node_no = l.child_node_no
                    AND c.fate = 'delete' AND c.key_hash = l.child_hash
            );
        PERFORM deletion_allow_hash(FALSE), set_config('enable_nestloop', 'on', TRUE);
    END IF;

    IF p_stage = 'place' AND v_large IS NOT NULL THEN
        PERFORM deletion_begin_untie(p_run.run_id, p_run.plan_id, 'peel', v_large);
        -- Jobs with few rows left wait for the others: what holds them fits a batch anyway.
        RETURN 'peel';
    END IF;

    v_large := deletion_fail_circles(p_run, v_large);
    v_jobs := ARRAY(SELECT j.id FROM unnest(v_jobs) AS j (id) WHERE j.id <> ALL (v_large));
    PERFORM deletion_go_together(p_run, v_jobs) WHERE v_jobs <> '{}';
    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = p_run.run_id;
    DELETE FROM deletion_walk_links AS l WHERE l.walk_id = p_run.run_id AND NOT l.is_let_go;
    RETURN 'done';
END;
$deletion_circle_stage$;

COMMENT ON FUNCTION deletion_circle_stage(deletion_runs, text) IS
'Decide how the search for circles of rows goes on, when a stage of it has ended.';
REVOKE ALL ON FUNCTION deletion_circle_stage(deletion_runs, text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_go_together.sql
-- deletion_go_together
-- Prepare jobs some of whose rows go in one transaction: each has a run of its own.
--
-- Parameters  p_run   the run, fenced              p_jobs   the jobs
-- Writes      deletion_runs, deletion_attempts, deletion_jobs, deletion_frames,
--             deletion_walk_keys, deletion_walk_links     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_go_together(
    p_run deletion_runs,
    p_jobs bigint[]
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_go_together$
BEGIN
    IF p_run.alone THEN
        UPDATE deletion_runs AS r
        SET state = r.state || '{"careful": true, "together": true}'
        WHERE r.run_id = p_run.run_id;
    ELSE
        PERFORM deletion_settle(p_run.run_id, p_jobs, 'returned', NULL, FALSE, p_jobs);
        PERFORM deletion_drop_jobs(p_run.run_id, p_jobs);
    END IF;
END;
$deletion_go_together$;

COMMENT ON FUNCTION deletion_go_together(deletion_runs, bigint[]) IS
'Prepare jobs some of whose rows go in one transaction: each has a run of its own.';
REVOKE ALL ON FUNCTION deletion_go_together(deletion_runs, bigint[]) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_place.sql
-- deletion_place
-- Take rows out of a finished walk that a circle cannot keep: each comes after what it hangs from.
--
-- Parameters  p_walk_id   the walk                 p_plan_id   its plan
-- Returns     bigint, the number of rows taken out; 0: what is left waits for itself
-- Writes      deletion_walk_keys, deletion_walk_links     Commits  no
-- Execute     the owner only
--
-- A row is taken when one that it hangs from is, and all are that it hangs from by a reference
-- which cannot be set NULL. By any other the run lets go of it, since it stays reachable by the
-- first: such links stay, for the run. What is left is in a circle that nothing opens, or below
-- one. is_expanded FALSE: it is the row's turn; edge_no 0: a row that it hangs from is taken, or it
-- is a root.

CREATE OR REPLACE FUNCTION deletion_place(
    p_walk_id bigint,
    p_plan_id bigint
) RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_place$
DECLARE
    v_linked CONSTANT integer[] := deletion_linked_nodes(p_plan_id);
    v_above integer[];
    v_leading integer[];
    v_hard integer[];
    v_taken bigint;
    v_jobs bigint[];
    v_nodes integer[];
    v_hashes bytea[];
    v_are_met boolean[];
BEGIN
    SELECT
        array_agg(DISTINCT l.parent_node_no) FILTER (WHERE l.parent_node_no <> ALL (v_linked)),
        array_agg(l.edge_no) FILTER (WHERE l.action = 'cascade'),
        array_agg(l.edge_no) FILTER (WHERE k.is_circle AND NOT k.is_loose)
    INTO v_above, v_leading, v_hard
    FROM deletion_plan_steps AS l
    CROSS JOIN LATERAL (
        SELECT
            coalesce(bool_or(s.kind = 'circle'), FALSE) AS is_circle,
            coalesce(bool_or(s.kind = 'loose'), FALSE) AS is_loose
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.edge_no = l.edge_no
    ) AS k
    WHERE l.plan_id = p_plan_id AND l.kind = 'link';

    WITH taken AS (
        DELETE FROM deletion_walk_keys AS w
        WHERE w.ctid = ANY (ARRAY(
            (
                SELECT x.ctid
                FROM deletion_walk_keys AS x
                WHERE x.walk_id + 0 = p_walk_id AND NOT x.is_expanded
                LIMIT 5000
            )
            UNION ALL
            (
                -- No circle holds rows of other tables.
                SELECT x.row_id
                FROM unnest(v_above) AS a (node_no)
                CROSS JOIN LATERAL (
                    SELECT k.ctid AS row_id
                    FROM deletion_walk_keys AS k
                    WHERE
                        k.walk_id + 0 = p_walk_id AND k.is_expanded AND k.node_no + 0 = a.node_no
                        AND (k.fate = 'delete') IS TRUE
                    OFFSET 0
                ) AS x
                LIMIT 5000
            )
            LIMIT 5000
        ))
        RETURNING w.job_id, w.node_no, w.key_hash
    ),

    cut AS (
        DELETE FROM deletion_walk_links AS l
        -- OFFSET 0, here and below: each is looked up by all of its index, and nothing joined by
        -- whatever the statistics take for few.
        WHERE l.ctid = ANY (ARRAY(
            SELECT f.row_id
            FROM taken AS t
            CROSS JOIN LATERAL (
                SELECT k.ctid AS row_id
                FROM deletion_walk_links AS k
                WHERE
                    k.walk_id = p_walk_id AND k.job_id = t.job_id AND k.parent_node_no = t.node_no
                    AND k.parent_hash = t.key_hash
                OFFSET 0
            ) AS f
        ))
        RETURNING
            l.job_id, l.parent_node_no, l.parent_hash, l.child_node_no, l.child_hash, l.edge_no
    ),

    -- Of two rows that are taken at once either may come first.
    let_go AS (
        INSERT INTO deletion_walk_links (
            walk_id, job_id, parent_node_no, parent_hash, child_node_no, child_hash, edge_no,
            is_let_go
        )
        SELECT
            p_walk_id, c.job_id, c.parent_node_no, c.parent_hash, c.child_node_no, c.child_hash,
            c.edge_no, TRUE
        FROM cut AS c
        WHERE
            c.edge_no = ANY (v_leading)
            AND (
                EXISTS (
                    SELECT 1
                    FROM taken AS t
                    WHERE
                        t.job_id = c.job_id AND t.node_no = c.child_node_no
                        AND t.key_hash = c.child_hash
                        AND (t.node_no, t.key_hash) < (c.parent_node_no, c.parent_hash)
                )
                OR NOT EXISTS (
                    SELECT 1
                    FROM deletion_walk_keys AS w
                    WHERE
                        w.walk_id = p_walk_id AND w.job_id = c.job_id
                        AND w.node_no = c.child_node_no AND w.fate = 'delete'
                        AND w.key_hash = c.child_hash
                    OFFSET 0
                )
            )
    ),

    below AS (
        SELECT
            c.job_id, c.child_node_no, c.child_hash, bool_or(c.edge_no = ANY (v_leading)) AS is_met
        FROM cut AS c
        GROUP BY c.job_id, c.child_node_no, c.child_hash
    )

    SELECT
        (SELECT count(*) FROM taken),
        array_agg(b.job_id), array_agg(b.child_node_no), array_agg(b.child_hash),
        array_agg(b.is_met)
    INTO v_taken, v_jobs, v_nodes, v_hashes, v_are_met
    FROM below AS b;

    -- In a statement of its own: it has to see what was cut.
    UPDATE deletion_walk_keys AS w
    SET
        edge_no = CASE WHEN b.is_met THEN 0 ELSE w.edge_no END,
        is_expanded = NOT (b.is_met OR w.edge_no = 0) OR b.has_to_wait
    FROM (
        SELECT
            f.row_id, u.is_met,
            EXISTS (
                SELECT l.ctid
                FROM deletion_walk_links AS l
                WHERE
                    l.walk_id + 0 = p_walk_id AND l.job_id + 0 = u.job_id
                    AND l.child_node_no + 0 = u.node_no AND l.child_hash || '' = u.key_hash
                    AND (l.edge_no = ANY (v_hard)) IS TRUE
                OFFSET 0
            ) AS has_to_wait
        FROM
            unnest(v_jobs, v_nodes, v_hashes, v_are_met) AS u (job_id, node_no, key_hash, is_met)
        CROSS JOIN LATERAL (
            SELECT k.ctid AS row_id
            FROM deletion_walk_keys AS k
            WHERE
                k.walk_id = p_walk_id AND k.job_id = u.job_id AND k.node_no = u.node_no
                AND k.fate = 'delete' AND k.key_hash = u.key_hash
            OFFSET 0
        ) AS f
        OFFSET 0
    ) AS b
    WHERE w.ctid = b.row_id;

    RETURN v_taken;
END;
$deletion_place$;

COMMENT ON FUNCTION deletion_place(bigint, bigint) IS
'Take rows out of a finished walk that a circle cannot keep.';
REVOKE ALL ON FUNCTION deletion_place(bigint, bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_peel.sql
-- deletion_peel
-- Take rows out of what circles keep that have nothing below them: they go before any circle.
--
-- Parameters  p_walk_id   the walk
-- Returns     bigint, the number of rows taken out; 0: what is left is in a circle, or above one
-- Writes      deletion_walk_keys, deletion_walk_links     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_peel(p_walk_id bigint)
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_peel$
DECLARE
    v_taken bigint;
    v_jobs bigint[];
    v_nodes integer[];
    v_hashes bytea[];
BEGIN
    WITH taken AS (
        DELETE FROM deletion_walk_keys AS w
        WHERE w.ctid = ANY (ARRAY(
            SELECT x.ctid
            FROM deletion_walk_keys AS x
            WHERE x.walk_id + 0 = p_walk_id AND NOT x.is_expanded
            LIMIT 5000
        ))
        RETURNING w.job_id, w.node_no, w.key_hash
    ),

    cut AS (
        DELETE FROM deletion_walk_links AS l
        -- OFFSET 0, here and below: each is looked up by all of its index, and nothing joined by
        -- whatever the statistics take for few.
        WHERE l.ctid = ANY (ARRAY(
            SELECT f.row_id
            FROM taken AS t
            CROSS JOIN LATERAL (
                SELECT k.ctid AS row_id
                FROM deletion_walk_links AS k
                WHERE
                    k.walk_id + 0 = p_walk_id AND k.job_id + 0 = t.job_id
                    AND k.child_node_no + 0 = t.node_no AND k.child_hash || '' = t.key_hash
                OFFSET 0
            ) AS f
        ))
        RETURNING l.job_id, l.parent_node_no, l.parent_hash
    ),

    above AS (
        SELECT DISTINCT c.job_id, c.parent_node_no, c.parent_hash FROM cut AS c
    )

    SELECT
        (SELECT count(*) FROM taken),
        array_agg(a.job_id), array_agg(a.parent_node_no), array_agg(a.parent_hash)
    INTO v_taken, v_jobs, v_nodes, v_hashes
    FROM above AS a;

    -- In a statement of its own: it has to see what was cut.
    UPDATE deletion_walk_keys AS w
    SET is_expanded = FALSE
    WHERE w.ctid = ANY (ARRAY(
        SELECT f.row_id
        FROM unnest(v_jobs, v_nodes, v_hashes) AS a (job_id, node_no, key_hash)
        CROSS JOIN LATERAL (
            SELECT k.ctid AS row_id
            FROM deletion_walk_keys AS k
            WHERE
                k.walk_id = p_walk_id AND k.job_id = a.job_id AND k.node_no = a.node_no
                AND k.fate = 'delete' AND k.key_hash = a.key_hash
            OFFSET 0
        ) AS f
        WHERE NOT EXISTS (
            SELECT 1
            FROM deletion_walk_links AS l
            WHERE
                l.walk_id = p_walk_id AND l.job_id = a.job_id AND l.parent_node_no = a.node_no
                AND l.parent_hash = a.key_hash AND NOT l.is_let_go
            OFFSET 0
        )
    ));

    RETURN v_taken;
END;
$deletion_peel$;

COMMENT ON FUNCTION deletion_peel(bigint) IS
'Take rows out of what circles keep that have nothing below them.';
REVOKE ALL ON FUNCTION deletion_peel(bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_begin_untie.sql
-- deletion_begin_untie
-- Say of a walk's rows whose turn it is first, as a stage of the search for circles begins.
--
-- Parameters  p_walk_id   the walk                 p_plan_id   its plan
--             p_stage     place: what hangs from no row that holds it; peel: what has none below
--             p_jobs      peel: the jobs whose rows are looked at
-- Writes      deletion_walk_keys, deletion_walk_links     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_begin_untie(
    p_walk_id bigint,
    p_plan_id bigint,
    p_stage text,
    p_jobs bigint[]
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_begin_untie$
DECLARE
    v_linked CONSTANT integer[] := deletion_linked_nodes(p_plan_id);
BEGIN
    IF p_stage = 'place' THEN
        -- Roots that hang from nothing of the same job; the others come when it is their turn.
        UPDATE deletion_walk_keys AS w
        SET is_expanded = FALSE
        WHERE
            w.walk_id = p_walk_id AND w.node_no = 0 AND w.edge_no = 0 AND w.fate = 'delete'
            AND 0 = ANY (v_linked)
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_walk_links AS l
                WHERE
                    l.walk_id + 0 = w.walk_id AND l.job_id + 0 = w.job_id AND l.child_node_no + 0 = 0
                    AND l.child_hash || '' = w.key_hash
                    AND NOT EXISTS (
                        SELECT 1
                        FROM deletion_plan_steps AS s
                        WHERE
                            s.plan_id = p_plan_id AND s.edge_no = l.edge_no AND s.kind = 'loose'
                    )
                OFFSET 0
            );
        RETURN;
    END IF;

    -- All rows are compared with all links, by a hash: as many as there are, their statistics do
    -- not tell.
    PERFORM deletion_allow_hash(TRUE), set_config('enable_nestloop', 'off', TRUE);

    -- Rows that were taken out hang from these by nothing that holds.
    DELETE FROM deletion_walk_links AS l
    WHERE
        l.walk_id = p_walk_id AND l.job_id = ANY (p_jobs) AND NOT l.is_let_go
        AND NOT EXISTS (
            SELECT 1
            FROM deletion_walk_keys AS w
            WHERE
                w.walk_id = l.walk_id AND w.job_id = l.job_id AND w.node_no = l.child_node_no
                AND w.fate = 'delete' AND w.key_hash = l.child_hash
        );
    UPDATE deletion_walk_keys AS w
    SET is_expanded = FALSE
    WHERE
        w.walk_id = p_walk_id AND w.job_id = ANY (p_jobs) AND w.node_no = ANY (v_linked)
        AND w.fate = 'delete'
        AND NOT EXISTS (
            SELECT 1
            FROM deletion_walk_links AS l
            WHERE
                l.walk_id = w.walk_id AND l.job_id = w.job_id AND l.parent_node_no = w.node_no
                AND l.parent_hash = w.key_hash AND NOT l.is_let_go
        );

    PERFORM deletion_allow_hash(FALSE), set_config('enable_nestloop', 'on', TRUE);
END;
$deletion_begin_untie$;

COMMENT ON FUNCTION deletion_begin_untie(bigint, bigint, text, bigint[]) IS
'Say of a walk''s rows whose turn it is first, as a stage of the search for circles begins.';
REVOKE ALL ON FUNCTION deletion_begin_untie(bigint, bigint, text, bigint[]) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_untie.sql
-- deletion_untie
-- Search a finished walk, for a moment, for rows that a circle keeps which nothing opens.
--
-- Parameters  p_run     the run, fenced
--             p_stage   place: from the roots down; peel: of what that left, from below
-- Returns     boolean, TRUE where the stage has ended
-- Writes      deletion_walk_keys, deletion_walk_links     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_untie(
    p_run deletion_runs,
    p_stage text
) RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_untie$
DECLARE
    v_until timestamptz := clock_timestamp()
    + make_interval(secs => deletion_setting_int('batch_ms') / 1000.0);
    v_taken bigint;
BEGIN
    LOOP
        v_taken := CASE
            WHEN p_stage = 'place' THEN deletion_place(p_run.run_id, p_run.plan_id)
            ELSE deletion_peel(p_run.run_id)
        END;

        IF v_taken = 0 THEN
            RETURN TRUE;
        ELSIF clock_timestamp() >= v_until THEN
            RETURN FALSE;
        END IF;
    END LOOP;
END;
$deletion_untie$;

COMMENT ON FUNCTION deletion_untie(deletion_runs, text) IS
'Search a finished walk, for a moment, for rows that a circle keeps which nothing opens.';
REVOKE ALL ON FUNCTION deletion_untie(deletion_runs, text) FROM PUBLIC;
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
-- Writes      deletion_walk_keys (of fate stack)     Commits  no
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
            p_run.run_id, (k.value ->> 'j')::bigint, p_frame.node_no, 'stack',
            deletion_frame_hash(k.value), p_frame.edge_no, TRUE
        FROM jsonb_array_elements(p_frame.keys) AS k
        ON CONFLICT DO NOTHING;
    ELSE
        -- Each by the whole index: statistics may take what is on the stack for few.
        DELETE FROM deletion_walk_keys AS w
        WHERE w.ctid = ANY (ARRAY(
            SELECT x.row_id
            FROM jsonb_array_elements(p_frame.keys) AS k
            CROSS JOIN LATERAL (
                SELECT s.ctid AS row_id
                FROM deletion_walk_keys AS s
                WHERE
                    s.walk_id = p_run.run_id AND s.job_id = (k.value ->> 'j')::bigint
                    AND s.node_no = p_frame.node_no AND s.fate = 'stack'
                    AND s.key_hash = deletion_frame_hash(k.value)
                OFFSET 0
            ) AS x
        ));
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
-- Errors      JD007 rows of a run of several jobs go in circles: each job goes on alone
-- Writes      the application's tables, deletion_receipts     Commits  no
-- Execute     the owner only
--
-- Rows that the check placed before the frame's rows lose the reference by which they would go
-- before these: they stay reachable by the one that they were placed by. In tables where it placed
-- none so, rows on the stack do, and stay reachable by the one they were found by. Where that
-- cannot help, or nothing else goes on any more, rows that cannot be parted go together. Either is
-- done in a run of one job: another's only way to a row might be lost.

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

    IF v_run.rows_changed > (p_walk.run).rows_changed AND v_run.job_count > 1 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'JD007',
            MESSAGE = 'rows go in a circle among several jobs: each goes on alone';
    END IF;

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
                    w.walk_id = v_run.run_id AND w.fate = 'delete'
                    AND w.node_no = (p_walk.frame).node_no
            );
        END IF;
    END LOOP;

    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = v_run.run_id AND w.fate <> 'stack';
    RETURN v_walk;
END;
$deletion_open_circle$;

COMMENT ON FUNCTION deletion_open_circle(deletion_cursor) IS
'Get on where the present frame''s rows wait for rows that wait for them.';
REVOKE ALL ON FUNCTION deletion_open_circle(deletion_cursor) FROM PUBLIC;
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
    v_depth integer := coalesce((p_walk.frame).depth - 1, (
        SELECT max(f.depth) FROM deletion_frames AS f WHERE f.run_id = (p_walk.run).run_id
    ));
BEGIN
    -- Stored frames below are never touched in between: taking one out makes it the walk's own.
    DELETE FROM deletion_frames AS f
    WHERE
        f.run_id = (p_walk.run).run_id
        AND f.depth = v_depth
    RETURNING f.* INTO v_frame;

    IF v_frame.key_count > v_batch AND v_frame.keys -> 0 ? 'l' THEN
        -- Rows of several levels cannot be parted: they are found again, fewer at a time.
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

-- >>> procedures/postgres/worker/deletion_hold_frames.sql
-- deletion_hold_frames
-- Hold the rows of a run's stored frames where they were found, until the step commits.
--
-- Parameters  p_run   the run, fenced
-- Writes      deletion_frames, deletion_walk_keys; locks the frames' rows     Commits  no
-- Execute     the owner only
--
-- Between two transactions rows may move to another parent, and all below them along: that stays.
-- While the step works they cannot. Others may still add children to them; they go as well.

CREATE OR REPLACE FUNCTION deletion_hold_frames(p_run deletion_runs)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_hold_frames$
DECLARE
    v_part record;
    v_sql text;
    v_found bigint;
    v_moved integer[];
    v_frame deletion_frames;
    v_held deletion_frames;
BEGIN
    -- Mostly nothing has moved. Of a deep stack many frames are looked at in one statement, and
    -- those of a reference one by one only where rows of it are missing.
    IF (SELECT max(f.depth) FROM deletion_frames AS f WHERE f.run_id = p_run.run_id) >= 20 THEN
        v_moved := '{}';

        FOR v_part IN
            SELECT
                f.edge_no, count(*) AS key_count, jsonb_agg(k.value) AS keys,
                bool_or(k.value ? 'u1') AS has_others
            FROM deletion_frames AS f
            CROSS JOIN LATERAL jsonb_array_elements(f.keys) AS k
            WHERE f.run_id = p_run.run_id
            GROUP BY f.edge_no, f.depth / 1000
        LOOP
            v_found := NULL;

            IF v_part.edge_no <> 0 AND NOT v_part.has_others THEN
                SELECT s.sql_text INTO STRICT v_sql
                FROM deletion_plan_steps AS s
                WHERE
                    s.plan_id = p_run.plan_id AND s.edge_no = v_part.edge_no AND s.kind = 'hold';
                EXECUTE v_sql INTO v_found USING v_part.keys;
            END IF;

            IF v_found IS DISTINCT FROM v_part.key_count THEN
                v_moved := v_moved || v_part.edge_no;
            END IF;
        END LOOP;
    END IF;

    FOR v_frame IN
        SELECT f.*
        FROM deletion_frames AS f
        WHERE f.run_id = p_run.run_id AND (v_moved IS NULL OR f.edge_no = ANY (v_moved))
        ORDER BY f.depth
    LOOP
        v_held := deletion_hold_frame(p_run.plan_id, v_frame);
        CONTINUE WHEN v_held.run_id IS NULL;

        IF v_frame.keys -> 0 ? 'l' THEN
            -- What hangs from the rows that moved is in the same frame: all of it is found again.
            UPDATE deletion_frames AS f
            SET edge_pos = 0, fetch_cursor = NULL
            WHERE f.run_id = v_frame.run_id AND f.depth = v_frame.depth - 1;
            DELETE FROM deletion_frames AS f
            WHERE f.run_id = v_frame.run_id AND f.depth >= v_frame.depth;
            PERFORM deletion_note_stack(p_run);
            RETURN;
        END IF;

        -- What lies above hung from these rows; it is found again where it still does.
        UPDATE deletion_frames AS f
        SET keys = v_held.keys, key_count = v_held.key_count, edge_pos = 0, fetch_cursor = NULL
        WHERE f.run_id = v_frame.run_id AND f.depth = v_frame.depth;
        DELETE FROM deletion_frames AS f
        WHERE f.run_id = v_frame.run_id AND f.depth > v_frame.depth;
        PERFORM deletion_note_stack(p_run);
        RETURN;
    END LOOP;
END;
$deletion_hold_frames$;

COMMENT ON FUNCTION deletion_hold_frames(deletion_runs) IS
'Hold the rows of a run''s stored frames where they were found, until the step commits.';
REVOKE ALL ON FUNCTION deletion_hold_frames(deletion_runs) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_mind_holds.sql
-- deletion_mind_holds
-- Look whether rows are held that a run could reach; a hold that is new sends it back to its check.
--
-- Parameters  p_run   the run, fenced
-- Returns     jsonb: NULL where nothing is held on the plan's tables; an array of the held rows
--             that are there; or, as text, what the step answers at once: more (the run has to
--             climb from them first), ended (a hold's row is not found: its jobs have failed)
-- Writes      deletion_runs, deletion_walk_keys, deletion_holds, deletion_attempts, deletion_jobs;
--             locks deletion_holds                 Commits  no
-- Execute     the owner only
--
-- What the step then deletes is held against these rows: whichever way one went, by a move under
-- the run's rows, a trigger or an action of the engine, the step is rolled back.

CREATE OR REPLACE FUNCTION deletion_mind_holds(p_run deletion_runs)
RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_mind_holds$
DECLARE
    v_newest bigint;
    v_rows jsonb;
    v_lost bigint[];
    v_error text;
BEGIN
    -- Until this step commits no hold comes, and one that is coming is waited for.
    LOCK TABLE deletion_holds IN ROW SHARE MODE;
    v_newest := deletion_newest_hold(p_run.plan_id);

    IF v_newest IS NULL THEN
        RETURN NULL;
    END IF;

    v_rows := deletion_held_rows(p_run.plan_id);
    v_lost := ARRAY(
        SELECT (k.value ->> 'j')::bigint - (1::bigint << 62)
        FROM jsonb_array_elements(v_rows) AS k
        WHERE k.value ? 'lost'
    );

    -- The row may have another key now, and be any: nothing that could reach it goes.
    IF v_lost <> '{}' THEN
        v_error := deletion_hold_error(v_lost) || ' (no row is found by the key that was held: '
            'release the hold, or release it and hold the row by its key of now)';
        PERFORM deletion_settle(p_run.run_id, NULL, 'failed', v_error, TRUE, NULL);
        PERFORM deletion_end_run(p_run.run_id, 'failed', v_error);
        RETURN to_jsonb('ended'::text);
    END IF;

    -- From now on its absence means that its key was changed, or that somebody else removed it.
    UPDATE deletion_holds AS h
    SET row_seen_at = clock_timestamp()
    WHERE h.hold_id IN (
        SELECT d.hold_id
        FROM jsonb_array_elements(v_rows) AS k
        INNER JOIN deletion_holds AS d
            ON d.hold_id = (k.value ->> 'j')::bigint - (1::bigint << 62)
        WHERE d.row_seen_at IS NULL
        FOR UPDATE OF d SKIP LOCKED
    );

    -- A step that was rolled back may have met a row that moved: climb once more.
    IF
        v_newest <= coalesce((p_run.state ->> 'held')::bigint, 0)
        AND p_run.retries <= coalesce((p_run.state ->> 'held_retries')::integer, 0)
    THEN
        RETURN v_rows;
    END IF;

    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = p_run.run_id;
    PERFORM deletion_seed_climb(p_run.run_id, v_rows);
    UPDATE deletion_runs AS r
    SET
        phase = 'check',
        state = coalesce(r.state, '{}') || jsonb_build_object(
            'stage', 'holds', 'held', v_newest, 'held_retries', r.retries,
            'is_back', r.phase = 'advance'
        )
    WHERE r.run_id = p_run.run_id;
    RETURN to_jsonb('more'::text);
END;
$deletion_mind_holds$;

COMMENT ON FUNCTION deletion_mind_holds(deletion_runs) IS
'Look whether rows are held that a run could reach; a hold that is new sends it to its check.';
REVOKE ALL ON FUNCTION deletion_mind_holds(deletion_runs) FROM PUBLIC;
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
SELECT CASE l.privilege
    WHEN 'BYPASSRLS'
        THEN format('42501: row-level security of %s applies to %s', l.table_name, current_user)
    WHEN 'USAGE' THEN format('42501: %s has no USAGE on schema %s', current_user, l.schema_sql)
    ELSE format('42501: %s has no %s on %s', current_user, l.privilege, l.table_name)
END
FROM deletion_lacked_rights(p_plan_id) AS l
-- Who has no right at all is told of deleting first.
ORDER BY l.table_name, l.privilege
LIMIT 1;
$deletion_missing_privilege$;

COMMENT ON FUNCTION deletion_missing_privilege(bigint) IS
'Which right on a plan''s tables the owner account lacks, or which policy would filter it.';
REVOKE ALL ON FUNCTION deletion_missing_privilege(bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_missing_identity.sql
-- deletion_missing_identity
-- Say which table of a plan the engine changes no row of, since a publication could not tell which.
--
-- Parameters  p_plan_id   the plan
-- Returns     text, an error that names table and publication; NULL: there is none
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_missing_identity(p_plan_id bigint)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_missing_identity$
WITH used AS (
    SELECT DISTINCT
        to_regclass(s.table_name)::oid AS table_oid, s.kind IN ('remove', 'drain') AS is_deleted
    FROM deletion_plan_steps AS s
    WHERE
        s.plan_id = p_plan_id
        AND s.kind IN ('remove', 'drain', 'set', 'break', 'break_own', 'mark')
        -- Where nothing is published this is all.
        AND (SELECT EXISTS (SELECT 1 FROM pg_publication))
),

-- The engine asks each partition for its own.
changed AS (
    SELECT u.table_oid, u.is_deleted FROM used AS u
    UNION
    SELECT t.relid, u.is_deleted
    FROM used AS u
    CROSS JOIN LATERAL pg_partition_tree(u.table_oid) AS t
)

SELECT format(
    'JD005: %s has no replica identity, and publication %s publishes its %s',
    deletion_entity_name(c.oid), p.pubname, CASE WHEN u.is_deleted THEN 'deletes' ELSE 'updates' END
)
FROM changed AS u
INNER JOIN pg_class AS c ON c.oid = u.table_oid AND c.relkind = 'r' AND c.relpersistence = 'p'
INNER JOIN pg_publication AS p ON CASE WHEN u.is_deleted THEN p.pubdelete ELSE p.pubupdate END
WHERE
    c.relreplident <> 'f'
    AND NOT EXISTS (
        SELECT 1
        FROM pg_index AS i
        WHERE
            i.indrelid = c.oid AND i.indisvalid AND i.indimmediate
            AND CASE c.relreplident
                WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident ELSE FALSE
            END
    )
    -- By itself or its schema, or by those of a table whose partition it is.
    AND (
        p.puballtables
        OR EXISTS (
            SELECT 1
            FROM (
                SELECT c.oid AS table_oid
                UNION
                SELECT a.relid FROM pg_partition_ancestors(c.oid) AS a
            ) AS a
            INNER JOIN pg_class AS b ON b.oid = a.table_oid
            WHERE
                EXISTS (
                    SELECT 1
                    FROM pg_publication_rel AS r
                    WHERE r.prpubid = p.oid AND r.prrelid = b.oid
                )
                OR EXISTS (
                    SELECT 1
                    FROM pg_publication_namespace AS n
                    WHERE n.pnpubid = p.oid AND n.pnnspid = b.relnamespace
                )
        )
    )
ORDER BY 1
LIMIT 1;
$deletion_missing_identity$;

COMMENT ON FUNCTION deletion_missing_identity(bigint) IS
'Which table of a plan the engine changes no row of, since a publication could not tell which.';
REVOKE ALL ON FUNCTION deletion_missing_identity(bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_newest_hold.sql
-- deletion_newest_hold
-- Find the newest hold in force on a table whose rows a plan deletes.
--
-- Parameters  p_plan_id   the plan
-- Returns     bigint, the hold's number; NULL: there is none
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_newest_hold(p_plan_id bigint)
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_newest_hold$
BEGIN
    -- One look where nothing is held.
    IF NOT EXISTS (SELECT 1 FROM deletion_holds AS h WHERE h.released_at IS NULL) THEN
        RETURN NULL;
    END IF;

    RETURN (
        SELECT max(h.hold_id)
        FROM deletion_holds AS h
        INNER JOIN deletion_plan_steps AS s
            ON s.plan_id = p_plan_id AND s.kind = 'held' AND s.table_name = h.table_name
        WHERE
            h.released_at IS NULL
            AND (h.held_until IS NULL OR h.held_until > clock_timestamp())
    );
END;
$deletion_newest_hold$;

COMMENT ON FUNCTION deletion_newest_hold(bigint) IS
'The newest hold in force on a table whose rows a plan deletes.';
REVOKE ALL ON FUNCTION deletion_newest_hold(bigint) FROM PUBLIC;
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

-- >>> procedures/postgres/worker/deletion_preview_held.sql
-- deletion_preview_held
-- Note, for a preview, which rows below its root are held.
--
-- Parameters  p_walk_id   the preview              p_plan_id   its plan
--             p_roots     the root frame           p_until     when to stop
-- Returns     boolean, FALSE where the time did not suffice
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_preview_held(
    p_walk_id bigint,
    p_plan_id bigint,
    p_roots jsonb,
    p_until timestamptz
) RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_preview_held$
DECLARE
    v_rows jsonb;
    v_holds bigint[];
    v_is_over boolean := FALSE;
BEGIN
    IF deletion_newest_hold(p_plan_id) IS NULL THEN
        RETURN TRUE;
    END IF;

    v_rows := deletion_held_rows(p_plan_id);
    PERFORM deletion_seed_climb(p_walk_id, v_rows);

    WHILE NOT v_is_over AND clock_timestamp() < p_until LOOP
        v_is_over := deletion_climb(p_walk_id, p_plan_id);
    END LOOP;

    SELECT h.holds INTO v_holds FROM deletion_held_roots(p_walk_id, p_plan_id, p_roots) AS h;
    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = p_walk_id;
    INSERT INTO deletion_walk_keys (
        walk_id, job_id, node_no, fate, key_hash, edge_no, keys, is_expanded
    )
    SELECT
        p_walk_id, 0, (k.value ->> 'n')::integer, 'held',
        coalesce(deletion_frame_hash(k.value), deletion_key_hash(jsonb_build_array(k.value))), 0,
        '{}', TRUE
    FROM jsonb_array_elements(v_rows) AS k
    -- A hold whose row is not found stops every job that could reach it.
    WHERE k.value ? 'lost' OR (k.value ->> 'j')::bigint - (1::bigint << 62) = ANY (v_holds)
    ON CONFLICT DO NOTHING;
    RETURN v_is_over;
END;
$deletion_preview_held$;

COMMENT ON FUNCTION deletion_preview_held(bigint, bigint, jsonb, timestamptz) IS
'Note, for a preview, which rows below its root are held.';
REVOKE ALL ON FUNCTION deletion_preview_held(bigint, bigint, jsonb, timestamptz) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_preview_circle.sql
-- deletion_preview_circle
-- Say of a preview's finished walk which rows go in a circle that would stop the job.
--
-- Parameters  p_walk_id, p_plan_id   the walk
--             p_until                when to stop
-- Returns     record: p_found, references by which rows go so, an array: table t, reference r,
--             number of rows n; p_is_over, FALSE: it was cut short
-- Writes      deletion_walk_keys, deletion_walk_links     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_preview_circle(
    IN p_walk_id bigint,
    IN p_plan_id bigint,
    IN p_until timestamptz,
    OUT p_found jsonb,
    OUT p_is_over boolean
) RETURNS record
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_preview_circle$
DECLARE
    v_batch CONSTANT bigint := deletion_setting_int('batch_rows');
    v_step deletion_plan_steps;
    v_job_id bigint;
    v_rows bigint;
    v_sample text;
    v_stage text;
    v_circle record;
BEGIN
    p_found := '[]';
    p_is_over := TRUE;

    FOR v_step IN
        SELECT s.*
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_plan_id AND s.kind = 'cycle'
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_plan_steps AS l
                WHERE l.plan_id = s.plan_id AND l.edge_no = s.edge_no AND l.kind = 'loose'
            )
        ORDER BY s.step_no
    LOOP
        PERFORM deletion_allow_hash(TRUE), set_config('enable_nestloop', 'off', TRUE);
        EXECUTE v_step.sql_text INTO v_job_id, v_rows, v_sample USING p_walk_id;
        PERFORM deletion_allow_hash(FALSE), set_config('enable_nestloop', 'on', TRUE);
        CONTINUE WHEN v_rows IS NULL OR v_rows <= v_batch;
        p_found := p_found || jsonb_build_object(
            't', v_step.table_name, 'r', v_step.reference_name, 'n', v_rows
        );
    END LOOP;

    FOREACH v_stage IN ARRAY ARRAY['place', 'peel'] LOOP
        -- All that is left would go in one transaction.
        SELECT count(*) INTO v_rows
        FROM deletion_walk_keys AS w
        WHERE
            w.walk_id = p_walk_id AND w.fate = 'delete'
            AND w.node_no = ANY (deletion_linked_nodes(p_plan_id));

        IF v_rows <= v_batch THEN
            RETURN;
        END IF;

        PERFORM deletion_begin_untie(p_walk_id, p_plan_id, v_stage, ARRAY[0]);

        LOOP
            p_is_over := CASE
                WHEN v_stage = 'place' THEN deletion_place(p_walk_id, p_plan_id)
                ELSE deletion_peel(p_walk_id)
            END = 0;
            EXIT WHEN p_is_over;

            IF clock_timestamp() >= p_until THEN
                RETURN;
            END IF;
        END LOOP;
    END LOOP;

    v_circle := deletion_largest_circle(p_walk_id, p_plan_id, 0);

    IF v_circle.p_rows > v_batch THEN
        p_found := p_found || (
            SELECT jsonb_agg(jsonb_build_object(
                't', s.table_name, 'r', s.reference_name, 'n', v_circle.p_edges -> s.edge_no::text
            ) ORDER BY s.edge_no)
            FROM deletion_plan_steps AS s
            WHERE
                s.plan_id = p_plan_id AND s.kind = 'link'
                AND v_circle.p_edges ? s.edge_no::text
        );
    END IF;
END;
$deletion_preview_circle$;

COMMENT ON FUNCTION deletion_preview_circle(bigint, bigint, timestamptz) IS
'Say of a preview''s finished walk which rows go in a circle that would stop the job.';
REVOKE ALL ON FUNCTION deletion_preview_circle(bigint, bigint, timestamptz) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_remove_circle.sql
-- deletion_remove_circle
-- Remove a row with all that hangs from it at once: lock them, look once more, delete.
--
-- Parameters  p_walk   the walk                    p_key   a row of its present frame
-- Returns     the walk; its rows_left is 0 where only a whole batch would hold the rows
-- Errors      JD006 rows are found and not changed; JD007 a trigger changes them while they go
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
                    w.walk_id = v_run.run_id AND w.node_no = s.node_no AND w.fate = 'delete'
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

    BEGIN
        FOR v_node_no, v_by_job, v_rows IN EXECUTE v_sql USING v_run.run_id LOOP
            SELECT s.table_name INTO v_table
            FROM deletion_plan_steps AS s
            WHERE
                s.plan_id = v_run.plan_id AND s.kind = 'lock_circle' AND s.node_no = v_node_no;
            PERFORM deletion_add_receipts(
                v_run.run_id, ARRAY[v_table], 'delete', ARRAY[v_by_job]
            );
            PERFORM deletion_uncount(v_run.run_id, v_table, (
                SELECT jsonb_agg(w.keys || jsonb_build_object('j', w.job_id))
                FROM deletion_walk_keys AS w
                WHERE
                    w.walk_id = v_run.run_id AND w.node_no = v_node_no AND w.fate = 'delete'
            )) WHERE v_run.state ? 'set';
            v_gone := v_gone + v_rows;
        END LOOP;
    EXCEPTION
        WHEN triggered_data_change_violation THEN
            RAISE EXCEPTION USING
                ERRCODE = 'JD007',
                MESSAGE = format(
                    'rows that go in a circle are changed by a trigger while they go (%s)', sqlerrm
                );
    END;

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
    -- Rows changed for each key of such a frame, as seen so far in this run.
    v_fan_out float8 := (v_run.state -> 'fan' ->> p_step.node_no::text)::float8;
    v_limit integer := least(v_run.batch_rows, CASE
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

    IF v_child.key_count < v_limit THEN
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

-- >>> procedures/postgres/worker/deletion_recover.sql
-- deletion_recover
-- Take back the jobs of runs whose worker is gone, and those that finish had to leave.
--
-- Parameters  none
-- Returns     integer, the number of runs found lost
-- Writes      deletion_runs, deletion_attempts, deletion_jobs, deletion_frames,
--             deletion_soft_keys                   Commits  no
-- Execute     deletion_jobs_worker, deletion_jobs_operator

CREATE OR REPLACE FUNCTION deletion_recover()
RETURNS integer
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
-- Plans are kept, and made when these tables may still be empty.
SET jit = off
SET enable_seqscan = off
AS $deletion_recover$
DECLARE
    v_run deletion_runs;
    v_run_id bigint;
    v_jobs bigint[];
    v_lost integer := 0;
BEGIN
    FOR v_run IN
        SELECT r.* FROM deletion_runs AS r WHERE r.ended_at IS NULL ORDER BY r.run_id
        FOR UPDATE SKIP LOCKED
    LOOP
        -- Looked at under the row's lock: a worker's step holds that lock while it works.
        CONTINUE WHEN deletion_is_alive(v_run);
        v_jobs := ARRAY(SELECT a.job_id FROM deletion_attempts AS a WHERE a.run_id = v_run.run_id);
        -- A death counts only against a job that was alone and got nowhere: it may be the poison.
        PERFORM deletion_settle(
            v_run.run_id, NULL, 'lost', 'the worker''s session or its server was gone',
            v_run.alone AND v_run.rows_changed = 0, v_jobs
        );
        PERFORM deletion_end_run(v_run.run_id, 'lost', 'the worker''s session was gone');
        v_lost := v_lost + 1;
    END LOOP;

    FOR v_run_id IN
        SELECT r.run_id
        FROM deletion_runs AS r
        WHERE r.jobs_open > 0 AND r.ended_at IS NOT NULL
        ORDER BY r.run_id
        FOR UPDATE SKIP LOCKED
    LOOP
        -- Where even the outcome could not be written the job runs again and finds what is left.
        PERFORM deletion_settle(v_run_id, NULL, 'returned', NULL, FALSE, NULL);
        -- Somebody may have taken a job's row away, or given it a status, by hand.
        UPDATE deletion_runs AS r
        SET jobs_open = 0
        WHERE
            r.run_id = v_run_id
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_attempts AS a
                INNER JOIN deletion_jobs AS j ON j.id = a.job_id AND j.status = 'running'
                WHERE
                    a.run_id = v_run_id
                    AND a.attempt_no = (
                        SELECT max(b.attempt_no) FROM deletion_attempts AS b WHERE b.job_id = j.id
                    )
            );
    END LOOP;

    PERFORM deletion_drop_soft_keys();
    RETURN v_lost;
END;
$deletion_recover$;

COMMENT ON FUNCTION deletion_recover() IS
'Take back the jobs of runs whose worker is gone, and those that finish had to leave.';
REVOKE ALL ON FUNCTION deletion_recover() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_recover() TO deletion_jobs_worker, deletion_jobs_operator;
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
WITH gone AS MATERIALIZED (
    SELECT
        (k.value ->> 'j')::bigint AS job_id,
        deletion_key_hash(
            jsonb_build_array(p_table_name) || (
                SELECT jsonb_agg(e.value ORDER BY substr(e.key, 2)::integer)
                FROM jsonb_each(k.value) AS e
                WHERE e.key LIKE 'k%'
            )
        ) AS key_hash
    FROM jsonb_array_elements(p_keys) AS k
    -- Of a table that no reference sets no row was counted.
    WHERE EXISTS (
        SELECT 1
        FROM deletion_runs AS r
        INNER JOIN deletion_plan_steps AS s ON s.plan_id = r.plan_id
        WHERE r.run_id = p_run_id AND s.kind = 'set' AND s.table_name = p_table_name
    )
),

forgotten AS (
    DELETE FROM deletion_walk_keys AS w
    -- OFFSET 0: each is looked up by all of the key, however few rows the statistics know of.
    WHERE w.ctid = ANY (ARRAY(
        SELECT x.row_id
        FROM gone AS g
        CROSS JOIN LATERAL (
            SELECT y.ctid AS row_id
            FROM deletion_walk_keys AS y
            WHERE
                y.walk_id = 0 AND y.job_id = g.job_id AND y.node_no = -1
                AND y.fate = 'set_null' AND y.key_hash = g.key_hash
            OFFSET 0
        ) AS x
    ))
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
    v_gone jsonb;
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

-- >>> procedures/postgres/worker/deletion_see_holds.sql
-- deletion_see_holds
-- After a step: see that the held rows of its plan are all still there, the same and unmarked.
--
-- Parameters  p_run    the run, as the step began   p_held   the held rows before it
-- Errors      40001 the step took one: it is rolled back, and the run climbs from them once more;
--             JD006 it did so although it had climbed: the job is blocked
-- Writes      deletion_runs                        Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_see_holds(
    p_run deletion_runs,
    p_held jsonb
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_see_holds$
DECLARE
    v_taken bigint[];
BEGIN
    -- What is deferred takes rows as well: now, and not behind this look.
    SET CONSTRAINTS ALL IMMEDIATE;

    -- Row by row: one that goes is not made good by one that comes. As sets, since holds may be many
    -- and a step joins by nothing but loops.
    v_taken := ARRAY(
        SELECT DISTINCT h.hold_id
        FROM (
            SELECT b.value -> 'j', b.value -> 'n', deletion_frame_hash(b.value), b.value -> 's'
            FROM jsonb_array_elements(p_held) AS b
            EXCEPT
            SELECT a.value -> 'j', a.value -> 'n', deletion_frame_hash(a.value), a.value -> 's'
            FROM jsonb_array_elements(deletion_held_rows(p_run.plan_id)) AS a
        ) AS t (hold_no, node_no, key_hash, mark)
        -- One that was let go meanwhile, or is over, forbids nothing any more.
        INNER JOIN deletion_holds AS h
            ON
                h.hold_id = t.hold_no::bigint - (1::bigint << 62)
                AND h.released_at IS NULL
                AND (h.held_until IS NULL OR h.held_until > clock_timestamp())
    );

    IF v_taken = '{}' THEN
        -- A later step that is rolled back climbs anew.
        UPDATE deletion_runs AS r
        SET state = r.state - 'held_retries'
        WHERE r.run_id = p_run.run_id AND p_run.state ->> 'held_retries' <> '0';
    ELSIF
        p_run.retries > 0
        AND p_run.retries <= coalesce((p_run.state ->> 'held_retries')::integer, 0)
    THEN
        -- No reference of the plan leads to it: a trigger, or an action of the engine.
        RAISE EXCEPTION USING
            ERRCODE = 'JD006',
            MESSAGE = substr(deletion_hold_error(v_taken), length('JD006: ') + 1);
    ELSE
        RAISE EXCEPTION USING
            ERRCODE = 'serialization_failure',
            MESSAGE = 'a row that is held was on the way';
    END IF;
END;
$deletion_see_holds$;

COMMENT ON FUNCTION deletion_see_holds(deletion_runs, jsonb) IS
'After a step: see that the held rows of its plan are all still there, the same and unmarked.';
REVOKE ALL ON FUNCTION deletion_see_holds(deletion_runs, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_see_partitions.sql
-- deletion_see_partitions
-- See, when a step has done its work, that no partition came or went meanwhile.
--
-- Parameters  p_plan_id   the plan
-- Errors      40001 one did
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- ATTACH PARTITION does not wait for the locks by which a step holds its tables, and the engine
-- would delete what hangs from the new partition's rows by keys that the plan does not know.

CREATE OR REPLACE FUNCTION deletion_see_partitions(p_plan_id bigint)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_see_partitions$
DECLARE
    v_fingerprint text;
    v_tables oid[];
BEGIN
    SELECT p.fingerprint, ARRAY(SELECT jsonb_array_elements_text(p.tables)::oid)
    INTO STRICT v_fingerprint, v_tables
    FROM deletion_plans AS p
    WHERE p.plan_id = p_plan_id;

    IF
        EXISTS (SELECT 1 FROM pg_class AS c WHERE c.oid = ANY (v_tables) AND c.relkind = 'p')
        AND left(v_fingerprint, 32) <> deletion_fingerprint_references(v_tables)
    THEN
        RAISE EXCEPTION USING
            ERRCODE = '40001',
            MESSAGE = 'partitions came or went while the step was at work';
    END IF;
END;
$deletion_see_partitions$;

COMMENT ON FUNCTION deletion_see_partitions(bigint) IS
'See that no partition came or went while a step did its work.';
REVOKE ALL ON FUNCTION deletion_see_partitions(bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_seed_climb.sql
-- deletion_seed_climb
-- Begin, or go on with, a climb at rows that are held, or that stand above them.
--
-- Parameters  p_walk_id   the run, or a preview's negative number
--             p_rows      the rows, as deletion_held_rows gives them
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_seed_climb(
    p_walk_id bigint,
    p_rows jsonb
) RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_seed_climb$
INSERT INTO deletion_walk_keys (
    walk_id, job_id, node_no, fate, key_hash, edge_no, keys, is_expanded
)
SELECT
    p_walk_id, (k.value ->> 'j')::bigint, (k.value ->> 'n')::integer, 'held',
    deletion_frame_hash(k.value), 0, k.value - 'j' - 'n', FALSE
FROM jsonb_array_elements(p_rows) AS k
WHERE NOT k.value ? 'lost'
ON CONFLICT DO NOTHING;
$deletion_seed_climb$;

COMMENT ON FUNCTION deletion_seed_climb(bigint, jsonb) IS
'Begin, or go on with, a climb at rows that are held, or that stand above them.';
REVOKE ALL ON FUNCTION deletion_seed_climb(bigint, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_climb.sql
-- deletion_climb
-- Climb, for a moment, from held rows to all rows that they hang from in a plan.
--
-- Parameters  p_walk_id   the run, or a preview's negative number      p_plan_id   its plan
-- Returns     boolean, TRUE where the climb has ended
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_climb(
    p_walk_id bigint,
    p_plan_id bigint
) RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_climb$
DECLARE
    v_until timestamptz := clock_timestamp()
    + make_interval(secs => deletion_setting_int('batch_ms') / 1000.0);
    v_node integer;
    v_frame jsonb;
    v_sql text;
    v_rows jsonb;
BEGIN
    LOOP
        SELECT w.node_no INTO v_node
        FROM deletion_walk_keys AS w
        WHERE w.walk_id + 0 = p_walk_id AND NOT w.is_expanded
        ORDER BY w.node_no + 0
        LIMIT 1;

        IF NOT FOUND THEN
            RETURN TRUE;
        ELSIF clock_timestamp() >= v_until THEN
            RETURN FALSE;
        END IF;

        WITH taken AS (
            UPDATE deletion_walk_keys AS w
            SET is_expanded = TRUE
            WHERE w.ctid = ANY (ARRAY(
                SELECT x.ctid
                FROM deletion_walk_keys AS x
                WHERE x.walk_id + 0 = p_walk_id AND NOT x.is_expanded AND x.node_no + 0 = v_node
                LIMIT 200
            ))
            RETURNING w.job_id, w.keys
        )

        SELECT jsonb_agg(t.keys || jsonb_build_object('j', t.job_id)) INTO v_frame FROM taken AS t;

        FOR v_sql IN
            SELECT s.sql_text
            FROM deletion_plan_steps AS s
            WHERE s.plan_id = p_plan_id AND s.kind = 'climb' AND s.node_no = v_node
            ORDER BY s.step_no
        LOOP
            EXECUTE v_sql INTO v_rows USING v_frame;
            PERFORM deletion_seed_climb(p_walk_id, v_rows);
        END LOOP;
    END LOOP;
END;
$deletion_climb$;

COMMENT ON FUNCTION deletion_climb(bigint, bigint) IS
'Climb, for a moment, from held rows to all rows that they hang from in a plan.';
REVOKE ALL ON FUNCTION deletion_climb(bigint, bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_step.sql
-- deletion_step
-- Do one bounded step of a run; the caller commits it.
--
-- Parameters  p_run_id, p_token   the run, as it was claimed
--             p_until             when the worker's call should end
-- Returns     text: more, retry (after an error that passes), ended, lost or interrupted
-- Writes      the application's tables, and all tables of a run     Commits  no
-- Execute     deletion_jobs_worker, deletion_jobs_operator

CREATE OR REPLACE FUNCTION deletion_step(
    p_run_id bigint,
    p_token uuid,
    p_until timestamptz
) RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
-- A policy would make deletes silently partial: better an error. Hash and merge joins would
-- read whole tables where the frame's keys find their rows by index; so would plans that were made
-- when a table was empty, and are kept. A step's own statements are the same each time: one plan of
-- each is enough, where the planner would make another for every list of tables or keys (7 %).
-- A bitmap would be made of all that an index has, however few of it a page takes. What is left has
-- to be on, whatever the server's settings say; and no setting that is changed within leaves it.
SET row_security = off
SET jit = off
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_bitmapscan = off
SET enable_nestloop = on
SET enable_indexscan = on
SET enable_tidscan = on
SET plan_cache_mode = force_generic_plan
SET timezone = 'UTC'
SET datestyle = 'ISO'
SET intervalstyle = 'postgres'
SET bytea_output = 'hex'
AS $deletion_step$
DECLARE
    v_run deletion_runs;
    v_state text;
    v_code text;
    v_message text;
    v_context text;
    v_place text;
BEGIN
    PERFORM set_config('lock_timeout', deletion_setting_int('lock_timeout_ms')::text, TRUE);

    BEGIN
        v_run := deletion_fence(p_run_id, p_token);

        IF v_run.phase = 'check' THEN
            v_state := deletion_check(v_run);
        ELSE
            v_state := deletion_advance_run(v_run, p_until);
        END IF;

        -- What is deferred fails here, inside the handler, and not at COMMIT.
        SET CONSTRAINTS ALL IMMEDIATE;

        -- Rows and receipts of a batch are lost together or not at all; the end of a run waits.
        IF v_state = 'more' AND deletion_setting('synchronous_batches') = 'false' THEN
            PERFORM set_config('synchronous_commit', 'off', TRUE);
        END IF;

        RETURN v_state;
    EXCEPTION
        WHEN query_canceled THEN
            v_state := 'interrupted';
        WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS
                v_code = RETURNED_SQLSTATE,
                v_message = MESSAGE_TEXT,
                v_context = PG_EXCEPTION_CONTEXT;
            -- The innermost routine, where it is not one of ours: a trigger's.
            v_place := substring(v_context, '(?n)^PL/\w+ function .*$');

            IF v_place !~ format(
                '^PL/\w+ function (%s\.)?deletion_\w+\(',
                regexp_replace(quote_ident(current_schema()), '(\W)', '\\\1', 'g')
            ) THEN
                v_message := v_message || ' (' || v_place || ')';
            END IF;

            v_state := 'failed';
    END;

    IF v_code = 'JD010' THEN
        RETURN 'lost';
    END IF;

    v_run := deletion_fence(p_run_id, p_token);
    RETURN deletion_step_failed(v_run, v_state = 'interrupted', v_code, v_message);
EXCEPTION
    WHEN SQLSTATE 'JD010' THEN
        RETURN 'lost';
END;
$deletion_step$;

COMMENT ON FUNCTION deletion_step(bigint, uuid, timestamptz) IS
'Do one bounded step of a run; the caller commits it.';
REVOKE ALL ON FUNCTION deletion_step(bigint, uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_step(bigint, uuid, timestamptz)
TO deletion_jobs_worker, deletion_jobs_operator;
-- <<<

-- >>> procedures/postgres/worker/deletion_step_failed.sql
-- deletion_step_failed
-- Decide what becomes of a run whose step was rolled back.
--
-- Parameters  p_run           the run, fenced
--             p_interrupted   TRUE: the worker's statement was cancelled
--             p_code, p_message   the error
-- Returns     text: retry, ended or interrupted
-- Writes      deletion_runs, deletion_attempts, deletion_jobs     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_step_failed(
    p_run deletion_runs,
    p_interrupted boolean,
    p_code text,
    p_message text
) RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_step_failed$
DECLARE
    -- Serialization failure, deadlock, lock timeout, and a row that somebody added meanwhile.
    v_passes boolean := p_code IN ('40001', '40P01', '55P03', '23503');
    v_error text := format('%s: %s', p_code, p_message);
    v_jobs bigint[];
    v_timeout interval := current_setting('statement_timeout')::interval;
BEGIN
    -- What takes longer than the session may would begin anew for ever, and nobody be told.
    IF
        p_interrupted
        AND p_run.rows_changed = 0
        AND v_timeout > '0'
        AND clock_timestamp() >= statement_timestamp() + v_timeout
        -- It had the whole call, and not what others had left of it.
        AND clock_timestamp() >= p_run.started_at + 0.8 * v_timeout
    THEN
        v_error := format(
            '57014: statement_timeout (%s) of %I ended the call before a row was changed',
            current_setting('statement_timeout'), session_user
        );
        v_passes := TRUE;
    ELSIF p_interrupted THEN
        PERFORM deletion_settle(p_run.run_id, NULL, 'returned', NULL, FALSE, NULL);
        PERFORM deletion_end_run(p_run.run_id, 'returned', 'the worker''s statement was cancelled');
        RETURN 'interrupted';
    END IF;

    IF v_passes AND NOT p_interrupted AND p_run.retries < 3 THEN
        UPDATE deletion_runs AS r
        SET retries = r.retries + 1, batch_rows = greatest(1, r.batch_rows / 2), error = v_error
        WHERE r.run_id = p_run.run_id;
        RETURN 'retry';
    END IF;

    IF NOT v_passes AND deletion_fresh_plan(p_run.entity_table, p_run.hard_delete)
        IS DISTINCT FROM p_run.plan_id
    THEN
        -- The statements met another catalog than they were written for.
        PERFORM deletion_settle(p_run.run_id, NULL, 'returned', NULL, FALSE, NULL);
        PERFORM deletion_end_run(
            p_run.run_id, 'returned', 'the catalog changed; the plan is compiled anew'
        );
    ELSIF NOT p_run.alone THEN
        -- One bad job must not fail its neighbours: each goes alone now.
        v_jobs := ARRAY(SELECT a.job_id FROM deletion_attempts AS a WHERE a.run_id = p_run.run_id);
        PERFORM deletion_settle(p_run.run_id, NULL, 'returned', v_error, FALSE, v_jobs);
        PERFORM deletion_end_run(p_run.run_id, 'returned', v_error);
    ELSIF v_passes THEN
        PERFORM deletion_settle(p_run.run_id, NULL, 'retry', v_error, TRUE, NULL);
        PERFORM deletion_end_run(p_run.run_id, 'retry', v_error);
    ELSE
        PERFORM deletion_settle(p_run.run_id, NULL, 'failed', v_error, TRUE, NULL);
        PERFORM deletion_end_run(p_run.run_id, 'failed', v_error);
    END IF;

    RETURN CASE WHEN p_interrupted THEN 'interrupted' ELSE 'ended' END;
END;
$deletion_step_failed$;

COMMENT ON FUNCTION deletion_step_failed(deletion_runs, boolean, text, text) IS
'Decide what becomes of a run whose step was rolled back.';
REVOKE ALL ON FUNCTION deletion_step_failed(deletion_runs, boolean, text, text) FROM PUBLIC;
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
        ELSIF v_step.action = 'set_default' THEN
            v_blocking := concat_ws(', ', v_blocking, format(
                '%s%s rows of %s have no other default than a key that is deleted, or none (%s)',
                CASE WHEN v_count = 1000 THEN 'at least ' ELSE '' END, v_count, v_step.table_name,
                v_step.reference_name
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
        v_take_found IS NOT NULL AND NOT p_walk.is_locked
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

        IF v_seen < v_limit THEN
            IF v_is_tree THEN
                v_frame.fetch_cursor := '{"tips": true}';
            ELSE
                v_frame.edge_pos := p_step.edge_no;
            END IF;

            v_walk.frame := v_frame;
        END IF;

        -- Others took rows while they were waited for, or gave them another key.
        IF coalesce(cardinality(v_keys), 0) < v_seen THEN
            v_walk.is_locked := FALSE;
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

-- >>> procedures/postgres/worker/deletion_walk.sql
-- deletion_walk
-- Read one layer of a walk: the rows that hang from some rows whose children are not yet known.
--
-- Parameters  p_walk_id   the walk                 p_plan_id   its plan
--             p_all       TRUE: every reference (preview, circle); FALSE: those the check needs.
--                         Check and preview note what ties rows that could go in a circle
-- Returns     bigint, the number of rows read; NULL: the walk has ended
-- Writes      deletion_walk_keys, deletion_walk_links     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_walk(
    p_walk_id bigint,
    p_plan_id bigint,
    p_all boolean
) RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_walk$
DECLARE
    -- Read in pages: one answer of the engine is never larger than this.
    v_page CONSTANT bigint := 10000;
    v_node integer;
    v_frame jsonb;
    v_step deletion_plan_steps;
    v_link text;
    v_keys jsonb;
    v_cursor jsonb;
    v_count bigint;
    v_is_end boolean;
    v_read bigint := 0;
    -- A preview looks at no more rows than it may: what it has seen by then is said to be so. Nor
    -- does a run that looks for the rows of a circle: more than a batch of them cannot go together.
    v_enough bigint := CASE
        WHEN p_walk_id < 0 THEN deletion_setting_int('preview_rows')
        WHEN p_all THEN 10 * deletion_setting_int('batch_rows')
    END;
BEGIN
    SELECT w.node_no INTO v_node
    FROM deletion_walk_keys AS w
    WHERE w.walk_id + 0 = p_walk_id AND NOT w.is_expanded
    ORDER BY w.node_no + 0
    LIMIT 1;

    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    WITH taken AS (
        UPDATE deletion_walk_keys AS w
        SET is_expanded = TRUE
        WHERE w.ctid = ANY (ARRAY(
            SELECT x.ctid
            FROM deletion_walk_keys AS x
            WHERE x.walk_id + 0 = p_walk_id AND NOT x.is_expanded AND x.node_no + 0 = v_node
            LIMIT 200
        ))
        RETURNING w.job_id, w.keys, w.key_hash
    )

    SELECT jsonb_agg(t.keys || jsonb_build_object('j', t.job_id, 'h', encode(t.key_hash, 'hex')))
    INTO v_frame
    FROM taken AS t;

    FOR v_step IN
        SELECT s.*
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_plan_id AND s.kind = 'fetch_more' AND s.parent_node_no = v_node
            AND (p_all OR s.in_check)
        ORDER BY s.step_no
    LOOP
        v_cursor := NULL;
        SELECT s.sql_text INTO v_link
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_plan_id AND s.edge_no = v_step.edge_no AND s.kind = 'link'
            AND (NOT p_all OR p_walk_id < 0);
        -- Rows below which nothing is looked at are met and done with.
        v_is_end := v_step.action <> 'cascade' OR NOT EXISTS (
            SELECT 1
            FROM deletion_plan_steps AS b
            WHERE
                b.plan_id = p_plan_id AND b.kind = 'fetch_more'
                AND b.parent_node_no = v_step.node_no AND (p_all OR b.in_check)
        );

        LOOP
            PERFORM deletion_allow_hash(v_step.index_name IS NULL);
            EXECUTE coalesce(v_link, v_step.sql_text) INTO v_keys, v_count
            USING v_frame, v_page, v_cursor;
            PERFORM deletion_allow_hash(FALSE);
            -- Two of the frame's rows may hold the same child by one reference of two jobs only.
            INSERT INTO deletion_walk_keys (
                walk_id, job_id, node_no, fate, key_hash, edge_no, keys, is_expanded
            )
            SELECT
                p_walk_id, (k.value ->> 'j')::bigint, v_step.node_no,
                CASE v_step.action WHEN 'cascade' THEN 'delete' ELSE v_step.action END,
                deletion_frame_hash(k.value), v_step.edge_no, k.value - '{j,h}'::text[], v_is_end
            FROM jsonb_array_elements(v_keys) AS k
            ON CONFLICT DO NOTHING;
            INSERT INTO deletion_walk_links (
                walk_id, job_id, parent_node_no, parent_hash, child_node_no, child_hash, edge_no
            )
            SELECT
                p_walk_id, (k.value ->> 'j')::bigint, v_node, decode(k.value ->> 'h', 'hex'),
                v_step.node_no, deletion_frame_hash(k.value), v_step.edge_no
            FROM jsonb_array_elements(v_keys) AS k
            WHERE v_link IS NOT NULL
            ON CONFLICT DO NOTHING;
            v_read := v_read + v_count;
            EXIT WHEN v_count < v_page OR v_read >= v_enough;
            v_cursor := v_keys -> -1;
        END LOOP;
    END LOOP;

    RETURN v_read;
END;
$deletion_walk$;

COMMENT ON FUNCTION deletion_walk(bigint, bigint, boolean) IS
'Read one layer of a walk: the rows that hang from some rows whose children are not yet known.';
REVOKE ALL ON FUNCTION deletion_walk(bigint, bigint, boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_walk_defaults.sql
-- deletion_walk_defaults
-- Let those rows of a walk block that would get a default which no parent will have.
--
-- Parameters  p_walk_id, p_plan_id   a walk that has ended; of one that was cut short, what it met
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_walk_defaults(
    p_walk_id bigint,
    p_plan_id bigint
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_walk_defaults$
DECLARE
    v_sql text;
BEGIN
    FOR v_sql IN
        SELECT s.sql_text
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.kind = 'default'
        ORDER BY s.step_no
    LOOP
        EXECUTE v_sql USING p_walk_id;
    END LOOP;
END;
$deletion_walk_defaults$;

COMMENT ON FUNCTION deletion_walk_defaults(bigint, bigint) IS
'Let those rows of a walk block that would get a default which no parent will have.';
REVOKE ALL ON FUNCTION deletion_walk_defaults(bigint, bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_walk_verdict.sql
-- deletion_walk_verdict
-- Fail the jobs that a finished walk shows cannot end: rows in the way, or rows in a ring.
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
    v_together bigint[] := ARRAY[]::bigint[];
    v_is_loose boolean;
    v_is_careful boolean := FALSE;
BEGIN
    PERFORM deletion_walk_defaults(p_run.run_id, p_run.plan_id);

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
        v_is_loose := EXISTS (
            SELECT 1
            FROM deletion_plan_steps AS s
            WHERE s.plan_id = p_run.plan_id AND s.edge_no = v_step.edge_no AND s.kind = 'loose'
        );

        -- How many rows a walk has met the planner cannot know: taking them for few, it would
        -- compare each with all. What has to go by an index says so by itself.
        PERFORM deletion_allow_hash(TRUE), set_config('enable_nestloop', 'off', TRUE);

        FOR v_job_id, v_rows, v_sample IN EXECUTE v_step.sql_text USING p_run.run_id LOOP
            v_is_careful := TRUE;
            CONTINUE WHEN v_is_loose;

            IF v_rows <= deletion_setting_int('batch_rows') THEN
                v_together := v_together || v_job_id;
            ELSE
                PERFORM deletion_fail_jobs(p_run.run_id, ARRAY[v_job_id], format(
                    'JD007: %s rows of %s go in a circle by %s, such as %s (%s)',
                    v_rows, v_step.table_name, v_step.reference_name, v_step.table_name, v_sample
                ));
            END IF;
        END LOOP;

        PERFORM deletion_allow_hash(FALSE), set_config('enable_nestloop', 'on', TRUE);
    END LOOP;

    IF v_is_careful THEN
        -- A ring that can be opened, or goes in one transaction, is walked with care.
        UPDATE deletion_runs AS r
        SET state = r.state || '{"careful": true}'
        WHERE r.run_id = p_run.run_id;
    END IF;

    PERFORM deletion_go_together(p_run, v_together) WHERE v_together <> '{}';
END;
$deletion_walk_verdict$;

COMMENT ON FUNCTION deletion_walk_verdict(deletion_runs) IS
'Fail the jobs that a finished walk shows cannot end: rows in the way, or rows in a circle.';
REVOKE ALL ON FUNCTION deletion_walk_verdict(deletion_runs) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_work.sql
-- deletion_work
-- Work a claimed run to its end, step by step, each committed.
--
-- Parameters  p_run_id, p_token   the run, as it was claimed
--             p_until             when the worker's call should end
--             p_path              the search_path of the installation
--             p_state             OUT: ended, lost or interrupted
-- Writes      as deletion_step                     Commits  yes, after each step
-- Execute     deletion_jobs_worker, deletion_jobs_operator

CREATE OR REPLACE PROCEDURE deletion_work(
    p_run_id bigint,
    p_token uuid,
    p_until timestamptz,
    p_path text,
    INOUT p_state text
)
LANGUAGE plpgsql
SECURITY INVOKER
AS $deletion_work$
DECLARE
    v_rest float8;
BEGIN
    LOOP
        PERFORM pg_catalog.set_config('search_path', p_path, TRUE);
        p_state := deletion_step(p_run_id, p_token, p_until);
        COMMIT;
        SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
        PERFORM pg_catalog.set_config('search_path', p_path, TRUE);
        EXIT WHEN p_state NOT IN ('more', 'retry');
        v_rest := deletion_rest(p_state);
        PERFORM pg_sleep(v_rest) WHERE v_rest > 0;
    END LOOP;

    PERFORM deletion_release(p_run_id);
END;
$deletion_work$;

COMMENT ON PROCEDURE deletion_work(bigint, uuid, timestamptz, text, text) IS
'Work a claimed run to its end, step by step, each committed.';
REVOKE ALL ON PROCEDURE deletion_work(bigint, uuid, timestamptz, text, text) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE deletion_work(bigint, uuid, timestamptz, text, text)
TO deletion_jobs_worker, deletion_jobs_operator;
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
    WHERE k.job_id + 0 = ANY (p_jobs) AND NOT k.is_done
    -- Parents first, where they can be: so restore_deletion takes back what is marked.
    ORDER BY k.job_id + 0, k.edge_no
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
        WHERE
            k.job_id + 0 = ANY (p_jobs) AND k.edge_no = v_frame.edge_no AND NOT k.is_done
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
    -- OFFSET 0: each is looked up by all of the key, however few rows the statistics know of.
    WHERE k.ctid = ANY (ARRAY(
        SELECT f.row_id
        FROM jsonb_array_elements(p_keys) AS e
        CROSS JOIN LATERAL (
            SELECT s.ctid AS row_id
            FROM deletion_soft_keys AS s
            WHERE
                s.job_id = (e.value ->> 'j')::bigint AND s.node_no = p_node_no
                AND s.key_hash = deletion_frame_hash(e.value)
            OFFSET 0
        ) AS f
    ));
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

-- >>> procedures/postgres/schedule/deletion_schedule_jobs.sql
-- deletion_schedule_jobs
-- List what the scheduler should start, as the settings say.
--
-- Parameters  p_has_seconds   FALSE: the scheduler's shortest interval is a minute
-- Returns     job_name, slot (NULL: no worker), schedule, command: one bare CALL for a worker
-- Writes      nothing                              Commits  no
-- Execute     deletion_jobs_operator
-- Example     SELECT * FROM deletion_schedule_jobs(TRUE);

CREATE OR REPLACE FUNCTION deletion_schedule_jobs(p_has_seconds boolean)
RETURNS TABLE (job_name text, slot integer, schedule text, command text)
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $deletion_schedule_jobs$
SELECT
    deletion_schedule_name(s.slot::text),
    s.slot,
    CASE
        WHEN p_has_seconds THEN format('%s seconds', deletion_setting_int('tick_seconds'))
        ELSE '* * * * *'
    END,
    format('CALL %I.run_deletion_jobs(%s, NULL)', n.nspname, s.slot)
FROM generate_series(1, deletion_setting_int('workers')::integer) AS s (slot)
INNER JOIN pg_class AS c ON c.oid = 'deletion_jobs'::regclass
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
UNION ALL
-- Nothing else purges them, and a tick of 10 seconds leaves 8,640 a day; a policy of pg_cron
-- shows the worker no other role's, and is meant to, where the role's own setting forbids it.
SELECT
    deletion_schedule_name('run_details'),
    NULL,
    '17 3 * * *',
    'SET row_security = on; DELETE FROM cron.job_run_details'
    ' WHERE coalesce(end_time, start_time) < now() - interval ''1 day''';
$deletion_schedule_jobs$;

COMMENT ON FUNCTION deletion_schedule_jobs(boolean) IS
'List what the scheduler should start, as the settings say.';
REVOKE ALL ON FUNCTION deletion_schedule_jobs(boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_schedule_jobs(boolean) TO deletion_jobs_operator;
-- <<<

-- >>> procedures/postgres/schedule/deletion_unschedule.sql
-- deletion_unschedule
-- Take this installation's jobs out of pg_cron, but for some.
--
-- Parameters  p_keep   names of the jobs that stay, unless somebody has switched them off
-- Errors      42501 who calls may not work in the name of deletion_jobs_worker
-- Writes      jobs of pg_cron                      Commits  no
-- Execute     deletion_jobs_operator
-- Example     SELECT deletion_unschedule('{}');

CREATE OR REPLACE FUNCTION deletion_unschedule(p_keep text[])
RETURNS void
LANGUAGE plpgsql
VOLATILE
-- The role can be changed to the worker's, who owns the jobs, by an invoker alone.
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_unschedule$
DECLARE
    v_role text := current_setting('role');
    v_prefix text := deletion_schedule_name('');
BEGIN
    -- Without the right, nothing can have been scheduled either.
    IF NOT EXISTS (SELECT 1 FROM pg_extension AS e WHERE e.extname = 'pg_cron')
        OR NOT has_schema_privilege('deletion_jobs_worker', 'cron', 'USAGE') THEN
        RETURN;
    END IF;

    IF NOT pg_has_role('deletion_jobs_worker', CASE
        WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER'
    END) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'insufficient_privilege',
            MESSAGE = format('%I is no operator: GRANT deletion_jobs_operator TO %1$I', current_user),
            DETAIL = 'The jobs of pg_cron belong to deletion_jobs_worker.';
    END IF;

    PERFORM set_config('role', 'deletion_jobs_worker', TRUE);
    EXECUTE
        'SELECT count(cron.unschedule(j.jobid)) FROM ('
        '    SELECT c.jobid FROM cron.job AS c'
        '    WHERE left(c.jobname, length($1)) = $1 AND c.username = current_user'
        '    AND (c.jobname <> ALL ($2) OR NOT c.active)'
        ') AS j'
    USING v_prefix, p_keep;
    PERFORM set_config('role', v_role, TRUE);
END;
$deletion_unschedule$;

COMMENT ON FUNCTION deletion_unschedule(text[]) IS
'Take this installation''s jobs out of pg_cron, but for some.';
REVOKE ALL ON FUNCTION deletion_unschedule(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_unschedule(text[]) TO deletion_jobs_operator;
-- <<<

-- >>> procedures/postgres/schedule/deletion_schedule_advice.sql
-- deletion_schedule_advice
-- Say what has to be done so that pg_cron starts the workers of this database.
--
-- Parameters  p_cron_database   the database that pg_cron lives in, where the caller may see it
-- Returns     text: lines for postgresql.conf, and the SQL that follows
-- Writes      nothing                              Commits  no
-- Execute     deletion_jobs_operator
-- Example     SELECT deletion_schedule_advice(NULL);

CREATE OR REPLACE FUNCTION deletion_schedule_advice(p_cron_database text)
RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $deletion_schedule_advice$
BEGIN
    IF p_cron_database = current_database() THEN
        RETURN 'Here a superuser runs: CREATE EXTENSION pg_cron;';
    ELSIF p_cron_database IS NOT NULL THEN
        -- In the worker's own name: for another's only a superuser may schedule.
        RETURN format(
            'pg_cron lives in the database %s (before 1.5 it takes ''* * * * *'' and no seconds).'
            ' There, as its owner: GRANT USAGE ON SCHEMA cron TO deletion_jobs_worker;'
            ' GRANT EXECUTE ON FUNCTION cron.schedule_in_database(text, text, text, text, text,'
            ' boolean) TO deletion_jobs_worker; SET ROLE deletion_jobs_worker; %s RESET ROLE;',
            p_cron_database,
            (
                SELECT string_agg(
                    CASE
                        WHEN j.slot IS NULL
                            THEN format(
                                'SELECT cron.schedule(%L, %L, %L);',
                                j.job_name, j.schedule, j.command
                            )
                        ELSE format(
                            'SELECT cron.schedule_in_database(%L, %L, %L, %L);',
                            j.job_name, j.schedule, j.command, current_database()
                        )
                    END, ' ' ORDER BY j.slot
                )
                FROM deletion_schedule_jobs(TRUE) AS j
            )
        );
    END IF;

    RETURN format(
        'Set, in postgresql.conf or by the parameters of a managed server,'
        ' shared_preload_libraries = ''pg_cron'' and cron.database_name = ''%s''; restart the'
        ' server; then CREATE EXTENSION pg_cron;',
        current_database()
    );
END;
$deletion_schedule_advice$;

COMMENT ON FUNCTION deletion_schedule_advice(text) IS
'Say what has to be done so that pg_cron starts the workers of this database.';
REVOKE ALL ON FUNCTION deletion_schedule_advice(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_schedule_advice(text) TO deletion_jobs_operator;
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

-- >>> schema/postgres/views/vw_deletion_plan.sql
-- vw_deletion_plan
-- The current plans, step by step, with the SQL that runs; a plan that cannot run says why.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE VIEW vw_deletion_plan AS
SELECT
    p.plan_id,
    p.entity_table,
    p.hard_delete,
    p.error_code,
    p.error,
    p.can_block,
    p.has_waits,
    p.compiled_at,
    s.step_no,
    s.kind,
    s.node_no,
    s.parent_node_no,
    s.edge_no,
    s.table_name,
    s.reference_name,
    s.action,
    s.is_leaf,
    s.waits,
    s.in_check,
    s.index_name,
    s.sql_text,
    s.set_order
FROM deletion_plans AS p
LEFT JOIN deletion_plan_steps AS s ON s.plan_id = p.plan_id
WHERE p.superseded_at IS NULL
ORDER BY p.entity_table, p.hard_delete, s.step_no;

COMMENT ON VIEW vw_deletion_plan IS 'One row for each step of a current plan.';
GRANT SELECT ON vw_deletion_plan TO deletion_jobs_operator, deletion_jobs_reader;
-- <<<

-- >>> schema/postgres/views/vw_deletion_holds.sql
-- vw_deletion_holds
-- The rows that are held, and those that were.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE VIEW vw_deletion_holds AS
SELECT
    h.hold_id,
    h.table_name,
    h.row_pk,
    h.key_columns,
    h.row_seen_at,
    h.released_at IS NULL AND (h.held_until IS NULL OR h.held_until > clock_timestamp())
    AS is_in_force,
    h.held_until,
    h.reason,
    h.held_by,
    h.held_at,
    h.released_by,
    h.released_at
FROM deletion_holds AS h;

COMMENT ON VIEW vw_deletion_holds IS 'One row for each hold that was placed on a row.';
GRANT SELECT ON vw_deletion_holds TO deletion_jobs_operator, deletion_jobs_reader;
-- <<<

-- >>> schema/postgres/views/vw_deletion_misfits.sql
-- vw_deletion_misfits
-- Rules and declarations that fit the catalog no more: why, and the SQL that takes each away.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader
--
-- Without them rows would go, or stay, by what the catalog says alone: so they stop jobs.

CREATE OR REPLACE VIEW vw_deletion_misfits AS
WITH home AS (
    SELECT n.nspname AS schema_name
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = 'deletion_jobs'::regclass
),

-- Looked up by name, where the whole catalog would be read otherwise.
present AS NOT MATERIALIZED (
    SELECT c.oid AS table_oid, n.nspname AS schema_name, c.relname AS table_name, c.relispartition
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p')
),

misfit AS (
    SELECT
        'rule without reference' AS kind, r.reference_name AS name, r.child_schema, r.child_table,
        r.parent_schema, r.parent_table, c.table_oid IS NULL AS is_everywhere,
        r.created_at AS since, NULL::text AS lost_schema, NULL::text AS lost_table,
        FALSE AS is_partition
    FROM deletion_rules AS r
    LEFT JOIN present AS c
        ON c.schema_name = r.child_schema AND c.table_name = r.child_table
    WHERE
        CASE
            -- What is kept stays without a rule as well: no declared reference leads to it now.
            WHEN c.table_oid IS NULL THEN r.action <> 'keep'
            ELSE NOT EXISTS (
                SELECT 1
                FROM pg_constraint AS k
                INNER JOIN pg_class AS p ON p.oid = k.confrelid
                INNER JOIN pg_namespace AS n ON n.oid = p.relnamespace
                WHERE
                    k.conrelid = c.table_oid AND k.contype = 'f' AND k.conparentid = 0
                    AND k.conname = r.reference_name
                    AND coalesce(to_jsonb(k) ->> 'conenforced', 'true') = 'true'
                    AND (
                        r.parent_table IS NULL
                        OR (n.nspname = r.parent_schema AND p.relname = r.parent_table)
                    )
            ) AND NOT EXISTS (
                SELECT 1
                FROM deletion_references AS d
                WHERE
                    d.reference_name = r.reference_name AND d.child_schema = r.child_schema
                    AND d.child_table = r.child_table
                    AND (
                        r.parent_table IS NULL
                        OR (d.parent_schema = r.parent_schema AND d.parent_table = r.parent_table)
                    )
            )
        END
    UNION ALL
    SELECT
        'reference without table', d.reference_name, d.child_schema, d.child_table,
        d.parent_schema, d.parent_table, TRUE, d.created_at,
        CASE WHEN coalesce(c.relispartition, TRUE) THEN d.child_schema ELSE d.parent_schema END,
        CASE WHEN coalesce(c.relispartition, TRUE) THEN d.child_table ELSE d.parent_table END,
        CASE
            WHEN coalesce(c.relispartition, TRUE) THEN c.relispartition IS NOT NULL
            ELSE p.relispartition IS NOT NULL
        END
    FROM deletion_references AS d
    LEFT JOIN present AS c
        ON c.schema_name = d.child_schema AND c.table_name = d.child_table
    LEFT JOIN present AS p
        ON p.schema_name = d.parent_schema AND p.table_name = d.parent_table
    LEFT JOIN deletion_rules AS r
        ON
            r.child_schema = d.child_schema AND r.child_table = d.child_table
            AND r.reference_name = d.reference_name
    WHERE
        (coalesce(c.relispartition, TRUE) OR coalesce(p.relispartition, TRUE))
        AND coalesce(r.action, d.action) <> 'keep'
    UNION ALL
    SELECT
        'soft column without table', s.column_name, s.table_schema, s.table_name,
        NULL, NULL, TRUE, s.created_at,
        s.table_schema, s.table_name, c.relispartition IS NOT NULL  -- noqa: AL08
    FROM deletion_soft_columns AS s
    LEFT JOIN present AS c
        ON c.schema_name = s.table_schema AND c.table_name = s.table_name
    WHERE coalesce(c.relispartition, TRUE)
),

spelled AS (
    SELECT
        m.*,
        format('%I', h.schema_name) AS home_sql,
        CASE WHEN m.child_schema = h.schema_name THEN '' ELSE quote_ident(m.child_schema) || '.' END
        || quote_ident(m.child_table) AS table_name,
        CASE WHEN m.lost_schema = h.schema_name THEN '' ELSE quote_ident(m.lost_schema) || '.' END
        || quote_ident(m.lost_table) AS lost_name
    FROM misfit AS m
    CROSS JOIN home AS h
)

SELECT
    s.kind,
    CASE
        WHEN s.kind = 'reference without table' THEN s.name::text
        ELSE format('%s of %s', s.name, s.table_name)
    END AS subject,
    s.child_schema,
    s.child_table,
    s.parent_schema,
    s.parent_table,
    s.is_everywhere,
    s.since,
    CASE s.kind
        WHEN 'rule without reference' THEN format(
            'the rule for %s of %s fits no %s', s.name, s.table_name,
            CASE WHEN s.is_everywhere THEN 'table' ELSE 'reference' END
        )
        WHEN 'reference without table'
            THEN format('the declared reference %s fits no table', s.name)
        ELSE format('the soft-delete column %s of %s fits no table', s.name, s.table_name)
    END || coalesce(
        CASE
            WHEN s.is_partition THEN ' (' || s.lost_name || ' is a partition)'
            ELSE ' (no ' || s.lost_name || ')'
        END,
        ''
    ) AS why,
    -- A reference that is declared again takes the place of the one of its name.
    CASE
        WHEN s.kind = 'reference without table' THEN 'declare it anew, or'
        ELSE 'set it anew, then'
    END AS advice,
    CASE s.kind
        WHEN 'rule without reference' THEN format(
            'CALL %s.set_deletion_rule(%L, %L, NULL);', s.home_sql, s.table_name, s.name
        )
        WHEN 'reference without table' THEN format(
            'CALL %s.declare_deletion_reference(%L);', s.home_sql, s.name
        )
        ELSE format('CALL %s.set_soft_deletion(%L, NULL);', s.home_sql, s.table_name)
    END AS mend_sql
FROM spelled AS s;

COMMENT ON VIEW vw_deletion_misfits IS
'One line for each rule or declaration that fits the catalog no more.';
GRANT SELECT ON vw_deletion_misfits TO deletion_jobs_operator, deletion_jobs_reader;
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
    WHERE c.relkind IN ('r', 'p')
),

step AS (
    SELECT
        p.entity_table, p.hard_delete, p.compiled_at, s.kind, s.action, s.reference_name,
        s.table_name,
        n.table_oid, n.table_sql
    FROM deletion_plans AS p
    INNER JOIN deletion_plan_steps AS s ON s.plan_id = p.plan_id
    INNER JOIN named AS n ON n.table_name = s.table_name
    WHERE p.superseded_at IS NULL
),

lacked AS (
    SELECT p.entity_table, l.table_name, l.table_sql, l.schema_sql, l.privilege
    FROM deletion_plans AS p
    CROSS JOIN LATERAL deletion_lacked_rights(p.plan_id) AS l
    WHERE p.superseded_at IS NULL AND p.error_code IS NULL
),

failed AS (
    SELECT
        j.entity_table,
        left(j.error, 5) AS code,
        count(*) AS jobs,
        min(j.finished_at) AS since,
        (array_agg(j.error ORDER BY j.finished_at DESC))[1] AS last_error
    FROM deletion_jobs AS j
    WHERE j.status = 'failed' AND coalesce(j.error, '') NOT LIKE 'JD006: held: %'
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
    'plan',
    t.entity_table,
    t.created_at,
    'no plan is made yet: which rights and indexes it needs is not known',
    format('CALL %s.compile_deletion_plan(%L);', h.schema_sql, t.entity_table)
FROM deletion_targets AS t
CROSS JOIN home AS h
WHERE NOT EXISTS (
    SELECT 1
    FROM deletion_plans AS p
    WHERE p.entity_table = t.entity_table AND p.superseded_at IS NULL
)
UNION ALL
SELECT
    'right missing',
    l.table_name,
    NULL,
    format(
        'deletion_jobs_owner lacks %s for deletions of %s',
        string_agg(DISTINCT l.privilege, ', ' ORDER BY l.privilege), l.entity_table
    ),
    format(
        'GRANT %s ON %s TO deletion_jobs_owner;',
        string_agg(DISTINCT l.privilege, ', ' ORDER BY l.privilege), l.table_sql
    )
FROM lacked AS l
WHERE l.privilege NOT IN ('USAGE', 'BYPASSRLS')
GROUP BY l.entity_table, l.table_name, l.table_sql
UNION ALL
SELECT DISTINCT
    'right missing',
    l.schema_sql,
    NULL::timestamptz,
    'deletion_jobs_owner lacks USAGE for deletions of ' || l.entity_table,
    format('GRANT USAGE ON SCHEMA %s TO deletion_jobs_owner;', l.schema_sql)
FROM lacked AS l
WHERE l.privilege = 'USAGE'
UNION ALL
SELECT DISTINCT
    'row security',
    l.table_name,
    NULL::timestamptz,
    'a policy may hide rows from deletions of ' || l.entity_table,
    'ALTER ROLE deletion_jobs_owner BYPASSRLS;'
FROM lacked AS l
WHERE l.privilege = 'BYPASSRLS'
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
    'held',
    format('job %s', j.id),
    j.finished_at,
    format('%s %s: %s', j.entity_table, j.entity_pk, j.error),
    coalesce((
        SELECT string_agg(format(
            'CALL %s.release_deletion_hold(%L, %L);', h.schema_sql, d.table_name, d.row_pk
        ), ' ' ORDER BY d.hold_id) || ' '
        FROM vw_deletion_holds AS d
        WHERE
            d.is_in_force
            AND position(format(' %s %s ', d.table_name, d.row_pk) IN j.error) > 0
    ), '') || format('CALL %s.retry_deletion(%s);', h.schema_sql, j.id)
FROM deletion_jobs AS j
CROSS JOIN home AS h
WHERE j.status = 'failed' AND j.error LIKE 'JD006: held: %'
UNION ALL
SELECT
    'hold without table',
    format('%s %s', d.table_name, d.row_pk),
    d.held_at,
    'the table is gone, or has another name: every job fails until the hold is released',
    format('CALL %s.release_deletion_hold(%L, %L);', h.schema_sql, d.table_name, d.row_pk)
FROM vw_deletion_holds AS d
CROSS JOIN home AS h
WHERE d.is_in_force AND NOT EXISTS (SELECT 1 FROM named AS n WHERE n.table_name = d.table_name)
UNION ALL
SELECT
    m.kind,
    m.subject,
    m.since,
    format(
        '%s, and %s: %s take this away', m.why,
        CASE WHEN m.is_everywhere THEN 'every job fails' ELSE 'jobs that reach it fail' END,
        m.advice
    ),
    m.mend_sql
FROM vw_deletion_misfits AS m
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
