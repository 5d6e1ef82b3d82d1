-- 0004_reach_every_deletion_shape: rollback
-- Take back: reach every deletion shape on PostgreSQL.
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

-- With this version go soft deletion, holds, and rules that scrub; rows that they kept stay:
-- workers rest where a row is held, removals that nobody asked for are cancelled, and what was to
-- be scrubbed blocks its job (JD006) under a rule restrict. Holds, marks, and the receipts of
-- marking and restoring are forgotten: what is marked stays marked, and restore_deletion can take
-- it back no more, not after another upgrade either. Rows that were scrubbed count as set NULL.
--
-- Nobody marks, holds or claims from here on: the order of every writer.
LOCK TABLE deletion_holds, deletion_jobs, deletion_attempts IN EXCLUSIVE MODE;
UPDATE deletion_settings AS s
SET
    setting_value = concat_ws(
        '; ', s.setting_value, 'rolled back to a version without holds, and rows were held'
    )
WHERE
    s.setting_name = 'paused_reason'
    AND EXISTS (
        SELECT 1
        FROM deletion_holds AS h
        WHERE h.released_at IS NULL AND (h.held_until IS NULL OR h.held_until > now())
    );

-- As cancel_deletion does it: what waits is cancelled at once, what runs is asked to stop. A job
-- whose run has ended, and has not told it yet, would come back.
WITH purges AS (
    SELECT j.id, j.reason, j.created_by, j.created_at, l.attempt_no
    FROM deletion_jobs AS j
    CROSS JOIN LATERAL (
        SELECT a.attempt_no, a.outcome
        FROM deletion_attempts AS a
        WHERE a.job_id = j.id
        ORDER BY a.attempt_no DESC
        LIMIT 1
    ) AS l
    WHERE
        j.hard_delete
        AND j.status IN ('pending', 'running')
        AND (j.status = 'pending' OR l.outcome IN ('retry', 'sliced', 'returned', 'lost'))
        AND EXISTS (
            SELECT 1 FROM deletion_attempts AS a WHERE a.job_id = j.id AND a.purge_follows
        )
),

told AS (
    INSERT INTO deletion_attempts (
        job_id, attempt_no, ended_at, outcome, error, asked_reason, asked_hard_delete, asked_by,
        asked_at
    )
    SELECT
        p.id, p.attempt_no + 1, now(), 'cancelled',
        'JD003: rolled back to a version without soft deletion', p.reason, FALSE, p.created_by,
        p.created_at
    FROM purges AS p
)

-- Never again for good without being asked.
UPDATE deletion_jobs AS j
SET
    status = 'cancelled',
    hard_delete = FALSE,
    finished_at = now(),
    error = 'JD003: rolled back to a version without soft deletion'
FROM purges AS p
WHERE j.id = p.id;

UPDATE deletion_attempts AS a
SET cancel_requested_at = coalesce(a.cancel_requested_at, now())
FROM deletion_jobs AS j, deletion_runs AS r
WHERE
    j.id = a.job_id AND r.run_id = a.run_id
    AND a.outcome IS NULL AND NOT a.is_past AND j.status = 'running'
    AND CASE
        WHEN r.hard_delete THEN EXISTS (
            SELECT 1 FROM deletion_attempts AS f WHERE f.job_id = j.id AND f.purge_follows
        )
        ELSE NOT j.hard_delete
    END;

-- The version of before has no next step for them; its recovery takes their jobs up.
DELETE FROM deletion_frames AS f
USING deletion_runs AS r
WHERE r.run_id = f.run_id AND NOT r.hard_delete;
UPDATE deletion_runs AS r
SET
    phase = 'ended',
    outcome = 'returned',
    error = 'rolled back to a version without soft deletion',
    ended_at = now()
WHERE r.ended_at IS NULL AND NOT r.hard_delete;

DELETE FROM deletion_marks;
DROP VIEW vw_deletion_marks;
DROP INDEX idx_dm_row;
DROP INDEX idx_dm_job;
CREATE INDEX idx_dm_job ON deletion_marks (job_id);
ALTER TABLE deletion_marks
DROP COLUMN plan_id,
DROP COLUMN key_hash,
DROP COLUMN state;

