-- 0001_create_deletion_jobs: apply
-- Create deletion jobs on PostgreSQL.
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

        -- Without it nobody sees whether the session of another role's run is alive.
        IF NOT pg_has_role('deletion_jobs_owner', 'pg_read_all_stats', 'USAGE') THEN
            GRANT pg_read_all_stats TO deletion_jobs_owner;
        END IF;
    EXCEPTION
        WHEN insufficient_privilege THEN
            RAISE NOTICE 'left to a superuser: GRANT deletion_jobs_worker TO'
                ' deletion_jobs_operator; GRANT pg_read_all_stats TO deletion_jobs_owner;';
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

-- >>> schema/postgres/tables/deletion_jobs.sql
-- deletion_jobs
-- The contract: one row for each root that shall go, re-armed when it is asked for again.
--
-- Columns, names and types are fixed by existing users; all other state has tables of its own.
-- The key fk_dj_user is added by link_deletion_users, since users belongs to the application.

CREATE TABLE deletion_jobs (
    id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    entity_table varchar(64) NOT NULL,
    entity_pk varchar(64) NOT NULL,
    reason text,
    hard_delete boolean NOT NULL DEFAULT FALSE,
    scheduled_at timestamptz(6),
    started_at timestamptz(6),
    finished_at timestamptz(6),
    status text NOT NULL DEFAULT 'pending',
    error text,
    created_by bigint,
    created_at timestamptz(6) NOT NULL DEFAULT current_timestamp,
    CONSTRAINT uq_deletion_jobs UNIQUE (entity_table, entity_pk),
    CONSTRAINT chk_dj_status
    CHECK (status IN ('pending', 'running', 'done', 'failed', 'cancelled'))
);

CREATE INDEX idx_dj_status_sched ON deletion_jobs (status, scheduled_at);

-- A claim reads the head of this index: 6 ms at a million jobs, where a sort takes 166.
CREATE INDEX idx_dj_due ON deletion_jobs ((coalesce(scheduled_at, created_at)), id)
WHERE status = 'pending';

CREATE INDEX idx_dj_running ON deletion_jobs (id) WHERE status = 'running';

-- Without it every DELETE of an application's user scans the jobs.
CREATE INDEX idx_dj_created_by ON deletion_jobs (created_by);

COMMENT ON TABLE deletion_jobs IS 'One row for each root that shall be deleted.';
COMMENT ON COLUMN deletion_jobs.id IS 'The job''s number.';
COMMENT ON COLUMN deletion_jobs.entity_table IS 'Target table, by its registered name.';
COMMENT ON COLUMN deletion_jobs.entity_pk IS
'Key of the row to delete, as its type prints it; a composite key is a JSON array of texts.';
COMMENT ON COLUMN deletion_jobs.reason IS 'Why it was asked for.';
COMMENT ON COLUMN deletion_jobs.hard_delete IS 'Remove for good, else soft delete.';
COMMENT ON COLUMN deletion_jobs.scheduled_at IS
'When the job should start; NULL: as soon as possible.';
COMMENT ON COLUMN deletion_jobs.started_at IS 'When a worker first took it up.';
COMMENT ON COLUMN deletion_jobs.finished_at IS 'When it became done, failed or cancelled.';
COMMENT ON COLUMN deletion_jobs.status IS 'pending, running, done, failed or cancelled.';
COMMENT ON COLUMN deletion_jobs.error IS 'Why it failed: a code and a text.';
COMMENT ON COLUMN deletion_jobs.created_by IS 'The user who asked, where known.';
COMMENT ON COLUMN deletion_jobs.created_at IS 'When it was asked for.';
-- <<<

-- >>> schema/postgres/tables/deletion_targets.sql
-- deletion_targets
-- The tables that the DBA has allowed deletions from, with the key that names a row.

CREATE TABLE deletion_targets (
    entity_table varchar(64) PRIMARY KEY,
    table_schema varchar(64) NOT NULL,
    table_name varchar(64) NOT NULL,
    key_columns jsonb NOT NULL,
    key_types jsonb NOT NULL,
    key_collations jsonb,
    max_rows bigint,
    created_at timestamptz(6) NOT NULL DEFAULT current_timestamp,
    CONSTRAINT uq_dt_table UNIQUE (table_schema, table_name),
    CONSTRAINT chk_dt_max_rows CHECK (max_rows > 0)
);

COMMENT ON TABLE deletion_targets IS 'One row for each table that rows may be deleted from.';
COMMENT ON COLUMN deletion_targets.entity_table IS
'The name in jobs: unqualified within our schema, else schema.name, quoted where needed.';
COMMENT ON COLUMN deletion_targets.table_schema IS 'The table''s schema, unquoted.';
COMMENT ON COLUMN deletion_targets.table_name IS 'The table''s name, unquoted.';
COMMENT ON COLUMN deletion_targets.key_columns IS 'The key''s columns, an array in key order.';
COMMENT ON COLUMN deletion_targets.key_types IS
'Their types, an array: a key is parsed without a look at the table.';
COMMENT ON COLUMN deletion_targets.key_collations IS
'Always NULL: only MySQL needs the columns'' collations.';
COMMENT ON COLUMN deletion_targets.max_rows IS
'A job that would change more rows than this fails; NULL: the setting max_rows.';
COMMENT ON COLUMN deletion_targets.created_at IS 'When it was registered.';
-- <<<

-- >>> schema/postgres/tables/deletion_references.sql
-- deletion_references
-- References that the DBA declared because the catalog has no foreign key for them.

CREATE TABLE deletion_references (
    reference_name varchar(64) PRIMARY KEY,
    child_schema varchar(64) NOT NULL,
    child_table varchar(64) NOT NULL,
    child_columns jsonb NOT NULL,
    parent_schema varchar(64) NOT NULL,
    parent_table varchar(64) NOT NULL,
    parent_columns jsonb NOT NULL,
    discriminator_column varchar(64),
    discriminator_value varchar(255),
    action text NOT NULL,
    created_at timestamptz(6) NOT NULL DEFAULT current_timestamp,
    CONSTRAINT chk_dr_action
    CHECK (action IN ('cascade', 'set_null', 'set_default', 'restrict', 'keep')),
    CONSTRAINT chk_dr_discriminator
    CHECK ((discriminator_column IS NULL) = (discriminator_value IS NULL))
);

COMMENT ON TABLE deletion_references IS 'One row for each declared reference.';
COMMENT ON COLUMN deletion_references.reference_name IS 'Its name, as rules and errors use it.';
COMMENT ON COLUMN deletion_references.child_schema IS 'Schema of the table that refers.';
COMMENT ON COLUMN deletion_references.child_table IS 'The table that refers.';
COMMENT ON COLUMN deletion_references.child_columns IS 'The referring columns, an array.';
COMMENT ON COLUMN deletion_references.parent_schema IS 'Schema of the table referred to.';
COMMENT ON COLUMN deletion_references.parent_table IS 'The table referred to.';
COMMENT ON COLUMN deletion_references.parent_columns IS
'The columns referred to, an array in the order of child_columns.';
COMMENT ON COLUMN deletion_references.discriminator_column IS
'Child column that tells which table is meant, as in commentable_type; NULL: none.';
COMMENT ON COLUMN deletion_references.discriminator_value IS
'The value of discriminator_column that means this parent.';
COMMENT ON COLUMN deletion_references.action IS
'What happens to the child rows: cascade, set_null, set_default, restrict or keep.';
COMMENT ON COLUMN deletion_references.created_at IS 'When it was declared.';
-- <<<

-- >>> schema/postgres/tables/deletion_rules.sql
-- deletion_rules
-- What the DBA decided for single references, against the catalog or the declaration.

CREATE TABLE deletion_rules (
    child_schema varchar(64) NOT NULL,
    child_table varchar(64) NOT NULL,
    reference_name varchar(64) NOT NULL,
    action text NOT NULL,
    created_at timestamptz(6) NOT NULL DEFAULT current_timestamp,
    PRIMARY KEY (child_schema, child_table, reference_name),
    CONSTRAINT chk_dru_action
    CHECK (action IN ('cascade', 'set_null', 'set_default', 'restrict', 'keep'))
);

COMMENT ON TABLE deletion_rules IS 'One row for each reference whose action is overridden.';
COMMENT ON COLUMN deletion_rules.child_schema IS 'Schema of the table that refers.';
COMMENT ON COLUMN deletion_rules.child_table IS 'The table that refers.';
COMMENT ON COLUMN deletion_rules.reference_name IS
'The foreign key''s constraint, or the declared reference.';
COMMENT ON COLUMN deletion_rules.action IS
'The action that holds: cascade, set_null, set_default, restrict, or keep if declared.';
COMMENT ON COLUMN deletion_rules.created_at IS 'When the rule was set.';
-- <<<

-- >>> schema/postgres/tables/deletion_plans.sql
-- deletion_plans
-- The compiled programs: one current plan for each target and mode, the older ones as history.

CREATE TABLE deletion_plans (
    plan_id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    entity_table varchar(64) NOT NULL,
    hard_delete boolean NOT NULL,
    fingerprint varchar(64) NOT NULL,
    tables jsonb NOT NULL,
    error_code char(5),
    error text,
    can_block boolean NOT NULL,
    has_waits boolean NOT NULL,
    compiled_at timestamptz(6) NOT NULL DEFAULT current_timestamp,
    superseded_at timestamptz(6)
);

CREATE UNIQUE INDEX uq_dp_current ON deletion_plans (entity_table, hard_delete)
WHERE superseded_at IS NULL;

COMMENT ON TABLE deletion_plans IS 'One row for each plan that was compiled.';
COMMENT ON COLUMN deletion_plans.plan_id IS 'The plan''s number.';
COMMENT ON COLUMN deletion_plans.entity_table IS 'The target it deletes from.';
COMMENT ON COLUMN deletion_plans.hard_delete IS 'The mode: for good, or soft.';
COMMENT ON COLUMN deletion_plans.fingerprint IS
'Digest of the catalog rows it was compiled from; another one today: the plan is stale.';
COMMENT ON COLUMN deletion_plans.tables IS
'The tables that the fingerprint covers, an array of their OIDs.';
COMMENT ON COLUMN deletion_plans.error_code IS
'Why the plan cannot be run, a code of ours; NULL: it can.';
COMMENT ON COLUMN deletion_plans.error IS 'The same in words, with the names.';
COMMENT ON COLUMN deletion_plans.can_block IS
'Rows may block a job, so a check walks over them first.';
COMMENT ON COLUMN deletion_plans.has_waits IS
'Some reference between two tables of the plan only orders them, or is set last.';
COMMENT ON COLUMN deletion_plans.compiled_at IS 'When it was compiled.';
COMMENT ON COLUMN deletion_plans.superseded_at IS
'When another plan took its place; NULL: current.';
-- <<<

-- >>> schema/postgres/tables/deletion_plan_steps.sql
-- deletion_plan_steps
-- The steps of the plans with their finished SQL: what is reviewed here is what runs.

CREATE TABLE deletion_plan_steps (
    plan_id bigint NOT NULL,
    step_no integer NOT NULL,
    kind text NOT NULL,
    node_no integer NOT NULL,
    parent_node_no integer,
    edge_no integer,
    table_name text NOT NULL,
    reference_name text,
    action text,
    is_leaf boolean NOT NULL DEFAULT FALSE,
    waits boolean NOT NULL DEFAULT FALSE,
    in_check boolean NOT NULL DEFAULT FALSE,
    index_name text,
    sql_text text,
    PRIMARY KEY (plan_id, step_no)
);

COMMENT ON TABLE deletion_plan_steps IS 'One row for each step of a plan.';
COMMENT ON COLUMN deletion_plan_steps.plan_id IS 'The plan.';
COMMENT ON COLUMN deletion_plan_steps.step_no IS 'The step''s place in the plan.';
COMMENT ON COLUMN deletion_plan_steps.kind IS
'What it does: roots, fetch, drain, set, lock, remove and so on.';
COMMENT ON COLUMN deletion_plan_steps.node_no IS 'The table acted on; 0: the target.';
COMMENT ON COLUMN deletion_plan_steps.parent_node_no IS
'The table whose frame it starts from; NULL: a step of the root.';
COMMENT ON COLUMN deletion_plan_steps.edge_no IS
'The reference it follows, counted over the plan; 0: a step of the root.';
COMMENT ON COLUMN deletion_plan_steps.table_name IS
'The table acted on, named as targets are.';
COMMENT ON COLUMN deletion_plan_steps.reference_name IS
'The constraint or declared reference that it follows.';
COMMENT ON COLUMN deletion_plan_steps.action IS
'What happens to the rows that the reference leads to.';
COMMENT ON COLUMN deletion_plan_steps.is_leaf IS
'The rows have no children that matter, so they go at once.';
COMMENT ON COLUMN deletion_plan_steps.waits IS
'The reference only orders two tables of the plan, or is set last.';
COMMENT ON COLUMN deletion_plan_steps.in_check IS 'The check runs it too.';
COMMENT ON COLUMN deletion_plan_steps.index_name IS
'The index that supports the reference; NULL: none.';
COMMENT ON COLUMN deletion_plan_steps.sql_text IS
'The statement as it runs; NULL: the step has none.';
-- <<<

-- >>> schema/postgres/tables/deletion_runs.sql
-- deletion_runs
-- The runs: one worker's work on a set of jobs that share target and mode.

CREATE TABLE deletion_runs (
    run_id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    plan_id bigint,
    entity_table varchar(64) NOT NULL,
    hard_delete boolean NOT NULL,
    slot integer,
    token uuid NOT NULL,
    session_id bigint NOT NULL,
    session_mark text,
    server_id text NOT NULL,
    phase text NOT NULL,
    alone boolean NOT NULL DEFAULT FALSE,
    job_count integer NOT NULL DEFAULT 0,
    batch_rows integer NOT NULL,
    rows_changed bigint NOT NULL DEFAULT 0,
    step_count bigint NOT NULL DEFAULT 0,
    retries integer NOT NULL DEFAULT 0,
    state jsonb,
    started_at timestamptz(6) NOT NULL DEFAULT current_timestamp,
    last_step_at timestamptz(6),
    ended_at timestamptz(6),
    outcome text,
    error text,
    CONSTRAINT chk_drn_phase CHECK (phase IN ('check', 'advance', 'finish', 'ended')),
    CONSTRAINT chk_drn_outcome
    CHECK (outcome IN ('done', 'failed', 'retry', 'sliced', 'returned', 'lost'))
)
-- A run's row is rewritten by every step: free space keeps it on its page.
WITH (fillfactor = 60);

-- Recovery looks for open runs each time a worker starts.
CREATE INDEX idx_drn_open ON deletion_runs (run_id) WHERE ended_at IS NULL;

COMMENT ON TABLE deletion_runs IS 'One row for each run of a worker over a set of jobs.';
COMMENT ON COLUMN deletion_runs.run_id IS 'The run''s number.';
COMMENT ON COLUMN deletion_runs.plan_id IS 'The plan that it runs.';
COMMENT ON COLUMN deletion_runs.entity_table IS 'The target of its jobs.';
COMMENT ON COLUMN deletion_runs.hard_delete IS 'Their mode.';
COMMENT ON COLUMN deletion_runs.slot IS 'The worker''s slot; NULL: none.';
COMMENT ON COLUMN deletion_runs.token IS
'The fence: a step whose token does not match is refused.';
COMMENT ON COLUMN deletion_runs.session_id IS 'The worker''s process id.';
COMMENT ON COLUMN deletion_runs.session_mark IS
'What tells this CALL from a later one in the same session.';
COMMENT ON COLUMN deletion_runs.server_id IS
'The server''s system identifier: locks are local to a server.';
COMMENT ON COLUMN deletion_runs.phase IS 'check, advance, finish or ended.';
COMMENT ON COLUMN deletion_runs.alone IS 'It has one job by intent, not by chance.';
COMMENT ON COLUMN deletion_runs.job_count IS 'How many jobs it was given.';
COMMENT ON COLUMN deletion_runs.batch_rows IS
'Rows that one transaction may change now; halved after a conflict.';
COMMENT ON COLUMN deletion_runs.rows_changed IS 'Rows changed and committed so far.';
COMMENT ON COLUMN deletion_runs.step_count IS 'Steps committed so far.';
COMMENT ON COLUMN deletion_runs.retries IS 'Steps in a row that had to be rolled back.';
COMMENT ON COLUMN deletion_runs.state IS 'The executor''s own notes between two steps.';
COMMENT ON COLUMN deletion_runs.started_at IS 'When its jobs were claimed.';
COMMENT ON COLUMN deletion_runs.last_step_at IS 'When its last step was committed.';
COMMENT ON COLUMN deletion_runs.ended_at IS 'When it ended; NULL: open.';
COMMENT ON COLUMN deletion_runs.outcome IS
'How it ended: done, failed, retry, sliced, returned or lost.';
COMMENT ON COLUMN deletion_runs.error IS 'The last error of its steps.';
-- <<<

-- >>> schema/postgres/tables/deletion_attempts.sql
-- deletion_attempts
-- Job by run: what became of each time that a job was taken up, and what had been asked.

CREATE TABLE deletion_attempts (
    job_id bigint NOT NULL,
    attempt_no integer NOT NULL,
    run_id bigint,
    started_at timestamptz(6),
    ended_at timestamptz(6),
    outcome text,
    error text,
    is_counted boolean NOT NULL DEFAULT FALSE,
    is_past boolean NOT NULL DEFAULT FALSE,
    alone_next boolean NOT NULL DEFAULT FALSE,
    cancel_requested_at timestamptz(6),
    asked_reason text,
    asked_hard_delete boolean,
    asked_scheduled_at timestamptz(6),
    asked_by bigint,
    asked_at timestamptz(6),
    PRIMARY KEY (job_id, attempt_no),
    CONSTRAINT chk_da_outcome CHECK (
        outcome IN ('done', 'failed', 'cancelled', 'retry', 'sliced', 'returned', 'lost')
    )
);

CREATE INDEX idx_da_run ON deletion_attempts (run_id, job_id);

COMMENT ON TABLE deletion_attempts IS 'One row for each time that a job was taken up.';
COMMENT ON COLUMN deletion_attempts.job_id IS 'The job.';
COMMENT ON COLUMN deletion_attempts.attempt_no IS 'Counts the job''s attempts from 1.';
COMMENT ON COLUMN deletion_attempts.run_id IS
'The run that had it; NULL: it ended before any run took it up.';
COMMENT ON COLUMN deletion_attempts.started_at IS 'When the run claimed it.';
COMMENT ON COLUMN deletion_attempts.ended_at IS 'When the attempt ended; NULL: open.';
COMMENT ON COLUMN deletion_attempts.outcome IS
'How it ended: done, failed, cancelled, retry, sliced, returned or lost.';
COMMENT ON COLUMN deletion_attempts.error IS 'Why, where it did not end done.';
COMMENT ON COLUMN deletion_attempts.is_counted IS 'It counts towards max_attempts.';
COMMENT ON COLUMN deletion_attempts.is_past IS
'It belongs to what was asked before the job was armed again.';
COMMENT ON COLUMN deletion_attempts.alone_next IS
'The next claim takes the job alone, away from the set that failed or was slow.';
COMMENT ON COLUMN deletion_attempts.cancel_requested_at IS
'When cancel_deletion asked the run to stop this job.';
COMMENT ON COLUMN deletion_attempts.asked_reason IS 'The reason that was given.';
COMMENT ON COLUMN deletion_attempts.asked_hard_delete IS 'The mode that was asked for.';
COMMENT ON COLUMN deletion_attempts.asked_scheduled_at IS 'The time that was asked for.';
COMMENT ON COLUMN deletion_attempts.asked_by IS 'Who asked.';
COMMENT ON COLUMN deletion_attempts.asked_at IS 'When it was asked.';
-- <<<

-- >>> schema/postgres/tables/deletion_frames.sql
-- deletion_frames
-- The stacks of open runs: what has to survive the commit between two steps.

CREATE TABLE deletion_frames (
    run_id bigint NOT NULL,
    depth integer NOT NULL,
    node_no integer NOT NULL,
    edge_no integer NOT NULL,
    keys jsonb NOT NULL,
    key_count integer NOT NULL,
    edge_pos integer NOT NULL DEFAULT 0,
    fetch_cursor jsonb,
    rows_at_pass bigint NOT NULL DEFAULT 0,
    idle_passes integer NOT NULL DEFAULT 0,
    rows_here bigint NOT NULL DEFAULT 0,
    updated_at timestamptz(6) NOT NULL DEFAULT current_timestamp,
    PRIMARY KEY (run_id, depth)
);

COMMENT ON TABLE deletion_frames IS 'One row for each frame on the stack of an open run.';
COMMENT ON COLUMN deletion_frames.run_id IS 'The run.';
COMMENT ON COLUMN deletion_frames.depth IS 'Place on the stack; 0: the roots.';
COMMENT ON COLUMN deletion_frames.node_no IS 'The plan''s table that the keys are of.';
COMMENT ON COLUMN deletion_frames.edge_no IS 'The reference by which they were found.';
COMMENT ON COLUMN deletion_frames.keys IS
'The keys, each with its job and the values it was found by.';
COMMENT ON COLUMN deletion_frames.key_count IS 'How many.';
COMMENT ON COLUMN deletion_frames.edge_pos IS
'The last of the table''s references that was emptied, by its number in the plan.';
COMMENT ON COLUMN deletion_frames.fetch_cursor IS
'How far the next reference has been read; NULL: from the start.';
COMMENT ON COLUMN deletion_frames.rows_at_pass IS
'rows_changed of the run when the pass over the references began: no more means no progress.';
COMMENT ON COLUMN deletion_frames.idle_passes IS 'Passes without progress in a row.';
COMMENT ON COLUMN deletion_frames.rows_here IS 'Rows changed below these keys so far.';
COMMENT ON COLUMN deletion_frames.updated_at IS 'When a step last wrote it.';
-- <<<

