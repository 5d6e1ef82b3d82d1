-- 0007_enqueue_by_one_look: rollback
-- Take back: enqueue by one look on PostgreSQL.
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
    v_pk text;
    v_max_pending text;
BEGIN
    -- Nearly every caller sends the registered name, a key as its type prints it, and a row that has
    -- no job: that should cost little more than the INSERT.
    SELECT t.entity_table, CASE WHEN p_pk ~ t.plain_key AND p_hard_delete THEN p_pk END, (
        SELECT s.setting_value FROM deletion_settings AS s WHERE s.setting_name = 'max_pending'
    )
    INTO v_entity_table, v_pk, v_max_pending
    FROM deletion_targets AS t
    WHERE t.entity_table = p_table;

    IF v_pk IS NULL THEN
        v_entity_table := deletion_check_wish('enqueue_deletion', p_table, p_hard_delete);
        v_pk := deletion_parse_key(v_entity_table, p_pk, 'enqueue_deletion');
    END IF;

    INSERT INTO deletion_jobs AS j (
        entity_table, entity_pk, reason, hard_delete, scheduled_at, created_by
    )
    VALUES (v_entity_table, v_pk, p_reason, p_hard_delete, p_scheduled_at, p_created_by)
    ON CONFLICT (entity_table, entity_pk) DO NOTHING
    RETURNING j.id INTO p_job_id;

    IF p_job_id IS NULL THEN
        p_job_id := deletion_enqueue(
            'enqueue_deletion', v_entity_table, v_pk, p_reason, p_hard_delete, p_scheduled_at,
            p_created_by
        );
    ELSIF v_max_pending IS NOT NULL OR v_entity_table <> p_table THEN
        PERFORM deletion_check_pending('enqueue_deletion');
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

ALTER TABLE deletion_targets DROP COLUMN is_limited;

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