ALTER TABLE deletion_attempts DROP COLUMN purge_follows;
ALTER TABLE deletion_targets DROP COLUMN keyed_at, DROP COLUMN key_places;

DELETE FROM deletion_plan_steps AS s
USING deletion_plans AS p
WHERE p.plan_id = s.plan_id AND NOT p.hard_delete;
DELETE FROM deletion_plans AS p WHERE NOT p.hard_delete;
DELETE FROM deletion_receipts AS r WHERE r.action IN ('mark', 'restore');
UPDATE deletion_rules AS r SET action = 'restrict', scrub = NULL WHERE r.action = 'scrub';
ALTER TABLE deletion_rules DROP CONSTRAINT chk_dru_scrub;
ALTER TABLE deletion_rules DROP COLUMN scrub;
DROP VIEW vw_deletion_health;
DROP VIEW vw_deletion_problems;
DROP VIEW vw_deletion_misfits;
ALTER TABLE deletion_rules
DROP CONSTRAINT chk_dru_parent, DROP COLUMN parent_schema, DROP COLUMN parent_table;
COMMENT ON COLUMN deletion_rules.action IS
'The action that holds: cascade, set_null, set_default, restrict, or keep if declared.';
ALTER TABLE deletion_rules DROP CONSTRAINT chk_dru_action;
ALTER TABLE deletion_rules ADD CONSTRAINT chk_dru_action
CHECK (action IN ('cascade', 'set_null', 'set_default', 'restrict', 'keep'));
SELECT deletion_add_receipts(
    s.run_id, ARRAY[s.table_name], 'set_null', ARRAY[s.row_counts]
)
FROM deletion_receipts AS s
WHERE s.action = 'scrub';
DELETE FROM deletion_receipts AS s WHERE s.action = 'scrub';
ALTER TABLE deletion_receipts DROP CONSTRAINT chk_drec_action;
ALTER TABLE deletion_receipts ADD CONSTRAINT chk_drec_action
CHECK (action IN ('delete', 'set_null', 'set_default', 'root_not_found'));
COMMENT ON COLUMN deletion_receipts.action IS
'delete, set_null, set_default; root_not_found: the row was gone already.';
DROP INDEX idx_dwk_seen;
DROP INDEX idx_dwk_open;
CREATE INDEX idx_dwk_open ON deletion_walk_keys (walk_id, is_expanded, node_no);
DELETE FROM deletion_walk_keys AS w WHERE w.fate IN ('scrub', 'held', 'stack');
UPDATE deletion_walk_keys AS w
SET keys = '{"action": "set_null"}'
WHERE w.walk_id = 0 AND w.keys ->> 'action' = 'scrub';
ALTER TABLE deletion_walk_keys DROP CONSTRAINT chk_dwk_fate;
ALTER TABLE deletion_walk_keys ADD CONSTRAINT chk_dwk_fate
CHECK (fate IN ('delete', 'set_null', 'set_default', 'restrict', 'keep'));
COMMENT ON COLUMN deletion_walk_keys.fate IS
'What would become of the row: delete, set_null, set_default, restrict or keep.';

-- As before 0.3.0.
DROP INDEX IF EXISTS idx_dps_parent;
DROP INDEX IF EXISTS idx_dps_edge;
DROP VIEW vw_deletion_plan;
ALTER TABLE deletion_plan_steps DROP COLUMN set_order;