-- >>> schema/postgres/tables/deletion_receipts.sql
-- deletion_receipts
-- What each job has changed: written in the transaction that changed it.

CREATE TABLE deletion_receipts (
    job_id bigint NOT NULL,
    table_name text NOT NULL,
    action text NOT NULL,
    row_count bigint NOT NULL,
    updated_at timestamptz(6) NOT NULL DEFAULT current_timestamp,
    PRIMARY KEY (job_id, table_name, action),
    CONSTRAINT chk_dre_action
    CHECK (action IN ('delete', 'set_null', 'set_default', 'root_not_found')),
    CONSTRAINT chk_dre_row_count CHECK (row_count >= 0)
);

COMMENT ON TABLE deletion_receipts IS 'Rows changed, for each job, table and action.';
COMMENT ON COLUMN deletion_receipts.job_id IS 'The job.';
COMMENT ON COLUMN deletion_receipts.table_name IS 'The table, named as targets are.';
COMMENT ON COLUMN deletion_receipts.action IS
'delete, set_null, set_default; root_not_found: the row was gone already.';
COMMENT ON COLUMN deletion_receipts.row_count IS 'How many rows; 0 for root_not_found.';
COMMENT ON COLUMN deletion_receipts.updated_at IS 'When it last grew.';
-- <<<

-- >>> schema/postgres/tables/deletion_marks.sql
-- deletion_marks
-- What soft deletion has marked, with the value before, so that exactly this can be taken back.

CREATE TABLE deletion_marks (
    mark_id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
    job_id bigint NOT NULL,
    table_name text NOT NULL,
    row_key jsonb NOT NULL,
    column_name text NOT NULL,
    old_value jsonb,
    new_value jsonb,
    marked_at timestamptz(6) NOT NULL DEFAULT current_timestamp
);

CREATE INDEX idx_dm_job ON deletion_marks (job_id);

COMMENT ON TABLE deletion_marks IS 'One row for each row that a soft deletion has marked.';
COMMENT ON COLUMN deletion_marks.mark_id IS 'The mark''s number.';
COMMENT ON COLUMN deletion_marks.job_id IS 'The job that marked it.';
COMMENT ON COLUMN deletion_marks.table_name IS 'The table, named as targets are.';
COMMENT ON COLUMN deletion_marks.row_key IS 'The row''s key, an array.';
COMMENT ON COLUMN deletion_marks.column_name IS 'The column that was set.';
COMMENT ON COLUMN deletion_marks.old_value IS 'Its value before.';
COMMENT ON COLUMN deletion_marks.new_value IS 'Its value since.';
COMMENT ON COLUMN deletion_marks.marked_at IS 'When it was set.';
-- <<<

-- >>> schema/postgres/tables/deletion_settings.sql
-- deletion_settings
-- Every setting with its default, its range and what it means.

CREATE TABLE deletion_settings (
    setting_name varchar(64) PRIMARY KEY,
    setting_value text,
    default_value text,
    kind text NOT NULL,
    min_value bigint,
    max_value bigint,
    unit text,
    description text NOT NULL,
    CONSTRAINT chk_ds_kind CHECK (kind IN ('integer', 'boolean', 'text'))
);

COMMENT ON TABLE deletion_settings IS 'One row for each setting.';
COMMENT ON COLUMN deletion_settings.setting_name IS 'Its name.';
COMMENT ON COLUMN deletion_settings.setting_value IS 'What was set; NULL: the default holds.';
COMMENT ON COLUMN deletion_settings.default_value IS 'The default; NULL: none.';
COMMENT ON COLUMN deletion_settings.kind IS 'integer, boolean or text.';
COMMENT ON COLUMN deletion_settings.min_value IS 'The smallest integer; NULL: any.';
COMMENT ON COLUMN deletion_settings.max_value IS 'The largest integer; NULL: any.';
COMMENT ON COLUMN deletion_settings.unit IS 'What it counts.';
COMMENT ON COLUMN deletion_settings.description IS 'What it does.';

INSERT INTO deletion_settings
(setting_name, default_value, kind, min_value, max_value, unit, description)
VALUES
(
    'batch_rows', '5000', 'integer', 1, 100000, 'rows',
    'Rows that one transaction may change, the engine''s own cascades included.'
),
(
    'batch_ms', '250', 'integer', 1, 60000, 'ms',
    'How long one transaction should work before it commits: an aim.'
),
(
    'jobs_per_run', '500', 'integer', 1, 10000, 'jobs',
    'Jobs that a worker claims at once and walks together.'
),
(
    'run_seconds', '20', 'integer', 1, 3600, 's',
    'How long one CALL of run_deletion_jobs goes on while jobs are due.'
),
(
    'slice_ms', '1000', 'integer', 1, 3600000, 'ms',
    'How long a set of jobs may hold others up before its heavy ones are set aside.'
),
(
    'tick_seconds', '10', 'integer', 1, 59, 's',
    'How often the scheduler starts each worker; takes hold at start_deletion_schedule.'
),
(
    'workers', '1', 'integer', 1, 32, 'workers',
    'Slots that the scheduler starts; takes hold at start_deletion_schedule.'
),
(
    'lock_timeout_ms', '2000', 'integer', 1, 3600000, 'ms',
    'How long a step waits for a lock on application rows before it is rolled back.'
),
(
    'max_attempts', '5', 'integer', 1, 1000, 'attempts',
    'Counted attempts after which a job is failed.'
),
(
    'backoff_seconds', '10', 'integer', 0, 86400, 's',
    'Rest after the first attempt that may be tried again; doubles with each.'
),
(
    'backoff_max_seconds', '3600', 'integer', 0, 604800, 's',
    'The longest rest between two attempts.'
),
(
    'pause_ms', '0', 'integer', 0, 60000, 'ms',
    'Rest after each transaction.'
),
(
    'unindexed_limit_rows', '100000', 'integer', 0, NULL, 'rows',
    'A reference without an index is refused where its table is larger than this.'
),
(
    'max_rows', NULL, 'integer', 1, NULL, 'rows',
    'A job that would change more rows fails; for targets that name no limit; NULL: none.'
),
(
    'history_days', '90', 'integer', 1, 36500, 'days',
    'How long finished jobs, their attempts and receipts are kept.'
),
(
    'synchronous_batches', 'false', 'boolean', NULL, NULL, NULL,
    'true: each batch waits for the disk; false: a crash may undo the last ones, receipts and all.'
),
(
    'preview_rows', '1000000', 'integer', 1, NULL, 'rows',
    'Rows after which preview_deletion stops and says "at least".'
),
(
    'recompile', 'true', 'boolean', NULL, NULL, NULL,
    'Compile a stale plan anew before use; false: refuse it with JD009.'
),
(
    'max_pending', NULL, 'integer', 1, NULL, 'jobs',
    'An enqueue that would leave more jobs pending is refused; NULL: any number.'
),
(
    'paused_reason', NULL, 'text', NULL, NULL, NULL,
    'Why all workers rest; set by pause_deletions and cleared by resume_deletions.'
);
-- <<<

-- >>> schema/postgres/tables/deletion_slots.sql
-- deletion_slots
-- The workers' ticks: whether the loop really runs, slot by slot.

CREATE TABLE deletion_slots (
    slot integer PRIMARY KEY,
    last_started_at timestamptz(6),
    last_ended_at timestamptz(6),
    last_outcome text,
    last_error text,
    jobs_claimed bigint NOT NULL DEFAULT 0,
    session_id bigint,
    armed_at timestamptz(6),
    schedule text
);

COMMENT ON TABLE deletion_slots IS 'One row for each worker slot that has ever run.';
COMMENT ON COLUMN deletion_slots.slot IS 'The slot, counted from 1.';
COMMENT ON COLUMN deletion_slots.last_started_at IS 'When its loop last started.';
COMMENT ON COLUMN deletion_slots.last_ended_at IS 'When its loop last ended in order.';
COMMENT ON COLUMN deletion_slots.last_outcome IS
'How it stands: running, idle, worked, paused or interrupted.';
COMMENT ON COLUMN deletion_slots.last_error IS 'The last error that ended the loop.';
COMMENT ON COLUMN deletion_slots.jobs_claimed IS 'Jobs that its last loop claimed.';
COMMENT ON COLUMN deletion_slots.session_id IS 'Process id of its last session.';
COMMENT ON COLUMN deletion_slots.armed_at IS
'When start_deletion_schedule armed it; NULL: it did not, or it was stopped.';
COMMENT ON COLUMN deletion_slots.schedule IS 'The schedule it was armed with.';
-- <<<

-- >>> schema/postgres/tables/deletion_walk_keys.sql
-- deletion_walk_keys
-- Scratch of the walks of check and preview: which keys were met, and what becomes of them.
--
-- Logged, since the rows of walk 0 remember, over a crash, which changes a job has counted.

CREATE TABLE deletion_walk_keys (
    walk_id bigint NOT NULL,
    job_id bigint NOT NULL,
    node_no integer NOT NULL,
    fate text NOT NULL,
    key_hash bytea NOT NULL,
    edge_no integer,
    keys jsonb,
    is_expanded boolean NOT NULL DEFAULT FALSE,
    PRIMARY KEY (walk_id, job_id, node_no, fate, key_hash),
    CONSTRAINT chk_dwk_fate
    CHECK (fate IN ('delete', 'set_null', 'set_default', 'restrict', 'keep'))
);

CREATE INDEX idx_dwk_open ON deletion_walk_keys (walk_id, is_expanded, node_no);

COMMENT ON TABLE deletion_walk_keys IS 'One row for each key that a walk has met.';
COMMENT ON COLUMN deletion_walk_keys.walk_id IS
'The run; below zero: the session of a preview; 0: rows counted once for a job.';
COMMENT ON COLUMN deletion_walk_keys.job_id IS 'The job that it was met for.';
COMMENT ON COLUMN deletion_walk_keys.node_no IS 'The plan''s table that the key is of.';
COMMENT ON COLUMN deletion_walk_keys.fate IS
'What would become of the row: delete, set_null, set_default, restrict or keep.';
COMMENT ON COLUMN deletion_walk_keys.key_hash IS 'Digest of the key.';
COMMENT ON COLUMN deletion_walk_keys.edge_no IS 'The reference by which it was met.';
COMMENT ON COLUMN deletion_walk_keys.keys IS 'The key as a frame holds it.';
COMMENT ON COLUMN deletion_walk_keys.is_expanded IS 'Its children have been looked at.';
-- <<<

-- >>> schema/postgres/types/deletion_cursor.sql
-- deletion_cursor
-- Where a walk stands while a step works: what PL/pgSQL functions hand to each other.

CREATE TYPE deletion_cursor AS (
    run deletion_runs,
    frame deletion_frames,
    below deletion_frames[],
    rows_left bigint,
    has_waits boolean,
    is_locked boolean
);

COMMENT ON TYPE deletion_cursor IS
'Where a walk stands while a step works: its run, frame, the frames below, the batch''s rest.';
-- <<<

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
    v_entity_table text := deletion_check_wish('enqueue_deletion', p_table, p_hard_delete);
BEGIN
    p_job_id := deletion_enqueue(
        'enqueue_deletion',
        v_entity_table,
        deletion_parse_key(v_entity_table, p_pk, 'enqueue_deletion'),
        p_reason,
        p_hard_delete,
        p_scheduled_at,
        p_created_by
    );
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

-- >>> procedures/postgres/api/enqueue_deletions.sql
-- enqueue_deletions
-- Ask that many rows of one table, and everything that hangs from them, be deleted.
--
-- Parameters  p_table          the target, with or without its schema
--             p_pks            JSON array of keys; composite ones as arrays in it
--             p_reason         why; may be NULL
--             p_hard_delete    TRUE: remove for good; FALSE: soft delete
--             p_scheduled_at   when to start; NULL: as soon as possible
--             p_created_by     the user who asks; may be NULL
--             p_job_count      OUT: how many different keys there were, each a job now
-- Errors      JD002 NULL, no array, or a key that does not parse; JD004 no target; JD011 soft
--             delete is not possible; JD013 more pending jobs than allowed: all or nothing
-- Writes      deletion_jobs, deletion_attempts     Commits  no
-- Execute     deletion_jobs_app
-- Example     CALL enqueue_deletions('customer', '[41, 42]', 'closed', TRUE, NULL, NULL, NULL);