-- >>> drop
DROP VIEW IF EXISTS vw_deletion_health;
DROP VIEW IF EXISTS vw_deletion_problems;
DROP VIEW IF EXISTS vw_deletion_misfits;
DROP VIEW IF EXISTS vw_deletion_holds;
DROP VIEW IF EXISTS vw_deletion_plan;
DROP VIEW IF EXISTS vw_deletion_marks;
DROP FUNCTION IF EXISTS deletion_restore_job;
DROP FUNCTION IF EXISTS deletion_restore;
DROP FUNCTION IF EXISTS deletion_soft_advance;
DROP FUNCTION IF EXISTS deletion_soft_spread;
DROP FUNCTION IF EXISTS deletion_soft_mark;
DROP FUNCTION IF EXISTS deletion_soft_done;
DROP FUNCTION IF EXISTS deletion_soft_take;
DROP FUNCTION IF EXISTS deletion_soft_start;
DROP FUNCTION IF EXISTS deletion_walk_defaults;
DROP FUNCTION IF EXISTS deletion_climb;
DROP FUNCTION IF EXISTS deletion_seed_climb;
DROP FUNCTION IF EXISTS deletion_see_partitions;
DROP FUNCTION IF EXISTS deletion_see_holds;
DROP FUNCTION IF EXISTS deletion_remove_circle;
DROP FUNCTION IF EXISTS deletion_preview_circle;
DROP FUNCTION IF EXISTS deletion_preview_held;
DROP FUNCTION IF EXISTS deletion_newest_hold;
DROP FUNCTION IF EXISTS deletion_missing_identity;
DROP FUNCTION IF EXISTS deletion_mind_holds;
DROP FUNCTION IF EXISTS deletion_open_circle;
DROP FUNCTION IF EXISTS deletion_note_stack;
DROP FUNCTION IF EXISTS deletion_note_frame;
DROP FUNCTION IF EXISTS deletion_untie;
DROP FUNCTION IF EXISTS deletion_begin_untie;
DROP FUNCTION IF EXISTS deletion_peel;
DROP FUNCTION IF EXISTS deletion_place;
DROP FUNCTION IF EXISTS deletion_go_together;
DROP FUNCTION IF EXISTS deletion_circle_stage;
DROP FUNCTION IF EXISTS deletion_largest_circle;
DROP FUNCTION IF EXISTS deletion_linked_nodes;
DROP FUNCTION IF EXISTS deletion_find_circle;
DROP FUNCTION IF EXISTS deletion_join_circle;
DROP FUNCTION IF EXISTS deletion_lost_hold;
DROP FUNCTION IF EXISTS deletion_hold_error;
DROP FUNCTION IF EXISTS deletion_held_rows;
DROP FUNCTION IF EXISTS deletion_held_roots;
DROP FUNCTION IF EXISTS deletion_give_up;
DROP FUNCTION IF EXISTS deletion_spare_live;
DROP FUNCTION IF EXISTS deletion_fail_circles;
DROP FUNCTION IF EXISTS deletion_drop_soft_keys;
DROP FUNCTION IF EXISTS deletion_check_holds;
DROP FUNCTION IF EXISTS deletion_take_found;
DROP FUNCTION IF EXISTS deletion_add_receipts;
DROP FUNCTION IF EXISTS deletion_lacked_rights;
DROP FUNCTION IF EXISTS deletion_soft_plan;
DROP FUNCTION IF EXISTS deletion_write_soft_plan;
DROP FUNCTION IF EXISTS deletion_sql_restore;
DROP FUNCTION IF EXISTS deletion_sql_spread;
DROP FUNCTION IF EXISTS deletion_sql_mark;
DROP FUNCTION IF EXISTS deletion_soft_graph;
DROP FUNCTION IF EXISTS deletion_has_soft_column;
DROP FUNCTION IF EXISTS deletion_write_holds;
DROP FUNCTION IF EXISTS deletion_write_circles;
DROP FUNCTION IF EXISTS deletion_sql_live;
DROP FUNCTION IF EXISTS deletion_soft_nodes;
DROP FUNCTION IF EXISTS deletion_soft_problem;
DROP FUNCTION IF EXISTS deletion_soft_kind;
DROP FUNCTION IF EXISTS deletion_sql_circle;
DROP FUNCTION IF EXISTS deletion_sql_default;
DROP FUNCTION IF EXISTS deletion_sql_climb;
DROP FUNCTION IF EXISTS deletion_row_seen;
DROP FUNCTION IF EXISTS deletion_sql_held;
DROP FUNCTION IF EXISTS deletion_sql_drain;
DROP FUNCTION IF EXISTS deletion_sql_find;
DROP FUNCTION IF EXISTS deletion_rewrite_problem;
DROP FUNCTION IF EXISTS deletion_declared_problem;
DROP FUNCTION IF EXISTS deletion_misfit_problem;
DROP FUNCTION IF EXISTS deletion_rule_problem;
DROP FUNCTION IF EXISTS deletion_references_to;
DROP FUNCTION IF EXISTS deletion_read_scrub;
DROP FUNCTION IF EXISTS deletion_root_columns;
DROP FUNCTION IF EXISTS deletion_plan_set_order;
DROP FUNCTION IF EXISTS deletion_same_value;
DROP FUNCTION IF EXISTS deletion_sql_scrub;
DROP FUNCTION IF EXISTS deletion_sql_table;
DROP FUNCTION IF EXISTS deletion_plan_cycle;
DROP FUNCTION IF EXISTS deletion_break_columns;
DROP FUNCTION IF EXISTS deletion_table_key;
DROP FUNCTION IF EXISTS deletion_add_partitions;
DROP FUNCTION IF EXISTS deletion_detach_problem;
DROP FUNCTION IF EXISTS deletion_column_text;
DROP FUNCTION IF EXISTS deletion_row_key;
DROP FUNCTION IF EXISTS deletion_key_changed;
DROP FUNCTION IF EXISTS deletion_base_type;
DROP PROCEDURE IF EXISTS set_soft_deletion;
DROP PROCEDURE IF EXISTS set_deletion_rule;
DROP FUNCTION IF EXISTS preview_soft_deletion;
DROP PROCEDURE IF EXISTS release_deletion_hold;
DROP PROCEDURE IF EXISTS hold_deletion;
DROP PROCEDURE IF EXISTS restore_deletion;
DROP TABLE IF EXISTS deletion_soft_keys;
DROP TABLE IF EXISTS deletion_walk_links;
DROP TABLE IF EXISTS deletion_holds;
DROP TABLE IF EXISTS deletion_found_rows;
DROP TABLE IF EXISTS deletion_soft_columns;
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
    v_is_end boolean;
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
            EXECUTE v_step.sql_text INTO v_keys, v_count USING v_frame, v_page, v_cursor;
            PERFORM deletion_allow_hash(FALSE);
            -- Two of the frame's rows may hold the same child by one reference of two jobs only.
            INSERT INTO deletion_walk_keys (
                walk_id, job_id, node_no, fate, key_hash, edge_no, keys, is_expanded
            )
            SELECT
                p_walk_id, (k.value ->> 'j')::bigint, v_step.node_no,
                CASE v_step.action WHEN 'cascade' THEN 'delete' ELSE v_step.action END,
                deletion_frame_hash(k.value), v_step.edge_no, k.value - 'j', v_is_end
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
    v_walk.rows_left := v_walk.rows_left - v_count;
    v_walk.run := v_run;
    RETURN v_walk;
END;
$deletion_sweep$;

COMMENT ON FUNCTION deletion_sweep(deletion_cursor, deletion_plan_steps) IS
'Fetch, lock, empty and remove a frame''s worth of rows at once, where it fits the batch.';
REVOKE ALL ON FUNCTION deletion_sweep(deletion_cursor, deletion_plan_steps) FROM PUBLIC;
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
        PERFORM deletion_add_receipts(p_run_id, v_item ->> 'table', 'delete', v_item -> 'jobs');
    END LOOP;

    RETURN v_total;
END;
$deletion_sweep_away$;

COMMENT ON FUNCTION deletion_sweep_away(bigint, jsonb, bigint[], bigint[], bigint[]) IS
'Delete what deletion_sweep has locked and counted, and write the receipts.';
REVOKE ALL ON FUNCTION deletion_sweep_away(bigint, jsonb, bigint[], bigint[], bigint[]) FROM PUBLIC;
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
-- when a table was empty, and are kept.
SET row_security = off
SET jit = off
SET enable_seqscan = off
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
    PERFORM deletion_add_receipts(v_run.run_id, v_remove.table_name, 'delete', v_by_job);
    v_run.rows_changed := v_run.rows_changed + v_rows;
    v_walk.rows_left := v_walk.rows_left - v_rows;

    IF v_rows = v_found THEN
        PERFORM deletion_uncount(v_run.run_id, v_remove.table_name, v_frame.keys)
        WHERE v_run.state ? 'set';
        -- What was not found any more has moved to another parent, or is gone already.
        v_run.state := v_run.state || jsonb_build_object('fan', coalesce(v_run.state -> 'fan', '{}')
            || jsonb_build_object(v_frame.node_no::text, v_frame.rows_here::float8 / v_frame.key_count));
        v_walk.run := v_run;
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
    p_run_id, p_table_name, g.action, jsonb_object_agg(g.job_id, -g.row_count)
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
-- Plans are kept, and made when these tables may still be empty.
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

    RETURN v_lost;