CREATE OR REPLACE PROCEDURE enqueue_deletions(
    IN p_table text,
    IN p_pks jsonb,
    IN p_reason text,
    IN p_hard_delete boolean,
    IN p_scheduled_at timestamptz,
    IN p_created_by bigint,
    OUT p_job_count bigint
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $enqueue_deletions$
DECLARE
    v_entity_table text := deletion_check_wish('enqueue_deletions', p_table, p_hard_delete);
    v_keys text[] := deletion_parse_keys(v_entity_table, p_pks, 'enqueue_deletions');
    v_new text[];
    v_key text;
BEGIN
    -- New rows in one statement; both passes go in the keys' order, so that no two callers
    -- that ask for the same rows wait for each other.
    WITH made AS (
        INSERT INTO deletion_jobs AS j (
            entity_table, entity_pk, reason, hard_delete, scheduled_at, created_by
        )
        SELECT v_entity_table, k.pk, p_reason, p_hard_delete, p_scheduled_at, p_created_by
        FROM unnest(v_keys) WITH ORDINALITY AS k (pk, ordinality)
        ORDER BY k.ordinality
        ON CONFLICT (entity_table, entity_pk) DO NOTHING
        RETURNING j.entity_pk
    )

    SELECT array_agg(m.entity_pk::text) INTO v_new FROM made AS m;

    FOR v_key IN
        SELECT k.pk COLLATE "C"
        FROM unnest(v_keys) AS k (pk)
        EXCEPT
        SELECT n.pk COLLATE "C"
        FROM unnest(v_new) AS n (pk)
        ORDER BY 1
    LOOP
        PERFORM deletion_enqueue(
            'enqueue_deletions', v_entity_table, v_key, p_reason, p_hard_delete, p_scheduled_at,
            p_created_by
        );
    END LOOP;

    PERFORM deletion_check_pending('enqueue_deletions');
    p_job_count := cardinality(v_keys);
END;
$enqueue_deletions$;

COMMENT ON PROCEDURE
enqueue_deletions(text, jsonb, text, boolean, timestamptz, bigint, OUT bigint) IS
'Ask that many rows of one table, and everything that hangs from them, be deleted.';
REVOKE ALL ON PROCEDURE
enqueue_deletions(text, jsonb, text, boolean, timestamptz, bigint, OUT bigint) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE
enqueue_deletions(text, jsonb, text, boolean, timestamptz, bigint, OUT bigint)
TO deletion_jobs_app;
-- <<<

-- >>> procedures/postgres/api/cancel_deletion.sql
-- cancel_deletion
-- Ask a deletion job to stop; rows already deleted stay deleted.
--
-- Parameters  p_job_id   the job: a pending one is cancelled at once, a running one is asked to
--                        stop between two batches, and may be asked again
-- Errors      JD001 no such job; JD002 NULL; JD003 already finished
-- Writes      deletion_jobs (one row), deletion_attempts     Commits  no
-- Execute     deletion_jobs_app, deletion_jobs_operator
-- Example     CALL cancel_deletion(42);

CREATE OR REPLACE PROCEDURE cancel_deletion(p_job_id bigint)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $cancel_deletion$
DECLARE
    v_status text;
    v_outcome text;
BEGIN
    IF p_job_id IS NULL THEN
        PERFORM deletion_raise('JD002', 'cancel_deletion', 'p_job_id is NULL', NULL);
    END IF;

    -- Job row first, then its attempts: the order of every writer.
    SELECT j.status INTO v_status FROM deletion_jobs AS j WHERE j.id = p_job_id FOR UPDATE;

    IF v_status IS NULL THEN
        PERFORM deletion_raise('JD001', 'cancel_deletion', 'no such job', p_job_id::text);
    ELSIF v_status = 'running' THEN
        UPDATE deletion_attempts AS a
        SET cancel_requested_at = coalesce(a.cancel_requested_at, now())
        WHERE a.job_id = p_job_id AND a.run_id IS NOT NULL AND a.outcome IS NULL AND NOT a.is_past;

        IF FOUND THEN
            RETURN;
        END IF;

        -- The run has ended, and its end has not reached the job's row yet.
        SELECT a.outcome INTO v_outcome
        FROM deletion_attempts AS a
        WHERE a.job_id = p_job_id AND NOT a.is_past
        ORDER BY a.attempt_no DESC
        LIMIT 1;
    END IF;

    IF v_status IN ('done', 'failed', 'cancelled') OR v_outcome IN ('done', 'failed', 'cancelled')
    THEN
        PERFORM deletion_raise(
            'JD003', 'cancel_deletion',
            format('job is already %s', coalesce(v_outcome, v_status)), p_job_id::text
        );
    END IF;

    UPDATE deletion_jobs AS j
    SET status = 'cancelled', finished_at = clock_timestamp(), error = NULL
    WHERE j.id = p_job_id;

    PERFORM deletion_keep_asked(p_job_id);
END;
$cancel_deletion$;

COMMENT ON PROCEDURE cancel_deletion(bigint) IS
'Ask a deletion job to stop; rows already deleted stay deleted.';
REVOKE ALL ON PROCEDURE cancel_deletion(bigint) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE cancel_deletion(bigint) TO deletion_jobs_app, deletion_jobs_operator;
-- <<<

-- >>> procedures/postgres/admin/retry_deletion.sql
-- retry_deletion
-- Make a failed or cancelled job pending again, with all its attempts before it.
--
-- Parameters  p_job_id   the job
-- Errors      JD001 no such job; JD002 NULL; JD003 the job did not fail and was not cancelled
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
-- Returns     table_name, action (delete, set_null, set_default, restrict, root_not_found),
--             reference_name (of what blocks), row_count, is_at_least (the walk was cut short)
-- Errors      JD002 NULL, or a key that does not parse; JD004 the table is no target; JD005,
--             JD007 as the plan's; 42501 a right or a policy is in the way
-- Writes      deletion_walk_keys, emptied again    Commits  no
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
-- As for a run's steps: the statements are the same.
SET row_security = off
SET jit = off
SET enable_hashjoin = off
SET enable_mergejoin = off
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
    v_keys jsonb;
    v_sql text;
BEGIN
    v_plan := deletion_usable_plan('preview_deletion', p_table);
    v_plan_id := v_plan.plan_id;
    v_error := deletion_missing_privilege(v_plan_id);

    IF v_error IS NOT NULL THEN
        PERFORM deletion_raise('42501', 'preview_deletion', v_error, NULL);
    END IF;

    SELECT s.sql_text INTO STRICT v_sql
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = v_plan_id AND s.kind = 'roots';
    EXECUTE v_sql INTO v_keys USING jsonb_build_array(jsonb_build_object(
        'j', 0, 'pk', deletion_parse_key(v_plan.entity_table, p_pk, 'preview_deletion')
    ));

    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = v_walk_id;
    PERFORM deletion_seed_walk(v_walk_id, v_keys);

    LOOP
        v_read := deletion_walk(v_walk_id, v_plan_id, TRUE);
        EXIT WHEN v_read IS NULL;
        v_total := v_total + v_read;
        EXIT WHEN v_total >= deletion_setting_int('preview_rows');
    END LOOP;

    RETURN QUERY SELECT f.*, v_read IS NOT NULL FROM deletion_fates(v_walk_id, v_plan_id) AS f;
    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = v_walk_id;
END;
$preview_deletion$;

COMMENT ON FUNCTION preview_deletion(text, text) IS
'What deleting a row would do, table by table; nothing is changed.';
REVOKE ALL ON FUNCTION preview_deletion(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION preview_deletion(text, text) TO deletion_jobs_operator;
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

    LOOP
        PERFORM pg_catalog.set_config('search_path', v_path, TRUE);
        PERFORM deletion_recover();
        COMMIT;
        PERFORM pg_catalog.set_config('search_path', v_path, TRUE);
        v_run_id := NULL;
        SELECT c.run_id, c.token, c.job_count INTO v_run_id, v_token, v_job_count
        FROM deletion_claim(p_slot, NULL) AS c;
        COMMIT;
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
    PERFORM pg_catalog.set_config('search_path', v_path, TRUE);
    SELECT c.run_id, c.token INTO v_run_id, v_token FROM deletion_claim(NULL, p_job_id) AS c;
    COMMIT;

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
    IF coalesce(p_reason, '') !~ '\S' THEN
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

-- >>> procedures/postgres/admin/resume_deletions.sql
-- resume_deletions
-- Let the workers go on after pause_deletions; nothing happens where they were not paused.
--
-- Writes      deletion_settings (one row)          Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL resume_deletions();

CREATE OR REPLACE PROCEDURE resume_deletions()
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $resume_deletions$
BEGIN
    UPDATE deletion_settings AS s
    SET setting_value = NULL
    WHERE s.setting_name = 'paused_reason' AND s.setting_value IS NOT NULL;
END;
$resume_deletions$;

COMMENT ON PROCEDURE resume_deletions() IS
'Let the workers go on after pause_deletions.';
REVOKE ALL ON PROCEDURE resume_deletions() FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE resume_deletions() TO deletion_jobs_operator;
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

    -- The keys of open jobs would come to mean other rows.
    IF EXISTS (
        SELECT 1
        FROM deletion_targets AS t
        WHERE t.entity_table = v_entity_table AND deletion_attnums(v_table, t.key_columns) <> v_key
    ) AND deletion_has_open_jobs(v_entity_table) THEN
        PERFORM deletion_raise(
            'JD003', c_verb, 'jobs by another key are still open', v_entity_table
        );
    END IF;

    INSERT INTO deletion_targets AS t (
        entity_table, table_schema, table_name, key_columns, key_types, max_rows
    )
    SELECT
        v_entity_table,
        n.nspname,
        c.relname,
        jsonb_agg(a.attname ORDER BY array_position(v_key, a.attnum)),
        jsonb_agg(
            format_type(a.atttypid, a.atttypmod) ORDER BY array_position(v_key, a.attnum)
        ),
        p_max_rows
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    INNER JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY (v_key)
    WHERE c.oid = v_table
    GROUP BY n.nspname, c.relname
    ON CONFLICT (entity_table) DO UPDATE
    SET
        key_columns = excluded.key_columns,
        key_types = excluded.key_types,
        max_rows = excluded.max_rows;
END;
$register_deletion_target$;

COMMENT ON PROCEDURE register_deletion_target(text, jsonb, bigint) IS
'Allow deletions from a table, and fix the key by which its rows are named.';
REVOKE ALL ON PROCEDURE register_deletion_target(text, jsonb, bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/admin/unregister_deletion_target.sql
-- unregister_deletion_target
-- Allow no further deletions from a table; jobs that have ended stay as history.
--
-- Parameters  p_table   the target, which may be gone itself
-- Errors      JD002 NULL; JD003 jobs of it are pending or running; JD004 table is no target
-- Writes      deletion_targets (one row), deletion_plans     Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL unregister_deletion_target('customer');

CREATE OR REPLACE PROCEDURE unregister_deletion_target(p_table text)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $unregister_deletion_target$
DECLARE
    c_verb CONSTANT text := 'unregister_deletion_target';
    v_entity_table text := deletion_target_name(p_table);
BEGIN
    IF p_table IS NULL THEN
        PERFORM deletion_raise('JD002', c_verb, 'p_table is NULL', NULL);
    ELSIF v_entity_table IS NULL THEN
        PERFORM deletion_raise('JD004', c_verb, 'table is no target', p_table);
    ELSIF deletion_has_open_jobs(v_entity_table) THEN
        PERFORM deletion_raise(
            'JD003', c_verb, 'jobs are pending or running', v_entity_table,
            'Cancel them, or wait until they have ended.'
        );
    END IF;

    DELETE FROM deletion_targets AS t WHERE t.entity_table = v_entity_table;

    UPDATE deletion_plans AS p
    SET superseded_at = clock_timestamp()
    WHERE p.entity_table = v_entity_table AND p.superseded_at IS NULL;
END;
$unregister_deletion_target$;

COMMENT ON PROCEDURE unregister_deletion_target(text) IS
'Allow no further deletions from a table; jobs that have ended stay as history.';
REVOKE ALL ON PROCEDURE unregister_deletion_target(text) FROM PUBLIC;
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
        AND (d.child_schema, d.child_table) IS DISTINCT FROM (
            SELECT ROW(n.nspname::varchar, c.relname::varchar)
            FROM pg_class AS c
            INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
            WHERE c.oid = v_child
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
-- Parameters  p_child_table   the table that refers
--             p_reference     its foreign key's constraint, or the declared reference
--             p_action        cascade, set_null, set_default, restrict, or keep where declared;
--                             NULL: what the catalog or the declaration says holds again
-- Errors      JD002 NULL, no such reference or action; JD005 no such table
-- Writes      deletion_rules (one row)             Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL set_deletion_rule('invoice', 'invoice_customer_id_fkey', 'restrict');

CREATE OR REPLACE PROCEDURE set_deletion_rule(
    p_child_table text,
    p_reference text,
    p_action text
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $set_deletion_rule$
DECLARE
    c_verb CONSTANT text := 'set_deletion_rule';
    v_name text[] := deletion_split_name(p_child_table);
    v_is_key boolean;
    v_is_declared boolean;
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

    v_is_key := EXISTS (
        SELECT 1
        FROM pg_constraint AS k
        WHERE
            k.conrelid = deletion_find_table(p_child_table, c_verb) AND k.contype = 'f'
            AND k.conname = p_reference
    );
    v_is_declared := EXISTS (
        SELECT 1
        FROM deletion_references AS d
        WHERE
            d.reference_name = p_reference
            AND d.child_schema = v_name[1] AND d.child_table = v_name[2]
    );

    IF NOT v_is_key AND NOT v_is_declared THEN
        PERFORM deletion_raise(
            'JD002', c_verb, format('no such reference of %s', left(p_child_table, 64)), p_reference
        );
    ELSIF p_action NOT IN ('cascade', 'set_null', 'set_default', 'restrict', 'keep') THEN
        PERFORM deletion_raise('JD002', c_verb, 'no such action', p_action);
    ELSIF p_action = 'keep' AND NOT v_is_declared THEN
        PERFORM deletion_raise(
            'JD002', c_verb, 'rows of a foreign key cannot be kept: no action keep', p_reference
        );
    ELSIF
        p_action NOT IN ('set_null', 'restrict')
        AND deletion_is_ours(deletion_find_table(p_child_table, c_verb))
    THEN
        PERFORM deletion_raise('JD002', c_verb, 'table belongs to deletion-jobs', p_child_table);
    END IF;

    INSERT INTO deletion_rules AS r (child_schema, child_table, reference_name, action)
    SELECT v_name[1], v_name[2], p_reference, p_action
    WHERE p_action IS NOT NULL
    ON CONFLICT (child_schema, child_table, reference_name) DO UPDATE
    SET action = excluded.action, created_at = now();
END;
$set_deletion_rule$;

COMMENT ON PROCEDURE set_deletion_rule(text, text, text) IS
'Decide what happens to the rows behind one reference, whatever the catalog says.';
REVOKE ALL ON PROCEDURE set_deletion_rule(text, text, text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/admin/compile_deletion_plan.sql
-- compile_deletion_plan
-- Compile the plan of a target now, to read it in vw_deletion_plan before anything is deleted.
--
-- Parameters  p_table   the target
-- Errors      JD002 NULL; JD004 the table is no target; JD005 a table that cannot take part;
--             JD007 tables that refer to each other in a circle
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner; DBAs grant it
-- Example     CALL compile_deletion_plan('users');

CREATE OR REPLACE PROCEDURE compile_deletion_plan(p_table text)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $compile_deletion_plan$
BEGIN
    PERFORM deletion_usable_plan('compile_deletion_plan', p_table);
END;
$compile_deletion_plan$;

COMMENT ON PROCEDURE compile_deletion_plan(text) IS
'Compile the plan of a target now, to read it before anything is deleted.';
REVOKE ALL ON PROCEDURE compile_deletion_plan(text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/admin/set_deletion_setting.sql
-- set_deletion_setting
-- Change a setting of this installation.
--
-- Parameters  p_name    the setting
--             p_value   its value as text; NULL: back to the default
-- Errors      JD002 no such setting, or a value of another kind or out of range
-- Writes      deletion_settings (one row)          Commits  no
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
END;
$set_deletion_setting$;

COMMENT ON PROCEDURE set_deletion_setting(text, text) IS
'Change a setting of this installation.';
REVOKE ALL ON PROCEDURE set_deletion_setting(text, text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/admin/link_deletion_users.sql
-- link_deletion_users
-- Let created_by of the jobs point at the application's users, or point at nothing again.
--
-- Parameters  p_table    the users' table; NULL: drop the key
--             p_column   its column, of an integer type and unique
-- Errors      JD002 no such column, another type, not unique; JD005 no such table; 23503 a job
--             names a user who does not exist
-- Writes      the constraint fk_dj_user of deletion_jobs     Commits  no
-- Execute     the owner only (DBAs), who also needs the right REFERENCES on the users' table
-- Example     CALL link_deletion_users('users', 'id');

CREATE OR REPLACE PROCEDURE link_deletion_users(
    p_table text,
    p_column text DEFAULT 'id'
)
LANGUAGE plpgsql
-- The right to refer to the application's table is the caller's, not our owner's.
SECURITY INVOKER
SET search_path FROM CURRENT
AS $link_deletion_users$
DECLARE
    c_verb CONSTANT text := 'link_deletion_users';
    v_table regclass;
    v_column pg_attribute;
BEGIN
    IF p_table IS NOT NULL THEN
        v_table := deletion_find_table(p_table, c_verb);

        SELECT a.* INTO v_column
        FROM pg_attribute AS a
        WHERE
            a.attrelid = v_table AND a.attname = p_column AND a.attnum > 0
            AND NOT a.attisdropped;

        IF v_column.attnum IS NULL THEN
            PERFORM deletion_raise(
                'JD002', c_verb, 'no such column',
                concat_ws('.', deletion_entity_name(v_table), p_column)
            );
        ELSIF v_column.atttypid NOT IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN
            PERFORM deletion_raise(
                'JD002', c_verb, 'column is of no integer type',
                format('%s.%I', deletion_entity_name(v_table), p_column)
            );
        ELSIF NOT EXISTS (
            SELECT 1
            FROM pg_index AS i
            WHERE
                i.indrelid = v_table AND i.indisunique AND i.indisvalid AND i.indimmediate
                AND i.indpred IS NULL AND i.indexprs IS NULL
                AND i.indnkeyatts = 1 AND i.indkey[0] = v_column.attnum
        ) THEN
            PERFORM deletion_raise(
                'JD002', c_verb, 'column is not unique',
                format('%s.%I', deletion_entity_name(v_table), p_column)
            );
        END IF;

        -- There is nothing to do where the key is this one already.
        IF EXISTS (
            SELECT 1
            FROM pg_constraint AS k
            WHERE
                k.conrelid = 'deletion_jobs'::regclass AND k.conname = 'fk_dj_user'
                AND k.confrelid = v_table AND k.confkey = ARRAY[v_column.attnum]
        ) THEN
            RETURN;
        END IF;
    END IF;

    ALTER TABLE deletion_jobs DROP CONSTRAINT IF EXISTS fk_dj_user;

    IF p_table IS NOT NULL THEN
        EXECUTE format(
            'ALTER TABLE deletion_jobs ADD CONSTRAINT fk_dj_user'
            ' FOREIGN KEY (created_by) REFERENCES %s (%I) ON DELETE SET NULL',
            v_table, v_column.attname
        );
    END IF;
END;
$link_deletion_users$;

COMMENT ON PROCEDURE link_deletion_users(text, text) IS
'Let created_by of the jobs point at the application''s users, or point at nothing again.';
REVOKE ALL ON PROCEDURE link_deletion_users(text, text) FROM PUBLIC;
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
        <= string_to_array(substring(v_version FROM '^[0-9]+\.[0-9]+'), '.')::integer[];
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

-- >>> procedures/postgres/schedule/stop_deletion_schedule.sql
-- stop_deletion_schedule
-- Let pg_cron start no more workers; a run that works at this moment is ended by pg_cron, and
-- its jobs are taken up by the next worker.
--
-- Writes      deletion_slots; jobs of pg_cron      Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL stop_deletion_schedule();

CREATE OR REPLACE PROCEDURE stop_deletion_schedule()
LANGUAGE plpgsql
SECURITY INVOKER
SET search_path FROM CURRENT
AS $stop_deletion_schedule$
BEGIN
    PERFORM deletion_disarm_slots();
    PERFORM deletion_unschedule('{}');
END;
$stop_deletion_schedule$;

COMMENT ON PROCEDURE stop_deletion_schedule() IS 'Let pg_cron start no more workers.';
REVOKE ALL ON PROCEDURE stop_deletion_schedule() FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE stop_deletion_schedule() TO deletion_jobs_operator;
-- <<<

-- >>> procedures/postgres/planner/deletion_raise.sql
-- deletion_raise
-- Raise one of the errors of this project, in the form that all of them have.
--
-- Parameters  p_code    its SQLSTATE
--             p_verb    the verb that was called
--             p_what    what is wrong
--             p_value   the value that is; NULL: none to show
--             p_hint    what to do; NULL: it goes without saying
-- Errors      the one that was asked for, always
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_raise('JD001', 'cancel_deletion', 'no such job', '42');

CREATE OR REPLACE FUNCTION deletion_raise(
    p_code text,
    p_verb text,
    p_what text,
    p_value text,
    p_hint text DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_raise$
DECLARE
    v_message text := format('%s: %s', p_verb, p_what);
BEGIN
    IF p_value IS NOT NULL THEN
        -- The value is cut, never the closing parenthesis.
        v_message := format('%s (%s)', v_message, left(p_value, greatest(125 - length(v_message), 0)));
    END IF;

    IF p_hint IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = p_code, MESSAGE = left(v_message, 128);
    END IF;

    RAISE EXCEPTION USING ERRCODE = p_code, MESSAGE = left(v_message, 128), HINT = p_hint;
END;
$deletion_raise$;

COMMENT ON FUNCTION deletion_raise(text, text, text, text, text) IS
'Raise one of the errors of this project, in the form that all of them have.';
REVOKE ALL ON FUNCTION deletion_raise(text, text, text, text, text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_setting.sql
-- deletion_setting
-- Read a setting: its value, or its default where none was set.
--
-- Parameters  p_name   the setting
-- Returns     text; NULL: none
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_setting('recompile');

CREATE OR REPLACE FUNCTION deletion_setting(p_name text)
RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_setting$
BEGIN
    -- Kept as a prepared plan: a function in SQL is planned anew in every transaction.
    RETURN (
        SELECT coalesce(s.setting_value, s.default_value)
        FROM deletion_settings AS s
        WHERE s.setting_name = p_name
    );
END;
$deletion_setting$;

COMMENT ON FUNCTION deletion_setting(text) IS
'Read a setting: its value, or its default where none was set.';
REVOKE ALL ON FUNCTION deletion_setting(text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_setting_int.sql
-- deletion_setting_int
-- Read a setting that is a whole number.
--
-- Parameters  p_name   the setting
-- Returns     bigint; NULL: none
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_setting_int('batch_rows');

CREATE OR REPLACE FUNCTION deletion_setting_int(p_name text)
RETURNS bigint
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_setting_int$
BEGIN
    -- Kept as a prepared plan: a function in SQL is planned anew in every transaction.
    RETURN (
        SELECT coalesce(s.setting_value, s.default_value)::bigint
        FROM deletion_settings AS s
        WHERE s.setting_name = p_name
    );
END;
$deletion_setting_int$;

COMMENT ON FUNCTION deletion_setting_int(text) IS
'Read a setting that is a whole number.';
REVOKE ALL ON FUNCTION deletion_setting_int(text) FROM PUBLIC;
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
    IF p_name ~ '^\s|\s$' THEN
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

-- >>> procedures/postgres/planner/deletion_target_name.sql
-- deletion_target_name
-- Find the name that a target is registered under.
--
-- Parameters  p_table   the table, in any spelling
-- Returns     text; NULL: the table is no target
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_target_name('Public.customer');

CREATE OR REPLACE FUNCTION deletion_target_name(p_table text)
RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_target_name$
DECLARE
    v_found text;
    v_parts text[];
BEGIN
    -- Nearly every caller sends the registered name itself.
    SELECT t.entity_table INTO v_found
    FROM deletion_targets AS t
    WHERE t.entity_table = p_table;

    IF v_found IS NULL THEN
        v_parts := deletion_split_name(p_table);
        SELECT t.entity_table INTO v_found
        FROM deletion_targets AS t
        WHERE t.table_schema = v_parts[1] AND t.table_name = v_parts[2];
    END IF;

    RETURN v_found;
END;
$deletion_target_name$;

COMMENT ON FUNCTION deletion_target_name(text) IS
'Find the name that a target is registered under.';
REVOKE ALL ON FUNCTION deletion_target_name(text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_find_table.sql
-- deletion_find_table
-- Find a table of the application by the name that somebody gave.
--
-- Parameters  p_name   the table, in any spelling
--             p_verb   the verb that was called
-- Returns     regclass
-- Errors      JD005 no such table; a system table, a view, partitioned, inherited, temporary
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
            WHEN c.relkind = 'p' OR c.relispartition THEN 'partitioned'
            WHEN c.relkind <> 'r' THEN 'no table'
            WHEN EXISTS (SELECT 1 FROM pg_inherits AS i WHERE c.oid IN (i.inhparent, i.inhrelid))
                THEN 'inherited'
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
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_type_family$
WITH RECURSIVE base AS (
    SELECT t.oid, t.typtype, t.typcategory, t.typnamespace, t.typbasetype
    FROM pg_type AS t
    WHERE t.oid = p_type
    UNION ALL
    SELECT t.oid, t.typtype, t.typcategory, t.typnamespace, t.typbasetype
    FROM base AS b
    INNER JOIN pg_type AS t ON t.oid = b.typbasetype
    WHERE b.typtype = 'd'
)

SELECT CASE
    WHEN b.typtype = 'e' THEN 'label'
    WHEN b.typtype <> 'b' OR b.typcategory = 'A' THEN NULL
    WHEN b.oid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN 'integer'
    WHEN b.oid = 'numeric'::regtype THEN 'decimal'
    WHEN b.oid = 'bpchar'::regtype THEN 'padded'
    WHEN b.typcategory = 'S' THEN 'string'
    WHEN b.oid = 'bytea'::regtype THEN 'bytes'
    WHEN b.oid IN ('bit'::regtype, 'varbit'::regtype) THEN 'bits'
    WHEN b.oid = 'bool'::regtype THEN 'boolean'
    WHEN b.oid IN (
        'date'::regtype, 'time'::regtype, 'timetz'::regtype, 'timestamp'::regtype,
        'timestamptz'::regtype, 'interval'::regtype
    ) THEN b.oid::regtype::text
    WHEN b.oid IN (
        'uuid'::regtype, 'inet'::regtype, 'cidr'::regtype, 'macaddr'::regtype,
        'macaddr8'::regtype, 'oid'::regtype
    ) THEN 'other'
    -- A type that an extension brings is taken at its word.
    WHEN b.typcategory = 'U' AND b.typnamespace <> 'pg_catalog'::regnamespace THEN 'other'
END
FROM base AS b
WHERE b.typtype <> 'd';
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
    c_time CONSTANT text := '[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?';
    c_zone CONSTANT text := '(Z|[+-][0-9]{2}(:?[0-9]{2}(:[0-9]{2})?)?)?';
    v_type regtype := p_type::regtype;
    v_family text := deletion_type_family(v_type);
    v_base text;
    v_form text;
    v_plain text;
    v_full text;
    v_is_same boolean;
BEGIN
    -- What the type's own input would let pass, and what it would read in several ways.
    v_form := CASE v_family
        WHEN 'integer' THEN '^-?[0-9]+$'
        WHEN 'decimal' THEN '^-?[0-9]+(\.[0-9]+)?$'
        WHEN 'bytes' THEN '^\\x([0-9a-fA-F]{2})*$'
        WHEN 'bits' THEN '^[01]+$'
        WHEN 'boolean' THEN '^(t|f|true|false)$'
        WHEN 'date' THEN format('^(%s( BC)?|-?infinity)$', c_date)
        WHEN 'time without time zone' THEN format('^%s$', c_time)
        WHEN 'time with time zone' THEN format('^%s%s$', c_time, c_zone)
        WHEN 'timestamp without time zone'
            THEN format('^(%s[ T]%s( BC)?|-?infinity)$', c_date, c_time)
        WHEN 'timestamp with time zone'
            THEN format('^(%s[ T]%s%s( BC)?|-?infinity)$', c_date, c_time, c_zone)
        WHEN 'interval' THEN '^\S.*\S$'
        WHEN 'other' THEN '^\S+$'
        -- The types of texts take any.
        ELSE ''
    END;

    IF v_family IS NULL OR p_text !~ v_form THEN
        RETURN NULL;
    END IF;

    WITH RECURSIVE base AS (
        SELECT t.oid, t.typtype, t.typbasetype FROM pg_type AS t WHERE t.oid = v_type
        UNION ALL
        SELECT t.oid, t.typtype, t.typbasetype
        FROM base AS b
        INNER JOIN pg_type AS t ON t.oid = b.typbasetype
        WHERE b.typtype = 'd'
    )

    SELECT format_type(b.oid, -1) INTO v_base FROM base AS b WHERE b.typtype <> 'd';

    -- Values that are equal have one spelling: 1.50 and 1.5, a day and 24 hours, blanks at the end.
    v_plain := CASE v_family
        WHEN 'decimal' THEN 'trim_scale(%s)'
        WHEN 'interval' THEN 'justify_interval(%s)'
        WHEN 'padded' THEN 'rtrim(%s::text)'
        ELSE '%s'
    END;

    -- The type's names come from the catalog; the value is bound. A cast to varchar(n), numeric(p,s)
    -- or timestamp(p) cuts without a word: the value has to be the same as without the limits.
    EXECUTE format(
        'SELECT format(''%%s'', f.v), format(''%%s'', %s) = format(''%%s'', %s)'
        ' FROM (SELECT %s::%s AS v) AS f',
        format(v_plain, 'f.v'), format(v_plain, '$1::' || v_base),
        format(v_plain, '$1::' || v_base), p_type
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

-- >>> procedures/postgres/planner/deletion_key_texts.sql
-- deletion_key_texts
-- Read a composite key strictly, and give the one text that stands for it.
--
-- Parameters  p_pk      a JSON array of texts and numbers, in key order
--             p_types   types of the key's columns, a JSON array of texts
-- Returns     text, a JSON array of texts without blanks between them; NULL: it does not parse
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_key_texts('["de", 12]', '["text", "integer"]');

CREATE OR REPLACE FUNCTION deletion_key_texts(
    p_pk text,
    p_types jsonb
) RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_key_texts$
DECLARE
    -- Not jsonb, which would make 1000 of 1e3.
    v_pk json;
    v_key text;
BEGIN
    v_pk := p_pk::json;

    IF json_typeof(v_pk) <> 'array' OR json_array_length(v_pk) <> jsonb_array_length(p_types) THEN
        RETURN NULL;
    END IF;

    SELECT '[' || string_agg(to_json(k.part)::text, ',' ORDER BY k.ordinality) || ']'
    INTO v_key
    FROM (
        SELECT
            e.ordinality,
            CASE WHEN json_typeof(e.value) IN ('string', 'number')
                THEN deletion_key_text(e.value #>> '{}', p_types ->> (e.ordinality - 1)::integer)
            END AS part
        FROM json_array_elements(v_pk) WITH ORDINALITY AS e (value, ordinality)
    ) AS k
    HAVING count(k.part) = count(*);

    RETURN v_key;
EXCEPTION
    WHEN data_exception THEN
        RETURN NULL;
END;
$deletion_key_texts$;

COMMENT ON FUNCTION deletion_key_texts(text, jsonb) IS
'Read a composite key strictly, and give the one text that stands for it.';
REVOKE ALL ON FUNCTION deletion_key_texts(text, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_parse_key.sql
-- deletion_parse_key
-- Read a row's key strictly, and give the one text that stands for it in deletion_jobs.
--
-- Parameters  p_entity_table   the target, as it is registered
--             p_pk             the key as text; a composite one as a JSON array in key order
--             p_verb           the verb that was called
-- Returns     text; composite keys as a JSON array of texts without blanks between them
-- Errors      JD002 it does not parse, or is longer than 64 characters; JD004 no such target
-- Writes      nothing, and reads no application table     Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_parse_key('place', '["de", 12]');

CREATE OR REPLACE FUNCTION deletion_parse_key(
    p_entity_table text,
    p_pk text,
    p_verb text DEFAULT 'deletion_parse_key'
) RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_parse_key$
DECLARE
    v_types jsonb;
    v_key text;
BEGIN
    SELECT t.key_types INTO v_types
    FROM deletion_targets AS t
    WHERE t.entity_table = p_entity_table;

    IF v_types IS NULL THEN
        PERFORM deletion_raise('JD004', p_verb, 'table is no target', p_entity_table);
    ELSIF p_pk IS NULL THEN
        PERFORM deletion_raise('JD002', p_verb, 'the key is NULL', p_entity_table);
    END IF;

    -- Most keys are as their type prints them beyond doubt: a tenth of the time of a cast.
    IF jsonb_array_length(v_types) = 1 AND p_pk ~ (
        CASE v_types ->> 0
            WHEN 'integer' THEN '^(0|-?[1-9][0-9]{0,8})$'
            WHEN 'bigint' THEN '^(0|-?[1-9][0-9]{0,17})$'
            WHEN 'uuid' THEN '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
        END
    ) THEN
        RETURN p_pk;
    END IF;

    IF jsonb_array_length(v_types) = 1 THEN
        v_key := deletion_key_text(p_pk, v_types ->> 0);
    ELSE
        v_key := deletion_key_texts(p_pk, v_types);
    END IF;

    IF v_key IS NULL THEN
        PERFORM deletion_raise(
            'JD002', p_verb, format('not a key of %s', p_entity_table), p_pk,
            format('The key''s types are %s.', v_types)
        );
    ELSIF length(v_key) > 64 THEN
        PERFORM deletion_raise(
            'JD002', p_verb, 'the key is longer than 64 characters', v_key,
            'Register the target by a shorter unique key.'
        );
    END IF;

    RETURN v_key;
END;
$deletion_parse_key$;

COMMENT ON FUNCTION deletion_parse_key(text, text, text) IS
'Read a row''s key strictly, and give the one text that stands for it in deletion_jobs.';
REVOKE ALL ON FUNCTION deletion_parse_key(text, text, text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_parse_keys.sql
-- deletion_parse_keys
-- Read many keys strictly, and give them in canonical form, each once and in order.
--
-- Parameters  p_entity_table   the target, as it is registered
--             p_pks            a JSON array of keys: texts and numbers, arrays where composite
--             p_verb           the verb that was called
-- Returns     text[], sorted: callers that lock rows in this order do not deadlock
-- Errors      JD002 no array, or a key that does not parse
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_parse_keys('customer', '[1, "2"]', 'enqueue_deletions');

CREATE OR REPLACE FUNCTION deletion_parse_keys(
    p_entity_table text,
    p_pks jsonb,
    p_verb text
) RETURNS text[]
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_parse_keys$
DECLARE
    v_other jsonb;
BEGIN
    IF jsonb_typeof(p_pks) IS DISTINCT FROM 'array' THEN
        PERFORM deletion_raise('JD002', p_verb, 'p_pks is no JSON array', p_pks::text);
    END IF;

    SELECT e.value INTO v_other
    FROM jsonb_array_elements(p_pks) AS e (value)
    WHERE jsonb_typeof(e.value) NOT IN ('string', 'number', 'array')
    LIMIT 1;

    IF FOUND THEN
        PERFORM deletion_raise('JD002', p_verb, 'not a key', v_other::text);
    END IF;

    RETURN ARRAY(
        SELECT DISTINCT deletion_parse_key(p_entity_table, e.value #>> '{}', p_verb) COLLATE "C"
        FROM jsonb_array_elements(p_pks) AS e (value)
        ORDER BY 1
    );
END;
$deletion_parse_keys$;

COMMENT ON FUNCTION deletion_parse_keys(text, jsonb, text) IS
'Read many keys strictly, and give them in canonical form, each once and in order.';
REVOKE ALL ON FUNCTION deletion_parse_keys(text, jsonb, text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_columns.sql
-- deletion_columns
-- Read a caller's list of columns: a JSON array of names, each once.
--
-- Parameters  p_table     the table
--             p_columns   what the caller sent
-- Returns     int2[]; NULL: no such array, empty, or not columns of the table
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_columns('customer'::regclass, '["id"]');

CREATE OR REPLACE FUNCTION deletion_columns(
    p_table regclass,
    p_columns jsonb
) RETURNS int2[]
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_columns$
BEGIN
    IF jsonb_typeof(p_columns) IS DISTINCT FROM 'array' THEN
        RETURN NULL;
    END IF;

    IF EXISTS (
        SELECT 1
        FROM jsonb_array_elements(p_columns) AS e (value)
        GROUP BY e.value
        HAVING count(*) > 1 OR jsonb_typeof(e.value) <> 'string'
    ) THEN
        RETURN NULL;
    END IF;

    RETURN deletion_attnums(p_table, p_columns);
END;
$deletion_columns$;

COMMENT ON FUNCTION deletion_columns(regclass, jsonb) IS
'Read a caller''s list of columns: a JSON array of names, each once.';
REVOKE ALL ON FUNCTION deletion_columns(regclass, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_unique_key.sql
-- deletion_unique_key
-- Find the columns that name one row: those that were asked for, if they do, or the primary key.
--
-- Parameters  p_table     the table
--             p_columns   column names, a JSON array; NULL: the primary key
-- Returns     int2[] in the order asked for; NULL: not the columns of a NOT NULL unique key
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_unique_key('customer'::regclass, '["email"]');

CREATE OR REPLACE FUNCTION deletion_unique_key(
    p_table regclass,
    p_columns jsonb
) RETURNS int2[]
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_unique_key$
DECLARE
    v_columns int2[] := deletion_columns(p_table, p_columns);
    v_key int2[];
BEGIN
    IF v_columns IS NULL AND p_columns IS NOT NULL THEN
        RETURN NULL;
    END IF;

    -- indkey counts from 0 and lists INCLUDE columns too; a deferrable key may hold twice.
    SELECT (i.indkey::int2[])[0:i.indnkeyatts - 1] INTO v_key
    FROM pg_index AS i
    WHERE
        i.indrelid = p_table AND i.indisunique AND i.indisvalid AND i.indimmediate
        AND i.indpred IS NULL AND i.indexprs IS NULL
        AND CASE
            WHEN p_columns IS NULL THEN i.indisprimary
            ELSE
                i.indnkeyatts = cardinality(v_columns)
                AND v_columns @> (i.indkey::int2[])[0:i.indnkeyatts - 1]
        END
    LIMIT 1;

    IF EXISTS (
        SELECT 1
        FROM pg_attribute AS a
        WHERE a.attrelid = p_table AND a.attnum = ANY (v_key) AND NOT a.attnotnull
    ) THEN
        RETURN NULL;
    END IF;

    -- Sliced arrays keep their bounds; the catalog functions expect 1.
    RETURN CASE WHEN v_key IS NOT NULL THEN coalesce(v_columns, ARRAY(SELECT unnest(v_key))) END;
END;
$deletion_unique_key$;

COMMENT ON FUNCTION deletion_unique_key(regclass, jsonb) IS
'Find the columns that name one row: those that were asked for, if they do, or the primary key.';
REVOKE ALL ON FUNCTION deletion_unique_key(regclass, jsonb) FROM PUBLIC;
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
    WHERE c.oid = p_table AND c.relname LIKE 'deletion\_%'
);
$deletion_is_ours$;

COMMENT ON FUNCTION deletion_is_ours(regclass) IS
'Tell whether a table belongs to this installation.';
REVOKE ALL ON FUNCTION deletion_is_ours(regclass) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_has_open_jobs.sql
-- deletion_has_open_jobs
-- Tell whether any job of a target is pending or running.
--
-- Parameters  p_entity_table   the target, as it is registered
-- Returns     boolean
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_has_open_jobs('customer');

CREATE OR REPLACE FUNCTION deletion_has_open_jobs(p_entity_table text)
RETURNS boolean
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_has_open_jobs$
SELECT EXISTS (
    SELECT 1
    FROM deletion_jobs AS j
    WHERE j.entity_table = p_entity_table AND j.status IN ('pending', 'running')
);
$deletion_has_open_jobs$;

COMMENT ON FUNCTION deletion_has_open_jobs(text) IS
'Tell whether any job of a target is pending or running.';
REVOKE ALL ON FUNCTION deletion_has_open_jobs(text) FROM PUBLIC;
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
    ELSIF NOT p_hard_delete THEN
        PERFORM deletion_raise(
            'JD011', p_verb, 'table has no soft-delete column', v_entity_table,
            'Ask for p_hard_delete => TRUE.'
        );
    END IF;

    RETURN v_entity_table;
END;
$deletion_check_wish$;

COMMENT ON FUNCTION deletion_check_wish(text, text, boolean) IS
'Check what is the same for all rows of an enqueue, and find the target.';
REVOKE ALL ON FUNCTION deletion_check_wish(text, text, boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_check_pending.sql
-- deletion_check_pending
-- Refuse what would leave more jobs pending than the setting max_pending allows.
--
-- Parameters  p_verb   the verb that was called, after it made its jobs
-- Errors      JD013 more pending jobs than allowed
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_check_pending(p_verb text)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_check_pending$
DECLARE
    v_limit bigint := deletion_setting_int('max_pending');
BEGIN
    IF v_limit IS NULL THEN
        RETURN;
    END IF;

    -- Jobs of transactions still open are not seen: the limit is a brake, no exact gauge.
    IF v_limit < (
        SELECT count(*)
        FROM (
            SELECT 1 FROM deletion_jobs AS j WHERE j.status = 'pending' LIMIT v_limit + 1
        ) AS pending
    ) THEN
        PERFORM deletion_raise(
            'JD013', p_verb, 'more pending jobs than allowed', v_limit::text,
            'Wait until workers have caught up, or raise the setting max_pending.'
        );
    END IF;
END;
$deletion_check_pending$;

COMMENT ON FUNCTION deletion_check_pending(text) IS
'Refuse what would leave more jobs pending than the setting max_pending allows.';
REVOKE ALL ON FUNCTION deletion_check_pending(text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_keep_asked.sql
-- deletion_keep_asked
-- Keep in the attempts what a job asks for and how it ended, before its row is used again.
--
-- Parameters  p_job_id   the job, locked by the caller
-- Writes      deletion_attempts (one row)          Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_keep_asked(p_job_id bigint)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_keep_asked$
BEGIN
    IF EXISTS (SELECT 1 FROM deletion_attempts AS a WHERE a.job_id = p_job_id AND NOT a.is_past) THEN
        -- Claims write the wish with each attempt; older users of the contract may not have.
        UPDATE deletion_attempts AS a
        SET
            asked_reason = j.reason,
            asked_hard_delete = j.hard_delete,
            asked_scheduled_at = j.scheduled_at,
            asked_by = j.created_by,
            asked_at = j.created_at
        FROM deletion_jobs AS j
        WHERE j.id = p_job_id AND a.job_id = j.id AND NOT a.is_past AND a.asked_at IS NULL;
        RETURN;
    END IF;

    INSERT INTO deletion_attempts (
        job_id, attempt_no, started_at, ended_at, outcome, error,
        asked_reason, asked_hard_delete, asked_scheduled_at, asked_by, asked_at
    )
    SELECT
        j.id,
        1 + coalesce(
            (SELECT max(a.attempt_no) FROM deletion_attempts AS a WHERE a.job_id = j.id), 0
        ),
        j.started_at, coalesce(j.finished_at, now()), j.status, j.error,
        j.reason, j.hard_delete, j.scheduled_at, j.created_by, j.created_at
    FROM deletion_jobs AS j
    WHERE j.id = p_job_id;
END;
$deletion_keep_asked$;

COMMENT ON FUNCTION deletion_keep_asked(bigint) IS
'Keep in the attempts what a job asks for and how it ended, before its row is used again.';
REVOKE ALL ON FUNCTION deletion_keep_asked(bigint) FROM PUBLIC;
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
            -- NULL means since created_at, on both sides.
            IF coalesce(p_scheduled_at, v_job.created_at)
                < coalesce(v_job.scheduled_at, v_job.created_at)
                OR (p_hard_delete AND NOT v_job.hard_delete) THEN
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
            WHERE deletion_equality_of(p.atttypid, c.atttypid) IS NULL
        ) THEN 'child and parent columns cannot be compared'
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

-- >>> procedures/postgres/planner/deletion_attnums.sql
-- deletion_attnums
-- Turn a JSON array of column names into the table's column numbers, in the same order.
--
-- Parameters  p_table   the table
--             p_names   column names, as deletion_targets and deletion_references keep them
-- Returns     int2[]; NULL where a name is not a column of the table
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_attnums('users'::regclass, '["id"]');

CREATE OR REPLACE FUNCTION deletion_attnums(
    p_table oid,
    p_names jsonb
) RETURNS int2[]
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_attnums$
SELECT CASE WHEN count(a.attnum) = count(*) THEN array_agg(a.attnum ORDER BY w.ordinality) END
FROM jsonb_array_elements_text(p_names) WITH ORDINALITY AS w (name, ordinality)
LEFT JOIN pg_attribute AS a
    ON a.attrelid = p_table AND a.attname = w.name AND a.attnum > 0 AND NOT a.attisdropped;
$deletion_attnums$;

COMMENT ON FUNCTION deletion_attnums(oid, jsonb) IS
'Column numbers of a JSON array of column names, in the same order.';
REVOKE ALL ON FUNCTION deletion_attnums(oid, jsonb) FROM PUBLIC;
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
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_equality$
-- A bare "=" would be looked up along the search path, where another schema's type has none.
SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname)
FROM pg_operator AS given
INNER JOIN pg_operator AS o
    ON o.oid = CASE WHEN p_commuted THEN given.oprcom ELSE given.oid END
INNER JOIN pg_namespace AS n ON n.oid = o.oprnamespace
WHERE given.oid = p_operator;
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
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_equality_of$
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
LIMIT 1;
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
            (
                SELECT string_agg(concat_ws(',', k.oid, k.conrelid, k.confrelid, k.conname, k.conkey,
                    k.confkey, k.confdeltype, k.confupdtype, k.confdelsetcols, k.conpfeqop), ';' ORDER BY k.oid)
                FROM pg_constraint AS k
                WHERE k.contype = 'f' AND k.confrelid = ANY (p_tables)
            ),
            -- A trigger may keep rows that a plan without one takes for gone.
            (
                SELECT string_agg(concat_ws(',', g.oid, g.tgtype, g.tgenabled), ';' ORDER BY g.oid)
                FROM pg_trigger AS g
                WHERE g.tgrelid = ANY (p_tables) AND NOT g.tgisinternal
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
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_fingerprint$
SELECT deletion_fingerprint_references(p_tables) || md5(concat_ws(
    '|',
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
    -- A limit makes the check count rows that it would not look at otherwise.
    deletion_setting('max_rows')
));
$deletion_fingerprint$;

COMMENT ON FUNCTION deletion_fingerprint(text, oid[]) IS
'Digest of every catalog row that a plan was compiled from.';
REVOKE ALL ON FUNCTION deletion_fingerprint(text, oid[]) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_fresh_plan.sql
-- deletion_fresh_plan
-- Find a target's current plan, if the catalog still is as it was compiled from.
--
-- Parameters  p_entity_table   the target          p_hard   the mode
-- Returns     bigint, the plan; NULL: there is none, or it is stale
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_fresh_plan(
    p_entity_table text,
    p_hard boolean
) RETURNS bigint
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_fresh_plan$
SELECT p.plan_id
FROM deletion_plans AS p
WHERE
    p.entity_table = p_entity_table AND p.hard_delete = p_hard AND p.superseded_at IS NULL
    AND p.fingerprint = deletion_fingerprint(
        p_entity_table, ARRAY(SELECT jsonb_array_elements_text(p.tables)::oid)
    );
$deletion_fresh_plan$;

COMMENT ON FUNCTION deletion_fresh_plan(text, boolean) IS
'A target''s current plan, if the catalog still is as it was compiled from.';
REVOKE ALL ON FUNCTION deletion_fresh_plan(text, boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_key_hash.sql
-- deletion_key_hash
-- Digest a row's key, so that keys of every type and length fit one index.
--
-- Parameters  p_key   a JSON array of the key's values
-- Returns     bytea, 32 bytes (SHA-256)
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_key_hash('[42]');

CREATE OR REPLACE FUNCTION deletion_key_hash(p_key jsonb)
RETURNS bytea
LANGUAGE sql
IMMUTABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_key_hash$
SELECT sha256(convert_to(p_key::text, 'UTF8'));
$deletion_key_hash$;

COMMENT ON FUNCTION deletion_key_hash(jsonb) IS
'Digest of a row''s key.';
REVOKE ALL ON FUNCTION deletion_key_hash(jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_node_key.sql
-- deletion_node_key
-- Choose the columns by which rows of a table are told apart while they are deleted.
--
-- Parameters  p_table   the table
-- Returns     int2[], the primary key, else the shortest unique key without NULLs; NULL: none
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_node_key('order_items'::regclass);

CREATE OR REPLACE FUNCTION deletion_node_key(p_table oid)
RETURNS int2[]
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_node_key$
SELECT (i.indkey::int2[])[0:i.indnkeyatts - 1]
FROM pg_index AS i
WHERE
    i.indrelid = p_table AND i.indisunique AND i.indisvalid AND i.indimmediate
    AND i.indpred IS NULL AND i.indexprs IS NULL
    AND NOT EXISTS (
        SELECT 1
        FROM pg_attribute AS a
        WHERE
            a.attrelid = i.indrelid AND NOT a.attnotnull
            AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
    )
ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid
LIMIT 1;
$deletion_node_key$;

COMMENT ON FUNCTION deletion_node_key(oid) IS
'The columns by which rows of a table are told apart while they are deleted.';
REVOKE ALL ON FUNCTION deletion_node_key(oid) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_plan_ranks.sql
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
-- <<<

-- >>> procedures/postgres/planner/deletion_plan_cycle.sql
-- deletion_plan_cycle
-- Say which tables and constraints of a closure refer to each other in a circle.
--
-- Parameters  p_closure      the closure's tables
--             p_references   rows of deletion_references_to, as a jsonb array
-- Returns     text naming them; NULL: no circle but tables with one self-reference
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_plan_cycle(
    p_closure oid[],
    p_references jsonb
) RETURNS text
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
below (parent_oid, child_oid, met_oid) AS (
    SELECT l.parent_oid, l.child_oid, l.child_oid
    FROM lasting AS l
    UNION
    SELECT b.parent_oid, b.child_oid, l.child_oid
    FROM below AS b
    INNER JOIN lasting AS l ON l.parent_oid = b.met_oid
),

circular AS (
    SELECT l.child_oid, l.reference_name
    FROM lasting AS l
    INNER JOIN below AS b
        ON b.parent_oid = l.parent_oid AND b.child_oid = l.child_oid AND b.met_oid = l.parent_oid
    UNION ALL
    -- With one self-reference a row has one parent at most, and the check can find row cycles.
    SELECT r.child_oid, r.reference_name
    FROM reference AS r
    WHERE
        r.child_oid = r.parent_oid
        AND (
            SELECT count(*) FROM reference AS s
            WHERE s.child_oid = r.child_oid AND s.parent_oid = r.child_oid
        ) > 1
)

SELECT 'tables refer to each other in a circle: ' || string_agg(
    format('%s (%s)', deletion_entity_name(c.child_oid), c.reference_name),
    ', ' ORDER BY deletion_entity_name(c.child_oid), c.reference_name
)
FROM circular AS c
HAVING count(*) > 0;
$deletion_plan_cycle$;

COMMENT ON FUNCTION deletion_plan_cycle(oid[], jsonb) IS
'Which tables and constraints of a closure refer to each other in a circle.';
REVOKE ALL ON FUNCTION deletion_plan_cycle(oid[], jsonb) FROM PUBLIC;
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
    'action', p_reference -> 'action',
    'index', p_reference -> 'index_name',
    'self', p_parent ->> 'oid' = p_child ->> 'oid',
    -- A foreign key between single whole numbers: its rows can be counted and deleted by arrays.
    'plain', NOT (p_reference ->> 'is_declared')::boolean AND count(*) = 1
    AND bool_and(
        pair.child_type IN ('smallint', 'integer', 'bigint')
        AND pair.parent_type IN ('smallint', 'integer', 'bigint')
        AND deletion_equality(pair.operator, FALSE) = 'OPERATOR(pg_catalog.=)'
    ) AND p_reference ->> 'index_name' IS NOT NULL,
    'comparable', bool_and(pair.operator IS NOT NULL),
    'single', count(*) = 1,
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
    || coalesce((SELECT ' AND NOT (' || o.in_frame || ')' FROM own_row AS o), ''),
    'on_parent', string_agg(format('t.%s %s c.%s', pair.parent_name,
        deletion_equality(pair.operator, FALSE), pair.child_name), ' AND ' ORDER BY pair.i)
    || coalesce((SELECT ' AND c.' || d.condition FROM discriminator AS d), '')
    || coalesce((SELECT ' AND NOT (' || o.in_table || ')' FROM own_row AS o), ''),
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

-- Tables whose rows the check must know: those behind which something could block, and all
-- tables on the way from the target to them.
concerned (table_oid) AS (
    SELECT r.parent_oid
    FROM reference AS r
    WHERE r.action = 'restrict' OR (r.action = 'cascade' AND r.parent_oid = r.child_oid)
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
                AND EXISTS (SELECT 1 FROM concerned AS x WHERE x.table_oid = r.child_oid)
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
)

SELECT jsonb_build_object(
    'edges', coalesce(
        jsonb_agg(d.edge || jsonb_build_object('no', d.edge_no) ORDER BY d.edge_no), '[]'
    ),
    'can_block', coalesce(bool_or((d.edge ->> 'check')::boolean), FALSE),
    'has_waits', coalesce(bool_or((d.edge ->> 'waits')::boolean), FALSE)
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
    v_error_code text;
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
        v_error_code := 'JD005';
    ELSE
        v_error := deletion_plan_cycle(v_closure, v_references);
        v_error_code := CASE WHEN v_error IS NOT NULL THEN 'JD007' END;
    END IF;

    IF v_error IS NOT NULL THEN
        RETURN jsonb_build_object(
            'tables', to_jsonb(v_tables), 'error_code', v_error_code, 'error', v_error
        );
    END IF;

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
            t.table_oid = ANY (v_closure)
        ) ORDER BY t.ordinality
    )
    INTO v_nodes
    FROM unnest(v_tables) WITH ORDINALITY AS t (table_oid, ordinality);

    RETURN jsonb_build_object(
        'nodes', v_nodes, 'tables', to_jsonb(v_tables), 'max_rows', v_max_rows
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
    WHERE u.attnum <> ALL (p_key)
)

SELECT jsonb_build_object(
    'no', p_no,
    'oid', p_table::bigint,
    'sql', format('%I.%I', n.nspname, c.relname),
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
        WHEN c.relkind = 'p' OR c.relispartition THEN 'is partitioned'
        WHEN c.relkind <> 'r' THEN 'is no ordinary table'
        WHEN EXISTS (SELECT 1 FROM pg_inherits AS i WHERE c.oid IN (i.inhparent, i.inhrelid))
            THEN 'inherits or is inherited from'
        WHEN deletion_node_key(c.oid) IS NULL THEN 'has no primary key and no unique key'
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

-- >>> procedures/postgres/planner/deletion_references_to.sql
-- deletion_references_to
-- List the references that point at given tables, each with the action that rules leave it.
--
-- Parameters  p_parents   the tables that are pointed at
-- Returns     one row a reference: its tables, columns in order, comparison operators, action,
--             the columns that a SET NULL or SET DEFAULT changes, and its supporting index
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
    index_name text
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
    WHERE k.contype = 'f' AND k.confrelid = ANY (p_parents)
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
    e.child_oid,
    e.parent_oid,
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
    e.child_columns,
    e.parent_columns,
    e.operators,
    e.set_columns,
    e.discriminator_column,
    e.discriminator_value,
    (
        SELECT i.indexrelid::regclass::text
        FROM pg_index AS i
        WHERE
            i.indrelid = e.child_oid AND i.indisvalid AND i.indisready AND i.indpred IS NULL
            -- The index leads with the reference's columns, the discriminator among them or not.
            AND e.child_columns <@ (i.indkey::int2[])[
                0:cardinality(e.child_columns) - 1 + (e.discriminator_column IS NOT NULL)::int
            ]
            AND (i.indkey::int2[])[
                0:cardinality(e.child_columns) - 1 + (e.discriminator_column IS NOT NULL)::int
            ] <@ (e.child_columns || coalesce(e.discriminator_column, e.child_columns[1]))
        ORDER BY i.indnatts, i.indexrelid
        LIMIT 1
    ) AS index_name
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

-- >>> procedures/postgres/planner/deletion_sql_list.sql
-- deletion_sql_list
-- Write a list with one entry for each of given columns.
--
-- Parameters  p_columns    a jsonb array of {f, name, type}
--             p_format     the entry: %1$s name in frames, %2$s column, %3$s type
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
    format(p_format, c ->> 'f', c ->> 'name', c ->> 'type', c ->> 'eq'), p_separator ORDER BY n
)
FROM jsonb_array_elements(p_columns) WITH ORDINALITY AS x (c, n);
$deletion_sql_list$;

COMMENT ON FUNCTION deletion_sql_list(jsonb, text, text) IS
'A list with one entry for each of given columns.';
REVOKE ALL ON FUNCTION deletion_sql_list(jsonb, text, text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_cycle.sql
-- deletion_sql_cycle
-- Write the statement that finds rows that are their own ancestors by a self-reference.
--
-- Parameters  p_edge   the self-reference                    p_node   its table
-- Returns     text; binds $1, the walk whose keys are known; answers job, number of rows on or
--             below circles, and one of them
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_cycle(
    p_edge jsonb,
    p_node jsonb
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_cycle$
-- Each row has one parent: what cannot be reached from a row without a known one goes in circles.
SELECT format(
    $sql$WITH RECURSIVE m AS MATERIALIZED (
    SELECT w.job_id, w.key_hash, up.key_hash AS parent_hash
    FROM deletion_walk_keys AS w
    CROSS JOIN LATERAL jsonb_to_record(w.keys) AS f (%1$s)
    CROSS JOIN LATERAL (SELECT * FROM ONLY %2$s AS c WHERE %3$s OFFSET 0) AS c
    LEFT JOIN LATERAL (
        SELECT p.key_hash
        FROM ONLY %2$s AS t
        CROSS JOIN LATERAL (
            SELECT p.key_hash
            FROM deletion_walk_keys AS p
            WHERE
                p.walk_id = w.walk_id AND p.job_id = w.job_id AND p.node_no = w.node_no
                AND p.fate = 'delete' AND p.key_hash = deletion_key_hash(jsonb_build_array(%4$s))
            OFFSET 0
        ) AS p
        WHERE %5$s
        OFFSET 0
    ) AS up ON TRUE
    WHERE w.walk_id = $1 AND w.node_no = %6$s AND w.fate = 'delete'
),
reached AS (
    SELECT m.job_id, m.key_hash FROM m WHERE m.parent_hash IS NULL
    UNION ALL
    SELECT m.job_id, m.key_hash
    FROM reached AS r
    INNER JOIN m ON m.job_id = r.job_id AND m.parent_hash = r.key_hash
)
SELECT w.job_id, count(*), min(w.keys::text)
FROM deletion_walk_keys AS w
WHERE w.walk_id = $1 AND w.node_no = %6$s AND w.fate = 'delete'
    AND EXISTS (SELECT 1 FROM m WHERE m.job_id = w.job_id AND m.key_hash = w.key_hash)
    AND NOT EXISTS (
        SELECT 1 FROM reached AS r WHERE r.job_id = w.job_id AND r.key_hash = w.key_hash
    )
GROUP BY w.job_id$sql$,
    deletion_sql_list(k.columns, '%1$s %3$s'),
    p_node ->> 'sql',
    deletion_sql_list(k.columns, 'c.%2$s %4$s f.%1$s', ' AND '),
    deletion_sql_list(k.columns, 't.%2$s'),
    p_edge ->> 'on_parent',
    p_node ->> 'no'
)
FROM (
    SELECT jsonb_agg(c ORDER BY n) AS columns
    FROM jsonb_array_elements(p_node -> 'columns') WITH ORDINALITY AS x (c, n)
    WHERE (c ->> 'key')::boolean
) AS k;
$deletion_sql_cycle$;

COMMENT ON FUNCTION deletion_sql_cycle(jsonb, jsonb) IS
'The statement that finds rows that are their own ancestors by a self-reference.';
REVOKE ALL ON FUNCTION deletion_sql_cycle(jsonb, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_frame.sql
-- deletion_sql_frame
-- Write the CTE that turns a frame's JSON into typed rows.
--
-- Parameters  p_columns   columns of a node or edge: a jsonb array of {f, type}
-- Returns     text, "f AS MATERIALIZED (...)", which reads the frame from $1
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_frame(p_columns jsonb)
RETURNS text
LANGUAGE sql
IMMUTABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_frame$
SELECT
    E'f AS MATERIALIZED (\n    SELECT * FROM jsonb_to_recordset($1) AS f (j bigint'
    || coalesce(string_agg(format(', %s %s', c ->> 'f', c ->> 'type'), '' ORDER BY n), '')
    || E')\n)'
FROM jsonb_array_elements(p_columns) WITH ORDINALITY AS x (c, n);
$deletion_sql_frame$;

COMMENT ON FUNCTION deletion_sql_frame(jsonb) IS
'The CTE that turns a frame''s JSON into typed rows.';
REVOKE ALL ON FUNCTION deletion_sql_frame(jsonb) FROM PUBLIC;
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
    CASE WHEN p_one_job THEN $sql$WITH %1$s
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
    deletion_sql_frame(p_parent -> 'columns'),
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
            'SELECT c.ctid FROM f CROSS JOIN LATERAL '
            || '(SELECT c.ctid FROM ONLY %s AS c WHERE %s OFFSET 0) AS c',
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
    deletion_sql_frame(p_parent -> 'columns'),
    deletion_sql_list((p_child -> 'columns') || (p_edge -> 'columns'), '''%1$s'', x.%1$s'),
    deletion_sql_list((p_child -> 'columns') || (p_edge -> 'columns'), 'c.%2$s AS %1$s'),
    CASE
        -- OFFSET 0 keeps the frame outside and the index inside, whatever the statistics say.
        WHEN p_edge ->> 'index' IS NOT NULL THEN format(
            'CROSS JOIN LATERAL (SELECT * FROM ONLY %s AS c WHERE %s OFFSET 0) AS c',
            p_child ->> 'sql', p_edge ->> 'on_frame'
        )
        ELSE format('INNER JOIN ONLY %s AS c ON %s', p_child ->> 'sql', p_edge ->> 'on_frame')
    END,
    CASE WHEN p_ordered THEN format(
        E'WHERE $3 IS NULL OR (%s) > (%s)\n    ORDER BY %1$s\n    ',
        deletion_sql_list(k.columns, 'c.%2$s'),
        deletion_sql_list(k.columns, 'CAST($3 ->> ''%1$s'' AS %3$s)')
    ) ELSE '' END
)
FROM (
    SELECT jsonb_agg(c ORDER BY n) AS columns
    FROM jsonb_array_elements(p_child -> 'columns') WITH ORDINALITY AS x (c, n)
    WHERE (c ->> 'key')::boolean
) AS k;
$deletion_sql_fetch$;

COMMENT ON FUNCTION deletion_sql_fetch(jsonb, jsonb, jsonb, boolean) IS
'The statement that reads the keys of the rows that hang from a frame by one reference.';
REVOKE ALL ON FUNCTION deletion_sql_fetch(jsonb, jsonb, jsonb, boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_removal.sql
-- deletion_sql_removal
-- Write the statements that remove a frame's own rows: lock, delete the childless, see the rest.
--
-- Parameters  p_node        the table
--             p_edge        the reference by which the frame was found; NULL: the job's roots
--             p_below       the references that point at the table
--             p_is_exact    TRUE: under the lock an emptied reference is known to be empty
-- Returns     one row a statement: kind lock (binds $1 frame; answers the number of rows found
--             and locked), remove and remove_now ($1 frame; rows, rows by job, 0) or left
--             ($1 frame; the frame of the rows that are still there)
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
        deletion_sql_frame((p_node -> 'columns') || coalesce(p_edge -> 'columns', '[]')) AS frame,
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
                    E'\n        AND NOT EXISTS (SELECT 1 FROM ONLY %s AS c WHERE %s)',
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

SELECT 'lock', format(
    $sql$WITH %1$s
SELECT count(*)
FROM (
    SELECT 1 FROM f INNER JOIN ONLY %2$s AS t ON %3$s ORDER BY %4$s FOR UPDATE OF t
) AS locked$sql$, p.frame, p.table_sql, p.found, p.key_order)
FROM part AS p
UNION ALL
-- Under the lock no reference that the engine knows can gain a row: look and delete in one.
SELECT 'remove', format(
    $sql$WITH %1$s,
d AS (
    DELETE FROM ONLY %2$s AS t
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
    DELETE FROM ONLY %2$s AS t
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
FROM f INNER JOIN ONLY %2$s AS t ON %3$s$sql$, p.frame, p.table_sql, p.found, p.frame_list)
FROM part AS p;
$deletion_sql_removal$;

COMMENT ON FUNCTION deletion_sql_removal(jsonb, jsonb, jsonb, boolean) IS
'The statements that remove a frame''s own rows: lock them, delete the childless, see the rest.';
REVOKE ALL ON FUNCTION deletion_sql_removal(jsonb, jsonb, jsonb, boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/planner/deletion_sql_roots.sql
-- deletion_sql_roots
-- Write the statement that finds the rows that jobs name.
--
-- Parameters  p_node    the target's node
-- Returns     text; binds $1, an array of {"j": job, "pk": canonical key}; answers the root frame
--             (rows that are not there carry "m": 1) and its number of keys
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
    SELECT i.j, %1$s FROM jsonb_to_recordset($1) AS i (j bigint, pk text)
)
SELECT
    coalesce(jsonb_agg(
        jsonb_build_object('j', i.j, %2$s)
        || CASE WHEN t.%4$s IS NULL THEN '{"m": 1}'::jsonb
            ELSE jsonb_build_object(%3$s) END
        ORDER BY i.j
    ), '[]'),
    count(*)
FROM i
LEFT JOIN ONLY %5$s AS t ON %6$s$sql$,
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
    coalesce(deletion_sql_list(k.others, '''%1$s'', t.%2$s'), ''),
    k.columns -> 0 ->> 'name',
    p_node ->> 'sql',
    deletion_sql_list(k.columns, 't.%2$s %4$s i.%1$s', ' AND ')
)
FROM (
    SELECT
        jsonb_agg(c ORDER BY n) FILTER (WHERE (c ->> 'key')::boolean) AS columns,
        coalesce(jsonb_agg(c ORDER BY n) FILTER (WHERE NOT (c ->> 'key')::boolean), '[]') AS others
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
        SELECT c.ctid AS row_id, f.j, %4$s
        FROM f
        CROSS JOIN LATERAL (SELECT c.ctid, c.* FROM ONLY %2$s AS c WHERE %5$s OFFSET 0) AS c
        LIMIT $2
    ) AS f
    WHERE t.ctid = f.row_id AND %6$s
    RETURNING f.j, coalesce(%6$s, FALSE) AS still, jsonb_build_array(%7$s) AS row_key
)%8$s
SELECT
    (SELECT count(*) FROM u),
    (
        SELECT jsonb_object_agg(g.j, g.n)
        FROM (SELECT s.j, count(*) AS n FROM %9$s AS s GROUP BY s.j) AS g
    ),
    (SELECT count(*) FROM u WHERE u.still)$sql$,
    deletion_sql_frame(p_parent -> 'columns'),
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
    CASE WHEN (p_edge ->> 'once')::boolean THEN 's' ELSE 'u' END
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

-- >>> procedures/postgres/planner/deletion_sql_sweep.sql
-- deletion_sql_sweep
-- Write the statements that lock, empty and remove a frame's worth of rows in one transaction.
--
-- Parameters  p_edge     the reference that leads to the rows
--             p_parent   its parent's node         p_child   its child's node, the rows' table
--             p_below    the references that point at the rows: all lead to rows without
--                        dependants, by foreign keys of whole numbers, each with an index
-- Returns     one row a statement, with its reference: take ($1 the parent's frame, $2 limit;
--             arrays of the jobs, keys and parents of the rows that it found and locked), and,
--             each binding $1 jobs, $2 keys, $3 parents, $4 limit: count (rows, rows by job),
--             sweep and remove_all (nothing: the engine counts); take_one and count_one do the
--             same for a run of one job
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
        p_edge ->> 'child_column' AS parent_name
)

SELECT r.edge_no, 'take', format(
    $sql$WITH %1$s
SELECT array_agg(x.j), array_agg(x.k1), array_agg(x.p1)
FROM (
    SELECT i.j, i.k1, i.p1
    FROM (
        SELECT f.j, c.%2$s::bigint AS k1, c.%3$s::bigint AS p1
        FROM f
        CROSS JOIN LATERAL (SELECT * FROM ONLY %4$s AS c WHERE %5$s OFFSET 0) AS c
        LIMIT $2
    ) AS i
    INNER JOIN ONLY %4$s AS t ON t.%2$s = i.k1 AND t.%3$s = i.p1
    ORDER BY t.%2$s
    FOR UPDATE OF t
) AS x$sql$,
    deletion_sql_frame(p_parent -> 'columns'), r.key_name, r.parent_name, r.table_sql,
    p_edge ->> 'on_frame'
)
FROM row_of AS r
UNION ALL
-- For a run of one job nothing has to be kept of the rows but their keys, and whose they are. They
-- are locked as they are found, the order in which an application's own statement locks them.
SELECT r.edge_no, 'take_one', format(
    $sql$WITH %1$s
SELECT ARRAY[(SELECT min(f.j) FROM f)], array_agg(x.k1), array_agg(DISTINCT x.p1)
FROM (
    SELECT t.%2$s::bigint AS k1, t.%3$s::bigint AS p1
    FROM ONLY %4$s AS t
    WHERE t.%3$s = ANY (ARRAY(SELECT f.k1 FROM f))
    LIMIT $2
    FOR UPDATE OF t
) AS x$sql$,
    deletion_sql_frame(p_parent -> 'columns'), r.key_name, r.parent_name, r.table_sql
)
FROM row_of AS r
WHERE jsonb_array_length(p_parent -> 'columns') = 1
UNION ALL
SELECT r.edge_no, 'remove_all', format(
    'DELETE FROM ONLY %1$s AS t WHERE t.%2$s = ANY (ARRAY(SELECT unnest($2)))'
    || ' AND t.%3$s = ANY ($3)',
    r.table_sql, r.key_name, r.parent_name
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
        CROSS JOIN LATERAL (SELECT 1 FROM ONLY %1$s AS c WHERE c.%2$s = f.k1 OFFSET 0) AS c
        LIMIT $4
    ) AS x
    GROUP BY x.j
) AS g$sql$),
    ('count_one', $sql$SELECT count(*), NULL::jsonb
FROM (SELECT 1 FROM ONLY %1$s AS c WHERE c.%2$s = ANY (ARRAY(SELECT unnest($2))) LIMIT $4) AS x$sql$),
    ('sweep', 'DELETE FROM ONLY %1$s AS c WHERE c.%2$s = ANY (ARRAY(SELECT unnest($2)))')
) AS s (kind, template);
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
        e.value || jsonb_build_object('sql', c.node -> 'sql') AS edge,
        e.value ->> 'action' AS action,
        p.node AS parent,
        c.node AS child
    FROM jsonb_array_elements(p_graph -> 'edges') AS e
    INNER JOIN node AS p ON p.node_no = (e.value ->> 'parent')::integer
    INNER JOIN node AS c ON c.node_no = (e.value ->> 'child')::integer
),

below AS (
    SELECT
        n.node_no,
        coalesce(jsonb_agg(e.edge) FILTER (WHERE e.edge_no IS NOT NULL), '[]') AS edges,
        coalesce(bool_and(e.edge ->> 'index' IS NOT NULL), TRUE) AS is_indexed,
        coalesce(
            bool_and((e.edge ->> 'leaf')::boolean AND (e.edge ->> 'steady')::boolean), FALSE
        ) AS is_exact,
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
    WHERE e.action IN ('cascade', 'restrict') AND (e.edge ->> 'self')::boolean
    UNION ALL
    SELECT e.edge_no, 8, r.kind, r.sql_text, b.is_indexed
    FROM edge AS e
    INNER JOIN below AS b ON b.node_no = (e.edge ->> 'child')::integer
    CROSS JOIN LATERAL deletion_sql_removal(e.child, e.edge, b.edges, b.is_exact) AS r
    WHERE e.action = 'cascade' AND NOT (e.edge ->> 'leaf')::boolean
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
            CASE s.kind WHEN 'lock' THEN 1 WHEN 'remove' THEN 2 ELSE 3 END, s.kind
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

-- >>> procedures/postgres/planner/deletion_usable_plan.sql
-- deletion_usable_plan
-- Compile the plan of a target that a caller names, or raise why there is none that can run.
--
-- Parameters  p_verb    the verb that was called   p_table   the target, as the caller names it
-- Returns     the plan's row
-- Errors      JD002 NULL; JD004 the table is no target; JD005 a table that cannot take part;
--             JD007 tables that refer to each other in a circle
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_usable_plan(
    p_verb text,
    p_table text
) RETURNS deletion_plans
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_usable_plan$
DECLARE
    v_entity_table text;
    v_plan_id bigint;
    v_plan deletion_plans;
BEGIN
    IF p_table IS NULL THEN
        PERFORM deletion_raise('JD002', p_verb, 'the table is NULL', NULL);
    END IF;

    v_entity_table := deletion_target_name(p_table);

    IF v_entity_table IS NULL THEN
        PERFORM deletion_raise(
            'JD004', p_verb, 'table is no target', p_table,
            'Register it with register_deletion_target.'
        );
    END IF;

    v_plan_id := deletion_compile(v_entity_table, TRUE);
    SELECT p.* INTO STRICT v_plan FROM deletion_plans AS p WHERE p.plan_id = v_plan_id;

    IF v_plan.error_code IS NOT NULL THEN
        PERFORM deletion_raise(v_plan.error_code, p_verb, v_plan.error, NULL);
    END IF;

    RETURN v_plan;
END;
$deletion_usable_plan$;

COMMENT ON FUNCTION deletion_usable_plan(text, text) IS
'Compile the plan of a target that a caller names, or raise why there is none that can run.';
REVOKE ALL ON FUNCTION deletion_usable_plan(text, text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_add_receipts.sql
-- deletion_add_receipts
-- Add to the receipts of jobs what one statement changed.
--
-- Parameters  p_table_name   the table, as plans name it
--             p_action       delete, set_null or set_default
--             p_by_job       jsonb object: job -> number of rows; NULL: none
-- Writes      deletion_receipts                    Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_add_receipts(
    p_table_name text,
    p_action text,
    p_by_job jsonb
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_add_receipts$
BEGIN
    INSERT INTO deletion_receipts AS r (job_id, table_name, action, row_count)
    SELECT b.key::bigint, p_table_name, p_action, b.value::bigint
    FROM jsonb_each_text(p_by_job) AS b
    ON CONFLICT (job_id, table_name, action) DO UPDATE
    SET row_count = r.row_count + excluded.row_count, updated_at = clock_timestamp();
END;
$deletion_add_receipts$;

COMMENT ON FUNCTION deletion_add_receipts(text, text, jsonb) IS
'Add to the receipts of jobs what one statement changed.';
REVOKE ALL ON FUNCTION deletion_add_receipts(text, text, jsonb) FROM PUBLIC;
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
    v_until timestamptz := clock_timestamp()
    + make_interval(secs => deletion_setting_int('batch_ms') / 1000.0);
BEGIN
    v_walk.run := p_run;
    v_walk.rows_left := p_run.batch_rows;
    v_walk.has_waits := (SELECT p.has_waits FROM deletion_plans AS p WHERE p.plan_id = p_run.plan_id);
    v_walk.is_locked := FALSE;
    v_walk.below := '{}';
    v_walk := deletion_load_frame(v_walk);

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
-- Writes      the application's tables, and all tables of a run     Commits  no
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

    v_is_empty := deletion_advance(p_run);

    IF v_is_empty THEN
        PERFORM deletion_settle(p_run.run_id, NULL, 'done', NULL, FALSE, NULL);
        PERFORM deletion_end_run(p_run.run_id, 'done', NULL);
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

-- >>> procedures/postgres/worker/deletion_allow_hash.sql
-- deletion_allow_hash
-- Let the next statement use hash joins, for a reference without an index.
--
-- Parameters  p_allow   TRUE: allow                FALSE: indexes only, as for all else
-- Writes      nothing; a setting of the transaction     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_allow_hash(p_allow boolean)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_allow_hash$
BEGIN
    PERFORM pg_catalog.set_config(
        'enable_hashjoin', CASE WHEN p_allow THEN 'on' ELSE 'off' END, TRUE
    );
END;
$deletion_allow_hash$;

COMMENT ON FUNCTION deletion_allow_hash(boolean) IS
'Let the next statement use hash joins, for a reference without an index.';
REVOKE ALL ON FUNCTION deletion_allow_hash(boolean) FROM PUBLIC;
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
-- Writes      deletion_jobs, deletion_walk_keys    Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_carry_over(p_run_id bigint)
RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_carry_over$
WITH ended AS MATERIALIZED (
    SELECT
        j.id,
        a.outcome,
        a.error,
        a.alone_next,
        a.is_counted,
        j.hard_delete AND NOT r.hard_delete AS is_harder,
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
        a.run_id = p_run_id AND a.outcome IS NOT NULL AND j.status = 'running'
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
            WHEN e.outcome = 'done' AND e.is_harder THEN 'pending'
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
)

UPDATE deletion_jobs AS j
SET
    status = v.new_status,
    finished_at = CASE WHEN v.new_status <> 'pending' THEN clock_timestamp() END,
    error = CASE
        WHEN v.new_status = 'failed' AND v.outcome <> 'failed'
            THEN format('%s (gave up after %s attempts)', v.error, v.counted)
        ELSE v.error
    END,
    scheduled_at = CASE
        WHEN v.new_status <> 'pending' THEN j.scheduled_at
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
$deletion_carry_over$;

COMMENT ON FUNCTION deletion_carry_over(bigint) IS
'Give a run''s jobs the state that their ended attempts ask for.';
REVOKE ALL ON FUNCTION deletion_carry_over(bigint) FROM PUBLIC;
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
    v_sql text;
BEGIN
    PERFORM deletion_allow_hash(TRUE) WHERE p_step.index_name IS NULL;

    IF p_step.kind = 'drain' AND v_run.job_count = 1 AND NOT p_walk.is_locked THEN
        SELECT s.sql_text INTO STRICT v_sql
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = v_run.plan_id AND s.edge_no = p_step.edge_no AND s.kind = 'drain_one';
        EXECUTE v_sql USING v_frame.keys, p_walk.rows_left;
        GET DIAGNOSTICS v_rows = ROW_COUNT;
        v_by_job := CASE WHEN v_rows > 0 THEN jsonb_build_object(v_frame.keys -> 0 ->> 'j', v_rows) END;
        v_still := 0;
    ELSE
        EXECUTE p_step.sql_text INTO v_rows, v_by_job, v_still USING v_frame.keys, p_walk.rows_left;
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
        p_step.table_name, CASE p_step.kind WHEN 'drain' THEN 'delete' ELSE p_step.action END, v_by_job
    );

    IF v_rows < p_walk.rows_left THEN
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

    UPDATE deletion_runs AS r SET phase = 'advance', state = '{}' WHERE r.run_id = p_run.run_id;
    RETURN 'more';
END;
$deletion_check$;

COMMENT ON FUNCTION deletion_check(deletion_runs) IS
'Look, before the first row is touched, at whatever can be known to fail; a bounded step.';
REVOKE ALL ON FUNCTION deletion_check(deletion_runs) FROM PUBLIC;
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

    SELECT p.plan_id, p.error INTO v_plan_id, v_error
    FROM deletion_plan_for(v_entity_table, v_hard) AS p;

    INSERT INTO deletion_runs (
        plan_id, entity_table, hard_delete, slot, token, session_id, session_mark, server_id,
        phase, alone, job_count, batch_rows, rows_changed, step_count, retries, state,
        started_at, last_step_at
    )
    VALUES (
        v_plan_id, v_entity_table, v_hard, p_slot, v_token, pg_backend_pid(),
        deletion_session_mark(pg_backend_pid()), pg_postmaster_start_time()::text,
        'check', cardinality(v_jobs) = 1, cardinality(v_jobs),
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
-- Writes      deletion_frames, deletion_walk_keys  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_drop_jobs(
    p_run_id bigint,
    p_jobs bigint[]
) RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_drop_jobs$
DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = p_run_id AND w.job_id = ANY (p_jobs);

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
$deletion_drop_jobs$;

COMMENT ON FUNCTION deletion_drop_jobs(bigint, bigint[]) IS
'Take some jobs'' keys out of a run''s frames and scratch rows.';
REVOKE ALL ON FUNCTION deletion_drop_jobs(bigint, bigint[]) FROM PUBLIC;
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
BEGIN
    RETURN QUERY
    -- The expression and its index are one: rows come in due order, and only these are locked.
    WITH due AS MATERIALIZED (
        SELECT j.id, j.entity_table, j.hard_delete, coalesce(j.scheduled_at, j.created_at) AS due_at
        FROM deletion_jobs AS j
        WHERE j.status = 'pending' AND coalesce(j.scheduled_at, j.created_at) <= v_now
        ORDER BY coalesce(j.scheduled_at, j.created_at), j.id
        LIMIT least(deletion_setting_int('jobs_per_run'), deletion_setting_int('batch_rows'))
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
    )

    SELECT array_agg(c.id ORDER BY c.id), l.entity_table::text, l.hard_delete, l.alone
    FROM leader AS l
    INNER JOIN candidate AS c
        ON
            c.id = l.id
            OR (
                NOT l.alone AND NOT c.alone
                AND c.entity_table = l.entity_table AND c.hard_delete = l.hard_delete
            )
    GROUP BY l.entity_table, l.hard_delete, l.alone;
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
DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = p_run_id;
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
BEGIN
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

-- >>> procedures/postgres/worker/deletion_settle.sql
-- deletion_settle
-- End the attempts of a run's jobs: write how each ended, then carry it over to the jobs.
--
-- Parameters  p_run_id   the run
--             p_jobs     the jobs; NULL: all whose attempt is open
--             p_outcome  done, failed, retry, sliced, returned or lost
--             p_error    what went wrong; NULL: nothing
--             p_counted  TRUE: the attempt counts towards max_attempts
--             p_alone    the jobs that shall be claimed alone next time
-- Returns     integer, the number of attempts ended
-- Writes      deletion_attempts, deletion_jobs     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_settle(
    p_run_id bigint,
    p_jobs bigint[],
    p_outcome text,
    p_error text,
    p_counted boolean,
    p_alone bigint[]
) RETURNS integer
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_settle$
DECLARE
    v_ended integer;
BEGIN
    -- Never wait for a caller: an attempt that a cancel holds open is settled by recovery.
    WITH open AS MATERIALIZED (
        SELECT a.job_id, a.attempt_no
        FROM deletion_attempts AS a
        WHERE
            a.run_id = p_run_id AND a.outcome IS NULL
            AND (p_jobs IS NULL OR a.job_id = ANY (p_jobs))
        FOR UPDATE SKIP LOCKED
    )

    UPDATE deletion_attempts AS a
    SET
        outcome = CASE
            -- A cancelled job's keys were skipped: it is never done, whatever became of the rest.
            WHEN a.cancel_requested_at IS NOT NULL AND p_outcome <> 'failed' THEN 'cancelled'
            ELSE p_outcome
        END,
        error = p_error,
        ended_at = clock_timestamp(),
        is_counted = p_counted,
        alone_next = coalesce(a.job_id = ANY (p_alone), FALSE)
    FROM open AS o
    WHERE a.job_id = o.job_id AND a.attempt_no = o.attempt_no;

    GET DIAGNOSTICS v_ended = ROW_COUNT;
    PERFORM deletion_carry_over(p_run_id);
    RETURN v_ended;
END;
$deletion_settle$;

COMMENT ON FUNCTION deletion_settle(bigint, bigint[], text, text, boolean, bigint[]) IS
'End the attempts of a run''s jobs: write how each ended, then carry it over to the jobs.';
REVOKE ALL ON FUNCTION deletion_settle(bigint, bigint[], text, text, boolean, bigint[]) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_fail_jobs.sql
-- deletion_fail_jobs
-- Fail some of a run's jobs, before anything of theirs was touched; the others go on.
--
-- Parameters  p_run_id   the run       p_jobs   the jobs       p_error   why
-- Writes      deletion_attempts, deletion_jobs, deletion_frames, deletion_walk_keys   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_fail_jobs(
    p_run_id bigint,
    p_jobs bigint[],
    p_error text
) RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_fail_jobs$
SELECT deletion_settle(p_run_id, p_jobs, 'failed', p_error, TRUE, NULL);
SELECT deletion_drop_jobs(p_run_id, p_jobs);
$deletion_fail_jobs$;

COMMENT ON FUNCTION deletion_fail_jobs(bigint, bigint[], text) IS
'Fail some of a run''s jobs, before anything of theirs was touched; the others go on.';
REVOKE ALL ON FUNCTION deletion_fail_jobs(bigint, bigint[], text) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_fates.sql
-- deletion_fates
-- Sum up a walk: how many rows of each table would be deleted, set, or are in the way.
--
-- Parameters  p_walk_id   the walk                 p_plan_id   its plan
-- Returns     table_name, action, reference_name (of what blocks), row_count
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

-- A row that is deleted is not counted where it would be set as well.
final AS (
    SELECT DISTINCT ON (w.node_no, w.key_hash)
        w.node_no, CASE WHEN w.keys ? 'm' THEN 'root_not_found' ELSE w.fate END AS fate
    FROM deletion_walk_keys AS w
    WHERE w.walk_id = p_walk_id AND w.fate IN ('delete', 'set_null', 'set_default')
    ORDER BY
        w.node_no, w.key_hash, array_position(ARRAY['delete', 'set_null', 'set_default'], w.fate)
)

SELECT n.table_name, f.fate, NULL::text, CASE WHEN f.fate = 'root_not_found' THEN 0 ELSE count(*) END
FROM final AS f
INNER JOIN node AS n ON n.node_no = f.node_no
GROUP BY n.table_name, f.fate
UNION ALL
SELECT b.table_name, 'restrict', b.reference_name, b.row_count
FROM deletion_blocking(p_walk_id, p_plan_id) AS b
ORDER BY 1, 2, 3;
$deletion_fates$;

COMMENT ON FUNCTION deletion_fates(bigint, bigint) IS
'How many rows of each table a walk would delete, set, or finds in the way.';
REVOKE ALL ON FUNCTION deletion_fates(bigint, bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_fence.sql
-- deletion_fence
-- Take a run's row for a step, if the run is still the caller's.
--
-- Parameters  p_run_id, p_token   the run, as it was claimed
-- Returns     the run's row, locked until the step commits
-- Errors      JD010 another worker has taken the run's jobs
-- Writes      deletion_runs                        Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_fence(
    p_run_id bigint,
    p_token uuid
) RETURNS deletion_runs
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_fence$
DECLARE
    v_run deletion_runs;
BEGIN
    UPDATE deletion_runs AS r
    SET step_count = r.step_count + 1, last_step_at = clock_timestamp()
    WHERE r.run_id = p_run_id AND r.token = p_token AND r.ended_at IS NULL
    RETURNING r.* INTO v_run;

    IF NOT FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'JD010',
            MESSAGE = format('run_deletion_jobs: the run is no longer ours (%s)', p_run_id);
    END IF;

    RETURN v_run;
END;
$deletion_fence$;

COMMENT ON FUNCTION deletion_fence(bigint, uuid) IS
'Take a run''s row for a step, if the run is still the caller''s.';
REVOKE ALL ON FUNCTION deletion_fence(bigint, uuid) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_parse_roots.sql
-- deletion_parse_roots
-- Read the keys of a run's jobs one by one, and fail the jobs whose keys are none.
--
-- Parameters  p_run   the run
-- Returns     jsonb array of {"j": job, "pk": key}, of the jobs that are left
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
                PERFORM deletion_settle(p_run.run_id, ARRAY[v_job.id], 'failed', format(
                    'JD002: the key does not parse (%s)', v_job.entity_pk
                ), TRUE, NULL);
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
BEGIN
    -- All at once: a subtransaction for each key would cost more than all that follows.
    BEGIN
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'j', j.id, 'pk', deletion_parse_key(p_run.entity_table, j.entity_pk)
        ) ORDER BY j.id), '[]')
        INTO v_roots
        FROM deletion_attempts AS a
        INNER JOIN deletion_jobs AS j ON j.id = a.job_id
        WHERE a.run_id = p_run.run_id AND a.outcome IS NULL;
    EXCEPTION
        WHEN SQLSTATE 'JD002' THEN
            v_roots := deletion_parse_roots(p_run);
    END;

    SELECT s.* INTO STRICT v_step
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = p_run.plan_id AND s.kind = 'roots';
    EXECUTE v_step.sql_text INTO v_keys, v_count USING v_roots;

    IF v_count > 0 THEN
        INSERT INTO deletion_frames (run_id, depth, node_no, edge_no, keys, key_count,
            edge_pos, rows_at_pass, rows_here)
        VALUES (p_run.run_id, 0, 0, 0, v_keys, v_count, 0, p_run.rows_changed, 0);
    END IF;

    -- A job that comes again after a crash has removed its root itself: its receipts know.
    INSERT INTO deletion_receipts (job_id, table_name, action, row_count)
    SELECT (k ->> 'j')::bigint, v_step.table_name, 'root_not_found', 0
    FROM jsonb_array_elements(v_keys) AS k
    WHERE
        k ? 'm'
        AND NOT EXISTS (
            SELECT 1 FROM deletion_receipts AS r
            WHERE
                r.job_id = (k ->> 'j')::bigint AND r.table_name = v_step.table_name
                AND r.action = 'delete'
                -- Receipts of an earlier request of the same row are another story.
                AND r.updated_at >= (
                    SELECT min(a.started_at)
                    FROM deletion_attempts AS a
                    WHERE a.job_id = r.job_id AND NOT a.is_past
                )
        )
    ON CONFLICT DO NOTHING;
END;
$deletion_find_roots$;

COMMENT ON FUNCTION deletion_find_roots(deletion_runs) IS
'Find the rows that a run''s jobs name, and push them as the run''s first frame.';
REVOKE ALL ON FUNCTION deletion_find_roots(deletion_runs) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_frame_hash.sql
-- deletion_frame_hash
-- Digest the key of one row of a frame.
--
-- Parameters  p_row   an object of a frame: the key's values are k1, k2 ..
-- Returns     bytea, as deletion_key_hash of those values
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_frame_hash(p_row jsonb)
RETURNS bytea
LANGUAGE sql
IMMUTABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_frame_hash$
SELECT deletion_key_hash(jsonb_agg(e.value ORDER BY substr(e.key, 2)::integer))
FROM jsonb_each(p_row) AS e
WHERE e.key LIKE 'k%';
$deletion_frame_hash$;

COMMENT ON FUNCTION deletion_frame_hash(jsonb) IS
'Digest of the key of one row of a frame.';
REVOKE ALL ON FUNCTION deletion_frame_hash(jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_guard.sql
-- deletion_guard
-- Hold a plan's tables against DDL until the step commits, and say whether the plan still fits.
--
-- Parameters  p_plan_id   the plan
--             p_whole     TRUE: compare all of the catalog; FALSE: the references alone
-- Returns     boolean, FALSE where the catalog has changed since the plan was compiled
-- Writes      nothing; locks the closure's tables ROW EXCLUSIVE     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_guard(
    p_plan_id bigint,
    p_whole boolean
) RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_guard$
DECLARE
    v_plan deletion_plans;
    v_sql text;
    v_tables oid[];
BEGIN
    SELECT p.* INTO STRICT v_plan FROM deletion_plans AS p WHERE p.plan_id = p_plan_id;
    SELECT s.sql_text INTO STRICT v_sql
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = p_plan_id AND s.kind = 'guard';

    BEGIN
        -- A new foreign key needs a lock that this one excludes: what is compared next holds.
        EXECUTE v_sql;
    EXCEPTION
        WHEN undefined_table OR invalid_schema_name THEN
            RETURN FALSE;
    END;

    v_tables := ARRAY(SELECT jsonb_array_elements_text(v_plan.tables)::oid);

    -- A reference that the plan does not know would leave rows to the engine: never unseen.
    RETURN CASE
        WHEN p_whole
            THEN v_plan.fingerprint = deletion_fingerprint(v_plan.entity_table, v_tables)
        ELSE left(v_plan.fingerprint, 32) = deletion_fingerprint_references(v_tables)
    END;
END;
$deletion_guard$;

COMMENT ON FUNCTION deletion_guard(bigint, boolean) IS
'Hold a plan''s tables against DDL until the step commits, and say whether the plan still fits.';
REVOKE ALL ON FUNCTION deletion_guard(bigint, boolean) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_lock_holder.sql
-- deletion_lock_holder
-- Say which session holds an advisory lock.
--
-- Parameters  p_key   the lock's key
-- Returns     integer, the session's process id; NULL: nobody holds it
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_lock_holder(p_key bigint)
RETURNS integer
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_lock_holder$
SELECT l.pid
FROM pg_locks AS l
INNER JOIN pg_database AS d ON d.oid = l.database
WHERE
    l.locktype = 'advisory' AND l.granted AND d.datname = current_database()
    AND l.objsubid = 1
    AND l.classid = ((p_key >> 32) & 4294967295)::bigint::oid
    AND l.objid = (p_key & 4294967295)::bigint::oid;
$deletion_lock_holder$;

COMMENT ON FUNCTION deletion_lock_holder(bigint) IS
'The session that holds an advisory lock.';
REVOKE ALL ON FUNCTION deletion_lock_holder(bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_lock_key.sql
-- deletion_lock_key
-- Name the advisory lock of a run or of a worker's slot, unlike that of any other installation.
--
-- Parameters  p_kind   run or slot                 p_id   number of the run or slot
-- Returns     bigint, for pg_try_advisory_lock
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_lock_key('slot', 1);

CREATE OR REPLACE FUNCTION deletion_lock_key(
    p_kind text,
    p_id bigint
) RETURNS bigint
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_lock_key$
-- The table's OID is the installation: it stays when a schema is renamed.
SELECT hashtextextended(
    format('deletion_jobs:%s:%s:%s', p_kind, 'deletion_jobs'::regclass::oid, p_id), 0
);
$deletion_lock_key$;

COMMENT ON FUNCTION deletion_lock_key(text, bigint) IS
'The advisory lock of a run or of a worker''s slot.';
REVOKE ALL ON FUNCTION deletion_lock_key(text, bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_session_mark.sql
-- deletion_session_mark
-- Tell one statement of one session from every other: when the session and its statement began.
--
-- Parameters  p_session_id   a session's process id
-- Returns     text; NULL: there is no such session, it is idle, or we may not see it
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_session_mark(p_session_id integer)
RETURNS text
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_session_mark$
SELECT format('%s|%s', a.backend_start, a.query_start)
FROM pg_stat_activity AS a
WHERE a.pid = p_session_id AND a.state = 'active' AND a.query_start IS NOT NULL;
$deletion_session_mark$;

COMMENT ON FUNCTION deletion_session_mark(integer) IS
'When a session and its present statement began, as one text.';
REVOKE ALL ON FUNCTION deletion_session_mark(integer) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_is_alive.sql
-- deletion_is_alive
-- Say whether a run's worker still works: its session holds the run's lock, in the same call.
--
-- Parameters  p_run   the run
-- Returns     boolean
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_is_alive(p_run deletion_runs)
RETURNS boolean
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_is_alive$
SELECT
    p_run.ended_at IS NULL
    -- Locks do not outlive the server: a run of an earlier life, or of another server, is gone.
    AND p_run.server_id = pg_postmaster_start_time()::text
    -- Our own session is between runs whenever it asks; advisory locks would let it in again.
    AND p_run.session_id <> pg_backend_pid()
    AND p_run.session_id = deletion_lock_holder(deletion_lock_key('run', p_run.run_id))
    -- A pooled session may keep the lock after an error: then it is idle, or in another statement.
    AND (
        p_run.session_mark IS NULL
        OR p_run.session_mark = deletion_session_mark(p_run.session_id::integer)
    );
$deletion_is_alive$;

COMMENT ON FUNCTION deletion_is_alive(deletion_runs) IS
'Whether a run''s worker still works.';
REVOKE ALL ON FUNCTION deletion_is_alive(deletion_runs) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_job_status.sql
-- deletion_job_status
-- Read a job's status for the loop, which has no rights on tables.
--
-- Parameters  p_job_id   the job
-- Returns     text
-- Writes      nothing                              Commits  no
-- Execute     deletion_jobs_worker, deletion_jobs_operator

CREATE OR REPLACE FUNCTION deletion_job_status(p_job_id bigint)
RETURNS text
LANGUAGE sql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $deletion_job_status$
SELECT j.status FROM deletion_jobs AS j WHERE j.id = p_job_id;
$deletion_job_status$;

COMMENT ON FUNCTION deletion_job_status(bigint) IS
'A job''s status, for the loop, which has no rights on tables.';
REVOKE ALL ON FUNCTION deletion_job_status(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_job_status(bigint)
TO deletion_jobs_worker, deletion_jobs_operator;
-- <<<

-- >>> procedures/postgres/worker/deletion_leave.sql
-- deletion_leave
-- End a worker's call: note how it went, and free the slot.
--
-- Parameters  p_slot      the worker's slot; NULL: none
--             p_outcome   idle, worked, paused or interrupted
--             p_jobs      number of jobs claimed
-- Writes      deletion_slots                       Commits  no
-- Execute     deletion_jobs_worker, deletion_jobs_operator

CREATE OR REPLACE FUNCTION deletion_leave(
    p_slot integer,
    p_outcome text,
    p_jobs bigint
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $deletion_leave$
BEGIN
    IF p_slot IS NOT NULL THEN
        UPDATE deletion_slots AS s
        SET last_ended_at = clock_timestamp(), last_outcome = p_outcome, jobs_claimed = p_jobs
        WHERE s.slot = p_slot AND s.session_id = pg_backend_pid();
        PERFORM pg_advisory_unlock(deletion_lock_key('slot', p_slot));
    END IF;
END;
$deletion_leave$;

COMMENT ON FUNCTION deletion_leave(integer, text, bigint) IS
'End a worker''s call: note how it went, and free the slot.';
REVOKE ALL ON FUNCTION deletion_leave(integer, text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_leave(integer, text, bigint)
TO deletion_jobs_worker, deletion_jobs_operator;
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
    IF v_run.rows_changed > v_frame.rows_at_pass THEN
        -- Something went in this pass, so more may go in the next.
        v_frame.idle_passes := 0;
    ELSIF p_walk.has_waits AND v_frame.edge_no <> 0 THEN
        -- Rows wait for others that hang from elsewhere in the closure: those come first.
        RETURN deletion_pop(v_walk);
    ELSIF p_walk.has_waits AND NOT v_run.state ? 'set' THEN
        -- All that could go is gone: what still refers to rows of the closure survives, and is set.
        v_run.state := v_run.state || '{"set": true}';
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

    IF v_frame.key_count > v_batch THEN
        -- Contention has halved the batch: the rest waits one below, found by the same reference.
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
        v_frame.fetch_cursor := NULL;
    END IF;

    -- Between two transactions rows may have moved to another parent, and their children along.
    IF v_frame.run_id IS NOT NULL THEN
        v_frame := deletion_refresh_frame((p_walk.run).plan_id, v_frame);
    END IF;

    v_walk.frame := v_frame;
    RETURN v_walk;
END;
$deletion_load_frame$;

COMMENT ON FUNCTION deletion_load_frame(deletion_cursor) IS
'Make the run''s topmost stored frame the walk''s present one; a frame over the batch is split.';
REVOKE ALL ON FUNCTION deletion_load_frame(deletion_cursor) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_lock_frame.sql
-- deletion_lock_frame
-- Lock a frame's rows before their children are emptied, where the plan can make use of it.
--
-- Parameters  p_plan_id   the plan                 p_frame   the frame
-- Returns     the frame, locked, without rows that have moved or gone; NULL: the plan cannot
--             make use of the lock
-- Writes      nothing; locks the frame's rows      Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_lock_frame(
    p_plan_id bigint,
    p_frame deletion_frames
) RETURNS deletion_frames
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_lock_frame$
DECLARE
    v_sql text;
    v_found bigint;
BEGIN
    SELECT s.sql_text INTO v_sql
    FROM deletion_plan_steps AS s
    WHERE
        s.plan_id = p_plan_id AND s.edge_no = p_frame.edge_no AND s.kind = 'lock'
        AND EXISTS (
            SELECT 1
            FROM deletion_plan_steps AS r
            WHERE r.plan_id = s.plan_id AND r.edge_no = s.edge_no AND r.kind = 'remove_now'
        );

    IF v_sql IS NULL THEN
        RETURN NULL;
    END IF;

    EXECUTE v_sql INTO v_found USING p_frame.keys;

    -- The values that children point at may have changed while the lock was waited for.
    IF v_found < p_frame.key_count OR jsonb_path_exists(p_frame.keys, '$[*].u1') THEN
        RETURN deletion_refresh_frame(p_plan_id, p_frame);
    END IF;

    RETURN p_frame;
END;
$deletion_lock_frame$;

COMMENT ON FUNCTION deletion_lock_frame(bigint, deletion_frames) IS
'Lock a frame''s rows before their children are emptied, where the plan can make use of it.';
REVOKE ALL ON FUNCTION deletion_lock_frame(bigint, deletion_frames) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_refresh_frame.sql
-- deletion_refresh_frame
-- Read a frame's rows again: those that have moved or gone leave it, changed values come in.
--
-- Parameters  p_plan_id   the plan                 p_frame   the frame
-- Returns     the frame; roots stay in it, since what was declared may hang from a missing one
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_refresh_frame(
    p_plan_id bigint,
    p_frame deletion_frames
) RETURNS deletion_frames
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_refresh_frame$
DECLARE
    v_frame deletion_frames := p_frame;
    v_sql text;
BEGIN
    -- The key of a root is what its job names; only other columns of it can change.
    IF v_frame.edge_no = 0 AND NOT jsonb_path_exists(v_frame.keys, '$[*].u1') THEN
        RETURN v_frame;
    END IF;

    SELECT s.sql_text INTO STRICT v_sql
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = p_plan_id AND s.edge_no = v_frame.edge_no AND s.kind = 'left';
    EXECUTE v_sql INTO v_frame.keys, v_frame.key_count USING p_frame.keys;

    IF v_frame.edge_no = 0 THEN
        SELECT jsonb_agg(
            (
                SELECT jsonb_object_agg(e.key, e.value)
                FROM jsonb_each(was.value) AS e
                WHERE e.key NOT LIKE 'u%'
            ) || coalesce(now.value, '{}')
            ORDER BY was.ordinality
        )
        INTO v_frame.keys
        FROM jsonb_array_elements(p_frame.keys) WITH ORDINALITY AS was (value, ordinality)
        LEFT JOIN jsonb_array_elements(v_frame.keys) AS now (value)
            ON now.value -> 'j' = was.value -> 'j';
        v_frame.key_count := p_frame.key_count;
    END IF;

    RETURN v_frame;
END;
$deletion_refresh_frame$;

COMMENT ON FUNCTION deletion_refresh_frame(bigint, deletion_frames) IS
'A frame without the rows that have moved or gone, and with their present values.';
REVOKE ALL ON FUNCTION deletion_refresh_frame(bigint, deletion_frames) FROM PUBLIC;
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
            WHEN s.kind IN ('set', 'lock') THEN 'UPDATE'
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

-- >>> procedures/postgres/worker/deletion_others_due.sql
-- deletion_others_due
-- Say whether another job is due, for which a heavy run should make room.
--
-- Parameters  none
-- Returns     boolean
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_others_due()
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_others_due$
DECLARE
    v_now timestamptz := clock_timestamp();
BEGIN
    RETURN EXISTS (
        SELECT 1
        FROM deletion_jobs AS j
        WHERE j.status = 'pending' AND coalesce(j.scheduled_at, j.created_at) <= v_now
    );
END;
$deletion_others_due$;

COMMENT ON FUNCTION deletion_others_due() IS
'Whether another job is due, for which a heavy run should make room.';
REVOKE ALL ON FUNCTION deletion_others_due() FROM PUBLIC;
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

    IF NOT p_hard THEN
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
    USING v_frame.keys, v_limit, v_frame.fetch_cursor;
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

        v_walk.below := v_walk.below || v_frame;
        v_walk.frame := v_child;
        v_walk.is_locked := FALSE;

        -- Children that fit this transaction are emptied under their parents' lock: then no
        -- second look is needed.
        IF v_child.key_count * (1 + v_fan_out) < p_walk.rows_left THEN
            v_child := deletion_lock_frame(v_run.plan_id, v_child);
            v_walk.is_locked := v_child.run_id IS NOT NULL;
            v_walk.frame := CASE WHEN v_walk.is_locked THEN v_child ELSE v_walk.frame END;
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
-- Writes      deletion_runs, deletion_attempts, deletion_jobs, deletion_frames      Commits  no
-- Execute     deletion_jobs_worker, deletion_jobs_operator

CREATE OR REPLACE FUNCTION deletion_recover()
RETURNS integer
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
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

    FOR v_run_id, v_jobs IN
        SELECT a.run_id, array_agg(j.id)
        FROM deletion_jobs AS j
        INNER JOIN deletion_attempts AS a ON a.job_id = j.id
        INNER JOIN deletion_runs AS r ON r.run_id = a.run_id AND r.ended_at IS NOT NULL
        WHERE
            j.status = 'running'
            AND a.attempt_no = (
                SELECT max(b.attempt_no) FROM deletion_attempts AS b WHERE b.job_id = j.id
            )
        GROUP BY a.run_id
    LOOP
        -- Where even the outcome could not be written the job runs again and finds what is left.
        PERFORM deletion_settle(v_run_id, v_jobs, 'returned', NULL, FALSE, NULL);
    END LOOP;

    RETURN v_lost;
END;
$deletion_recover$;

COMMENT ON FUNCTION deletion_recover() IS
'Take back the jobs of runs whose worker is gone, and those that finish had to leave.';
REVOKE ALL ON FUNCTION deletion_recover() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_recover() TO deletion_jobs_worker, deletion_jobs_operator;
-- <<<

-- >>> procedures/postgres/worker/deletion_release.sql
-- deletion_release
-- Free a run's session lock, after what ended the run was committed.
--
-- Parameters  p_run_id   the run
-- Writes      nothing                              Commits  no
-- Execute     deletion_jobs_worker, deletion_jobs_operator

CREATE OR REPLACE FUNCTION deletion_release(p_run_id bigint)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $deletion_release$
DECLARE
    v_key bigint := deletion_lock_key('run', p_run_id);
BEGIN
    WHILE deletion_lock_holder(v_key) = pg_backend_pid() LOOP
        PERFORM pg_advisory_unlock(v_key);
    END LOOP;
END;
$deletion_release$;

COMMENT ON FUNCTION deletion_release(bigint) IS
'Free a run''s session lock, after what ended the run was committed.';
REVOKE ALL ON FUNCTION deletion_release(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_release(bigint) TO deletion_jobs_worker, deletion_jobs_operator;
-- <<<

-- >>> procedures/postgres/worker/deletion_rest.sql
-- deletion_rest
-- Say how long a worker should rest before its next step.
--
-- Parameters  p_state   what the last step answered
-- Returns     float8, seconds
-- Writes      nothing                              Commits  no
-- Execute     deletion_jobs_worker, deletion_jobs_operator

CREATE OR REPLACE FUNCTION deletion_rest(p_state text)
RETURNS float8
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $deletion_rest$
BEGIN
    RETURN CASE p_state
        -- Whoever was in the way gets a moment, and two workers do not meet again in step.
        WHEN 'retry' THEN 0.05 + random() * 0.2
        ELSE deletion_setting_int('pause_ms') / 1000.0
    END;
END;
$deletion_rest$;

COMMENT ON FUNCTION deletion_rest(text) IS
'How long a worker should rest before its next step, in seconds.';
REVOKE ALL ON FUNCTION deletion_rest(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_rest(text) TO deletion_jobs_worker, deletion_jobs_operator;
-- <<<

-- >>> procedures/postgres/worker/deletion_uncount.sql
-- deletion_uncount
-- Take rows that are gone out of the receipts of what was set: a row counts once, by its end.
--
-- Parameters  p_table_name   the table, as plans name it
--             p_keys         a frame of its rows that were removed
-- Writes      deletion_receipts, deletion_walk_keys     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_uncount(
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

UPDATE deletion_receipts AS r
SET row_count = r.row_count - f.row_count
FROM (
    SELECT g.job_id, g.action, count(*) AS row_count
    FROM forgotten AS g
    GROUP BY g.job_id, g.action
) AS f
WHERE r.job_id = f.job_id AND r.table_name = p_table_name AND r.action = f.action;

DELETE FROM deletion_receipts AS r
WHERE
    r.table_name = p_table_name AND r.row_count = 0 AND r.action IN ('set_null', 'set_default')
    AND r.job_id IN (SELECT (k.value ->> 'j')::bigint FROM jsonb_array_elements(p_keys) AS k);
$deletion_uncount$;

COMMENT ON FUNCTION deletion_uncount(text, jsonb) IS
'Take rows that are gone out of the receipts of what was set.';
REVOKE ALL ON FUNCTION deletion_uncount(text, jsonb) FROM PUBLIC;
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
    PERFORM deletion_add_receipts(v_remove.table_name, 'delete', v_by_job);
    v_run.rows_changed := v_run.rows_changed + v_rows;
    v_walk.rows_left := v_walk.rows_left - v_rows;

    IF v_rows = v_found THEN
        PERFORM deletion_uncount(v_remove.table_name, v_frame.keys) WHERE v_run.state ? 'set';
        -- What was not found any more has moved to another parent, or is gone already.
        v_run.state := v_run.state || jsonb_build_object('fan', coalesce(v_run.state -> 'fan', '{}')
            || jsonb_build_object(v_frame.node_no::text, v_frame.rows_here::float8 / v_frame.key_count));
        v_walk.run := v_run;
        RETURN deletion_pop(v_walk);
    END IF;

    EXECUTE v_left INTO v_rest, v_frame.key_count USING v_frame.keys;
    PERFORM deletion_uncount(v_remove.table_name, (
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

-- >>> procedures/postgres/worker/deletion_save_walk.sql
-- deletion_save_walk
-- Store where the walk stands, with what its step changed.
--
-- Parameters  p_walk   the walk
-- Writes      deletion_frames, deletion_runs       Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_save_walk(p_walk deletion_cursor)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_save_walk$
BEGIN
    INSERT INTO deletion_frames
    SELECT (f).*
    FROM unnest(p_walk.below || p_walk.frame) AS f
    WHERE (f).run_id IS NOT NULL;

    UPDATE deletion_runs AS r
    SET
        rows_changed = (p_walk.run).rows_changed,
        state = (p_walk.run).state,
        -- Contention halves the batch at once; it comes back slowly.
        batch_rows = least(
            deletion_setting_int('batch_rows'), r.batch_rows + greatest(1, r.batch_rows / 8)
        ),
        retries = 0
    WHERE r.run_id = (p_walk.run).run_id;
END;
$deletion_save_walk$;

COMMENT ON FUNCTION deletion_save_walk(deletion_cursor) IS
'Store where the walk stands, with what its step changed.';
REVOKE ALL ON FUNCTION deletion_save_walk(deletion_cursor) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_seed_walk.sql
-- deletion_seed_walk
-- Begin a walk of check or preview at the rows that jobs name.
--
-- Parameters  p_walk_id   the run; a preview uses its session's negative number
--             p_keys      the root frame
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_seed_walk(
    p_walk_id bigint,
    p_keys jsonb
) RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_seed_walk$
INSERT INTO deletion_walk_keys (
    walk_id, job_id, node_no, fate, key_hash, edge_no, keys, is_expanded
)
SELECT
    p_walk_id, (k.value ->> 'j')::bigint, 0, 'delete', deletion_frame_hash(k.value), 0,
    k.value - 'j', FALSE
FROM jsonb_array_elements(p_keys) AS k
ON CONFLICT DO NOTHING;
$deletion_seed_walk$;

COMMENT ON FUNCTION deletion_seed_walk(bigint, jsonb) IS
'Begin a walk of check or preview at the rows that jobs name.';
REVOKE ALL ON FUNCTION deletion_seed_walk(bigint, jsonb) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_slice.sql
-- deletion_slice
-- Dissolve a run whose time is up: its heavy jobs go on alone, at the back; the others as before.
--
-- Parameters  p_run_id   the run
-- Writes      deletion_runs, deletion_attempts, deletion_jobs, deletion_frames      Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_slice(p_run_id bigint)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_slice$
DECLARE
    -- Who has had a batch of its own, or more than half of what the run works at, is heavy. The
    -- small ones go on together: alone each of them would cost a run.
    v_heavy bigint[] := ARRAY(
        SELECT a.job_id
        FROM deletion_attempts AS a
        WHERE
            a.run_id = p_run_id AND a.outcome IS NULL
            AND (
                (
                    SELECT sum(r.row_count) FROM deletion_receipts AS r WHERE r.job_id = a.job_id
                ) >= deletion_setting_int('batch_rows')
                OR a.job_id IN (
                    SELECT (k.value ->> 'j')::bigint
                    FROM deletion_frames AS f
                    CROSS JOIN LATERAL jsonb_array_elements(f.keys) AS k
                    WHERE
                        f.run_id = p_run_id
                        AND f.depth = (
                            SELECT max(g.depth) FROM deletion_frames AS g WHERE g.run_id = p_run_id
                        )
                    GROUP BY f.key_count, k.value ->> 'j'
                    HAVING count(*) * 2 > f.key_count
                )
            )
    );
BEGIN
    PERFORM deletion_settle(p_run_id, NULL, 'sliced', NULL, FALSE, v_heavy);
    PERFORM deletion_end_run(p_run_id, 'sliced', NULL);
END;
$deletion_slice$;

COMMENT ON FUNCTION deletion_slice(bigint) IS
'Dissolve a run whose time is up: its heavy jobs go on alone, at the back of the queue.';
REVOKE ALL ON FUNCTION deletion_slice(bigint) FROM PUBLIC;
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
-- read whole tables where the frame's keys find their rows by index.
SET row_security = off
SET jit = off
SET enable_hashjoin = off
SET enable_mergejoin = off
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
            GET STACKED DIAGNOSTICS v_code = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT;
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
BEGIN
    IF p_interrupted THEN
        PERFORM deletion_settle(p_run.run_id, NULL, 'returned', NULL, FALSE, NULL);
        PERFORM deletion_end_run(p_run.run_id, 'returned', 'the worker''s statement was cancelled');
        RETURN 'interrupted';
    END IF;

    IF v_passes AND p_run.retries < 3 THEN
        UPDATE deletion_runs AS r
        SET retries = r.retries + 1, batch_rows = greatest(1, r.batch_rows / 2), error = v_error
        WHERE r.run_id = p_run.run_id;
        RETURN 'retry';
    END IF;

    IF NOT p_run.alone THEN
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

    RETURN 'ended';
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
        ELSE
            v_unchanged := v_step.table_name;
        END IF;
    END LOOP;

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
-- Parameters  p_found   jsonb array in the order of deletion: sql, table, rows, jobs (job -> rows)
--             p_jobs, p_keys, p_parents   the locked rows
-- Returns     bigint, the number of rows deleted
-- Errors      40001 others took some of the rows meanwhile: the step is tried again, row by row
-- Writes      the application's tables, deletion_receipts     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sweep_away(
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

    INSERT INTO deletion_receipts AS r (job_id, table_name, action, row_count)
    SELECT b.key::bigint, x.value ->> 'table', 'delete', b.value::bigint
    FROM jsonb_array_elements(p_found) AS x
    CROSS JOIN LATERAL jsonb_each_text(x.value -> 'jobs') AS b
    ON CONFLICT (job_id, table_name, action) DO UPDATE
    SET row_count = r.row_count + excluded.row_count, updated_at = clock_timestamp();
    RETURN v_total;
END;
$deletion_sweep_away$;

COMMENT ON FUNCTION deletion_sweep_away(jsonb, bigint[], bigint[], bigint[]) IS
'Delete what deletion_sweep has locked and counted, and write the receipts.';
REVOKE ALL ON FUNCTION deletion_sweep_away(jsonb, bigint[], bigint[], bigint[]) FROM PUBLIC;
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
    v_count bigint;
    v_by_job jsonb;
    v_found jsonb := '[]'::jsonb;
BEGIN
    SELECT
        min(s.sql_text) FILTER (WHERE s.kind = 'take' || v_one),
        min(s.sql_text) FILTER (WHERE s.kind = 'remove_all')
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
    EXECUTE v_take INTO v_jobs, v_keys, v_parents USING v_frame.keys, v_limit;

    IF coalesce(cardinality(v_keys), 0) < v_limit THEN
        v_frame.edge_pos := p_step.edge_no;
        v_walk.frame := v_frame;
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
    v_count := deletion_sweep_away(v_found, v_jobs, v_keys, v_parents);
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

-- >>> procedures/postgres/worker/deletion_unindexed.sql
-- deletion_unindexed
-- Say which reference without an index leads from a table that is too large to be read whole.
--
-- Parameters  p_plan_id   the plan
-- Returns     text, JD008 naming the reference; NULL: there is none
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_unindexed(p_plan_id bigint)
RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_unindexed$
DECLARE
    v_limit bigint := deletion_setting_int('unindexed_limit_rows');
    v_step deletion_plan_steps;
    v_rows bigint;
BEGIN
    FOR v_step IN
        SELECT s.*
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.kind = 'size'
        ORDER BY s.step_no
    LOOP
        EXECUTE v_step.sql_text INTO v_rows USING v_limit + 1;

        IF v_rows > v_limit THEN
            RETURN format(
                'JD008: %s of %s has no index and the table over %s rows',
                v_step.reference_name, v_step.table_name, v_limit
            );
        END IF;
    END LOOP;

    RETURN NULL;
END;
$deletion_unindexed$;

COMMENT ON FUNCTION deletion_unindexed(bigint) IS
'Which reference without an index leads from a table that is too large to be read whole.';
REVOKE ALL ON FUNCTION deletion_unindexed(bigint) FROM PUBLIC;
-- <<<

-- >>> procedures/postgres/worker/deletion_walk.sql
-- deletion_walk
-- Read one layer of a walk: the rows that hang from some rows whose children are not yet known.
--
-- Parameters  p_walk_id   the walk                 p_plan_id   its plan
--             p_all       TRUE: every reference (preview); FALSE: those the check needs
-- Returns     bigint, the number of rows read; NULL: the walk has ended
-- Writes      deletion_walk_keys                   Commits  no
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
    v_keys jsonb;
    v_cursor jsonb;
    v_count bigint;
    v_read bigint := 0;
BEGIN
    SELECT w.node_no INTO v_node
    FROM deletion_walk_keys AS w
    WHERE w.walk_id = p_walk_id AND NOT w.is_expanded
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
            WHERE x.walk_id = p_walk_id AND NOT x.is_expanded AND x.node_no = v_node
            LIMIT 200
        ))
        RETURNING w.job_id, w.keys
    )

    SELECT jsonb_agg(t.keys || jsonb_build_object('j', t.job_id)) INTO v_frame FROM taken AS t;

    FOR v_step IN
        SELECT s.*
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_plan_id AND s.kind = 'fetch_more' AND s.parent_node_no = v_node
            AND (p_all OR s.in_check)
        ORDER BY s.step_no
    LOOP
        v_cursor := NULL;

        LOOP
            PERFORM deletion_allow_hash(v_step.index_name IS NULL);
            EXECUTE v_step.sql_text INTO v_keys, v_count USING v_frame, v_page, v_cursor;
            PERFORM deletion_allow_hash(FALSE);
            -- Two of the frame's rows may hold the same child by one reference of two jobs only.
            INSERT INTO deletion_walk_keys (
                walk_id, job_id, node_no, fate, key_hash, edge_no, keys, is_expanded
            )
            SELECT
                p_walk_id, (k.value ->> 'j')::bigint, v_step.node_no,
                CASE v_step.action WHEN 'cascade' THEN 'delete' ELSE v_step.action END,
                deletion_frame_hash(k.value), v_step.edge_no, k.value - 'j',
                v_step.action <> 'cascade'
            FROM jsonb_array_elements(v_keys) AS k
            ON CONFLICT DO NOTHING;
            v_read := v_read + v_count;
            EXIT WHEN v_count < v_page;
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

-- >>> procedures/postgres/worker/deletion_walk_on.sql
-- deletion_walk_on
-- Go on with a check's walk for a moment, and stop jobs that hold more rows than they may.
--
-- Parameters  p_run_id   the run                   p_plan_id   its plan
-- Returns     boolean, TRUE where the walk has ended
-- Writes      deletion_walk_keys, deletion_attempts, deletion_jobs, deletion_frames   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_walk_on(
    p_run_id bigint,
    p_plan_id bigint
) RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_walk_on$
DECLARE
    v_until timestamptz := clock_timestamp()
    + make_interval(secs => deletion_setting_int('batch_ms') / 1000.0);
    v_max_rows bigint := (
        SELECT coalesce(t.max_rows, deletion_setting_int('max_rows'))
        FROM deletion_plans AS p
        INNER JOIN deletion_targets AS t ON t.entity_table = p.entity_table
        WHERE p.plan_id = p_plan_id
    );
    v_read bigint;
    v_jobs bigint[];
BEGIN
    LOOP
        v_read := deletion_walk(p_run_id, p_plan_id, FALSE);

        IF v_max_rows IS NOT NULL THEN
            v_jobs := ARRAY(
                SELECT w.job_id
                FROM deletion_walk_keys AS w
                WHERE
                    w.walk_id = p_run_id AND w.fate <> 'restrict'
                    AND coalesce(NOT w.keys ? 'm', TRUE)
                GROUP BY w.job_id
                HAVING count(DISTINCT (w.node_no, w.key_hash)) > v_max_rows
            );
            PERFORM deletion_fail_jobs(p_run_id, v_jobs, format(
                'JD013: more rows than max_rows allows (%s)', v_max_rows
            )) WHERE v_jobs <> '{}';
        END IF;

        EXIT WHEN v_read IS NULL OR clock_timestamp() >= v_until;
    END LOOP;

    RETURN v_read IS NULL;
END;
$deletion_walk_on$;

COMMENT ON FUNCTION deletion_walk_on(bigint, bigint) IS
'Go on with a check''s walk for a moment, and stop jobs that hold more rows than they may.';
REVOKE ALL ON FUNCTION deletion_walk_on(bigint, bigint) FROM PUBLIC;
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

-- >>> procedures/postgres/schedule/deletion_schedule_name.sql
-- deletion_schedule_name
-- Name a job of pg_cron so that no two installations of a server share one.
--
-- Parameters  p_part   what comes last: a slot, or what else is scheduled; '' for what all have
-- Returns     text, deletion_jobs:<database>:<schema>:<part>
-- Writes      nothing                              Commits  no
-- Execute     deletion_jobs_operator
-- Example     SELECT deletion_schedule_name('1');

CREATE OR REPLACE FUNCTION deletion_schedule_name(p_part text)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_schedule_name$
-- Before pg_cron 1.5 names end after 63 bytes, and longer ones would become one.
SELECT format(
    'deletion_jobs:%s:%s',
    CASE WHEN octet_length(h.home) <= 40 THEN h.home ELSE md5(h.home) END, p_part
)
FROM (
    SELECT format('%s:%s', current_database(), n.nspname) AS home
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = 'deletion_jobs'::regclass
) AS h;
$deletion_schedule_name$;

COMMENT ON FUNCTION deletion_schedule_name(text) IS
'Name a job of pg_cron so that no two installations of a server share one.';
REVOKE ALL ON FUNCTION deletion_schedule_name(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_schedule_name(text) TO deletion_jobs_operator;
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
-- shows the worker no other role's.
SELECT
    deletion_schedule_name('run_details'),
    NULL,
    '17 3 * * *',
    'DELETE FROM cron.job_run_details'
    ' WHERE coalesce(end_time, start_time) < now() - interval ''1 day''';
$deletion_schedule_jobs$;

COMMENT ON FUNCTION deletion_schedule_jobs(boolean) IS
'List what the scheduler should start, as the settings say.';
REVOKE ALL ON FUNCTION deletion_schedule_jobs(boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_schedule_jobs(boolean) TO deletion_jobs_operator;
-- <<<

-- >>> procedures/postgres/schedule/deletion_disarm_slots.sql
-- deletion_disarm_slots
-- Note that no worker's slot is armed.
--
-- Writes      deletion_slots                       Commits  no
-- Execute     deletion_jobs_operator
-- Example     SELECT deletion_disarm_slots();

CREATE OR REPLACE FUNCTION deletion_disarm_slots()
RETURNS void
LANGUAGE sql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $deletion_disarm_slots$
UPDATE deletion_slots AS s SET armed_at = NULL, schedule = NULL WHERE s.armed_at IS NOT NULL;
$deletion_disarm_slots$;

COMMENT ON FUNCTION deletion_disarm_slots() IS 'Note that no worker''s slot is armed.';
REVOKE ALL ON FUNCTION deletion_disarm_slots() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_disarm_slots() TO deletion_jobs_operator;
-- <<<

-- >>> procedures/postgres/schedule/deletion_arm_slots.sql
-- deletion_arm_slots
-- Note that the workers' slots are armed.
--
-- Parameters  p_has_seconds   FALSE: the scheduler's shortest interval is a minute
-- Writes      deletion_slots                       Commits  no
-- Execute     deletion_jobs_operator
-- Example     SELECT deletion_arm_slots(TRUE);

CREATE OR REPLACE FUNCTION deletion_arm_slots(p_has_seconds boolean)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $deletion_arm_slots$
BEGIN
    PERFORM deletion_disarm_slots();

    INSERT INTO deletion_slots AS s (slot, armed_at, schedule)
    SELECT j.slot, clock_timestamp(), j.schedule
    FROM deletion_schedule_jobs(p_has_seconds) AS j
    WHERE j.slot IS NOT NULL
    ON CONFLICT (slot) DO UPDATE
    SET armed_at = excluded.armed_at, schedule = excluded.schedule;
END;
$deletion_arm_slots$;

COMMENT ON FUNCTION deletion_arm_slots(boolean) IS
'Note that the workers'' slots are armed.';
REVOKE ALL ON FUNCTION deletion_arm_slots(boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_arm_slots(boolean) TO deletion_jobs_operator;
-- <<<

-- >>> procedures/postgres/schedule/deletion_unschedule.sql
-- deletion_unschedule
-- Take this installation's jobs out of pg_cron, but for some.
--
-- Parameters  p_keep   names of the jobs that stay, unless somebody has switched them off
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
        RETURN format(
            'pg_cron lives in the database %s. There a superuser runs: %s',
            p_cron_database,
            (
                SELECT string_agg(
                    format(
                        'SELECT cron.schedule_in_database(%L, %L, %L, %L, %L);',
                        j.job_name, j.schedule, j.command, current_database(),
                        'deletion_jobs_worker'
                    ), ' ' ORDER BY j.slot
                )
                FROM deletion_schedule_jobs(TRUE) AS j
                WHERE j.slot IS NOT NULL
            )
        );
    END IF;

    RETURN format(
        'Add to postgresql.conf: shared_preload_libraries = ''pg_cron'' and'
        ' cron.database_name = ''%s''; restart the server; then CREATE EXTENSION pg_cron;',
        current_database()
    );
END;
$deletion_schedule_advice$;

COMMENT ON FUNCTION deletion_schedule_advice(text) IS
'Say what has to be done so that pg_cron starts the workers of this database.';
REVOKE ALL ON FUNCTION deletion_schedule_advice(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_schedule_advice(text) TO deletion_jobs_operator;
-- <<<

-- >>> schema/postgres/views/vw_deletion_jobs.sql
-- vw_deletion_jobs
-- The jobs: the twelve columns of the contract.
--
-- Read by     deletion_jobs_app, deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE VIEW vw_deletion_jobs AS
SELECT
    j.id,
    j.entity_table,
    j.entity_pk,
    j.reason,
    j.hard_delete,
    j.scheduled_at,
    j.started_at,
    j.finished_at,
    j.status,
    j.error,
    j.created_by,
    j.created_at
FROM deletion_jobs AS j;

COMMENT ON VIEW vw_deletion_jobs IS 'One row for each root that shall be deleted.';
GRANT SELECT ON vw_deletion_jobs
TO deletion_jobs_app, deletion_jobs_operator, deletion_jobs_reader;
-- <<<

-- >>> schema/postgres/views/vw_deletion_jobs_status.sql
-- vw_deletion_jobs_status
-- How many jobs there are in each status, in the order in which a job goes through them.
--
-- Read by     deletion_jobs_app, deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE VIEW vw_deletion_jobs_status AS
SELECT
    j.status,
    count(*) AS jobs,
    max(j.finished_at) AS last_finished
FROM deletion_jobs AS j
GROUP BY j.status
ORDER BY array_position(ARRAY['pending', 'running', 'done', 'failed', 'cancelled'], j.status);

COMMENT ON VIEW vw_deletion_jobs_status IS 'One row for each status that some job has.';
GRANT SELECT ON vw_deletion_jobs_status
TO deletion_jobs_app, deletion_jobs_operator, deletion_jobs_reader;
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
    coalesce(
        (SELECT sum(c.row_count) FROM deletion_receipts AS c WHERE c.job_id = j.id), 0
    )::bigint AS rows_changed,
    r.rows_changed AS run_rows_changed,
    round(
        r.rows_changed
        / greatest(extract(EPOCH FROM r.last_step_at - r.started_at)::numeric, 0.001)
    )::bigint AS run_rows_per_second,
    r.step_count AS run_steps,
    r.batch_rows,
    r.retries,
    f.depth,
    (
        SELECT s.table_name
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = r.plan_id AND s.node_no = f.node_no
        LIMIT 1
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

-- >>> schema/postgres/views/vw_deletion_receipts.sql
-- vw_deletion_receipts
-- What each job has changed: table by table, action by action.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE VIEW vw_deletion_receipts AS
SELECT
    r.job_id,
    j.entity_table,
    j.entity_pk,
    j.status,
    r.table_name,
    r.action,
    r.row_count,
    r.updated_at
FROM deletion_receipts AS r
LEFT JOIN deletion_jobs AS j ON j.id = r.job_id;

COMMENT ON VIEW vw_deletion_receipts IS 'Rows changed, for each job, table and action.';
GRANT SELECT ON vw_deletion_receipts TO deletion_jobs_operator, deletion_jobs_reader;
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
    s.sql_text
FROM deletion_plans AS p
LEFT JOIN deletion_plan_steps AS s ON s.plan_id = p.plan_id
WHERE p.superseded_at IS NULL
ORDER BY p.entity_table, p.hard_delete, s.step_no;

COMMENT ON VIEW vw_deletion_plan IS 'One row for each step of a current plan.';
GRANT SELECT ON vw_deletion_plan TO deletion_jobs_operator, deletion_jobs_reader;
-- <<<

-- >>> schema/postgres/views/vw_deletion_attempts.sql
-- vw_deletion_attempts
-- Each time that a job was taken up: what had been asked, by which run, and how it ended.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE VIEW vw_deletion_attempts AS
SELECT
    a.job_id,
    a.attempt_no,
    j.entity_table,
    j.entity_pk,
    a.run_id,
    r.slot,
    r.session_id,
    r.job_count AS jobs_in_run,
    a.started_at,
    a.ended_at,
    a.outcome,
    a.error,
    a.is_counted,
    a.is_past,
    a.alone_next,
    a.cancel_requested_at,
    a.asked_reason,
    a.asked_hard_delete,
    a.asked_scheduled_at,
    a.asked_by,
    a.asked_at
FROM deletion_attempts AS a
LEFT JOIN deletion_jobs AS j ON j.id = a.job_id
LEFT JOIN deletion_runs AS r ON r.run_id = a.run_id;

COMMENT ON VIEW vw_deletion_attempts IS 'One row for each time that a job was taken up.';
GRANT SELECT ON vw_deletion_attempts TO deletion_jobs_operator, deletion_jobs_reader;
-- <<<

-- >>> schema/postgres/views/vw_deletion_schedule.sql
-- vw_deletion_schedule
-- Whether the loop really runs, slot by slot; where it does not, why, and the SQL that mends it.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader
--
-- The truth is the tick that the loop itself writes: pg_cron shows its jobs only to their own
-- role, and any other scheduler may CALL the loop instead of it.

CREATE OR REPLACE VIEW vw_deletion_schedule AS
WITH setting AS (
    SELECT
        max(coalesce(s.setting_value, s.default_value)) FILTER (
            WHERE s.setting_name = 'workers'
        )::integer AS workers,
        max(coalesce(s.setting_value, s.default_value)) FILTER (
            WHERE s.setting_name = 'tick_seconds'
        )::integer AS tick_seconds,
        max(coalesce(s.setting_value, s.default_value)) FILTER (
            WHERE s.setting_name = 'run_seconds'
        )::integer AS run_seconds,
        max(s.setting_value) FILTER (WHERE s.setting_name = 'paused_reason') AS paused_reason
    FROM deletion_settings AS s
),

slot AS (
    SELECT n.slot FROM setting AS s, generate_series(1, s.workers) AS n (slot)
    UNION
    SELECT d.slot FROM deletion_slots AS d WHERE d.armed_at IS NOT NULL
    UNION
    SELECT d.slot FROM deletion_slots AS d WHERE d.last_started_at > now() - interval '1 day'
),

tick AS (
    SELECT
        l.slot,
        d.armed_at,
        d.schedule,
        d.last_started_at,
        d.last_ended_at,
        d.last_outcome,
        d.last_error,
        d.jobs_claimed,
        d.session_id,
        s.paused_reason,
        d.last_ended_at IS NULL AND d.last_started_at IS NOT NULL AS is_open,
        d.session_id IN (SELECT a.pid FROM pg_stat_activity AS a) AS is_there,
        -- A scheduler that starts once a minute is not late within two, and a loop may go on for
        -- one long step after run_seconds.
        coalesce(
            d.last_started_at >= now() - make_interval(
                secs => s.run_seconds + greatest(
                    3 * s.tick_seconds, CASE WHEN d.last_ended_at IS NULL THEN 600 ELSE 120 END
                )
            ),
            FALSE
        ) AS is_fresh,
        'pg_cron' IN (SELECT e.extname FROM pg_extension AS e) AS has_pg_cron,
        format('%I', n.nspname) AS home
    FROM slot AS l
    CROSS JOIN setting AS s
    INNER JOIN pg_class AS c ON c.oid = 'deletion_jobs'::regclass
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    LEFT JOIN deletion_slots AS d ON d.slot = l.slot
),

judged AS (
    SELECT
        t.*,
        CASE
            WHEN t.paused_reason IS NOT NULL THEN 'paused'
            WHEN t.is_open AND NOT t.is_there THEN 'died'
            WHEN t.is_fresh THEN 'ok'
            WHEN t.armed_at IS NULL THEN 'off'
            WHEN greatest(t.armed_at, t.last_started_at) > now() - interval '3 minutes'
                THEN 'starting'
            ELSE 'late'
        END AS state
    FROM tick AS t
)

SELECT
    j.slot,
    j.state,
    CASE j.state
        WHEN 'paused' THEN j.paused_reason
        WHEN 'died' THEN 'the last session ended before its loop did'
        WHEN 'late' THEN 'pg_cron has not started it lately: see the server''s log, and cron.job'
        WHEN 'off' THEN CASE
            WHEN j.has_pg_cron THEN 'not scheduled: start_deletion_schedule was not called'
            ELSE 'not scheduled, and pg_cron is not installed in this database'
        END
    END AS why,
    CASE
        WHEN j.state = 'paused' THEN format('CALL %s.resume_deletions();', j.home)
        WHEN j.state = 'died' OR (j.state = 'off' AND NOT j.has_pg_cron)
            THEN format('CALL %s.run_deletion_jobs(%s, NULL);', j.home, j.slot)
        WHEN j.state IN ('off', 'late') THEN format('CALL %s.start_deletion_schedule();', j.home)
    END AS mend_sql,
    j.schedule,
    j.armed_at,
    j.last_started_at,
    j.last_ended_at,
    j.last_outcome,
    j.last_error,
    j.jobs_claimed,
    j.session_id
FROM judged AS j
ORDER BY j.slot;

COMMENT ON VIEW vw_deletion_schedule IS 'One row for each worker slot.';
GRANT SELECT ON vw_deletion_schedule TO deletion_jobs_operator, deletion_jobs_reader;
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
        p.entity_table, p.compiled_at, s.kind, s.reference_name, s.table_name,
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
            WHEN s.kind IN ('set', 'lock') THEN ARRAY['SELECT', 'UPDATE']
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
WHERE s.kind = 'size'
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