END;
$deletion_recover$;

COMMENT ON FUNCTION deletion_recover() IS
'Take back the jobs of runs whose worker is gone, and those that finish had to leave.';
REVOKE ALL ON FUNCTION deletion_recover() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_recover() TO deletion_jobs_worker, deletion_jobs_operator;
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

        -- A chain would be walked a row a frame: a narrow frame takes in what hangs from it.
        IF p_step.node_no = v_frame.node_no AND v_child.key_count * 20 < v_limit THEN
            v_wide := deletion_expand(v_run, v_child, v_limit);

            IF v_wide.key_count > v_child.key_count THEN
                v_walk.frame := v_wide;
                RETURN v_walk;
            END IF;
        END IF;

        -- Children that fit this transaction are emptied under their parents' lock: then no
        -- second look is needed.
        IF v_child.key_count * (1 + v_fan_out) < p_walk.rows_left THEN
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

    PERFORM deletion_add_receipts(v_run.run_id, v_remove.table_name, 'delete', v_by_job);
    v_run.rows_changed := v_run.rows_changed + v_rows;
    v_run.state := v_run.state || jsonb_build_object('fan', coalesce(v_run.state -> 'fan', '{}')
        || jsonb_build_object(v_frame.node_no::text, v_frame.rows_here::float8 / v_frame.key_count));
    v_walk.rows_left := v_walk.rows_left - v_rows;
    v_walk.run := v_run;
    RETURN deletion_pop(v_walk);
END;
$deletion_remove_levels$;

COMMENT ON FUNCTION deletion_remove_levels(deletion_cursor) IS
'Remove all rows of a frame of several levels at once: lock them, look, delete.';
REVOKE ALL ON FUNCTION deletion_remove_levels(deletion_cursor) FROM PUBLIC;
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

-- >>> procedures/postgres/worker/deletion_hold_frames.sql
-- deletion_hold_frames
-- Hold the rows of a run's stored frames where they were found, until the step commits.
--
-- Parameters  p_run   the run, fenced
-- Writes      deletion_frames; locks the frames' rows     Commits  no
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
    v_frame deletion_frames;
    v_held deletion_frames;
BEGIN
    FOR v_frame IN
        SELECT f.* FROM deletion_frames AS f WHERE f.run_id = p_run.run_id ORDER BY f.depth
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
            RETURN;
        END IF;

        -- What lies above hung from these rows; it is found again where it still does.
        UPDATE deletion_frames AS f
        SET keys = v_held.keys, key_count = v_held.key_count, edge_pos = 0, fetch_cursor = NULL
        WHERE f.run_id = v_frame.run_id AND f.depth = v_frame.depth;
        DELETE FROM deletion_frames AS f
        WHERE f.run_id = v_frame.run_id AND f.depth > v_frame.depth;
        RETURN;
    END LOOP;
END;
$deletion_hold_frames$;

COMMENT ON FUNCTION deletion_hold_frames(deletion_runs) IS
'Hold the rows of a run''s stored frames where they were found, until the step commits.';
REVOKE ALL ON FUNCTION deletion_hold_frames(deletion_runs) FROM PUBLIC;
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

    v_walk.frame := v_frame;
    RETURN v_walk;
END;
$deletion_load_frame$;

COMMENT ON FUNCTION deletion_load_frame(deletion_cursor) IS
'Make the run''s topmost stored frame the walk''s present one; a frame over the batch is split.';
REVOKE ALL ON FUNCTION deletion_load_frame(deletion_cursor) FROM PUBLIC;
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
        p_run.run_id, v_step.table_name, 'root_not_found',
        (
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
        )
    );
END;
$deletion_find_roots$;

COMMENT ON FUNCTION deletion_find_roots(deletion_runs) IS
'Find the rows that a run''s jobs name, and push them as the run''s first frame.';
REVOKE ALL ON FUNCTION deletion_find_roots(deletion_runs) FROM PUBLIC;
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
-- Plans are kept, and made when these tables may still be empty.
SET enable_seqscan = off
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
        v_run.run_id, p_step.table_name,
        CASE p_step.kind WHEN 'drain' THEN 'delete' ELSE p_step.action END, v_by_job
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

-- >>> procedures/postgres/worker/deletion_carry_over.sql
-- deletion_carry_over
-- Give a run's jobs the state that their ended attempts ask for.
--
-- Parameters  p_run_id   the run
-- Returns     integer, the number of jobs that are running no more
-- Writes      deletion_jobs, deletion_walk_keys    Commits  no
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

    GET DIAGNOSTICS v_carried = ROW_COUNT;
    RETURN v_carried;
END;
$deletion_carry_over$;

COMMENT ON FUNCTION deletion_carry_over(bigint) IS
'Give a run''s jobs the state that their ended attempts ask for.';
REVOKE ALL ON FUNCTION deletion_carry_over(bigint) FROM PUBLIC;
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

    v_is_empty := deletion_advance(p_run);

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
        (v_walk.frame).edge_no = 0 AND (v_walk.frame).edge_pos = 0
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

-- >>> procedures/postgres/worker/deletion_add_receipts.sql
-- deletion_add_receipts
-- Add to a run's receipts what one statement changed.
--
-- Parameters  p_run_id       the run
--             p_table_name   the table, as plans name it
--             p_action       delete, set_null, set_default or root_not_found
--             p_by_job       jsonb object: job -> number of rows; NULL: none
-- Writes      deletion_receipts                    Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_add_receipts(
    p_run_id bigint,
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
    INSERT INTO deletion_receipts AS r (run_id, table_name, action, row_counts)
    SELECT p_run_id, p_table_name, p_action, p_by_job
    WHERE p_by_job IS NOT NULL
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

COMMENT ON FUNCTION deletion_add_receipts(bigint, text, text, jsonb) IS
'Add to a run''s receipts what one statement changed.';
REVOKE ALL ON FUNCTION deletion_add_receipts(bigint, text, text, jsonb) FROM PUBLIC;
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
--             sweep and remove_all (nothing: the engine counts); take_one, count_one and
--             remove_all_one do the same for a run of one job, $3 each parent once
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
    $sql$WITH %1$s,
i AS MATERIALIZED (
    SELECT f.j, c.%2$s::bigint AS k1, c.%3$s::bigint AS p1
    FROM f
    CROSS JOIN LATERAL (SELECT * FROM ONLY %4$s AS c WHERE %5$s OFFSET 0) AS c
    LIMIT $2
)
SELECT array_agg(x.j), array_agg(x.k1), array_agg(x.p1), (SELECT count(*) FROM i)
FROM (
    SELECT i.j, i.k1, i.p1
    FROM i
    INNER JOIN ONLY %4$s AS t ON t.%2$s = i.k1 AND t.%3$s = i.p1
    ORDER BY t.%2$s
    FOR UPDATE OF t
) AS x$sql$,
    deletion_sql_frame(p_parent -> 'columns', (p_edge ->> 'only_found')::boolean),
    r.key_name, r.parent_name, r.table_sql,
    p_edge ->> 'on_frame'
)
FROM row_of AS r
UNION ALL
-- For a run of one job nothing has to be kept of the rows but their keys, and whose they are. They
-- are locked as they are found, the order in which an application's own statement locks them.
SELECT r.edge_no, 'take_one', format(
    $sql$WITH %1$s
SELECT ARRAY[(SELECT min(f.j) FROM f)], array_agg(x.k1), array_agg(DISTINCT x.p1), count(*)
FROM (
    SELECT t.%2$s::bigint AS k1, t.%3$s::bigint AS p1
    FROM ONLY %4$s AS t
    WHERE t.%3$s = ANY (ARRAY(SELECT f.k1 FROM f))
    LIMIT $2
    FOR UPDATE OF t
) AS x$sql$,
    deletion_sql_frame(p_parent -> 'columns', (p_edge ->> 'only_found')::boolean),
    r.key_name, r.parent_name, r.table_sql
)
FROM row_of AS r
WHERE jsonb_array_length(p_parent -> 'columns') = 1
UNION ALL
SELECT r.edge_no, 'remove_all', format(
    'DELETE FROM ONLY %1$s AS t USING unnest($2, $3) AS f (k1, p1)'
    || ' WHERE t.%2$s = f.k1 AND t.%3$s = f.p1',
    r.table_sql, r.key_name, r.parent_name
)
FROM row_of AS r
UNION ALL
SELECT r.edge_no, 'remove_all_one', format(
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

-- >>> procedures/postgres/planner/deletion_sql_roots.sql
-- deletion_sql_roots
-- Write the statement that finds the rows that jobs name.
--
-- Parameters  p_node    the target's node
-- Returns     text; binds $1, an array of {"j": job, "pk": key}; answers the root frame (rows that
--             are not there carry "m": 1), its number of keys, and how many of the keys are not as
--             their type prints them
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
        jsonb_build_object('j', i.j, %2$s)
        || CASE WHEN t.%4$s IS NULL THEN '{"m": 1}'::jsonb
            ELSE jsonb_build_object(%3$s) END
        ORDER BY i.j
    ), '[]'),
    count(*),
    count(*) FILTER (WHERE %7$s)
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
    deletion_sql_list(k.columns, 't.%2$s %4$s i.%1$s', ' AND '),
    CASE
        WHEN jsonb_array_length(k.columns) = 1
            THEN deletion_sql_list(k.columns, 'i.pk <> CAST(i.%1$s AS text)')
        ELSE 'FALSE'
    END
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

-- To hold is weaker than to lock: others may still add children to the rows.
SELECT k.kind, format(
    $sql$WITH %1$s
SELECT count(*)
FROM (
    SELECT 1 FROM f INNER JOIN ONLY %2$s AS t ON %3$s ORDER BY %4$s FOR %5$s OF t
) AS locked$sql$, p.frame, p.table_sql, p.found, p.key_order, k.strength)
FROM part AS p
CROSS JOIN (VALUES ('hold', 'SHARE'), ('lock', 'UPDATE')) AS k (kind, strength)
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
'The statements on a frame''s own rows: hold, lock, delete the childless, see the rest.';
REVOKE ALL ON FUNCTION deletion_sql_removal(jsonb, jsonb, jsonb, boolean) FROM PUBLIC;
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
    CROSS JOIN LATERAL (SELECT * FROM ONLY %4$s AS c WHERE %5$s OFFSET 0) AS c
)
SELECT coalesce(jsonb_agg(jsonb_build_object('j', x.j, 'l', x.l, %6$s)), '[]'), count(*)
FROM (
    SELECT DISTINCT ON (y.j, %7$s) y.*
    FROM (SELECT * FROM d LIMIT $2) AS y
    ORDER BY y.j, %7$s, y.l
) AS x$sql$,
    p.frame, deletion_sql_list(p.columns, 'f.%1$s'), deletion_sql_list(p.columns, 'c.%2$s'),
    p.table_sql, p_edge ->> 'on_frame', deletion_sql_list(p.columns, '''%1$s'', x.%1$s'), p.list_key)
FROM part AS p
UNION ALL
-- Under the lock no row can gain a child: where none has one outside, all of them go at once.
SELECT 'look_levels', format(
    $sql$WITH %1$s
SELECT count(*)
FROM f
INNER JOIN ONLY %2$s AS t ON %3$s
WHERE %4$s$sql$,
    p.frame, p.table_sql, p.found,
    (
        SELECT string_agg(format(
            E'\n    EXISTS (SELECT 1 FROM ONLY %s AS c WHERE %s%s)', b ->> 'sql', b ->> 'on_parent',
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
    DELETE FROM ONLY %2$s AS t
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
    deletion_sql_frame(p_parent -> 'columns', (p_edge ->> 'only_found')::boolean),
    deletion_sql_list((p_child -> 'columns') || (p_edge -> 'columns'), '''%1$s'', x.%1$s'),
    deletion_sql_list((p_child -> 'columns') || (p_edge -> 'columns'), 'c.%2$s AS %1$s'),
    CASE
        -- OFFSET 0 keeps the frame outside and the index inside, whatever the statistics say.
        WHEN p_edge ->> 'index' IS NOT NULL THEN format(
            'CROSS JOIN LATERAL (SELECT * FROM ONLY %s AS c WHERE %s%s OFFSET 0) AS c',
            p_child ->> 'sql', p_edge ->> 'on_frame', k.beyond
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
        ) ELSE '' END AS beyond
    FROM jsonb_array_elements(p_child -> 'columns') WITH ORDINALITY AS x (c, n)
    WHERE (c ->> 'key')::boolean
) AS k;
$deletion_sql_fetch$;

COMMENT ON FUNCTION deletion_sql_fetch(jsonb, jsonb, jsonb, boolean) IS
'The statement that reads the keys of the rows that hang from a frame by one reference.';
REVOKE ALL ON FUNCTION deletion_sql_fetch(jsonb, jsonb, jsonb, boolean) FROM PUBLIC;
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

-- >>> procedures/postgres/planner/deletion_sql_cycle.sql
-- deletion_sql_cycle
-- Write the statement that finds rows of a walk that go in a circle by a self-reference.
--
-- Parameters  p_edge   the self-reference                    p_node   its table
-- Returns     text; binds $1, the walk whose keys are known; answers job, number of rows in the
--             circle, and one of them
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
SELECT up.job_id, count(*), min(concat_ws(', ', %12$s))
FROM up
WHERE EXISTS (
    SELECT 1 FROM up AS met WHERE met.job_id = up.job_id AND %13$s AND %14$s
)
GROUP BY up.job_id$sql$,
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
    WHERE r.action = 'restrict'
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
    WHERE r.action = 'cascade' AND r.parent_oid = r.child_oid
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
    'can_block', coalesce(bool_or(
        (d.edge ->> 'check')::boolean
        OR (d.edge ->> 'self')::boolean AND d.edge ->> 'action' = 'cascade'
    ), FALSE),
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
    -- Rows of one table that hang from each other can go in one statement.
    'expands', p_parent ->> 'oid' = p_child ->> 'oid' AND p_reference ->> 'action' = 'cascade'
    AND p_reference ->> 'index_name' IS NOT NULL
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
            '3',
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
    END IF;

    RETURN v_plan_id;
END;
$deletion_compile$;

COMMENT ON FUNCTION deletion_compile(text, boolean) IS
'Compile a target''s plan and make it the current one.';
REVOKE ALL ON FUNCTION deletion_compile(text, boolean) FROM PUBLIC;
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
        entity_table, table_schema, table_name, key_columns, key_types, plain_key, max_rows
    )
    SELECT
        v_entity_table,
        n.nspname,
        c.relname,
        jsonb_agg(a.attname ORDER BY array_position(v_key, a.attnum)),
        jsonb_agg(
            format_type(a.atttypid, a.atttypmod) ORDER BY array_position(v_key, a.attnum)
        ),
        deletion_plain_key(jsonb_agg(format_type(a.atttypid, a.atttypmod))),
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
        plain_key = excluded.plain_key,
        max_rows = excluded.max_rows;
END;
$register_deletion_target$;

COMMENT ON PROCEDURE register_deletion_target(text, jsonb, bigint) IS
'Allow deletions from a table, and fix the key by which its rows are named.';
REVOKE ALL ON PROCEDURE register_deletion_target(text, jsonb, bigint) FROM PUBLIC;
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
